#!/usr/bin/env bash
# Write the context of the image that execution-environment.yml describes: create.sh FOLDER
set -eu
cd "$(dirname "$0")/.."
context=${1:-context}
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
ansible-galaxy collection build --output-path "$built" >/dev/null
mkdir -p .cache
mv "$built"/llmd-tpu-*.tar.gz .cache/llmd-tpu.tar.gz
ansible-builder create --output-filename Containerfile --context "$context" --verbosity 1
echo "now: podman build --tag llmd-tpu $context"
