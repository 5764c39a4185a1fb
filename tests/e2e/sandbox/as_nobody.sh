#!/usr/bin/env bash
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Usage, as root in a mount namespace of its own: as_nobody.sh HOME FOLDER... -- COMMAND
# Run COMMAND as nobody, who of root's HOME sees nothing but the FOLDERs.
set -euo pipefail
home=$1
shift
folders=()
while [[ $1 != -- ]]; do
  folders+=("$1")
  shift
done
shift
mount -t tmpfs tmpfs /mnt
for index in "${!folders[@]}"; do
  mkdir "/mnt/$index"
  mount --bind "${folders[$index]}" "/mnt/$index"
done
mount -t tmpfs -o mode=755 tmpfs "$home"
for index in "${!folders[@]}"; do
  mkdir -p "${folders[$index]}"
  mount --bind "/mnt/$index" "${folders[$index]}"
done
umount --lazy /mnt
exec setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
