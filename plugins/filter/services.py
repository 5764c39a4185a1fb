# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters on LLMInferenceServices: what KServe leaves behind of them, and where they are reached.

Source of the former: opendatahub-io/kserve ``pkg/controller/llmisvc`` (the ClusterRoleBinding of a
scheduler's account has no owner).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import child_name

Object = Mapping[str, Any]
_AUTH_DELEGATOR = "system:auth-delegator"


def _places(services: Iterable[Object]) -> set[tuple[str, str]]:
    return {(str(one["namespace"]), str(one["name"])) for one in services}


def bindings_of_services(bindings: Iterable[Object], services: Iterable[Object]) -> list[str]:
    """The names of the ClusterRoleBindings that KServe made for these services' schedulers.

    Both must fit: the name that KServe gives, and the one account that it is for.
    """
    wanted = {
        child_name(namespace, f"-{name}-epp-auth-rb"): {
            "kind": "ServiceAccount",
            "namespace": namespace,
            "name": child_name(name, "-epp-sa"),
        }
        for namespace, name in _places(services)
    }
    found = []
    for binding in bindings:
        subjects = [
            {key: one.get(key) for key in ("kind", "namespace", "name")}
            for one in binding.get("subjects") or ()
        ]
        role = (binding.get("roleRef") or {}).get("name")
        name = binding["metadata"]["name"]
        if role == _AUTH_DELEGATOR and subjects == [wanted.get(name)]:
            found.append(str(name))
    return found


def service_urls(services: Iterable[Object]) -> dict[str, str]:
    """`namespace/name` to URL of the services that have one, as the info modules list them."""
    return {f"{one['namespace']}/{one['name']}": str(one["url"]) for one in services if one["url"]}


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {"bindings_of_services": bindings_of_services, "service_urls": service_urls}
