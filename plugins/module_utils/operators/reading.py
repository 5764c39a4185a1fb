# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what the operators phase has to know about a cluster, in a few parallel requests."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.connection import PARALLEL
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.retry import (
    Persistence,
    patient,
)
from ansible_collections.llmd.tpu.plugins.module_utils.operators.objects import Document
from ansible_collections.llmd.tpu.plugins.module_utils.operators.view import (
    CERT_MANAGER_OPERATOR,
    CRDS,
    SAIL_OPERATORS,
    View,
)

_DEPLOYMENTS = "/apis/apps/v1/deployments"
_CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
# What serves models and gateways, by the API version that lists them.
_DEPENDENTS = (
    ("serving.kserve.io/v1alpha1", "LLMInferenceService", "llminferenceservices"),
    ("serving.kserve.io/v1alpha2", "LLMInferenceService", "llminferenceservices"),
    ("gateway.networking.k8s.io/v1", "Gateway", "gateways"),
    ("cert-manager.io/v1", "Certificate", "certificates"),
    ("cert-manager.io/v1", "Issuer", "issuers"),
    ("cert-manager.io/v1", "ClusterIssuer", "clusterissuers"),
    ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "leaderworkersets"),
)
_POOLS = ("inference.networking.k8s.io/v1", "inference.networking.x-k8s.io/v1alpha2")


def read(
    api: Api,
    *,
    pools: bool = False,
    dependents: bool = False,
    persist: Persistence | None = None,
) -> View:
    """Read a cluster. Raises ApiError and ConnectionLost when that does not help any more."""
    persist = persist or patient(lambda: api.counts.add(retries=1))
    names = [*SAIL_OPERATORS.values(), CERT_MANAGER_OPERATOR]
    deployments = {
        "istiods": {"labelSelector": "app=istiod"},
        "cert_managers": {
            "labelSelector": "app.kubernetes.io/name=cert-manager,"
            "app.kubernetes.io/component=controller"
        },
        **{name: {"fieldSelector": f"metadata.name={name}"} for name in names},
    }
    wanted: dict[str, tuple[str, Mapping[str, str] | None]] = {
        key: (_DEPLOYMENTS, query) for key, query in deployments.items()
    }
    wanted["istios"] = ("/apis/sailoperator.io/v1/istios", None)
    wanted["revisions"] = ("/apis/sailoperator.io/v1/istiorevisions", None)
    for part, crd in CRDS.items():
        wanted[part] = (f"{_CRD}/{quote(crd)}", None)
    if pools:
        wanted["gateways"] = ("/apis/gateway.networking.k8s.io/v1/gateways", None)
        for version in _POOLS:
            wanted[version] = (f"/apis/{version}/inferencepools", None)
    if dependents:
        for version, kind, plural in _DEPENDENTS:
            wanted[f"{version} {kind}"] = (f"/apis/{version}/{plural}", None)
    with ThreadPoolExecutor(PARALLEL) as pool:
        replies = dict(
            zip(
                wanted,
                pool.map(lambda one: persist(lambda: api.get(*one)), wanted.values()),
                strict=True,
            )
        )
    found = {key: _items(reply) for key, reply in replies.items()}
    return View(
        istiods=found["istiods"],
        cert_managers=found["cert_managers"],
        operators=tuple(item for name in names for item in found[name]),
        istios=found["istios"],
        revisions=found["revisions"],
        crds={part: reply for part in CRDS if (reply := replies[part]) is not None},
        gateways=found.get("gateways", ()),
        pools=tuple(item for version in _POOLS for item in found.get(version, ())),
        dependents=_once(
            item
            for version, kind, _plural in _DEPENDENTS
            for item in found.get(f"{version} {kind}", ())
        ),
    )


def _items(reply: Mapping[str, Any] | None) -> tuple[Document, ...]:
    """The objects of a list, each with its own kind, which lists leave out."""
    if reply is None or "items" not in reply:
        return ()
    kind = str(reply.get("kind", "")).removesuffix("List")
    return tuple(
        {"apiVersion": reply.get("apiVersion"), "kind": kind, **item} for item in reply["items"]
    )


def _once(items: Any) -> tuple[Document, ...]:
    """Objects without those that another API version of their kind gave already."""
    return tuple({item["metadata"]["uid"]: item for item in items}.values())
