# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Manifests that were rendered or parsed before, by the digest of what they came from.

An entry is one file: a line with the digest of the rest, then a line per object, whose head says
what the object is, so that only the chosen ones are parsed. Whatever is wrong with folder or entry
means "not there": the cache saves time and decides nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.beside import written_beside
from ansible_collections.llmd.tpu.plugins.module_utils.connection import VERSION

DEFAULT_FOLDER = "~/.cache/llmd-tpu/rendered"
_FORMAT = f"llmd.tpu {VERSION} manifests 1"
"""Counts up whenever reading a manifest gives other objects than before."""
_UNUSED_SECONDS = 30 * 24 * 3600.0


@dataclass(frozen=True)
class Head:
    """What an object is, and which part of its source it is (`, document 3`)."""

    part: str
    api_version: str
    kind: str
    name: str


@dataclass(frozen=True)
class Entry:
    """One object of a source; its body may still be JSON text."""

    head: Head
    body: dict[str, Any] | bytes

    def read(self) -> dict[str, Any]:
        """The object."""
        if isinstance(self.body, bytes):
            loaded: dict[str, Any] = json.loads(self.body)
            return loaded
        return self.body


def key(*parts: object) -> str:
    """An entry's name: the digest of everything that decides its content."""
    return hashlib.sha256(json.dumps([_FORMAT, *parts]).encode()).hexdigest()


class Cache:
    """A folder of entries; without a folder, or with one that cannot be used, nothing is kept."""

    def __init__(self, folder: str, clock: Callable[[], float] = time.time) -> None:
        self._folder = Path(os.path.expanduser(folder)) if folder else None
        self._clock = clock

    def load(self, name: str) -> list[Entry] | None:
        """An entry's objects; None when it is not there, or not as it was written."""
        if self._folder is None or not _ours(self._folder):
            return None
        file = self._folder / name
        try:
            digest, _end, content = file.read_bytes().partition(b"\n")
            if hashlib.sha256(content).hexdigest().encode() != digest:
                return None
            with contextlib.suppress(OSError):
                os.utime(file)  # still in use
            return [_entry(line) for line in content.splitlines()]
        except (OSError, ValueError, TypeError):
            return None

    def store(self, name: str, entries: Sequence[Entry]) -> None:
        """Keep an entry: all of it or nothing, whoever else writes the same."""
        if self._folder is None:
            return
        content = b"".join(_line(entry) for entry in entries)
        digest = hashlib.sha256(content).hexdigest().encode()
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _ours(self._folder):
                path = self._folder / name
                with written_beside(path, digest + b"\n" + content) as beside:
                    os.replace(beside, path)
                self._forget_unused(self._folder)

    def _forget_unused(self, folder: Path) -> None:
        oldest = self._clock() - _UNUSED_SECONDS
        for file in folder.iterdir():
            if file.is_file() and file.stat().st_mtime < oldest:
                file.unlink()


def holds_secret(body: dict[str, Any]) -> bool:
    """A Secret with a value in it; operators bring empty ones that a controller fills."""
    return body.get("kind") == "Secret" and bool(body.get("data") or body.get("stringData"))


def _ours(folder: Path) -> bool:
    """Nobody else may write there: who could would decide what is applied."""
    try:
        state = folder.stat()
    except OSError:
        return False
    return state.st_uid == os.geteuid() and not state.st_mode & 0o077


def _line(entry: Entry) -> bytes:
    head = [entry.head.part, entry.head.api_version, entry.head.kind, entry.head.name]
    body = json.dumps(entry.read(), separators=(",", ":"))
    return f"{json.dumps(head)}\t{body}\n".encode()


def _entry(line: bytes) -> Entry:
    head, _tab, body = line.partition(b"\t")
    return Entry(Head(*json.loads(head)), body)
