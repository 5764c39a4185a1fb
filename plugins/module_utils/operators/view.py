# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the operators phase has to know about a cluster. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.llmd.tpu.plugins.module_utils.operators.objects import Document, named

CERT_MANAGER_OPERATOR = "cert-manager-operator-controller-manager"
SAIL_OPERATORS = {"redhat": "servicemesh-operator3", "community": "sail-operator"}
CRDS = {
    "cert-manager": "certificates.cert-manager.io",
    "gateway-api": "gateways.gateway.networking.k8s.io",
    "inference-extension": "inferencepools.inference.networking.k8s.io",
    "lws": "leaderworkersets.leaderworkerset.x-k8s.io",
    "monitoring-crds": "servicemonitors.monitoring.coreos.com",
}


@dataclass(frozen=True)
class View:
    """The objects that were found, as they are; a kind that is not served has none."""

    istiods: tuple[Document, ...] = ()
    cert_managers: tuple[Document, ...] = ()
    """The Deployments of cert-manager's controller."""
    operators: tuple[Document, ...] = ()
    """The Deployments of the operators, whoever installed them."""
    istios: tuple[Document, ...] = ()
    revisions: tuple[Document, ...] = ()
    crds: Mapping[str, Document] = field(default_factory=dict)
    """By part, as `CRDS` names them."""
    gateways: tuple[Document, ...] = ()
    pools: tuple[Document, ...] = ()
    dependents: tuple[Document, ...] = ()

    def operator(self, name: str) -> Document | None:
        """An operator's Deployment, in whichever namespace."""
        return named(self.operators, name)

    @property
    def istio(self) -> Document | None:
        """The Istio object that this collection writes."""
        return named(self.istios, "default")

    @property
    def revision(self) -> Document | None:
        """The revision that the operator made of it."""
        return named(self.revisions, "default")
