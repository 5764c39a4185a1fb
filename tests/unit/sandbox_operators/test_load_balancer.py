# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.cloud.load_balancer import Change, NoAddressLeft, changes


def service(name: str, kind: str = "LoadBalancer", address: str = "") -> dict[str, Any]:
    ingress = [{"ip": address}] if address else []
    return {
        "metadata": {"name": name, "namespace": "a", "uid": name},
        "spec": {"type": kind},
        "status": {"loadBalancer": {"ingress": ingress}},
    }


def decide(*services: dict[str, Any], withheld: bool = False, **remembered: str) -> list[Change]:
    by_key = {("a", each["metadata"]["name"]): each for each in services}
    return changes(by_key, remembered, withheld)


def test_addresses_are_given_in_order_and_once() -> None:
    assert decide(service("x"), service("y"), service("z", address="203.0.113.10")) == [
        Change(("a", "x"), "203.0.113.11"),
        Change(("a", "y"), "203.0.113.12"),
    ]


def test_what_has_an_address_keeps_it() -> None:
    assert decide(service("x", address="203.0.113.77")) == []


def test_other_types_lose_and_never_get_one() -> None:
    assert decide(service("x", "ClusterIP"), service("y", "NodePort", "203.0.113.10")) == [
        Change(("a", "y"), "")
    ]


def test_a_withheld_address_is_taken_and_later_given_back() -> None:
    assert decide(service("x", address="203.0.113.10"), withheld=True) == [Change(("a", "x"), "")]
    assert decide(service("x"), withheld=True) == []
    given = decide(service("new"), service("x"), x="203.0.113.10")
    assert Change(("a", "x"), "203.0.113.10") in given
    assert Change(("a", "new"), "203.0.113.11") in given


def test_running_out_of_addresses_is_said() -> None:
    with pytest.raises(NoAddressLeft, match=r"203\.0\.113\.0/24"):
        decide(*(service(f"s{number}") for number in range(250)))
