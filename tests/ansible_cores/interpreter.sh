#!/usr/bin/env bash
# Print the path of an interpreter of this version (3.13); fail without words when there is none.
# A pyenv shim of a version that is not chosen exists and ends with 127, so each candidate is run.
set -eu
for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
  if found=$("$candidate" -c "import sys; print(sys.executable if sys.version_info[:2] == (${1/./, }) else '')" 2>/dev/null); then
    test -n "$found" && echo "$found" && exit 0
  fi
done
exit 1
