#!/usr/bin/env bash
# Make llmd.tpu known to everything that runs from .venv, under its full name:
# a link in the folder where the ansible package keeps its own collections,
# which ansible searches last.
set -eu
checkout=$(cd "$(dirname "$0")/.." && pwd)
collections=$("$checkout/.venv/bin/python" -c 'import ansible_collections; print(ansible_collections.__path__[0])')
mkdir -p "$collections/llmd"
ln -sfn "$checkout" "$collections/llmd/tpu"
