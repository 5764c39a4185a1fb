# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare services with the cluster, and say how each change is brought about. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionProblem,
    Session,
    connect,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests import report
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api, first_contact
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.converge import (
    Converger,
    TakeOver,
    Wishes,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import (
    BadManifest,
    Manifest,
    inline,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.report import Outcome
from ansible_collections.llmd.tpu.plugins.module_utils.serving.live import (
    ObjectReadError,
    list_objects,
    list_pods,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.model_plan import gone_pods
from ansible_collections.llmd.tpu.plugins.module_utils.serving.model_update import (
    Seen,
    Update,
    choose,
    must_see_nodes,
    stopped,
    waits_beside_old,
    waits_for_chips,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.names import (
    ALL_SERVICES,
    service_selector,
    workload_selector,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.rollout import (
    STOP_ANNOTATION,
    is_stopped,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.service_inputs import STRATEGIES
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import (
    DEFAULT_TRACK,
    KIND,
    TRACKS,
    Track,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import View
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.tpu_info import read_nodes


def argument_spec() -> dict[str, Any]:
    """Give the options of the task, with kubernetes.core's connection options."""
    return {
        **connection_options(),
        "definition": {"type": "list", "elements": "dict", "required": True},
        "strategies": {"type": "dict", "default": {}},
        "labels": {"type": "dict", "default": {}},
        "kserve_track": {"type": "str", "default": DEFAULT_TRACK, "choices": list(TRACKS)},
    }


def run(
    parameters: Mapping[str, Any], open_session: Callable[[Mapping[str, Any]], Session] = connect
) -> dict[str, Any]:
    """Read the cluster and give the task's result; never raises for bad input."""
    try:
        manifests = _services(parameters["definition"])
        strategies = _strategies(parameters["strategies"], manifests)
        session = open_session(parameters)
        outcomes = _compared(session, manifests, parameters["labels"])
        if any(outcome.error for outcome in outcomes):
            return _failed(report.failure(outcomes))
        seen = [_seen(session, *each) for each in zip(manifests, outcomes, strategies, strict=True)]
        seen = _with_waiting(session, seen)
        updates = _chosen(session, seen, TRACKS[parameters["kserve_track"]])
    except (BadManifest, ConnectionProblem, ObjectReadError) as problem:
        return _failed(str(problem))
    waiting = [
        (one, update)
        for one, update in zip(seen, updates, strict=True)
        if update.how == "stop-first"
    ]
    return {
        "changed": False,
        "updates": [asdict(update) for update in updates],
        "stop_first": [stopped(one.wanted) for one, _update in waiting],
        "gone": [gone_pods(update.namespace, update.name) for _one, update in waiting],
        "report": [_words(update) for update in updates if update.how],
    }


def _services(definition: Any) -> list[Manifest]:
    """The services. Raises BadManifest for anything else."""
    manifests = inline(definition)
    strangers = [one.title for one in manifests if one.kind != KIND]
    if strangers:
        raise BadManifest(f"definition: {strangers[0]} is no {KIND}. Expected only those.")
    return manifests


def _strategies(given: Mapping[str, Any], manifests: Sequence[Manifest]) -> list[str]:
    """The strategy of each service. Raises BadManifest for one that there is not."""
    for place, strategy in given.items():
        if strategy not in STRATEGIES:
            raise BadManifest(
                f"strategies: {place} is {strategy!r}. Expected: {', '.join(STRATEGIES)}."
            )
    return [str(given.get(f"{one.namespace}/{one.name}", "auto")) for one in manifests]


def _compared(
    session: Session, manifests: Sequence[Manifest], labels: Mapping[str, Any]
) -> list[Outcome]:
    """What applying each service would change, as `apply` in check mode finds it."""
    api = Api(session)
    first_contact(api)
    wishes = Wishes(
        take_over=(TakeOver(KIND, None, (f"metadata.annotations.{STOP_ANNOTATION}",)),),
        labels={str(key): str(text) for key, text in labels.items()},
        check=True,
    )
    return Converger(api, wishes).run(manifests)


def _seen(session: Session, manifest: Manifest, outcome: Outcome, strategy: str) -> Seen:
    wanted, live = manifest.body, outcome.live
    ending = False
    if live is not None and is_stopped(live) and not is_stopped(wanted):
        selector = service_selector(manifest.name)
        ending = bool(list_pods(session, str(manifest.namespace), selector))
    return Seen(wanted, live, outcome.fields, strategy, ending)


def _with_waiting(session: Session, seen: Sequence[Seen]) -> list[Seen]:
    """The same, with the pods of earlier updates that wait for chips where nothing is to change.

    Such an update hangs for good, and KServe calls the service ready (release-v0.15, run).
    """
    places = {View(one.wanted).namespace for one in seen if _may_hang(one)}
    selected = {"labelSelector": ALL_SERVICES, "fieldSelector": "spec.nodeName="}
    waiting = {
        (place, (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/name"))
        for place in sorted(places)
        for pod in _pods(session, place, selected)
        if waits_for_chips(pod)
    }
    return [
        replace(one, waiting=_waiting_pod(session, View(one.wanted)))
        if _may_hang(one) and (View(one.wanted).namespace, View(one.wanted).name) in waiting
        else one
        for one in seen
    ]


def _may_hang(one: Seen) -> bool:
    return one.live is not None and not one.fields and one.strategy != "rolling"


def _waiting_pod(session: Session, view: View) -> str:
    selected = {"labelSelector": workload_selector(view.name)}
    return waits_beside_old(_pods(session, view.namespace, selected))


def _pods(session: Session, namespace: str, selected: Mapping[str, str]) -> list[dict[str, Any]]:
    """Pods of a namespace; none for an account that may not list them."""
    try:
        return list_objects(session, f"/api/v1/namespaces/{quote(namespace)}/pods", selected)
    except ObjectReadError as problem:
        if problem.status != 403:
            raise
        return []


def _chosen(session: Session, seen: Sequence[Seen], track: Track) -> list[Update]:
    """How each service is updated, by the TPU nodes where they decide."""
    if not must_see_nodes(seen):
        return choose(seen, track, (), ())
    try:
        nodes, pods = read_nodes(session)
    except ObjectReadError as problem:
        if problem.status != 403:
            raise
        return choose(seen, track, (), (), hidden=True)
    return choose(seen, track, nodes, pods)


def _words(update: Update) -> str:
    place = f"{update.namespace}/{update.name}"
    if update.how == "rolling":
        return f"{place} is updated in place: {update.reason}"
    return f"{place} is stopped first, and answers again once it has started: {update.reason}"


def _failed(words: str) -> dict[str, Any]:
    return {"failed": True, "changed": False, "msg": words}
