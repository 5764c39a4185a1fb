# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Will the pod get TPU chips, on a node that exists, all of them? Pure.

Sources: GKE "About TPUs" and "Plan TPUs in GKE" pages; GKE's admission webhook
``warden-validating.common-webhooks.networking.gke.io`` (a pod that requests google.com/tpu must
select both labels); Kubernetes, extended resources (request equals limit, integers).
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import Track
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import Located, View
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import (
    ACCELERATOR_LABEL,
    RESOURCE,
    TAINT_EFFECT,
    TAINT_KEY,
    TAINT_VALUE,
    TOPOLOGY_LABEL,
    Generation,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.topology import (
    Placement,
    generation_of,
    generations_with,
    known_labels,
    machines_of,
    placements,
    suggest_label,
    topologies_of,
)

_GKE = "GKE documentation, About TPUs in GKE"
_WARDEN = "GKE admission webhook, [denied by tpu-accelerator-topology-constraints]"
_NODE_POOL_LABEL = "cloud.google.com/gke-nodepool"

# Bounds that GKE's device plugin injects, by chips of the node (ai-on-gke/tpu-device-plugin,
# pkg/util).
_CHIP_BOUNDS = {1: "1,1,1", 2: "1,2,1", 4: "2,2,1", 8: "2,4,1"}


def check_placement(view: View, track: Track) -> Iterator[Finding]:
    """Check selector, toleration and chips of the model server's pod."""
    asking = [one for one in view.containers if _asks_for_chips(view, one)]
    accelerators = view.selector_values(ACCELERATOR_LABEL)
    topologies = view.selector_values(TOPOLOGY_LABEL)
    if not asking and not accelerators and not topologies:
        yield Finding(
            code="TPU-NOT-ASKED",
            severity="info",
            message="this service asks for no TPU, so nothing about TPUs is checked",
            path="spec.template",
        )
        return
    yield from _check_labels_present(view, accelerators, topologies)
    yield from _check_toleration(view)
    yield from _check_asking(asking)
    if accelerators:
        yield from _check_label(accelerators[0])
    generation = generation_of_pods(view)
    offers: list[Placement] = []
    if topologies and generation is not None:
        yield from _check_topology(topologies, generation)
        offers = placements(generation, str(topologies[0].value))
    for container in asking[:1]:
        yield from _check_chips(view, container, offers, topologies)
        if not view.workers:
            yield from _check_environment(view, container)


def _asks_for_chips(view: View, container: Located) -> bool:
    return any(RESOURCE in view.resources(container, kind) for kind in ("requests", "limits"))


def generation_of_pods(view: View) -> Generation | None:
    """Find the generation that the pods select; None without a label, or with a strange one.

    A misspelt label counts as what it means, so that one mistake is one finding.
    """
    labels = [str(one.value) for one in view.selector_values(ACCELERATOR_LABEL)[:1]]
    meant = [suggest_label(label) or "" for label in labels]
    return next(filter(None, map(generation_of, [*labels, *meant])), None)


def _check_labels_present(
    view: View, accelerators: list[Located], topologies: list[Located]
) -> Iterator[Finding]:
    by_pool = bool(view.selector_values(_NODE_POOL_LABEL))
    for label, values, code in (
        (ACCELERATOR_LABEL, accelerators, "TPU-LABEL-MISSING"),
        (TOPOLOGY_LABEL, topologies, "TPU-TOPOLOGY-MISSING"),
    ):
        if not values:
            yield Finding(
                code=code,
                severity="error",
                message=f"the pod selects no {label}, so GKE refuses it"
                + (" (a node pool's name alone is not enough)" if by_pool else ""),
                path="spec.template.nodeSelector",
                found="no such key",
                expected=f"{label} with one value",
                fix=f'add {label} (for v6e: "{_example(label)}") to the nodeSelector',
                source=_WARDEN,
            )


def _example(label: str) -> str:
    return "tpu-v6e-slice" if label == ACCELERATOR_LABEL else "2x2"


def _check_label(accelerator: Located) -> Iterator[Finding]:
    value = str(accelerator.value)
    if generation_of(value) is None:
        meant = suggest_label(value)
        yield Finding(
            code="TPU-LABEL-UNKNOWN",
            severity="error",
            message="no node carries this accelerator label: the pod would stay Pending",
            path=accelerator.path,
            found=value,
            expected="one of " + ", ".join(known_labels()),
            fix=f"write {meant}" if meant else "write the label of the TPU generation you have",
            source=_GKE,
        )


def _check_topology(topologies: list[Located], generation: Generation) -> Iterator[Finding]:
    if len({str(one.value) for one in topologies}) > 1:
        yield Finding(
            code="TPU-TOPOLOGY-SEVERAL",
            severity="error",
            message="the pod may select one topology only",
            path=topologies[1].path,
            found=", ".join(str(one.value) for one in topologies),
            expected="one value",
            fix="keep the topology of the node pool you have",
            source="GoogleCloudPlatform/cluster-toolkit, pull request 5820",
        )
    value = str(topologies[0].value)
    offers = placements(generation, value)
    if not offers and machines_of(generation):
        others = ", ".join(one.name for one in generations_with(value))
        yield Finding(
            code="TPU-TOPOLOGY-INVALID",
            severity="error",
            message=f"generation {generation.name} has no topology {value}"
            + (f" (it belongs to {others})" if others else ""),
            path=topologies[0].path,
            found=value,
            expected="one of " + ", ".join(topologies_of(generation)),
            fix="write the topology of your node pool; one machine with 4 chips is "
            + ("2x2x1" if generation.dimensions == 3 else "2x2"),
            source="GKE documentation, Plan TPUs in GKE",
        )
    elif offers and not any(one.machine.confirmed for one in offers):
        yield Finding(
            code="TPU-TOPOLOGY-UNCONFIRMED",
            severity="warning",
            message="this topology label was found in one source only",
            path=topologies[0].path,
            found=value,
            fix="compare with the labels of your nodes: kubectl get nodes -L " + TOPOLOGY_LABEL,
            source="AI-Hypercomputer/xpk, system_characteristics.py",
        )


def _check_toleration(view: View) -> Iterator[Finding]:
    if not any(_tolerates(one) for one in view.tolerations):
        yield Finding(
            code="TPU-TOLERATION-MISSING",
            severity="warning",
            message="TPU nodes are tainted; GKE adds the toleration by itself, other platforms do "
            "not",
            path="spec.template.tolerations",
            found=f"{len(view.tolerations)} toleration(s), none for {TAINT_KEY}",
            expected=f"key {TAINT_KEY}, operator Exists, effect {TAINT_EFFECT}",
            fix="add that toleration",
            source=_GKE,
        )


def _tolerates(toleration: Located) -> bool:
    """Tell whether a toleration covers the TPU taint, by the rules of core/v1."""
    entry = toleration.value
    operator = entry.get("operator") or "Equal"
    key = entry.get("key") or ""
    if (entry.get("effect") or TAINT_EFFECT) != TAINT_EFFECT:
        return False
    if operator == "Exists":
        return key in ("", TAINT_KEY)
    return key == TAINT_KEY and entry.get("value") == TAINT_VALUE


def _check_asking(asking: list[Located]) -> Iterator[Finding]:
    if not asking:
        yield Finding(
            code="TPU-CHIPS-MISSING",
            severity="error",
            message="no container requests chips, so vllm would start without a TPU",
            path="spec.template.containers",
            found=f"no {RESOURCE} in resources",
            expected=f"{RESOURCE} in requests and limits of container main",
            fix=f'add {RESOURCE}: "4" (all chips of the machine) to both',
            source=_GKE,
        )
    if len(asking) > 1:
        yield Finding(
            code="TPU-CHIPS-SEVERAL-CONTAINERS",
            severity="error",
            message="several containers request chips; one container takes all chips of a node",
            path=asking[1].path,
            found=", ".join(str(one.value.get("name")) for one in asking),
            expected="one container with chips",
            fix=f"remove {RESOURCE} from all containers but main",
            source=_GKE,
        )


def _check_chips(
    view: View, container: Located, offers: list[Placement], topologies: list[Located]
) -> Iterator[Finding]:
    request = view.resources(container, "requests").get(RESOURCE)
    limit = view.resources(container, "limits").get(RESOURCE)
    path = f"{container.path}.resources"
    if limit is None or (request is not None and str(request) != str(limit)):
        yield Finding(
            code="TPU-REQUEST-NOT-LIMIT",
            severity="error",
            message=f"{RESOURCE} must be the same in requests and limits",
            path=path,
            found=f"requests {request}, limits {limit}",
            expected="equal values",
            fix=f"write {RESOURCE} with the same number in both",
            source="Kubernetes documentation, extended resources",
        )
    wanted = limit if limit is not None else request
    chips = whole_number(wanted)
    if chips is None or chips < 1:
        yield Finding(
            code="TPU-CHIPS-INVALID",
            severity="error",
            message="chips are counted in whole numbers",
            path=path,
            found=str(wanted),
            expected="a positive whole number",
            fix='write the number of chips of the machine, for example "4"',
            source="Kubernetes documentation, extended resources",
        )
    elif offers:
        topology = str(topologies[0].value)
        yield from _check_count(path, chips, offers, topology, view.workers)


def _check_count(
    path: str, chips: int, offers: list[Placement], topology: str, workers: bool
) -> Iterator[Finding]:
    fitting = [one for one in offers if one.machine.chips == chips]
    sizes = sorted({one.machine.chips for one in offers})
    machines = ", ".join(f"{one.machine.name} ({one.machine.chips})" for one in offers)
    if not fitting:
        yield Finding(
            code="TPU-CHIPS-NOT-MACHINE",
            severity="error",
            message=f"no machine with topology {topology} has {chips} chip(s); a pod takes all of "
            "one",
            path=path,
            found=str(chips),
            expected=" or ".join(map(str, sizes)) + f" chips: {machines}",
            fix=f'request "{sizes[-1]}" chips, or select the topology of the machine you want',
            source="GKE documentation, Plan TPUs in GKE",
        )
    elif not workers and not any(one.single_host for one in fitting):
        alone = next((one for one in offers if one.single_host), None)
        instead = (
            f'"{alone.machine.chips}" chips ({alone.machine.name})' if alone else "one machine"
        )
        yield Finding(
            code="TPU-TOPOLOGY-MULTI-HOST",
            severity="error",
            message=f"topology {topology} with {chips} chips is a slice of {fitting[0].nodes} "
            "machines, and the server of this service is one pod: it would wait for peers that "
            "never come",
            path=path,
            found=f"{topology}, {chips} chips of {fitting[0].machine.name}",
            expected="a topology that one machine holds",
            fix=f"request {instead}, or select a single-host topology such as 2x2 with 4 chips",
            source="GKE documentation, Plan TPUs in GKE",
        )


def _check_environment(view: View, container: Located) -> Iterator[Finding]:
    limit = view.resources(container, "limits").get(RESOURCE)
    right = {
        "TPU_CHIPS_PER_HOST_BOUNDS": _CHIP_BOUNDS.get(whole_number(limit) or 0),
        "TPU_HOST_BOUNDS": "1,1,1",
    }
    for entry in view.environment(container):
        name, value = str(entry.value.get("name")), entry.value.get("value")
        if name == "PJRT_DEVICE":
            yield Finding(
                code="TPU-ENV-UNUSED",
                severity="info",
                message="PJRT_DEVICE is of torch_xla; vLLM's JAX backend does not read it",
                path=entry.path,
                found=str(value),
                fix="remove it",
                source="vllm-project/tpu-inference, v0.11.1 and v0.12.0",
            )
        elif name in right:
            correct = right[name] in (value, None)
            yield Finding(
                code="TPU-ENV-REDUNDANT" if correct else "TPU-ENV-WRONG",
                severity="info" if correct else "warning",
                message=f"GKE sets {name} by itself"
                + ("" if correct else "; this other value would win and do harm"),
                path=entry.path,
                found=str(value),
                expected=right[name] or "",
                fix="remove it",
                source="ai-on-gke/tpu-device-plugin, pkg/util",
            )


def whole_number(value: object) -> int | None:
    """Read a quantity that must be a whole number, written as number or text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:
        return int(value)
    return None
