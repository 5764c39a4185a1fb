# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which order objects are written. Pure.

Namespaces and CRDs come before what needs them; accounts, settings and permissions before what
starts pods; webhooks and admission policies last, so that they do not refuse what comes with them.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import Manifest

NAMESPACES, DEFINITIONS, FOUNDATIONS, THINGS, ADMISSION = range(5)

_RANKS = {
    "Namespace": NAMESPACES,
    "CustomResourceDefinition": DEFINITIONS,
    "ClusterRole": FOUNDATIONS,
    "ConfigMap": FOUNDATIONS,
    "LimitRange": FOUNDATIONS,
    "PriorityClass": FOUNDATIONS,
    "ResourceQuota": FOUNDATIONS,
    "Role": FOUNDATIONS,
    "Secret": FOUNDATIONS,
    "ServiceAccount": FOUNDATIONS,
    "StorageClass": FOUNDATIONS,
    "MutatingWebhookConfiguration": ADMISSION,
    "ValidatingWebhookConfiguration": ADMISSION,
    "ValidatingAdmissionPolicy": ADMISSION,
    "ValidatingAdmissionPolicyBinding": ADMISSION,
}


def rank(manifest: Manifest) -> int:
    """The step in which an object is written."""
    return _RANKS.get(manifest.kind, THINGS)


def steps(manifests: Iterable[Manifest]) -> list[list[int]]:
    """Indices of the manifests, step by step; within a step in the order given."""
    by_rank: dict[int, list[int]] = {}
    for index, manifest in enumerate(manifests):
        by_rank.setdefault(rank(manifest), []).append(index)
    return [by_rank[number] for number in sorted(by_rank)]
