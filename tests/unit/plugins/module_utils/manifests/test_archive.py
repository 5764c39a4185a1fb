# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is an archive unpacked only when its checksum is right and everything stays inside?"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests import archive
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.archive import (
    BadArchive,
    check_digest,
    check_members,
    unpack,
)


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """One member without content."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def packed(
    path: Path,
    files: dict[str, bytes],
    *others: tarfile.TarInfo,
    press: Callable[[bytes], bytes] = gzip.compress,
) -> Path:
    """An archive of these files, and of these members without content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in others:
            tar.addfile(info)
    path.write_bytes(press(buffer.getvalue()))
    return path


@pytest.mark.parametrize("press", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_one_folder_at_the_top_is_left_out(tmp_path: Path, press: Callable[[bytes], bytes]) -> None:
    files = {"kserve-9682be2/config/kustomization.yaml": b"resources: []\n"}
    unpack(packed(tmp_path / "a", files, press=press), tmp_path / "cache" / "dest", "a")
    assert (tmp_path / "cache/dest/config/kustomization.yaml").read_bytes() == b"resources: []\n"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["dest"]


def test_links_inside_of_the_archive_are_kept(tmp_path: Path) -> None:
    link = member("b/link", tarfile.SYMTYPE, "../a/file")
    unpack(packed(tmp_path / "a", {"a/file": b"x"}, link), tmp_path / "dest", "a")
    assert (tmp_path / "dest/b/link").read_bytes() == b"x"


@pytest.mark.parametrize(
    "bad",
    [
        member("../outside"),
        member("a/../../outside"),
        member("/etc/passwd"),
        member("a\\..\\b"),
        member("a/link", tarfile.SYMTYPE, "../../outside"),
        member("link", tarfile.SYMTYPE, "/etc"),
        member("hard", tarfile.LNKTYPE, "../outside"),
        member("device", tarfile.CHRTYPE),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda info: info.name,
)
def test_a_member_that_leads_out_is_refused_and_nothing_is_written(
    tmp_path: Path, bad: tarfile.TarInfo
) -> None:
    path = packed(tmp_path / "a", {"a/fine": b"x"}, bad)
    with pytest.raises(BadArchive, match="Nothing was unpacked"):
        unpack(path, tmp_path / "cache" / "dest", "a")
    assert list((tmp_path / "cache").iterdir()) == []


def test_nothing_is_written_through_a_link() -> None:
    link = member("inside", tarfile.SYMTYPE, "a")
    with pytest.raises(BadArchive, match="below the link inside"):
        check_members([link, member("inside/x")], "a")
    with pytest.raises(BadArchive, match="below the link inside"):
        check_members([link, member("hard", tarfile.LNKTYPE, "inside/x")], "a")


def test_a_size_that_no_manifests_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_MEMBERS", 2)
    check_members([member("a"), member("b")], "a")
    with pytest.raises(BadArchive, match="more than 2 members"):
        check_members([member("a"), member("b"), member("c")], "a")


def test_no_archive_at_all(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("<html>404</html>")
    with pytest.raises(BadArchive, match="cannot be unpacked"):
        unpack(tmp_path / "a", tmp_path / "dest", "a")
    assert not (tmp_path / "dest").exists()


def test_another_run_was_faster(tmp_path: Path) -> None:
    path = packed(tmp_path / "a", {"a/file": b"x"})
    unpack(path, tmp_path / "dest", "a")
    unpack(path, tmp_path / "dest", "a")
    assert (tmp_path / "dest/file").read_bytes() == b"x"


def test_the_checksum_is_compared_with_both_in_the_message() -> None:
    check_digest(io.BytesIO(b"x"), hashlib.sha256(b"x").hexdigest(), "a.tgz")
    with pytest.raises(BadArchive, match=r"a\.tgz has the SHA-256 2d71.*expected 00"):
        check_digest(io.BytesIO(b"x"), "00" * 32, "a.tgz")
