# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the cluster new enough? Pure.

Sources: aggregated discovery (Kubernetes 1.27, without which nothing here knows a kind); KServe's
and Gateway API's CRDs use validation rules that 1.29 made stable; GKE's tutorials for TPU v6e name
1.31.2-gke.1115000 as the first version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding

KUBERNETES_MINIMUM = (1, 29)
GKE_MINIMUM = (1, 31, 2, 1115000)
_GKE_WORDS = "1.31.2-gke.1115000"


def check_version(version: Mapping[str, Any], generations: tuple[str, ...]) -> Iterator[Finding]:
    """Judge what ``/version`` says; `generations` are the TPU generations that the run needs."""
    text = str(version.get("gitVersion", ""))
    numbers = [int(part) for part in re.findall(r"\d+", text)]
    if len(numbers) < 2:
        yield Finding(
            code="CLUSTER-VERSION-UNKNOWN",
            severity="warning",
            message="the API server tells no version",
            subject="/version",
            found=text,
            expected="Kubernetes 1.29 or newer",
            fix="check kubectl version",
        )
        return
    if tuple(numbers[:2]) < KUBERNETES_MINIMUM:
        yield Finding(
            code="CLUSTER-TOO-OLD",
            severity="error",
            message="this Kubernetes is too old: the CRDs of KServe and Gateway API are refused",
            subject="/version",
            found=text,
            expected="Kubernetes 1.29 or newer",
            fix="upgrade the control plane",
            source="kubernetes.io, CustomResourceDefinition validation rules (stable in 1.29)",
        )
    if "-gke." in text and "v6e" in generations and tuple(numbers[:4]) < GKE_MINIMUM:
        yield Finding(
            code="CLUSTER-GKE-OLD-FOR-TPU",
            severity="warning",
            message="Google names a newer GKE as the first with TPU v6e",
            subject="/version",
            found=text,
            expected=f"{_GKE_WORDS} or newer",
            fix="upgrade the control plane and the TPU node pool",
            source="GKE tutorials for TPU v6e",
        )


def unreachable(problem: str) -> Finding:
    """The finding for a cluster that does not answer; the words come from the connection."""
    return Finding(
        code="CLUSTER-UNREACHABLE",
        severity="error",
        message=problem,
        expected="an API server that answers",
        fix="check kubeconfig, context, and that this machine reaches the cluster",
    )


def unreadable(what: str, problem: str) -> Finding:
    """The finding for something that could not be looked at, so nothing is said of it."""
    return Finding(
        code="CLUSTER-NOT-LOOKED-AT",
        severity="info",
        message=f"{what} could not be looked at, so nothing is said about it",
        subject=what,
        found=problem[:300],
        expected="an account that may list it",
        fix="run with an account that may read the whole cluster, if you want to know",
    )
