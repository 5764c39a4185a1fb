# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.sandbox.images.operators.conditions import condition, timed
from tests.sandbox.images.operators.operands import contains, in_order, keep_what_others_own


@pytest.mark.parametrize(
    ("live", "wanted", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 2]}}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": [{"n": 1, "x": 2}]}, {"a": [{"n": 1}]}, True),
        # The API server drops what is empty.
        ({}, {"a": {}, "b": [], "c": None, "d": ""}, True),
        ({"a": {"b": 1}}, {"a": {}}, True),
        ({}, {"a": 0}, False),
        ({}, {"a": False}, False),
        ({"a": "x"}, {"a": ""}, False),
        ({}, {"a": {"b": 1}}, False),
    ],
)
def test_drift_is_what_the_live_object_lacks(live: Any, wanted: Any, expected: bool) -> None:
    assert contains(live, wanted) is expected


def test_accounts_come_before_workloads_and_webhooks_last() -> None:
    kinds = ["ValidatingWebhookConfiguration", "Deployment", "Role", "ServiceAccount", "Service"]
    ordered = [each["kind"] for each in in_order({"kind": kind} for kind in kinds)]
    assert ordered == [
        "ServiceAccount",
        "Role",
        "Deployment",
        "Service",
        "ValidatingWebhookConfiguration",
    ]


def webhook(policy: str) -> dict[str, Any]:
    return {
        "kind": "ValidatingWebhookConfiguration",
        "webhooks": [{"name": "a", "failurePolicy": policy, "rules": []}],
    }


def test_a_failure_policy_that_istiod_set_stays() -> None:
    kept = keep_what_others_own(webhook("Ignore"), webhook("Fail"))
    assert kept["webhooks"][0]["failurePolicy"] == "Fail"
    assert keep_what_others_own(webhook("Ignore"), None) == webhook("Ignore")
    other = {**webhook("Ignore"), "kind": "MutatingWebhookConfiguration"}
    assert keep_what_others_own(other, webhook("Fail")) == other


def test_a_conditions_time_changes_with_its_status_only() -> None:
    first = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    later = datetime(2026, 1, 1, 13, 0, tzinfo=UTC)
    before = timed([condition("Ready", "False", "Waiting", "one")], [], first)
    same = timed([condition("Ready", "False", "Waiting", "two")], before, later)
    assert same[0]["lastTransitionTime"] == "2026-01-01T12:00:00Z"
    assert same[0]["message"] == "two"
    changed = timed([condition("Ready", "True")], same, later)
    assert changed == [
        {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T13:00:00Z"}
    ]
