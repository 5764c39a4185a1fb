# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From one snapshot to ranked causes and a verdict for each phase. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.connections import (
    suspects_of_connections,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.controller import (
    suspects_of_controller,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.gateways import (
    EXPOSED,
    suspects_of_gateway,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.hooks import suspects_of_webhooks
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.machines import (
    suspects_of_machines,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.models import suspects_of_model
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.parts import (
    pods_of,
    settling,
    suspects_of_parts,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.ranking import (
    Cause,
    explains,
    rank,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.snapshot import (
    PHASES,
    Phase,
    Seen,
    Snapshot,
    Suspect,
)
from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis.urls import suspects_of_url
from ansible_collections.llmd.tpu.plugins.module_utils.findings import (
    Finding,
    Severity,
    has_errors,
)
from ansible_collections.llmd.tpu.plugins.module_utils.gateway.judge import Wishes, addresses
from ansible_collections.llmd.tpu.plugins.module_utils.operators.pools import check_pools
from ansible_collections.llmd.tpu.plugins.module_utils.operators.versions import check_cert_manager
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import with_status
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.refusals import TRANSIENT
from ansible_collections.llmd.tpu.plugins.module_utils.startup.judging import (
    signs_of,
    timed_out_start,
)
from ansible_collections.llmd.tpu.plugins.module_utils.startup.routing import signs_of_routing
from ansible_collections.llmd.tpu.plugins.module_utils.startup.sight import is_ready
from ansible_collections.llmd.tpu.plugins.module_utils.startup.signs import Sign

ANSWERING_SECONDS = 60.0
"""After Ready, until the gateway knows route and scheduler: it was seen to take half a minute."""
STARTING_SECONDS = 2700.0
"""How long a start may take; the same as model_startup waits."""
_ON_PURPOSE = ("STARTUP-STOPPED",)
_EARLY = TRANSIENT | {"SMOKE-NOT-ROUTED"}
"""What a client may see before the last part of a service is up, its scheduler."""
_PHASES: dict[str, Phase] = {
    "STARTUP-QUOTA-EXCEEDED": "namespace",
    "STARTUP-IMAGE-CREDENTIALS": "namespace",
    "STARTUP-PRESET-MISSING": "kserve",
    "STARTUP-CERTIFICATE-MISSING": "kserve",
    "STARTUP-GATEWAY-MISSING": "gateway",
}


@dataclass(frozen=True)
class Diagnosis:
    """The causes in their rank, what is in order, and the worst of each phase.

    ``starting``: nothing is broken, and a service does not answer yet.
    """

    causes: Sequence[Cause]
    checked: Sequence[str]
    starting: bool = False

    @property
    def phases(self) -> dict[str, str]:
        """Of each phase: ok, warning or error; of phase model also starting."""
        worst: dict[Phase, Severity] = {}
        for cause in self.causes:
            phase = cause.suspect.phase
            if cause.severity == "error" or phase not in worst:
                worst[phase] = cause.severity
        found: dict[str, str] = {phase: _verdict(worst.get(phase)) for phase in PHASES}
        if self.starting and found["model"] == "ok":
            found["model"] = "starting"
        return found


def _verdict(worst: Severity | None) -> str:
    return worst if worst in ("error", "warning") else "ok"


def decide(snapshot: Snapshot, *, exposure: bool = False) -> Diagnosis:
    """Find the causes; with ``exposure`` tell, too, when anybody may use the gateway."""
    suspects = [one for one in suspects_of(snapshot) if exposure or one.finding.code != EXPOSED]
    # Information explains, and is nothing to mend.
    causes = [cause for cause in rank(suspects) if cause.severity != "info"]
    broken = any(cause.severity == "error" for cause in causes)
    starting = not broken and any(map(_is_starting, snapshot.services))
    return Diagnosis(causes, list(_in_order(snapshot, causes)), starting)


def _is_starting(seen: Seen) -> bool:
    """Whether nobody has got an answer yet; one that is updated may answer meanwhile."""
    if seen.stopped or _answered(seen):
        return False
    refused = seen.asked is not None and has_errors(seen.asked.findings)
    return refused or not seen.step.done


def _answered(seen: Seen) -> bool:
    return bool(seen.asked and seen.asked.summary and not has_errors(seen.asked.findings))


def suspects_of(snapshot: Snapshot) -> Iterator[Suspect]:
    """Everything that is wrong, causes and consequences alike."""
    shared = list(_of_what_all_share(snapshot))
    yield from shared
    for seen in snapshot.services:
        yield from _of_service(seen, snapshot, shared)


def _of_what_all_share(snapshot: Snapshot) -> Iterator[Suspect]:
    yield from suspects_of_parts(snapshot)
    yield from suspects_of_webhooks(snapshot)
    for finding in check_cert_manager(snapshot.operators) if snapshot.operators.operators else ():
        yield Suspect("operators", finding)
    yield from suspects_of_controller(snapshot)
    yield from suspects_of_gateway(snapshot, Wishes(mesh_namespace=snapshot.places.mesh))
    yield from suspects_of_url(snapshot)


def _of_service(seen: Seen, snapshot: Snapshot, shared: Sequence[Suspect]) -> Iterator[Suspect]:
    if snapshot.namespaces and seen.namespace not in snapshot.namespaces:
        yield Suspect("namespace", _no_namespace(seen), seen.subject)
    if seen.stopped:
        return
    signs = [sign.finding for sign in _signs(seen) if _counts(sign, seen, snapshot)]
    downloads = any(one.code == "STARTUP-DOWNLOAD-NETWORK" for one in signs)
    found = [
        *(Suspect(_phase_of(finding), finding, seen.subject) for finding in signs),
        *suspects_of_machines(seen, snapshot),
        *suspects_of_model(seen, snapshot),
        *suspects_of_connections(seen, snapshot, downloads=downloads),
        *_stale_pools(seen, snapshot),
    ]
    yield from found
    age = _age_of_start(seen, snapshot)
    if not found and not seen.step.done and STARTING_SECONDS < age < float("inf"):
        late = timed_out_start(seen.subject, seen.step.words, age)
        yield Suspect("model", late, seen.subject)
    coming = not found and _is_coming(seen, snapshot)
    for finding in seen.asked.findings if seen.asked else ():
        suspect = Suspect("model", finding, seen.subject)
        early = coming and finding.code in _EARLY
        follows = any(explains(one, suspect) for one in shared)
        if follows or not (early or _is_known_of_istio(finding, snapshot)):
            yield suspect


def _is_known_of_istio(finding: Finding, snapshot: Snapshot) -> bool:
    """Whether nobody but Istio can mend it: of several pools it asks one scheduler only.

    Seen with Istio 1.28.3 (istio issue 58392). Requests are answered, but not where the scheduler
    would send them.
    """
    pools = {
        (one["metadata"].get("namespace"), one["metadata"].get("name"))
        for one in snapshot.operators.pools
    }
    return finding.code == "SMOKE-NOT-ROUTED" and len(pools) > 1


def _is_coming(seen: Seen, snapshot: Snapshot) -> bool:
    """Whether a service that nothing is wrong with need not answer yet.

    It starts, or just did, or what is in front of it does.
    """
    doors = snapshot.gateway.deployments if snapshot.gateway else ()
    in_front = [pod for door in doors for pod in pods_of(door, snapshot)]
    if settling([*in_front, *seen.sight.pods], snapshot):
        return True
    ready = with_status(seen.sight.service or {}, "Ready")
    if ready is None:
        return _age_of_start(seen, snapshot) < STARTING_SECONDS
    return snapshot.age(ready.get("lastTransitionTime")) < ANSWERING_SECONDS


def _signs(seen: Seen) -> Iterator[Sign]:
    """What a start would be told; a pod that is ready now has no history to answer for."""
    unready = [pod for pod in seen.sight.pods if not is_ready(pod)]
    yield from signs_of(replace(seen.sight, pods=[] if seen.step.done else unready))
    yield from signs_of_routing(seen.sight)


def _counts(sign: Sign, seen: Seen, snapshot: Snapshot) -> bool:
    """Whether a sign has lasted: as long as the youngest pod, or the service, is there."""
    return sign.finding.code not in _ON_PURPOSE and (
        sign.heals or _age_of_start(seen, snapshot) >= sign.patience
    )


def _age_of_start(seen: Seen, snapshot: Snapshot) -> float:
    made = [seen.sight.service] if seen.sight.service else []
    ages = [snapshot.born(one) for one in (*seen.sight.servers_pods, *made)]
    return min(ages, default=float("inf"))


def _phase_of(finding: Finding) -> Phase:
    """Where a cause that a start shows can be mended."""
    return _PHASES.get(finding.code, "model")


def _no_namespace(seen: Seen) -> Finding:
    return Finding(
        code="DIAGNOSIS-NAMESPACE-MISSING",
        severity="error",
        message="the models' namespace does not exist",
        subject=f"Namespace {seen.namespace}",
        found="none",
        expected="the namespace of phase namespace",
        fix="run phase namespace (ansible-playbook llmd.tpu.namespace), or correct the name",
        source="Kubernetes, Namespaces",
    )


def _stale_pools(seen: Seen, snapshot: Snapshot) -> Iterator[Suspect]:
    labels = {"app.kubernetes.io/name": seen.name}
    pools = [
        one
        for one in snapshot.operators.pools
        if one["metadata"].get("namespace") == seen.namespace
        and labels.items() <= (one["metadata"].get("labels") or {}).items()
    ]
    found = check_pools(
        pools, snapshot.operators.gateways, snapshot.pool_groups, snapshot.istio_version
    )
    for finding in found:
        yield Suspect("operators", finding, seen.subject)


def _in_order(snapshot: Snapshot, causes: Sequence[Cause]) -> Iterator[str]:
    """What was looked at and is well, in words."""
    bad = {cause.suspect.phase for cause in causes if cause.severity == "error"}
    if "operators" not in bad:
        parts = [*snapshot.operators.istiods, *snapshot.operators.cert_managers]
        names = ", ".join(f"{one['metadata']['name']}" for one in parts)
        version = f", Istio {snapshot.istio_version}" if snapshot.istio_version else ""
        yield f"operators: {names} run{version}; their webhooks answer"
    if "kserve" not in bad:
        names = ", ".join(one.name for one in snapshot.installation.controllers) or "the controller"
        yield f"kserve: {names} runs, with its configuration, presets and certificate authority"
    if "gateway" not in bad and snapshot.gateway:
        where = ", ".join(addresses(snapshot.gateway)) or "no address"
        name = f"{snapshot.gateway.namespace}/{snapshot.gateway.name}"
        yield f"gateway: {name} is programmed at {where}, its pods run and hold the authority"
    troubled = {cause.suspect.service for cause in causes if cause.severity == "error"}
    for seen in snapshot.services:
        if seen.subject in troubled:
            continue
        yield from _service_in_order(seen)


def _service_in_order(seen: Seen) -> Iterator[str]:
    if seen.stopped:
        yield f"model: {seen.subject} is stopped on purpose, and answers nothing"
        return
    if not seen.step.done:
        yield f"model: {seen.subject} is on its way: {seen.step.stage}: {seen.step.words}"
    else:
        parts = ["its pods run"]
        parts += ["scheduler, pool"] if seen.scheduled else []
        parts += ["route and endpoints are there"] if seen.routed else []
        yield f"model: {seen.subject} is rolled out; {', '.join(parts)}"
    if seen.asked and _answered(seen):
        yield f"inference: {seen.asked.summary[0]}"
