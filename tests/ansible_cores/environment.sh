#!/usr/bin/env bash
# Print the folder of an environment with one line of ansible-core, made anew when its pins have changed:
# environment.sh core|site 2.16 3.11
# Ends with 3 where there is no such Python, and with 4 and words where this cache has seen one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
pins=$here/$1-$2.txt
folder=${LLMD_CACHE:-$HOME/.cache/llmd-tpu}/ansible-cores/$1-$2
if ! python=$(bash "$here/interpreter.sh" "$3"); then
  test -e "$folder" || exit 3
  echo "no Python $3 for ansible-core $2 any more" >&2
  exit 4
fi
if ! cmp --silent "$pins" "$folder/requirements.txt"; then
  rm -rf "$folder"
  "$python" -m venv "$folder"
  "$folder/bin/pip" install --quiet --no-compile --require-hashes --requirement "$pins" >&2
  cp "$pins" "$folder/requirements.txt"
fi
echo "$folder"
