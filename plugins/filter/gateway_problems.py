# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filter for the gateway phase: inputs that contradict each other."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

# Istio adds "-istio" and names a Service so, which has at most 63 characters.
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,55}[a-z0-9])?")
_PORTS = range(1, 65536)


def gateway_problems(inputs: Mapping[str, Any]) -> list[str]:
    """What is wrong with the inputs of role gateway (without their prefix), in words."""
    return [
        *_names(inputs),
        *_listeners(inputs),
        *_routes(inputs),
        *_service(inputs),
        *_replicas(inputs),
    ]


def _names(inputs: Mapping[str, Any]) -> Iterator[str]:
    if not _NAME.fullmatch(str(inputs["name"])):
        yield (
            f"gateway_name is '{inputs['name']}'; expected lower-case letters, digits and dashes, "
            "a letter first, at most 57 characters (Istio adds -istio)"
        )


def _listeners(inputs: Mapping[str, Any]) -> Iterator[str]:
    ports = {name: inputs[f"{name}_port"] for name in ("http", "https") if inputs[name]}
    if not ports:
        yield "gateway_http and gateway_https are both false; a Gateway needs a listener"
    for name, port in ports.items():
        if port not in _PORTS:
            yield f"gateway_{name}_port is {port}; expected 1 to 65535"
    if len(set(ports.values())) < len(ports):
        yield f"gateway_http_port and gateway_https_port are both {inputs['http_port']}"
    if inputs["https"] and inputs["https_issuer"] and not inputs["https_names"]:
        yield (
            f"gateway_https_issuer is {inputs['https_issuer']}, and the certificate would have no "
            "name; set gateway_https_hostname or gateway_https_names"
        )


def _routes(inputs: Mapping[str, Any]) -> Iterator[str]:
    chosen = bool(inputs["allowed_namespaces"] or inputs["allowed_namespace_labels"])
    selects = inputs["allowed_routes"] == "Selector"
    if selects and not chosen:
        yield (
            "gateway_allowed_routes is Selector, which selects nothing; set "
            "gateway_allowed_namespaces or gateway_allowed_namespace_labels"
        )
    if chosen and not selects:
        yield (
            f"gateway_allowed_routes is {inputs['allowed_routes']}, so gateway_allowed_namespaces "
            "and gateway_allowed_namespace_labels have no effect; set it to Selector"
        )


def _service(inputs: Mapping[str, Any]) -> Iterator[str]:
    balanced = inputs["service_type"] == "LoadBalancer"
    for name in ("source_ranges", "internal"):
        if inputs[name] and not balanced:
            yield f"gateway_{name} has no effect: gateway_service_type is {inputs['service_type']}"
    for text in inputs["source_ranges"]:
        try:
            ipaddress.ip_network(str(text))
        except ValueError as problem:
            yield f"gateway_source_ranges holds '{text}': {problem}; expected such as 192.0.2.0/24"


def _replicas(inputs: Mapping[str, Any]) -> Iterator[str]:
    replicas, most, available = (
        inputs[name] for name in ("replicas", "max_replicas", "min_available")
    )
    if replicas < 1:
        yield f"gateway_replicas is {replicas}; expected 1 or more"
    if most and most <= replicas:
        yield (
            f"gateway_max_replicas is {most}, and gateway_replicas, where scaling starts, is "
            f"{replicas}; expected more, or 0 for no autoscaling"
        )
    if available and available >= replicas:
        yield (
            f"gateway_min_available is {available} of {replicas} replicas, so no node could be "
            "drained; expected fewer than gateway_replicas"
        )


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {"gateway_problems": gateway_problems}
