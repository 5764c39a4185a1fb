# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unpack an archive of manifests: the checksum first, then only members that stay in the folder."""

from __future__ import annotations

import hashlib
import os
import posixpath
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO

MOST_BYTES = 2 * 1024**3
MOST_MEMBERS = 200_000
_BLOCK = 1024 * 1024


class BadArchive(Exception):
    """The archive cannot be used; the text says what was looked at, what is wrong, what to do."""


def check_digest(stream: BinaryIO, expected: str, origin: str) -> None:
    """Read a stream to its end; raises BadArchive unless its SHA-256 is the expected one."""
    digest = hashlib.sha256()
    while block := stream.read(_BLOCK):
        digest.update(block)
    if digest.hexdigest() != expected:
        raise BadArchive(
            f"{origin} has the SHA-256 {digest.hexdigest()}, expected {expected}. Nothing was "
            "unpacked. Get the archive again, or correct the checksum if the new content is wanted."
        )


def check_members(members: Iterable[tarfile.TarInfo], origin: str) -> None:
    """Judge what the archive holds, before anything is written. Pure.

    Raises BadArchive for a member that would lie or point outside of the folder, for devices and
    pipes, for two members where one lies below a link of the other, and for a size no manifests
    have.
    """
    links: set[str] = set()
    count = total = 0
    for member in members:
        count, total = count + 1, total + member.size
        name = _inside(member.name, member.name, origin)
        paths = [name]
        if member.issym():
            target = posixpath.join(posixpath.dirname(name), member.linkname)
            _inside(target, f"{member.name} -> {member.linkname}", origin)
            links.add(name)
        elif member.islnk():
            paths.append(_inside(member.linkname, f"{name} -> {member.linkname}", origin))
        elif not (member.isfile() or member.isdir()):
            raise BadArchive(
                f"{origin} holds {member.name}, which is neither a file, a folder nor a link. "
                "Nothing was unpacked. Expected: an archive of manifests."
            )
        through = next((part for path in paths for part in _above(path) if part in links), None)
        if through:
            raise BadArchive(
                f"{origin} holds {member.name} below the link {through}. Nothing was unpacked. "
                "Expected: an archive of manifests, as git archive makes it."
            )
        if count > MOST_MEMBERS or total > MOST_BYTES:
            raise BadArchive(
                f"{origin} holds more than {MOST_MEMBERS} members or {MOST_BYTES} bytes. Nothing "
                "was unpacked. Expected: an archive of manifests."
            )


def _above(path: str) -> Iterable[str]:
    """The folders that a path goes through."""
    return (str(parent) for parent in PurePosixPath(path).parents)


def _inside(path: str, shown: str, origin: str) -> str:
    """The path in its plain form; raises BadArchive when it leads out of the folder."""
    plain = posixpath.normpath(path)
    if plain.startswith(("/", "../")) or plain == ".." or "\\" in path:
        raise BadArchive(
            f"{origin} holds {shown}, which leads out of the folder. Nothing was unpacked. "
            "Expected: names below the archive's own folder."
        )
    return plain


def unpack(archive: Path, dest: Path, origin: str) -> None:
    """Unpack into a folder that appears whole or not at all.

    An archive with one folder at its top (as GitHub makes them) is read from inside of it.
    Raises BadArchive when it is no tar archive, or check_members refuses it.
    """
    dest.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{dest.name}.", dir=dest.parent))
    try:
        try:
            with tarfile.open(archive) as tar:
                check_members(tar, origin)
                _extract(tar, work / "content")
        except (tarfile.TarError, EOFError, OSError) as problem:
            raise BadArchive(
                f"{origin} cannot be unpacked: {problem}. Expected: a tar archive, plain or "
                "compressed by gzip, bzip2 or xz."
            ) from problem
        _put(_top(work / "content"), dest)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    """Write the members; owner and special modes of the archive are not taken over."""
    folder.mkdir()
    how: Mapping[str, str] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    tar.extractall(folder, **how)  # type: ignore[arg-type]


def _top(folder: Path) -> Path:
    """The only folder at the top of a folder, else the folder itself."""
    entries = list(folder.iterdir())
    alone = len(entries) == 1 and entries[0].is_dir() and not entries[0].is_symlink()
    return entries[0] if alone else folder


def _put(folder: Path, dest: Path) -> None:
    """Move into place; another run that was faster has put the same content there."""
    try:
        os.replace(folder, dest)
    except OSError:
        if not dest.is_dir():
            raise
