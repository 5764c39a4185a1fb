#!/usr/bin/env bash
# The few programs and the one limit that only the system can give. As root on Debian or Ubuntu
# they are installed; otherwise the one command that does it is named.
set -eu
# A sandbox watches files with some 35 inotify instances, and a user may have 128: three sandboxes
# and a desktop are too many. Only root may raise that; without it, run fewer at once.
instances=/proc/sys/fs/inotify/max_user_instances
if [ -w "$instances" ] && [ "$(cat "$instances")" -lt 1024 ]; then
  echo 1024 2>/dev/null >"$instances" || true
fi
missing=()
command -v bwrap >/dev/null || missing+=(bubblewrap)
command -v nft >/dev/null || [ -x /usr/sbin/nft ] || missing+=(nftables)
command -v ip >/dev/null || [ -x /usr/sbin/ip ] || missing+=(iproute2)
command -v nsenter >/dev/null || missing+=(util-linux)
command -v mount >/dev/null || missing+=(mount)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  exit 0
fi
echo "The sandbox needs programs that are not on this machine: ${missing[*]}." >&2
echo "Install them with: sudo apt-get install ${missing[*]}" >&2
exit 1
