# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fit files into a limited size. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Rank = Literal["given", "events", "objects", "logs"]
RANKS: tuple[Rank, ...] = ("given", "events", "objects", "logs")
"""What gets room first."""
LEAST = 512
"""Bytes; less of a file is of no use."""


@dataclass(frozen=True)
class File:
    """One file of the archive."""

    name: str
    text: str
    rank: Rank
    asked: str = ""
    """The command that gave it."""
    left_out: int = 0
    """How many bytes of it there was no room for."""

    @property
    def size(self) -> int:
        """In bytes, as it is written."""
        return len(self.text.encode())


def fit(files: Iterable[File], most: int) -> list[File]:
    """The files in order of their names, cut so that together they have at most so many bytes.

    What is small stays whole; what is large shares the rest. Of a log the end is kept, of all else
    the beginning, in whole lines: half a token would not be known as one.
    """
    chosen: list[File] = []
    left = most
    everything = list(files)
    for rank in RANKS:
        of_rank = sorted((one for one in everything if one.rank == rank), key=lambda one: one.size)
        for number, file in enumerate(of_rank):
            kept = _cut(file, left // (len(of_rank) - number))
            left -= kept.size
            chosen.append(kept)
    return sorted(chosen, key=lambda one: one.name)


def _cut(file: File, most: int) -> File:
    content = file.text.encode()
    if len(content) <= most:
        return file
    note = f"[llmd.tpu: {len(content)} bytes, cut for want of room]\n".encode()
    room = most - len(note)
    if room < LEAST:
        return replace(file, text="", left_out=file.left_out + len(content))
    if file.rank == "logs":
        part = content[-room:]
        text = note + part.partition(b"\n")[2]
    else:
        part = content[:room]
        text = part[: part.rfind(b"\n") + 1] + note
    cut = len(content) - len(text)
    return replace(file, text=text.decode(errors="ignore"), left_out=file.left_out + cut)
