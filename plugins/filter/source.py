# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that read where a chart or a set of manifests comes from."""

from __future__ import annotations

import os.path
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ansible.errors import AnsibleFilterError

COMMIT = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")
ARCHIVE = re.compile(r"\.(tar|tar\.gz|tgz|tar\.bz2|tbz2|tar\.xz|txz)$")
FORM = (
    "a folder on this machine, https://HOST/OWNER/REPOSITORY//FOLDER?ref=COMMIT, or an archive: "
    "/PATH/NAME.tar.gz//FOLDER#sha256=DIGEST or https://HOST/NAME.tar.gz//FOLDER#sha256=DIGEST"
)


def source(text: str, cache: str) -> dict[str, str]:
    """Where to find a source: a local folder as it is, a pinned commit, or an archive by checksum.

    The remote form of a commit is the one that kustomize knows for its remote targets. Returns
    repository and commit (to clone), archive and sha256 (to unpack; each pair is empty for the
    other forms), checkout (the folder below cache that holds the clone or the unpacked archive; a
    local folder itself) and folder (what to read in it).
    Raises AnsibleFilterError for a repository that is not pinned to a full commit and an archive
    without a checksum: a branch, a tag or an address can hold something else tomorrow.
    """
    place, _hash, fragment = text.partition("#")
    if fragment or ARCHIVE.search(_without_folder(urlsplit(place).path)[0]):
        return _archive(text, place, fragment, cache)
    if "://" not in text:
        folder = os.path.abspath(os.path.expanduser(text))
        return _found(checkout=folder, folder=folder)
    address = urlsplit(text)
    repository, inside = _without_folder(address.path)
    commit = parse_qs(address.query).get("ref", [""])[0]
    if not COMMIT.fullmatch(commit):
        raise AnsibleFilterError(
            f"The source {text!r} is not pinned: expected {FORM}; a commit has 40 hexadecimal "
            f"digits, found {commit or 'no ref'!r}."
        )
    checkout = os.path.join(os.path.expanduser(cache), commit)
    return _found(
        repository=f"{address.scheme}://{address.netloc}{repository}",
        commit=commit,
        checkout=checkout,
        folder=os.path.join(checkout, inside) if inside else checkout,
    )


def _archive(text: str, place: str, fragment: str, cache: str) -> dict[str, str]:
    """An archive lies below cache under its digest, so that another content is another folder."""
    name, _equals, digest = fragment.partition("=")
    if name != "sha256" or not SHA256.fullmatch(digest):
        raise AnsibleFilterError(
            f"The source {text!r} is not pinned: expected {FORM}; the digest is the 64 hexadecimal "
            f"digits that sha256sum prints, found {fragment or 'no checksum'!r}."
        )
    scheme, separator, path = place.rpartition("://")
    path, inside = _without_folder(path)
    if not ARCHIVE.search(path.partition("?")[0]):
        raise AnsibleFilterError(
            f"The source {text!r} has a checksum and is no archive by its name: expected {FORM}; "
            "the name ends with .tar, .tar.gz, .tgz, .tar.bz2 or .tar.xz."
        )
    if not separator:
        path = os.path.abspath(os.path.expanduser(path))
    checkout = os.path.join(os.path.expanduser(cache), f"sha256-{digest}")
    return _found(
        archive=f"{scheme}{separator}{path}",
        sha256=digest,
        checkout=checkout,
        folder=os.path.join(checkout, inside) if inside else checkout,
    )


def _without_folder(path: str) -> tuple[str, str]:
    """The path before `//`, and the folder inside that follows it."""
    outside, _slashes, inside = path.partition("//")
    return outside, inside


def _found(
    checkout: str,
    folder: str,
    repository: str = "",
    commit: str = "",
    archive: str = "",
    sha256: str = "",
) -> dict[str, str]:
    return {
        "repository": repository,
        "commit": commit,
        "archive": archive,
        "sha256": sha256,
        "checkout": checkout,
        "folder": folder,
    }


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {"source": source}
