# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are children named as KServe names them?"""

from __future__ import annotations

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import (
    LONGEST_PLAIN_NAME,
    child_name,
    names_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import TRACKS


def test_names_of_the_guide() -> None:
    names = names_of("llm-d-inference-scheduling", "qwen2-3b-pattern1", TRACKS["release-v0.15"])
    assert names.workload == "qwen2-3b-pattern1-kserve"
    assert names.workload_service == "qwen2-3b-pattern1-kserve-workload-svc"
    assert names.scheduler_service == "qwen2-3b-pattern1-epp-service"
    assert names.pool == "qwen2-3b-pattern1-inference-pool"
    assert names.route == "qwen2-3b-pattern1-kserve-route"
    assert (
        names.scheduler_cluster_role_binding
        == "llm-d-inference-scheduling-qwen2-3b-pattern1-epp-auth-rb"
    )
    assert names.destination_rules[2] == "qwen2-3b-pattern1-kserve-workload"


def test_the_later_track_names_one_rule_differently() -> None:
    names = names_of("team", "qwen", TRACKS["release-v0.17"])
    assert names.destination_rules[2] == "qwen-kserve-shadow-svc"


# Expected values were computed with `printf %s TEXT | md5sum`.
@pytest.mark.parametrize(
    ("parent", "suffix", "name"),
    [
        ("a" * 38, "-kserve-self-signed-certs", "a" * 38 + "-kserve-self-signed-certs"),
        (
            "a" * 39,
            "-kserve-self-signed-certs",
            "a" * 6 + "08b2f2b0864bac1ba1585043362cbec9" + "-kserve-self-signed-certs",
        ),
    ],
)
def test_the_shortening_rule(parent: str, suffix: str, name: str) -> None:
    assert child_name(parent, suffix) == name
    assert len(name) <= 63


def test_a_suffix_too_long_to_keep() -> None:
    suffix = "-" + "b" * 40 + "-epp-auth-rb"
    name = child_name("n" * 40, suffix)
    assert len(name) == 63
    assert name[:31] == "n" * 31
    assert not name.endswith("-epp-auth-rb")


def test_up_to_the_limit_nothing_is_shortened() -> None:
    names = names_of("ns", "m" * LONGEST_PLAIN_NAME, TRACKS["release-v0.15"])
    assert names.certificate_secret == "m" * LONGEST_PLAIN_NAME + "-kserve-self-signed-certs"
    longer = names_of("ns", "m" * (LONGEST_PLAIN_NAME + 1), TRACKS["release-v0.15"])
    assert not longer.certificate_secret.startswith("m" * 20)
