# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which vLLM is in an image, and which flags has it?"""

from __future__ import annotations

import csv

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.serving.server_flags import (
    FLAGS,
    READ,
    find_flag,
    version_of_image,
)

from tests.sandbox.images.vllm.arguments import TABLE


@pytest.mark.parametrize(
    ("image", "release", "certain"),
    [
        ("registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5", (0, 11), False),
        ("registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.2-1758000000", (0, 10), True),
        ("registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.3.0", (0, 13), True),
        ("vllm/vllm-tpu:v0.12.0", (0, 12), True),
        ("docker.io/vllm/vllm-tpu:0.18.0-rc1@sha256:ab", (0, 18), True),
    ],
)
def test_the_tag_tells(image: str, release: tuple[int, int], certain: bool) -> None:
    version = version_of_image(image)
    assert version is not None
    assert (version.release, version.certain) == (release, certain)


@pytest.mark.parametrize(
    "image",
    [
        "",
        "vllm/vllm-tpu",
        "vllm/vllm-tpu:nightly",
        "vllm/vllm-tpu@sha256:ab",
        "registry:5000/vllm/vllm-tpu",
        "registry.redhat.io/rhaiis/vllm-tpu-rhel9:latest",
        "example.com/server:v0.12.0",
    ],
)
def test_a_tag_that_does_not_tell(image: str) -> None:
    assert version_of_image(image) is None


@pytest.mark.parametrize(
    "written",
    [
        "--dtype",
        "--max-model-len",
        "-tp",
        "--no-enable-prefix-caching",
        "--compilation-config.level",
        "--gpu-memory-util",  # argparse takes a clear beginning
    ],
)
def test_a_flag_is_known(written: str) -> None:
    assert find_flag(written) is not None


@pytest.mark.parametrize(
    "written", ["--prefix-cache-block-size", "--no-dtype", "--max-num", "-x", "--"]
)
def test_a_flag_is_not_known(written: str) -> None:
    assert find_flag(written) is None


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("disable-log-requests", [True, True, False]),
        ("disable-access-log-for-endpoints", [False, False, True]),
        ("nnodes", [False, True, True]),
        ("rope-scaling", [True, False, False]),
    ],
)
def test_releases_that_have_a_flag(name: str, known: list[bool]) -> None:
    assert [FLAGS[name].known_to(one) for one in ((0, 12), (0, 13), (0, 19))] == known


def test_the_stand_in_for_vllm_has_the_same_flags() -> None:
    """Two tables of one thing: the sandbox's also says what a flag takes."""
    with TABLE.open() as table:
        rows = {row["flag"]: row for row in csv.DictReader(table)}
    assert rows.keys() == {f"--{name}" for name in FLAGS}
    for written, row in rows.items():
        flag = FLAGS[written.removeprefix("--")]
        known = [flag.known_to(release) for release in READ]
        assert known == [bool(row[".".join(map(str, release))]) for release in READ], written
        assert flag.switch == (row["takes"] == "switch"), written
