#!/usr/bin/env python3
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stand-in for the sail operator: installs istiod for the Istio object ``default``.

It imitates, of istio-ecosystem/sail-operator 1.27 (controllers/istio, controllers/istiorevision,
pkg/helm) and of the public chart that installs Red Hat's build of it:
- the Istio object makes an IstioRevision of the same name, whose finalizer removes the operands;
- operands come from Istio's own charts, belong to the Helm release ``default-istiod``, and an
  object that exists without that release's marks is not taken over, in Helm's words;
- conditions, reasons, messages and states of both objects;
- images of each version are read from the operator's own annotations; a version without them is
  refused.
What differs: no Helm release Secret is written; only in-place updates; ``PILOT_*`` and a Telemetry
object switch off the three filters that only Istio's own Envoy has.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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

ANNOTATIONS = Path("/etc/sail-operator/config.properties")
CHARTS = Path("/charts")
PROBES_PORT = 8081
API = "sailoperator.io/v1"
ISTIO: Kind = (API, "Istio")
REVISION: Kind = (API, "IstioRevision")
FINALIZER = "sailoperator.io/sail-operator"
LABEL = ("managed-by", "sail-operator")
NAME = "default"
DEPLOYMENT: Kind = ("apps/v1", "Deployment")
GATEWAY_PODS = "gateway.networking.k8s.io/gateway-name"
# What an operator of ours may have made, so that a restarted one finds all of it.
OPERAND_KINDS: tuple[Kind, ...] = (
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    DEPLOYMENT,
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
)
IMAGE_LINE = re.compile(r'^images\.(v[0-9_]+)\.(istiod|proxy)="(.+)"$')
# Filters that upstream Envoy does not have, and istiod's switches for them.
VANILLA_ENVOY = {"PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_ENABLE_ALPN_FILTER": "false"}

log = logging.getLogger("sail")


@dataclass(frozen=True)
class Images:
    """What one Istio version runs."""

    istiod: str
    proxy: str


def carried_versions(annotations: str) -> dict[str, Images]:
    """Return the images by version from the downward API's ``key="value"`` lines."""
    found: dict[str, dict[str, str]] = {}
    for line in annotations.splitlines():
        if match := IMAGE_LINE.match(line):
            version, part, image = match.groups()
            found.setdefault(version.replace("_", "."), {})[part] = image
    return {version: Images(**parts) for version, parts in sorted(found.items())}


def resolve(version: str, carried: Mapping[str, Images]) -> str:
    """Return the version to install; ``vX.Y-latest`` is the newest X.Y.

    Raises Refused for a version that this operator does not carry.
    """
    if version in carried:
        return version
    if version.endswith("-latest"):
        minor = version.removesuffix("latest").removesuffix("-") + "."
        fitting = [each for each in carried if each.startswith(minor)]
        if fitting:
            return max(fitting, key=lambda each: int(each.removeprefix(minor)))
    raise Refused(
        f"version {version!r} is not supported by this operator;"
        f" supported versions: {', '.join(carried)}"
    )


def charts_of(version: str, folder: Path) -> Path:
    """Return the charts of a version's minor release, else those of the main release."""
    own = folder / f"istio-{version.removeprefix('v').rpartition('.')[0]}"
    return own if own.is_dir() else folder / "istio"


def merged(base: Document, over: Document) -> Document:
    """Merge values as Helm does: the second wins, dictionaries are merged."""
    result = dict(base)
    for name, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if both else value
    return result


def chart_values(spec: Document, images: Images) -> Document:
    """Return the charts' values: what the operator decides, under what the user says."""
    decided = {
        "pilot": {"image": images.istiod, "env": VANILLA_ENVOY},
        "global": {"istioNamespace": spec["namespace"], "proxy": {"image": images.proxy}},
        "base": {"enableCRDTemplates": False},
        "revision": "",
        "defaultRevision": NAME,
    }
    return merged(decided, spec.get("values") or {})


def telemetry(namespace: str) -> Document:
    """Return the object that switches off Istio's metrics, which upstream Envoy cannot make."""
    return {
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": {"name": "sandbox-upstream-envoy", "namespace": namespace},
        "spec": {
            "metrics": [{"providers": [{"name": "prometheus"}], "overrides": [{"disabled": True}]}]
        },
    }


def released(document: Document, release: str, namespace: str, owner: Document) -> Document:
    """Add what Helm and the operator put on every object of a release."""
    metadata = document["metadata"]
    return {
        **document,
        "metadata": {
            **metadata,
            "labels": {**metadata.get("labels", {}), "app.kubernetes.io/managed-by": "Helm"},
            "annotations": {
                **metadata.get("annotations", {}),
                "meta.helm.sh/release-name": release,
                "meta.helm.sh/release-namespace": namespace,
            },
            "ownerReferences": [
                {
                    "apiVersion": owner["apiVersion"],
                    "kind": owner["kind"],
                    "name": owner["metadata"]["name"],
                    "uid": owner["metadata"]["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
    }


def check_release(live: Document, release: str, namespace: str) -> None:
    """Raise Refused, in Helm's words, for an object that another owner made."""
    metadata = live["metadata"]
    annotations = metadata.get("annotations") or {}
    problems = []
    if (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") != "Helm":
        problems.append(
            'label validation error: missing key "app.kubernetes.io/managed-by":'
            ' must be set to "Helm"'
        )
    for key, value in (("release-name", release), ("release-namespace", namespace)):
        if annotations.get(f"meta.helm.sh/{key}") != value:
            problems.append(
                f'annotation validation error: missing key "meta.helm.sh/{key}":'
                f' must be set to "{value}"'
            )
    if problems:
        raise Refused(
            'failed to install/update Helm chart "istiod": Unable to continue with install:'
            f' {live["kind"]} "{metadata["name"]}" in namespace "{metadata.get("namespace", "")}"'
            " exists and cannot be imported into the current release: invalid ownership metadata;"
            f" {'; '.join(problems)}"
        )


def check_istio(istio: Document) -> None:
    """Raise Refused for what this stand-in does not play."""
    name = istio["metadata"]["name"]
    if name != NAME:
        raise Refused(f"the sandbox's operator runs one control plane, Istio {NAME}; not {name}")
    strategy = istio["spec"].get("updateStrategy", {}).get("type", "InPlace")
    if strategy != "InPlace":
        raise Refused(f"the sandbox's operator updates in place only; not {strategy}")


def ready_condition(istiod: Document | None) -> Document:
    """Judge the istiod Deployment (controllers/istiorevision, determineReadyCondition)."""
    if istiod is None:
        return condition("Ready", "False", "IstiodNotReady", "istiod Deployment not found")
    status = istiod.get("status") or {}
    if not status.get("replicas"):
        message = "istiod Deployment is scaled to zero replicas"
        return condition("Ready", "False", "IstiodNotReady", message)
    if status.get("readyReplicas", 0) < status["replicas"]:
        return condition("Ready", "False", "IstiodNotReady", "not all istiod pods are ready")
    return condition("Ready", "True")


def revision_conditions(error: str, istiod: Document | None, in_use: bool) -> list[Document]:
    """Return the conditions of the IstioRevision; an empty `error` means that all is applied."""
    reconciled = condition("Reconciled", "True")
    if error:
        message = f"error reconciling resource: {error}"
        reconciled = condition("Reconciled", "False", "ReconcileError", message)
    used = condition(
        "InUse", "False", "NotReferencedByAnything", "Not referenced by any pod or namespace"
    )
    if in_use:
        used = condition(
            "InUse", "True", "ReferencedByWorkloads", "Referenced by at least one pod or namespace"
        )
    return [reconciled, ready_condition(istiod), condition("DependenciesHealthy", "True"), used]


def state_of(conditions: list[Document]) -> str:
    """Return the reason of the first bad condition, else Healthy."""
    for each in conditions:
        if each["type"] != "InUse" and each["status"] != "True":
            return str(each["reason"])
    return "Healthy"


def refused_conditions(error: str) -> list[Document]:
    """Return the Istio object's conditions when there is no revision to speak of."""
    message = "cannot determine readiness due to reconciliation error"
    return [
        condition("Reconciled", "False", "ReconcileError", error),
        condition("Ready", "Unknown", "ReconcileError", message),
    ]


def istio_status(conditions: list[Document], revision: Document | None) -> Document:
    """Return the Istio object's status without its observedGeneration."""
    kept = [each for each in conditions if each["type"] in ("Reconciled", "Ready")]
    own = (revision or {}).get("status", {}).get("conditions", [])
    true = {each["type"] for each in own if each["status"] == "True"}
    return {
        "activeRevisionName": NAME if revision else "",
        "conditions": kept,
        "revisions": {
            "total": int(revision is not None),
            "ready": int("Ready" in true),
            "inUse": int("InUse" in true),
        },
        "state": state_of(conditions),
    }


class Operator:
    """Reconciles the Istio objects of one cluster."""

    def __init__(
        self,
        cluster: Cluster,
        carried: Mapping[str, Images],
        wake: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        """`carried` are the installable versions."""
        self._cluster = cluster
        self._carried = carried
        self._now = now
        self._operands = Operands(cluster, LABEL, wake)
        self._istios = Watch(cluster, ISTIO, wake)
        self._revisions = Watch(cluster, REVISION, wake)
        self._pods = Watch(cluster, ("v1", "Pod"), wake, selector=GATEWAY_PODS)
        self._rendered: tuple[Any, list[Document]] | None = None

    def start(self) -> None:
        """Begin to watch."""
        for watch in (self._istios, self._revisions, self._pods):
            watch.start()

    def reconcile(self) -> bool:
        """Bring everything to what the Istio objects say; False: try again soon."""
        settled = True
        for revision in self._revisions.objects().values():
            if "deletionTimestamp" in revision["metadata"]:
                settled = self._finalize(revision) and settled
        for istio in self._istios.objects().values():
            if "deletionTimestamp" not in istio["metadata"]:
                settled = self._reconcile_istio(istio) and settled
        return settled

    def _reconcile_istio(self, istio: Document) -> bool:
        try:
            check_istio(istio)
            version = resolve(istio["spec"]["version"], self._carried)
            revision = self._revision_for(istio, version)
        except Refused as refused:
            self._report_refused(istio, str(refused))
            return True
        if "deletionTimestamp" in revision["metadata"]:
            return False
        error = self._install(revision, self._carried[version])
        revision = self._report_revision(revision, error)
        conditions = revision["status"]["conditions"]
        self._write_status(ISTIO, istio, istio_status(conditions, revision))
        return not error

    def _revision_for(self, istio: Document, version: str) -> Document:
        metadata = istio["metadata"]
        wanted = {
            "apiVersion": API,
            "kind": REVISION[1],
            "metadata": {
                "name": NAME,
                "finalizers": [FINALIZER],
                "ownerReferences": [
                    {
                        "apiVersion": API,
                        "kind": ISTIO[1],
                        "name": metadata["name"],
                        "uid": metadata["uid"],
                        "controller": True,
                        "blockOwnerDeletion": True,
                    }
                ],
            },
            "spec": {
                "namespace": istio["spec"]["namespace"],
                "version": version,
                "values": istio["spec"].get("values") or {},
            },
        }
        live = self._cluster.read(REVISION, ("", NAME))
        if live and "deletionTimestamp" in live["metadata"]:
            return live
        return self._cluster.apply(wanted)

    def _install(self, revision: Document, images: Images) -> str:
        """Apply the operands; return what went wrong."""
        namespace = revision["spec"]["namespace"]
        release = f"{NAME}-istiod"
        try:
            if self._cluster.read(("v1", "Namespace"), ("", namespace)) is None:
                raise Refused(f"namespace {namespace!r} doesn't exist")
            documents = [*self._render(revision["spec"], images), telemetry(namespace)]
            wanted = [released(each, release, namespace, revision) for each in documents]
            for line in self._operands.converge(
                wanted, lambda live: check_release(live, release, namespace)
            ):
                log.info(line)
        except Refused as refused:
            return str(refused)
        except TROUBLE as error:
            return f'failed to install/update Helm chart "istiod": {reason_of(error)}'
        return ""

    def _render(self, spec: Document, images: Images) -> list[Document]:
        """Render both charts; again only when something changed."""
        if self._rendered is None or self._rendered[0] != (spec, images):
            values = chart_values(spec, images)
            namespace = spec["namespace"]
            charts = charts_of(spec["version"], CHARTS)
            documents = render(charts / "base", f"{NAME}-base", namespace, values)
            documents += render(charts / "istiod", f"{NAME}-istiod", namespace, values)
            self._rendered = ((spec, images), documents)
        return self._rendered[1]

    def _report_revision(self, revision: Document, error: str) -> Document:
        namespace = revision["spec"]["namespace"]
        istiod = self._operands.object(DEPLOYMENT, (namespace, "istiod"))
        conditions = revision_conditions(error, istiod, bool(self._pods.objects()))
        status = {"conditions": conditions, "state": state_of(conditions)}
        if error:
            log.warning("Istio %s: %s", NAME, error)
        return self._write_status(REVISION, revision, status)

    def _report_refused(self, istio: Document, error: str) -> None:
        log.warning("Istio %s: %s", istio["metadata"]["name"], error)
        conditions = refused_conditions(error)
        revision = self._revisions.objects().get(("", NAME))
        status = istio_status(conditions, revision)
        del status["activeRevisionName"]
        self._write_status(ISTIO, istio, status)

    def _write_status(self, kind: Kind, item: Document, status: Document) -> Document:
        before = item.get("status") or {}
        status = {
            **status,
            "conditions": timed(status["conditions"], before.get("conditions", []), self._now()),
            "observedGeneration": item["metadata"]["generation"],
        }
        if any(before.get(name) != value for name, value in status.items()):
            self._cluster.merge_status(kind, ("", item["metadata"]["name"]), status)
        return {**item, "status": status}

    def _finalize(self, revision: Document) -> bool:
        """Remove the operands, then let the IstioRevision go."""
        extra: Kind = ("telemetry.istio.io/v1", "Telemetry")
        if not self._operands.remove([*OPERAND_KINDS, extra]):
            return False
        self._cluster.merge(
            REVISION, ("", revision["metadata"]["name"]), {"metadata": {"finalizers": None}}
        )
        log.info("removed everything of IstioRevision %s", revision["metadata"]["name"])
        return True


def main() -> int:
    """Run until the pod ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop_when_asked()
    serve_probes(PROBES_PORT)
    carried = carried_versions(ANNOTATIONS.read_text(encoding="utf-8"))
    log.info("versions: %s", ", ".join(carried))
    worker = Worker()
    cluster = Cluster.of_this_pod("sail-operator")
    operator = Operator(cluster, carried, worker.wake, lambda: datetime.now(UTC))
    operator.start()
    worker.run(operator.reconcile)
    return 0


if __name__ == "__main__":
    sys.exit(main())
