# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does unpack check before it writes, write once, and fetch from a server?"""

from __future__ import annotations

import hashlib
import http.server
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plugins.running import module

unpack = partial(module, "unpack")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "top").mkdir()
    (tmp_path / "top/file").write_text("content")
    path = tmp_path / "served/a.tar.gz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as tar:
        tar.add(tmp_path / "top", "top")
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def server(archive: Path) -> Iterator[str]:
    """The address of a web server that has the archive."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(archive.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def test_it_is_unpacked_once(archive: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "archive": str(archive),
        "sha256": digest(archive),
        "dest": str(tmp_path / "c" / "d"),
    }
    assert unpack(check=True, **options)["changed"]
    assert not (tmp_path / "c").exists()
    assert unpack(**options)["changed"]
    assert (tmp_path / "c/d/file").read_text() == "content"
    assert not unpack(**options)["changed"]
    archive.unlink()
    assert not unpack(**options)["changed"]


def test_another_content_is_refused_before_anything_is_written(
    archive: Path, tmp_path: Path
) -> None:
    result = unpack(archive=str(archive), sha256="00" * 32, dest=str(tmp_path / "d"))
    assert result["failed"]
    assert f"has the SHA-256 {digest(archive)}, expected 0000" in result["msg"]
    assert not (tmp_path / "d").exists()


def test_no_such_file(tmp_path: Path) -> None:
    result = unpack(archive="/nowhere.tgz", sha256="00" * 32, dest=str(tmp_path / "d"))
    assert "there is no file /nowhere.tgz" in result["msg"]


def test_from_a_server(archive: Path, server: str, tmp_path: Path) -> None:
    dest = tmp_path / "d"
    result = unpack(archive=f"{server}/a.tar.gz", sha256=digest(archive), dest=str(dest))
    assert result["changed"]
    assert (dest / "file").read_text() == "content"


def test_a_server_that_has_it_not(archive: Path, server: str, tmp_path: Path) -> None:
    result = unpack(archive=f"{server}/b.tgz", sha256="00" * 32, dest=str(tmp_path / "d"))
    assert f"{server}/b.tgz gave HTTP Error 404" in result["msg"]
    assert not (tmp_path / "d").exists()
