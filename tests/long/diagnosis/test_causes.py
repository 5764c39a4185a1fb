# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything that breaks a running model, produced by its cause, and the pairs that look alike."""

from __future__ import annotations

import pytest

from tests.e2e.diagnosis.breaks import BREAKS
from tests.e2e.diagnosis.diagnosing import Break, check, codes
from tests.long.diagnosis.outcomes import OUTCOMES
from tests.sandbox.harness import Sandbox

BY_NAME = {case.name: case for case in BREAKS}

PAIRS = [
    ("nobody listens at the address", "gateway-image", "gateway-scaled"),
    ("the authority in the gateway", "gateway-bundle", "gateway-ca-not-mounted"),
    ("no Gateway to talk to", "gateway-address", "gateway-missing"),
    ("404", "url-of-the-guide", "controller-and-route"),
    ("no connection to the URL", "url-host", "url-port"),
    ("a webhook has no endpoint", "webhook-endpoints", "controller"),
    ("a webhook does not answer", "webhook-endpoints", "firewall"),
    ("requests time out", "policy-server", "server-dead"),
    ("a policy in the way", "policy-server", "policy-scheduler"),
    ("500 of the gateway", "pool-group", "controller-and-pools"),
    ("Ready, and nothing can be changed", "configuration", "preset"),
    ("the authority is another", "authority-lost", "authority-reissued"),
    ("a pod is Pending", "node-drained", "node-reclaimed"),
    ("a new pod is Pending", "rollout-stuck", "node-drained"),
    ("an answer is late", "first-inference-late", "server-dead"),
    ("a controller that repairs no route", "controller-blind", "controller-and-route"),
]
"""What they have in common, and two causes of it."""


def outcome(sandbox: Sandbox, case: Break) -> list[str]:
    """What is told of a break: its expected code alone, or what was told at the end."""
    if case.name not in OUTCOMES.rows:
        OUTCOMES.rows[case.name] = (case.code, ["not named as expected"], 0.0)
        result = check(sandbox, case)
        named = codes(result, case.severity)
        OUTCOMES.rows[case.name] = (case.code, named, float(result["seconds"]))
    return OUTCOMES.rows[case.name][1]


@pytest.mark.parametrize("case", BREAKS, ids=[case.name for case in BREAKS])
def test_a_cause_is_named_alone(victim: Sandbox, case: Break) -> None:
    assert outcome(victim, case) == [case.code]


@pytest.mark.parametrize(("symptom", "one", "other"), PAIRS, ids=[pair[0] for pair in PAIRS])
def test_what_looks_alike_is_told_apart(
    victim: Sandbox, symptom: str, one: str, other: str
) -> None:
    """By their codes, or by the words where both are of one kind."""
    first, second = BY_NAME[one], BY_NAME[other]
    assert outcome(victim, first) == [first.code], symptom
    assert outcome(victim, second) == [second.code], symptom
    assert (first.code, first.words, first.follows) != (second.code, second.words, second.follows)
