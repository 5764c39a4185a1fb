#!/usr/bin/env bash
# Chromium, by whose word a page is well made; root installs Debian's, others are told how.
set -eu
if command -v chromium >/dev/null; then
  exit 0
fi
packages=(chromium fonts-dejavu-core)
if [ "$(id -u)" -ne 0 ]; then
  echo "chromium is missing. Install it: sudo apt-get install ${packages[*]}" >&2
  exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
