# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources, Istio versions and phase times."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.llmd.tpu.plugins.filter.phase_times import phase_times
from ansible_collections.llmd.tpu.plugins.filter.source import source

COMMIT = "2c9da0fe08602496527c8e50b131d0bb57f0b07b"
DIGEST = "0f" * 32


def test_a_folder_is_read_where_it_is() -> None:
    assert source("/srv/chart", "/cache") == {
        "repository": "",
        "commit": "",
        "archive": "",
        "sha256": "",
        "checkout": "/srv/chart",
        "folder": "/srv/chart",
    }


def test_a_pinned_repository_has_a_folder_per_commit() -> None:
    found = source(f"https://github.com/o/r?ref={COMMIT}", "/cache")
    assert found["repository"] == "https://github.com/o/r"
    assert found["folder"] == found["checkout"] == f"/cache/{COMMIT}"


def test_a_folder_of_a_repository_is_read_in_its_clone() -> None:
    found = source(f"https://github.com/o/r//config/crd?ref={COMMIT}", "/cache")
    assert found["repository"] == "https://github.com/o/r"
    assert found["checkout"] == f"/cache/{COMMIT}"
    assert found["folder"] == f"/cache/{COMMIT}/config/crd"


@pytest.mark.parametrize(
    ("text", "archive", "inside"),
    [
        (f"/srv/kserve.tar.gz#sha256={DIGEST}", "/srv/kserve.tar.gz", ""),
        (f"/srv/charts.tgz//sail/chart#sha256={DIGEST}", "/srv/charts.tgz", "/sail/chart"),
        (f"https://mirror/kserve.tar.xz#sha256={DIGEST}", "https://mirror/kserve.tar.xz", ""),
        (f"https://mirror/a.tar//b#sha256={DIGEST}", "https://mirror/a.tar", "/b"),
    ],
)
def test_an_archive_has_a_folder_per_checksum(text: str, archive: str, inside: str) -> None:
    found = source(text, "/cache")
    assert found["repository"] == ""
    assert (found["archive"], found["sha256"]) == (archive, DIGEST)
    assert found["checkout"] == f"/cache/sha256-{DIGEST}"
    assert found["folder"] == f"/cache/sha256-{DIGEST}{inside}"


@pytest.mark.parametrize(
    "text",
    [
        "/srv/kserve.tar.gz",
        "/srv/kserve.tar.gz//config",
        "https://mirror/kserve.tgz",
        f"/srv/kserve.tgz#sha256={DIGEST[:-1]}",
        f"/srv/kserve.tgz#md5={DIGEST}",
        f"https://mirror/kserve.zip#sha256={DIGEST}",
    ],
)
def test_an_archive_without_its_checksum_is_refused(text: str) -> None:
    with pytest.raises(AnsibleFilterError, match="#sha256=DIGEST"):
        source(text, "/cache")


@pytest.mark.parametrize(
    "ref", ["", "?ref=main", "?ref=v1.4.0", f"?ref={COMMIT[:12]}", f"?ref={COMMIT}0"]
)
def test_a_repository_that_is_not_pinned_is_refused(ref: str) -> None:
    with pytest.raises(AnsibleFilterError, match="40 hexadecimal digits"):
        source(f"https://github.com/o/r{ref}", "/cache")


def test_a_phase_ends_where_the_next_one_starts() -> None:
    assert phase_times({"kserve": 1041.2, "operators": 1000.0}, 1061.4) == [
        "operators 41 s",
        "kserve 20 s",
    ]


def test_no_phase_takes_no_time() -> None:
    assert phase_times({}, 5.0) == []
