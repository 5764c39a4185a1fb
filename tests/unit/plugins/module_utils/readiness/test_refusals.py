# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pods that may not be created: whose they are, and whether it can heal."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.refusals import (
    judge,
    need_events,
    of,
)

Object = dict[str, Any]
QUOTA = "exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0"


def refused(message: str, count: int = 1, **place: str) -> Object:
    return {
        "involvedObject": {"kind": "ReplicaSet", "name": "d-5f6c", **place},
        "reason": "FailedCreate",
        "message": f"Error creating: {message}",
        "count": count,
        "lastTimestamp": "2",
    }


@pytest.mark.parametrize(
    ("message", "hopeless"),
    [
        ('admission webhook "warden-validating.common-webhooks" denied the request: no', True),
        ("pods is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request", True),
        (f'pods "d-1" is forbidden: {QUOTA}', True),
        ('pods "d-1" is forbidden: failed quota: q: must specify limits.cpu', True),
        ("maximum memory usage per Container is 1Gi, but limit is 2Gi", True),
        ('failed calling webhook "x": connection refused', False),
        ('error looking up service account n/x: serviceaccount "x" not found', False),
    ],
)
def test_what_heals(message: str, hopeless: bool) -> None:
    verdict = judge([refused(message, 2)], 0, leaving=False)
    assert verdict is not None
    assert verdict.hopeless is hopeless
    assert verdict.reason == f"its pods are refused: {message}"


@pytest.mark.parametrize(
    ("count", "before", "leaving", "hopeless"),
    [
        (2, 0, False, True),
        (1, 0, False, False),
        (9, 8, False, False),
        (9, 9, False, False),
        (2, 0, True, False),
    ],
)
def test_only_refusals_since_we_looked_count(
    count: int, before: int, leaving: bool, hopeless: bool
) -> None:
    verdict = judge([refused(QUOTA, count)], before, leaving=leaving)
    assert verdict is not None
    assert verdict.hopeless is hopeless


def test_nothing_is_refused() -> None:
    assert judge([], 0, leaving=False) is None


def test_whose_pods_are_refused() -> None:
    deployment = {"metadata": {"name": "d", "uid": "u"}}
    ours, sets = refused(QUOTA), refused(QUOTA, kind="StatefulSet", name="d", uid="u")
    others = [
        refused(QUOTA, name="d-other-5f6c"),
        refused(QUOTA, kind="Job", name="d-5f6c"),
        {**ours, "reason": "SuccessfulCreate"},
    ]
    assert of([ours, *others], deployment, [deployment]) == [ours]
    assert of([ours, sets], deployment, []) == [sets]


def test_when_events_are_needed() -> None:
    failing = {"status": {"conditions": [{"type": "ReplicaFailure", "status": "True"}]}}
    assert need_events("Deployment", failing, [], [failing])
    assert not need_events("Deployment", {}, [], [{}])
    assert need_events("Job", {}, [], [])
    assert not need_events("Job", {}, [{}], [])
    assert need_events("StatefulSet", {"spec": {"replicas": 2}}, [{}], [])
    assert need_events("DaemonSet", {"status": {"desiredNumberScheduled": 1}}, [], [])
