# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names and labels of the objects that KServe makes for one LLMInferenceService. Pure.

Sources: knative.dev/pkg ``kmeta/names.go`` (the shortening rule) and opendatahub-io/kserve
``pkg/controller/llmisvc`` (the suffixes), same on both tracks except where ``tracks.py`` says so.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import Track

_LONGEST = 63
_MD5 = 32
_HEAD = _LONGEST - _MD5

SCHEDULER_SERVICE = "-epp-service"
WORKLOAD_SERVICE = "-kserve-workload-svc"
POOL = "-inference-pool"

ALL_SERVICES = "app.kubernetes.io/part-of=llminferenceservice"
"""Selects everything that KServe makes for any service."""

WORKLOAD_COMPONENT = "kserve.io/component=workload"
SCHEDULER_COMPONENT = "app.kubernetes.io/component=llminferenceservice-router-scheduler"

# The longest suffix is "-kserve-self-signed-certs"; up to here no name is shortened.
LONGEST_PLAIN_NAME = _LONGEST - len("-kserve-self-signed-certs")


def child_name(parent: str, suffix: str) -> str:
    """Join parent and suffix; where that exceeds 63 characters, shorten as the controller does."""
    if len(parent) + len(suffix) <= _LONGEST:
        return parent + suffix
    if len(suffix) >= _HEAD:
        digest = hashlib.md5((parent + suffix).encode(), usedforsecurity=False).hexdigest()
        name = parent[:_HEAD] + digest
        name += suffix[: max(0, _LONGEST - len(name))]
        return re.sub(r"[^a-zA-Z0-9]+$", "", name)
    digest = hashlib.md5(parent.encode(), usedforsecurity=False).hexdigest()
    return parent[: _HEAD - len(suffix)] + digest + suffix


@dataclass(frozen=True)
class ChildNames:
    """The objects around one service that people and checks look for."""

    certificate_secret: str
    workload: str
    workload_service: str
    scheduler: str
    scheduler_service: str
    scheduler_account: str
    scheduler_cluster_role_binding: str
    pool: str
    route: str
    destination_rules: tuple[str, str, str]


def names_of(namespace: str, name: str, track: Track) -> ChildNames:
    """Work out what KServe calls the children of ``namespace``/``name``."""
    return ChildNames(
        certificate_secret=child_name(name, "-kserve-self-signed-certs"),
        workload=child_name(name, "-kserve"),
        workload_service=child_name(name, WORKLOAD_SERVICE),
        scheduler=child_name(name, "-kserve-router-scheduler"),
        scheduler_service=child_name(name, SCHEDULER_SERVICE),
        scheduler_account=child_name(name, "-epp-sa"),
        scheduler_cluster_role_binding=child_name(namespace, f"-{name}-epp-auth-rb"),
        pool=child_name(name, POOL),
        route=child_name(name, "-kserve-route"),
        destination_rules=(
            child_name(name, "-kserve-scheduler"),
            child_name(name, WORKLOAD_SERVICE),
            child_name(name, track.shadow_destination_rule),
        ),
    )


def service_selector(name: str) -> str:
    """Select everything that KServe makes for a service, its pods too."""
    return f"app.kubernetes.io/name={name},{ALL_SERVICES}"


def workload_selector(name: str) -> str:
    """Select the pods that run the model server."""
    return f"{service_selector(name)},{WORKLOAD_COMPONENT}"


def scheduler_selector(name: str) -> str:
    """Select the pods of the endpoint picker (EPP)."""
    return f"{service_selector(name)},{SCHEDULER_COMPONENT}"


def gateway_selector(name: str) -> str:
    """Select the pods, or the Service, that an implementation made for a Gateway."""
    return f"gateway.networking.k8s.io/gateway-name={name}"
