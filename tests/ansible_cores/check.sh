#!/usr/bin/env bash
# All sanity tests, or all unit tests of plugins, by ansible-test on what ships, side by side for lines of ansible-core:
# check.sh sanity|units [2.21]
# Sanity tests run on every line of cells.txt, unit tests on the oldest and the newest, with the collections of their
# package ansible. A cell whose Python is missing is listed as not run, and is an error where this cache has seen it run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
cache=${LLMD_CACHE:-$HOME/.cache/llmd-tpu}/ansible-test
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build_archive() {
  mkdir "$work/source"
  (cd "$checkout" && python -m tests.archive.building "$work/source" "$work")
}

# ansible-test takes no link: the archive, unpacked.
make_tree() {
  local collection=$1/ansible_collections/llmd/tpu
  mkdir -p "$collection/tests"
  tar -xzf "$work"/llmd-tpu-*.tar.gz -C "$collection"
  cp "$checkout/tests/config.yml" "$collection/tests/"
}

# Its own tests take no file that is not released. Beside it is kubernetes.core, where our modules' documentation has
# the connection options from.
sanity() {
  local version=$2 environment=$3 tree=$4
  mkdir "$tree/ansible_collections/kubernetes"
  ln -s "$collections/kubernetes/core" "$tree/ansible_collections/kubernetes/core"
  place_bootstrap "$environment"
  cd "$tree/ansible_collections/llmd/tpu"
  ansible-test sanity --local --python "$version" --color no
}

# ansible-test installs pip from a file that it would download.
place_bootstrap() {
  local environment=$1 pip
  pip=$(sed -n "s/^ *pip='\(.*\)',$/\1/p" "$environment"/lib/python*/site-packages/ansible_test/_internal/python_requirements.py)
  mkdir -p "$HOME/.ansible/test/cache"
  cp "$here/bootstrap_pip.py" "$HOME/.ansible/test/cache/get_pip_${pip//./_}.py"
}

units() {
  local version=$2 tree=$4
  tar -cC "$checkout" --exclude=tests/output tests | tar -xC "$tree/ansible_collections/llmd/tpu"
  cd "$tree/ansible_collections/llmd/tpu"
  ansible-test units --local --python "$version" --color no --num-workers 1 tests/unit/plugins/
}

# Whether a tree passes; ansible-test ends well, too, when it found nothing to look at.
passes() {
  local what=$1 log=$5
  export HOME=$cache/home-$core PATH=$3/bin:$PATH
  if test "$what" = sanity; then sanity "$@"; else units "$@"; fi >"$log" 2>&1 </dev/null &&
    ! grep --quiet "All targets skipped" "$log"
}

# One cell, in a process of its own, which ends where something fails.
judge() {
  local what=$1 core=$2 version=$3 cell=$4 log=$work/$2.log kind=core environment reason=0
  test "$what" = sanity || kind=site
  environment=$(bash "$here/environment.sh" "$kind" "$core" "$version") || reason=$?
  if ((reason == 3)); then
    echo "$what: $cell: not run, no Python $version"
    return 0
  fi
  ((reason == 0))
  make_tree "$work/$core"
  if (passes "$what" "$version" "$environment" "$work/$core" "$log"); then
    echo "$what: $cell: passed"
  else
    cat "$log"
    return 1
  fi
}

build_archive
collections=$(python -c 'import ansible_collections; print(ansible_collections.__path__[0])')
names=() cells=()
while read -r core version ansible; do
  if test "$1" = units && test "$ansible" = -; then continue; fi
  names+=("ansible-core $core on Python $version")
  judge "$1" "$core" "$version" "${names[-1]}" &
  cells+=($!)
done < <(grep -- "${2:-}" "$here/cells.txt")
failed=0
for number in "${!cells[@]}"; do
  wait "${cells[number]}" || {
    echo "$1: ${names[number]}: failed"
    failed=1
  }
done
exit $failed
