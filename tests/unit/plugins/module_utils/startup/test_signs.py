# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is each failure named by its own code, and does a healthy start raise none?"""

from __future__ import annotations

import re

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.pods import Begun
from ansible_collections.llmd.tpu.plugins.module_utils.startup.judging import signs_of
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import Sight
from ansible_collections.llmd.tpu.plugins.module_utils.startup.signs import LONGEST_QUOTE, quoted

from tests.unit.plugins.module_utils.startup.failing import (
    FAILURES,
    HEALTHY,
    NO_SECRET,
    PRESET,
    server,
)
from tests.unit.plugins.module_utils.startup.starts import (
    SUBJECT,
    UID,
    container,
    event,
    pod,
    service,
    sight,
)

HEALS = ("STARTUP-STOCKOUT", "STARTUP-SCALE-UP-PROBLEM")


@pytest.mark.parametrize(("code", "seen"), FAILURES, ids=[code for code, _seen in FAILURES])
def test_a_failure_has_its_name(code: str, seen: Sight) -> None:
    signs = signs_of(seen)
    assert [sign.finding.code for sign in signs] == [code]
    [sign] = signs
    finding = sign.finding
    assert sign.heals == (code in HEALS)
    assert finding.severity == "error"
    assert finding.subject == SUBJECT
    assert finding.message
    assert finding.expected
    assert finding.fix
    assert finding.source


@pytest.mark.parametrize(("code", "seen"), FAILURES, ids=[code for code, _seen in FAILURES])
def test_it_counts_within_five_seconds(code: str, seen: Sight) -> None:
    """The silence of an autoscaler that is not there is a sign only when it lasts."""
    limit = 30 if code == "STARTUP-NO-AUTOSCALER" else 3
    assert all(sign.patience <= limit for sign in signs_of(seen))


@pytest.mark.parametrize("seen", [seen for _title, seen in HEALTHY], ids=[t for t, _ in HEALTHY])
def test_a_healthy_start_raises_none(seen: Sight) -> None:
    assert signs_of(seen) == []


def test_what_is_quoted_is_short_and_has_no_secrets() -> None:
    log = (
        "vllm: error: unrecognized arguments: --api-key sk-verysecretindeed --hf-token=hf_abcdefgh "
        "--x 'Authorization: Bearer eyJhbGciOi'"
    )
    [sign] = signs_of(server(log, code=2))
    for secret in ("verysecret", "hf_abcdefgh", "eyJhbGciOi"):
        assert secret not in sign.finding.found
    assert "--api-key" in sign.finding.found
    assert len(quoted("x" * 2000)) == LONGEST_QUOTE


def test_plain_values_of_a_pods_variables_are_known_secrets() -> None:
    pod = {"spec": {"containers": [{"env": [{"name": "MY_TOKEN", "value": "hunter2"}]}]}}
    assert "hunter2" not in quoted("refused: hunter2", pod)


def test_what_was_so_long_before_we_looked_must_last_longer() -> None:
    """KServe and the kubelet come back to it only after a while, when its cause is repaired."""
    [new] = signs_of(sight(service=service(PresetsCombined=PRESET)))
    words = PRESET.partition(": ")[2]
    old = frozenset({("PresetsCombined", words)})
    [known] = signs_of(sight(service=service(PresetsCombined=PRESET), old_conditions=old))
    assert (new.patience, known.patience) == (2.0, 60.0)
    waiting = pod(NO_SECRET, container(waiting={}))
    tried = {(UID, NO_SECRET["name"]): Begun()}
    assert [one.patience for one in signs_of(sight(waiting))] == [3.0]
    assert [one.patience for one in signs_of(sight(waiting, tries=tried))] == [60.0]


def test_a_missing_secret_is_known_by_the_kubelets_event() -> None:
    """Its state comes ten seconds later."""
    told = event("Failed", 'Error: secret "hf-token" not found', where="storage-initializer")
    waiting = pod(container("storage-initializer", waiting={}), container(waiting={}))
    [sign] = signs_of(sight(waiting, events=[told]))
    assert sign.finding.code == "STARTUP-VARIABLE-MISSING"
    running = pod(container("storage-initializer", running={}), container(waiting={}))
    assert signs_of(sight(running, events=[told])) == []


def test_codes_are_told_once_each() -> None:
    codes = [code for code, _seen in FAILURES]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"STARTUP(-[A-Z]+)+", code) for code in codes)
