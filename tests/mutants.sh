#!/usr/bin/env bash
# How many small errors in the TPU arithmetic and in apply's comparison their unit tests notice: mutants.sh
# On a copy, as mutmut writes into the files. Texts stay as they are: a word more or less is no error of logic.
set -euo pipefail
cd "$(dirname "$0")/.."
checkout=$PWD
work=$checkout/.cache/mutants
least=90 # of a hundred

rm -rf "$work"
mkdir -p "$work"
tar -c galaxy.yml meta plugins pyproject.toml tests | tar -xC "$work"
# Its own environment, of links to the files of ours, in which the collection is the copy.
cp -al .venv "$work/.venv"
python=$work/.venv/bin/python
ln -sfn "$work" "$("$python" -c 'import ansible_collections; print(ansible_collections.__path__[0])')/llmd/tpu"
cd "$work"
export PYTHONDONTWRITEBYTECODE=1

# Whatever ends the tests has noticed: mutmut knows the code 1 only, pytest ends with 2 where nothing can be imported.
notice() {
  local paths=$1 ended=0 killed survived
  shift
  printf '%s -m pytest -x -q %s || exit 1\n' "$python" "$*" >tests.sh
  rm -f .mutmut-cache
  "$python" -m mutmut run --no-progress --disable-mutation-types=string,fstring --paths-to-mutate "$paths" \
    --tests-dir "$1" --runner "bash tests.sh" >mutmut.log 2>&1 || ended=$?
  if ((ended & 1)); then # its other bits say that some survived
    cat mutmut.log
    return 1
  fi
  survived=$(ids survived)
  for id in $survived; do
    "$python" -m mutmut show "$id"
  done
  killed=$(ids killed suspicious timeout | wc -w)
  echo "$paths: $killed of $((killed + $(wc -w <<<"$survived"))) noticed, $least of a hundred wanted"
  ((killed * (100 - least) >= $(wc -w <<<"$survived") * least))
}

ids() {
  for status; do "$python" -m mutmut result-ids "$status"; done
}

failed=0
units=tests/unit/plugins/module_utils
notice plugins/module_utils/tpu "$units/tpu" "$units/preflight/test_chips.py" || failed=1
notice plugins/module_utils/manifests/compare.py "$units/manifests/test_compare.py" || failed=1
exit $failed
