# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""GKE with its Gateway API switched on: managed CRDs, and a policy on their channel.

Six CRDs of the standard channel with the addon manager's label; what is edited or deleted comes
back. Names and message of the admission policy as seen on GKE 1.35 and 1.36; a clean-up of an
addon's labels follows kube-addon-manager (kubernetes/kubernetes, cluster/addons/addon-manager).
"""

from __future__ import annotations

import logging
from pathlib import Path

import yaml

from tests.sandbox.cloud.marks import mark
from tests.sandbox.images.operators.cluster import Cluster, Document, Kind
from tests.sandbox.images.operators.operands import Operands
from tests.sandbox.images.operators.worker import Worker

MANAGER = "kube-addon-manager"
LABEL = ("addonmanager.kubernetes.io/mode", "Reconcile")
COMPONENT = {
    "components.gke.io/component-name": "gateway-api",
    "components.gke.io/layer": "addon",
}
POLICY = "enforce-gateway-standard-channel"
BINDING = "enforce-gateway-standard-channel-binding"
MESSAGE = (
    "All Gateway API CRDs must belong to the 'standard' channel."
    " Experimental CRDs are not permitted."
)
CHANNEL = "gateway.networking.k8s.io/channel"
GROUP = "gateway.networking.k8s.io"
ADMISSION = "admissionregistration.k8s.io/v1"
CRD: Kind = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
KINDS: tuple[Kind, ...] = (
    CRD,
    (ADMISSION, "ValidatingAdmissionPolicy"),
    (ADMISSION, "ValidatingAdmissionPolicyBinding"),
)

log = logging.getLogger(__name__)


def policy() -> list[Document]:
    """Return the admission policy and its binding."""
    return [
        {
            "apiVersion": ADMISSION,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": POLICY},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "resourceRules": [
                        {
                            "apiGroups": ["apiextensions.k8s.io"],
                            "apiVersions": ["*"],
                            "operations": ["CREATE", "UPDATE"],
                            "resources": ["customresourcedefinitions"],
                        }
                    ]
                },
                "matchConditions": [
                    {"name": "gateway-api", "expression": f"object.spec.group == '{GROUP}'"}
                ],
                "validations": [
                    {
                        "expression": (
                            "has(object.metadata.annotations)"
                            f" && '{CHANNEL}' in object.metadata.annotations"
                            f" && object.metadata.annotations['{CHANNEL}'] == 'standard'"
                        ),
                        "message": MESSAGE,
                    }
                ],
            },
        },
        {
            "apiVersion": ADMISSION,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": BINDING},
            "spec": {"policyName": POLICY, "validationActions": ["Deny"]},
        },
    ]


def managed(crd: Document) -> Document:
    """Add GKE's marks to a CRD, and leave its empty status out."""
    metadata = crd["metadata"]
    annotations = {**metadata.get("annotations", {}), **COMPONENT}
    rest = {name: value for name, value in crd.items() if name != "status"}
    return {**rest, "metadata": {**metadata, "annotations": annotations}}


def read_crds(folder: Path) -> list[Document]:
    """Return the CRDs of a bundle. Raises OSError when there is no such folder."""
    crds = []
    for path in sorted(folder.iterdir()):
        if path.suffix == ".yaml":
            documents = yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
            crds += [each for each in documents if each and each["kind"] == CRD[1]]
    return crds


def run(kubeconfig: str, bundle: Path, folder: Path) -> None:
    """Keep the CRDs of the standard bundle and the policy as they are for ever."""
    cluster = Cluster.of_kubeconfig(kubeconfig, MANAGER)
    worker = Worker()
    operands = Operands(cluster, LABEL, worker.wake)
    wanted = [*map(managed, read_crds(bundle)), *policy()]

    def reconcile() -> bool:
        # The addon manager takes over what has its names.
        for line in operands.converge(wanted, lambda _live: None):
            log.info(line)
        mark(folder, "gateway-api")
        return True

    worker.run(reconcile)


def remove(cluster: Cluster) -> None:
    """Take back the policy of an earlier run with this habit; CRDs stay, as on GKE."""
    for kind, name in zip(KINDS[1:], (POLICY, BINDING), strict=True):
        cluster.delete(kind, ("", name))
