# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stand-in for Red Hat's cert-manager operator: installs cert-manager for CertManager ``cluster``.

It imitates, of openshift/cert-manager-operator 1.15 and the public chart that installs it:
- the three Deployments in namespace ``cert-manager``, with Red Hat's one image and its commands;
- conditions ``<part>-deploymentAvailable``, ``…Degraded`` and ``…Progressing``;
- Infrastructure ``cluster`` must exist;
- ``managementState`` Managed, Unmanaged and Removed; ``overrideArgs``, ``overrideEnv`` and
  ``overrideResources`` of each part.
What differs: the operands are cert-manager 1.11, from its own chart; a removed CertManager removes
them, where the real operator would make a new CertManager.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.sandbox.images.operators.cluster import (
    TROUBLE,
    Cluster,
    Document,
    Kind,
    Watch,
    reason_of,
)
from tests.sandbox.images.operators.conditions import condition, timed
from tests.sandbox.images.operators.helm import render
from tests.sandbox.images.operators.operands import Operands, Refused
from tests.sandbox.images.operators.worker import Worker, serve_probes, stop_when_asked

CHART = Path("/charts/cert-manager")
PROBES_PORT = 8081
CERT_MANAGER: Kind = ("operator.openshift.io/v1alpha1", "CertManager")
INFRASTRUCTURE: Kind = ("config.openshift.io/v1", "Infrastructure")
DEPLOYMENT: Kind = ("apps/v1", "Deployment")
NAME = "cluster"
FINALIZER = "operator.openshift.io/cert-manager-operands"
LABEL = ("managed-by", "cert-manager-operator")
# Accounts are not among them: the public chart makes those, with their pull secrets.
OPERAND_KINDS: tuple[Kind, ...] = (
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    DEPLOYMENT,
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
)
# Condition prefix -> the Deployment, the key of its overrides, its program in Red Hat's image.
PARTS = {
    "controller": ("cert-manager", "controllerConfig", "/app/cmd/controller/controller"),
    "webhook": ("cert-manager-webhook", "webhookConfig", "/app/cmd/webhook/webhook"),
    "cainjector": ("cert-manager-cainjector", "cainjectorConfig", "/app/cmd/cainjector/cainjector"),
}
COMMANDS = {deployment: program for deployment, _key, program in PARTS.values()}

log = logging.getLogger("cert-manager-operator")


def chart_values(spec: Document, environment: Mapping[str, str]) -> Document:
    """Return the chart's values for what CertManager says and the images of `environment`."""
    return {
        "installCRDs": False,
        "startupapicheck": {"enabled": False},
        "prometheus": {"enabled": False},
        **_part(spec, "controllerConfig", environment["RELATED_IMAGE_CERT_MANAGER_CONTROLLER"]),
        "webhook": _part(spec, "webhookConfig", environment["RELATED_IMAGE_CERT_MANAGER_WEBHOOK"]),
        "cainjector": _part(
            spec, "cainjectorConfig", environment["RELATED_IMAGE_CERT_MANAGER_CA_INJECTOR"]
        ),
        "acmesolver": {"image": _image(environment["RELATED_IMAGE_CERT_MANAGER_ACMESOLVER"])},
    }


def _part(spec: Document, key: str, image: str) -> Document:
    overrides = spec.get(key) or {}
    values: Document = {"image": _image(image), "extraArgs": overrides.get("overrideArgs", [])}
    if "overrideEnv" in overrides:
        values["extraEnv"] = overrides["overrideEnv"]
    if "overrideResources" in overrides:
        values["resources"] = overrides["overrideResources"]
    return values


def _image(reference: str) -> Document:
    repository, _colon, tag = reference.rpartition(":")
    return {"repository": repository, "tag": tag}


def with_command(document: Document) -> Document:
    """Name the program in a Deployment: Red Hat's one image has no entry point of its own."""
    program = COMMANDS.get(document["metadata"]["name"])
    if document["kind"] != "Deployment" or program is None:
        return document
    pod = document["spec"]["template"]["spec"]
    first, *others = pod["containers"]
    containers = [{**first, "command": [program]}, *others]
    template = {**document["spec"]["template"], "spec": {**pod, "containers": containers}}
    return {**document, "spec": {**document["spec"], "template": template}}


def owned(document: Document, owner: Document) -> Document:
    """Make `owner` the controller of an object, if that shall go with it."""
    if (document["apiVersion"], document["kind"]) not in OPERAND_KINDS:
        return document
    reference = {
        "apiVersion": CERT_MANAGER[0],
        "kind": CERT_MANAGER[1],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    return {**document, "metadata": {**document["metadata"], "ownerReferences": [reference]}}


def part_conditions(part: str, deployment: Document | None, error: str) -> list[Document]:
    """Return the three conditions of one Deployment; `error` is why it could not be applied."""
    prefix = f"cert-manager-{part}-deployment"
    status = (deployment or {}).get("status") or {}
    wanted = (deployment or {}).get("spec", {}).get("replicas", 1)
    updated = status.get("updatedReplicas", 0)
    available = status.get("availableReplicas", 0)
    degraded = condition(f"{prefix}Degraded", "False", "AsExpected")
    if error:
        degraded = condition(f"{prefix}Degraded", "True", "SyncError", error)
    ready = condition(f"{prefix}Available", "True", "AsExpected")
    if available < 1:
        message = f"deployment/{PARTS[part][0]}: {available}/{wanted} replicas are available"
        ready = condition(f"{prefix}Available", "False", "Deploying", message)
    progressing = condition(f"{prefix}Progressing", "False", "AsExpected")
    if updated < wanted or available < wanted:
        message = f"deployment/{PARTS[part][0]}: {updated}/{wanted} replicas are updated"
        progressing = condition(f"{prefix}Progressing", "True", "Deploying", message)
    return [ready, degraded, progressing]


class Operator:
    """Reconciles CertManager ``cluster``."""

    def __init__(
        self,
        cluster: Cluster,
        environment: Mapping[str, str],
        wake: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        """`environment` names images, version and namespace of what is installed."""
        self._cluster = cluster
        self._environment = environment
        self._namespace = environment.get("OPERAND_NAMESPACE", "cert-manager")
        self._now = now
        self._operands = Operands(cluster, LABEL, wake)
        self._watches = (Watch(cluster, CERT_MANAGER, wake), Watch(cluster, INFRASTRUCTURE, wake))
        self._rendered: tuple[Any, list[Document]] | None = None

    def start(self) -> None:
        """Begin to watch."""
        for watch in self._watches:
            watch.start()

    def reconcile(self) -> bool:
        """Bring everything to what CertManager says; False: try again soon."""
        item = self._watches[0].objects().get(("", NAME))
        if item is None:
            return True
        if "deletionTimestamp" in item["metadata"]:
            return self._finalize(item)
        state = item["spec"].get("managementState") or "Managed"
        if state == "Unmanaged":
            return True
        if state == "Removed":
            return self._operands.remove(OPERAND_KINDS)
        if FINALIZER not in item["metadata"].get("finalizers", []):
            finalizers = [*item["metadata"].get("finalizers", []), FINALIZER]
            change = {"metadata": {"finalizers": finalizers}}
            self._cluster.merge(CERT_MANAGER, ("", NAME), change)
        error = self._install(item)
        self._report(item, error)
        return not error

    def _install(self, item: Document) -> str:
        """Apply the operands; return what went wrong."""
        try:
            if ("", NAME) not in self._watches[1].objects():
                raise Refused('infrastructures.config.openshift.io "cluster" not found')
            wanted = [owned(with_command(each), item) for each in self._render(item["spec"])]
            # As the real operator, it takes over what is there.
            for line in self._operands.converge(wanted, lambda _live: None):
                log.info(line)
        except Refused as refused:
            return str(refused)
        except TROUBLE as error:
            return reason_of(error)
        return ""

    def _render(self, spec: Document) -> list[Document]:
        if self._rendered is None or self._rendered[0] != spec:
            values = chart_values(spec, self._environment)
            documents = render(CHART, "cert-manager", self._namespace, values)
            self._rendered = (spec, documents)
        return self._rendered[1]

    def _report(self, item: Document, error: str) -> None:
        if error:
            log.warning("CertManager %s: %s", NAME, error)
        conditions: list[Document] = []
        for part, (deployment, _key, _program) in PARTS.items():
            live = self._operands.object(DEPLOYMENT, (self._namespace, deployment))
            conditions += part_conditions(part, live, error)
        before = item.get("status") or {}
        status = {
            "conditions": timed(conditions, before.get("conditions", []), self._now()),
            "observedGeneration": item["metadata"]["generation"],
            "version": self._environment["OPERAND_IMAGE_VERSION"],
        }
        if any(before.get(name) != value for name, value in status.items()):
            self._cluster.merge_status(CERT_MANAGER, ("", NAME), status)

    def _finalize(self, item: Document) -> bool:
        """Remove the operands, then let CertManager go."""
        if not self._operands.remove(OPERAND_KINDS):
            return False
        others = [each for each in item["metadata"].get("finalizers", []) if each != FINALIZER]
        change = {"metadata": {"finalizers": others}}
        self._cluster.merge(CERT_MANAGER, ("", NAME), change)
        log.info("removed everything of CertManager %s", NAME)
        return True


def main() -> int:
    """Run until the pod ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop_when_asked()
    serve_probes(PROBES_PORT)
    worker = Worker()
    cluster = Cluster.of_this_pod("cert-manager-operator")
    operator = Operator(cluster, os.environ, worker.wake, lambda: datetime.now(UTC))
    operator.start()
    worker.run(operator.reconcile)
    return 0


if __name__ == "__main__":
    sys.exit(main())
