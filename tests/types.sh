#!/usr/bin/env bash
# mypy over the plugins under their full names, then over the tests and the sandbox.
set -eu
cd "$(dirname "$0")/.."
tree=.cache/tree
mkdir -p "$tree/ansible_collections/llmd"
ln -sfn "$PWD" "$tree/ansible_collections/llmd/tpu"
export MYPYPATH="$tree:."
mypy -p ansible_collections.llmd.tpu.plugins
mypy -p tests
mypy -p execution_environment
