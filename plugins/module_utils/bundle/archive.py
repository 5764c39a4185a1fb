# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write files as one archive."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.llmd.tpu.plugins.module_utils.beside import written_beside
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.room import File


class ArchiveProblem(Exception):
    """The archive cannot be written; the text is written for the user."""


def pack(folder: str, files: Sequence[File]) -> bytes:
    """A tar archive, compressed; the same files make the same bytes."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", filename="", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for file in sorted(files, key=lambda one: one.name):
            content = file.text.encode()
            member = tarfile.TarInfo(f"{folder}/{file.name}")
            member.size, member.mode, member.mtime = len(content), 0o600, 0
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise ArchiveProblem when the path cannot take a new archive."""
    if path.is_dir():
        raise ArchiveProblem(f"{path} is a folder. Expected: the path of a file, .tar.gz.")
    if not path.parent.is_dir():
        raise ArchiveProblem(
            f"there is no folder {path.parent}. Expected: a folder for the archive. Make it, or "
            "set path to another one."
        )
    if path.exists() and not overwrite:
        raise ArchiveProblem(
            f"{path} exists, and nothing is overwritten unless asked. Set path to another one, or "
            "overwrite to true."
        )


def write(path: Path, content: bytes, overwrite: bool) -> None:
    """Write a file that its owner alone may read, whole or not at all. Raises ArchiveProblem."""
    try:
        with written_beside(path, content) as beside:
            if not overwrite:
                path.touch(mode=0o600, exist_ok=False)  # refuses a file that came meanwhile
            os.replace(beside, path)
    except OSError as problem:
        raise ArchiveProblem(f"{path} cannot be written: {problem}.") from problem
