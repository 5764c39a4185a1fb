#!/usr/bin/env bash
# Release a version: release.sh 0.2.0. Nothing leaves this machine. docs/releasing.md says what it does.
set -euo pipefail

version="${1:-}"
stop() {
  echo "$1" >&2
  exit 1
}

[[ "$version" =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] ||
  stop "'$version' is no version to release. Expected: three numbers, as in make release VERSION=0.2.0"
[ -z "$(git status --porcelain)" ] ||
  stop "the tree has changes that are not committed (git status). Commit or drop them first"
[ -z "$(git tag --list "v$version")" ] || stop "the tag v$version exists. Take a newer version"
[ -n "$(git ls-files changelogs/fragments)" ] ||
  stop "changelogs/fragments is empty: there is nothing that users would notice"
last=$(sed -nE 's/^  ([0-9]+\.[0-9]+\.[0-9]+):$/\1/p' changelogs/changelog.yaml | sort -V | tail -n 1)
if [ "$(printf '%s\n' "${last:-0.0.0}" "$version" | sort -V | tail -n 1)" != "$version" ]; then
  stop "$last was released already, and $version is older. Take a newer version"
fi

here=$PWD
before=$(git rev-parse HEAD)
work=$(mktemp -d)
done=""
cleanup() {
  rm -rf "$work"
  [ -n "$done" ] && return
  git reset --quiet --hard "$before"
  git clean --quiet --force -d -- CHANGELOG.rst changelogs
  echo "the release of $version failed; the tree is as it was" >&2
}
trap cleanup EXIT

antsibull-changelog lint
sed -i -E "s/^version: .*/version: $version/" galaxy.yml
# The same for requests' user agent, which a module process cannot read from galaxy.yml.
sed -i -E "s/^VERSION = .*/VERSION = \"$version\"/" plugins/module_utils/connection.py
antsibull-changelog release --version "$version"
git add --all
git commit --quiet --message "release: $version"

mkdir -p dist
git archive HEAD | tar -x -C "$work"
(cd "$work" && ansible-galaxy collection build --force --output-path "$here/dist" >/dev/null) ||
  stop "the archive cannot be built"
git tag --annotate "v$version" --message "llmd.tpu $version"
done=yes

echo "released $version: commit $(git rev-parse --short HEAD), tag v$version, dist/llmd-tpu-$version.tar.gz"
echo "to publish it: git push origin HEAD v$version, and ansible-galaxy collection publish dist/llmd-tpu-$version.tar.gz"
