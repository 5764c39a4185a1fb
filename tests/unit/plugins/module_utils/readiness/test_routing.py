# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gateways, routes and pools are ready when their controllers say so, and say it now."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.routing import (
    gateway,
    pool,
    route,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Sight, Verdict

Object = dict[str, Any]


def conditions(*names: str, **others: Any) -> list[Object]:
    listed = [{"type": name, "status": "True"} for name in names]
    return listed + [{"type": name, **fields} for name, fields in others.items()]


def listener(**reported: str) -> Object:
    told = [{"type": t, "status": s, "reason": "R", "message": "m"} for t, s in reported.items()]
    return {"name": "https", "conditions": told}


def check(verdict: Verdict, words: str) -> None:
    assert verdict.ready is not bool(words), verdict
    assert words in verdict.reason
    assert not verdict.hopeless


PENDING = {"status": "False", "reason": "AddressNotAssigned", "message": "address pending"}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"conditions": conditions("Accepted", "Programmed"), "addresses": [1]}, ""),
        ({"conditions": conditions("Accepted", "Programmed")}, "has no address yet"),
        ({"conditions": conditions("Accepted"), "addresses": [1]}, "Programmed is not reported"),
        (
            {"conditions": conditions("Accepted", Programmed=PENDING)},
            "Programmed is False (AddressNotAssigned: address pending)",
        ),
    ],
)
def test_gateway(status: Object, words: str) -> None:
    check(gateway(Sight({"status": status})), words)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (listener(Accepted="True", Conflicted="False"), ""),
        (listener(ResolvedRefs="False"), "listener https: ResolvedRefs (R: m)"),
        (listener(Conflicted="True"), "listener https: Conflicted (R: m)"),
    ],
)
def test_listeners(told: Object, words: str) -> None:
    status = {"conditions": conditions("Accepted", "Programmed"), "addresses": [1]}
    check(gateway(Sight({"status": {**status, "listeners": [told]}})), words)


def report(name: str = "g", *names: str, observed: int = 2, **more: Any) -> Object:
    told = conditions(*(names or ("Accepted", "ResolvedRefs")))
    for condition in told:
        condition["observedGeneration"] = observed
    return {"parentRef": {"name": name, **more}, "conditions": told}


def routed(*reports: Object, asked: tuple[str, ...] = ("g",)) -> Object:
    return {
        "metadata": {"namespace": "n", "generation": 2},
        "spec": {"parentRefs": [{"name": name} for name in asked]},
        "status": {"parents": list(reports)},
    }


@pytest.mark.parametrize(
    ("live", "words"),
    [
        (routed(report()), ""),
        (routed(), "no Gateway has reported on it yet"),
        (routed(report(), asked=("g", "h")), "Gateway n/h has not reported on it yet"),
        (routed(report(), report("old", "Accepted")), ""),
        (routed(report("g", "Accepted")), "ResolvedRefs is not reported"),
        (routed(report(), report(namespace="n", observed=1)), "older generation (1 of 2)"),
    ],
)
def test_route(live: Object, words: str) -> None:
    check(route(Sight(live)), words)


NOBODY = {
    "parentRef": {"kind": "Status", "name": "default"},
    "conditions": [{"type": "Accepted", "status": "Unknown", "reason": "Pending"}],
}


@pytest.mark.parametrize("field", ["parent", "parents"])
@pytest.mark.parametrize(
    ("reports", "gateways", "words"),
    [
        ([report()], {"n/g": True}, ""),
        ([], {}, "no Gateway has reported"),
        ([NOBODY], {}, "Accepted is Unknown (Pending)"),
        ([report()], {"n/g": False}, "its status is stale: Gateway n/g no longer exists"),
        ([report(), report("h")], {"n/g": False, "n/h": True}, ""),
        ([report(observed=1)], {"n/g": True}, "older generation (1 of 2)"),
    ],
)
def test_pool(field: str, reports: list[Object], gateways: dict[str, bool], words: str) -> None:
    live = {"metadata": {"namespace": "n", "generation": 2}, "status": {field: reports}}
    check(pool(Sight(live, gateways=gateways)), words)
