# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Inputs of role gateway that contradict each other are named, and others are not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.filter.gateway_problems import gateway_problems

GOOD: dict[str, Any] = {
    "name": "inference-gateway",
    "http": True,
    "http_port": 80,
    "https": False,
    "https_port": 443,
    "https_issuer": "",
    "https_names": [],
    "allowed_routes": "All",
    "allowed_namespaces": [],
    "allowed_namespace_labels": {},
    "service_type": "LoadBalancer",
    "internal": False,
    "source_ranges": [],
    "replicas": 1,
    "max_replicas": 0,
    "min_available": 0,
}


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"http": False, "https": True},
        {"http": False, "https": True, "http_port": 443},
        {"https": True, "https_issuer": "ca", "https_names": ["llm.example.com"]},
        {"allowed_routes": "Selector", "allowed_namespaces": ["models"]},
        {"allowed_routes": "Selector", "allowed_namespace_labels": {"models": "yes"}},
        {"source_ranges": ["192.0.2.0/24", "2001:db8::/32"], "internal": True},
        {"replicas": 2, "max_replicas": 4, "min_available": 1},
        {"service_type": "ClusterIP"},
    ],
)
def test_inputs_that_fit(inputs: dict[str, Any]) -> None:
    assert gateway_problems({**GOOD, **inputs}) == []


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"name": "Gateway"}, "gateway_name is 'Gateway'"),
        ({"name": "g" * 58}, "at most 57 characters"),
        ({"http": False}, "needs a listener"),
        ({"http_port": 0}, "gateway_http_port is 0"),
        ({"https": True, "https_port": 80}, "are both 80"),
        ({"https": True, "https_issuer": "ca"}, "would have no name"),
        ({"allowed_routes": "Selector"}, "selects nothing"),
        ({"allowed_namespaces": ["models"]}, "have no effect; set it to Selector"),
        ({"source_ranges": ["192.0.2.1/24"]}, "host bits"),
        ({"source_ranges": ["office"]}, "'office'"),
        (
            {"service_type": "ClusterIP", "source_ranges": ["192.0.2.0/24"]},
            "gateway_source_ranges has no effect",
        ),
        ({"service_type": "ClusterIP", "internal": True}, "gateway_internal has no effect"),
        ({"replicas": 0}, "expected 1 or more"),
        ({"replicas": 3, "max_replicas": 3}, "or 0 for no autoscaling"),
        ({"min_available": 1}, "no node could be drained"),
    ],
)
def test_inputs_that_contradict_each_other(inputs: dict[str, Any], words: str) -> None:
    (problem,) = gateway_problems({**GOOD, **inputs})
    assert words in problem
