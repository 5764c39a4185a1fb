#!/usr/bin/env bash
# Write the requirements of each ansible-core that is supported, the newest of its line, with hashes: core-2.16.txt is
# ansible-core alone, as the sanity tests want it, and site-2.16.txt what a user installs to run site.yml: the package
# ansible with its collections, what this collection asks for, and the tools of its unit tests (not for the line that all
# tests run on).
# A line of ansible-core takes Python versions of its own, so each is pinned by an interpreter that it takes.
set -eu
cd "$(dirname "$0")"

compile() {
  "$tool/bin/pip-compile" --quiet --upgrade --generate-hashes --strip-extras --no-header --no-annotate \
    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file "$1" -
}

while read -r core version ansible; do
  python=$(bash interpreter.sh "$version")
  tool=../../.cache/pip-tools-$version
  test -x "$tool/bin/pip-compile" || {
    "$python" -m venv "$tool"
    "$tool/bin/pip" install --quiet pip-tools
  }
  echo "ansible-core~=$core.0" | compile "core-$core.txt"
  test "$ansible" = - || {
    echo "ansible~=$ansible.0"
    cat ../../requirements.txt ../../requirements-report.txt
    printf '%s\n' pytest pytest-xdist hypothesis google-cloud-quotas
  } | compile "site-$core.txt"
done <cells.txt
