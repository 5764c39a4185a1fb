# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cache gives back what it was given, or nothing."""

from __future__ import annotations

import os
import stat
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.cache import (
    Cache,
    Entry,
    Head,
    key,
)


def entries(size: int = 1) -> list[Entry]:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a"},
        "data": {"text": "tab\t, line\n, \u2028 and more " * size, "number": 1.5},
    }
    return [Entry(Head(", document 1", "v1", "ConfigMap", "a"), body)]


def read(cache: Cache, name: str) -> list[tuple[Head, object]] | None:
    kept = cache.load(name)
    return None if kept is None else [(entry.head, entry.read()) for entry in kept]


EXPECTED = [(entry.head, entry.read()) for entry in entries()]


def test_what_is_stored_is_loaded(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "deep" / "cache"))
    assert read(cache, "a") is None
    cache.store("a", entries())
    assert read(cache, "a") == EXPECTED
    assert stat.S_IMODE((tmp_path / "deep" / "cache").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "deep" / "cache" / "a").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-5],
        lambda content: content.replace(b"1.5", b"2.5"),
        lambda content: b"",
        lambda content: b"\xff" + content,
        lambda content: content + content,
    ],
)
def test_a_damaged_entry_is_not_there(tmp_path: Path, damage: object) -> None:
    cache = Cache(str(tmp_path / "cache"))
    cache.store("a", entries())
    file = tmp_path / "cache" / "a"
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    assert read(cache, "a") is None
    cache.store("a", entries())
    assert read(cache, "a") == EXPECTED


def test_an_entry_that_is_a_folder_is_not_there(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "cache"))
    cache.store("b", entries())
    (tmp_path / "cache" / "a").mkdir()
    assert read(cache, "a") is None
    cache.store("a", entries())


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o707])
def test_a_folder_that_others_may_enter_is_not_used(tmp_path: Path, mode: int) -> None:
    cache = Cache(str(tmp_path / "cache"))
    cache.store("a", entries())
    (tmp_path / "cache").chmod(mode)
    assert read(cache, "a") is None
    cache.store("b", entries())
    assert not (tmp_path / "cache" / "b").exists()


@pytest.mark.parametrize("place", ["/proc/cache", "/dev/null/cache", ""])
def test_a_folder_that_cannot_be_made_is_not_used(place: str) -> None:
    cache = Cache(place)
    cache.store("a", entries())
    assert read(cache, "a") is None


def test_a_home_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/proc")  # nobody can write there, not even root
    cache = Cache("~/.cache/llmd-tpu/rendered")
    cache.store("a", entries())
    assert read(cache, "a") is None


def write_often(folder: str, size: int) -> None:
    for _time in range(50):
        Cache(folder).store("a", entries(size))


def test_two_writers_at_once_leave_a_whole_entry(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    with ProcessPoolExecutor(2) as pool:
        writers = [pool.submit(write_often, str(folder), size) for size in (1, 50_000)]
        seen = 0
        while not all(writer.done() for writer in writers):
            kept = Cache(str(folder)).load("a")
            if kept is None:
                assert not (folder / "a").exists() or seen == 0
            seen += kept is not None
        for writer in writers:
            writer.result()
    assert seen
    assert [file.name for file in folder.iterdir()] == ["a"]


def test_what_was_long_unused_is_forgotten(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "cache"))
    for name in ("old", "used"):
        cache.store(name, entries())
        os.utime(tmp_path / "cache" / name, (0, 0))
    assert read(cache, "used") == EXPECTED
    Cache(str(tmp_path / "cache"), clock=time.time).store("new", entries())
    assert sorted(file.name for file in (tmp_path / "cache").iterdir()) == ["new", "used"]


def test_keys_differ_by_every_part() -> None:
    keys = {key("file", "a"), key("file", "b"), key("chart", "a"), key("file", "a", ["v1"])}
    assert len(keys) == 4
