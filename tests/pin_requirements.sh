#!/usr/bin/env bash
# Write both requirements.txt anew from their requirements.in: exact versions and hashes.
set -eu
cd "$(dirname "$0")/.."
python3 -m venv .cache/pip-tools
.cache/pip-tools/bin/pip install --quiet pip-tools
for folder in tests tests/sandbox; do
  .cache/pip-tools/bin/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras \
    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
    --output-file "$folder/requirements.txt" "$folder/requirements.in"
done
