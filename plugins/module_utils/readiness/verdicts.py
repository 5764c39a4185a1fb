# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wished, what was seen, what is said of it; and the rules that many kinds share. Pure.

Source: Kubernetes API conventions, "Typical status properties" (conditions, observedGeneration).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Wish:
    """An object to wait for, and what it needs beyond its kind's own rule.

    With a label selector in place of the name it is all objects that carry the labels.
    """

    api_version: str
    kind: str
    name: str
    namespace: str | None = None
    conditions: tuple[str, ...] = ()
    field: str | None = None
    keys: tuple[str, ...] = ()
    ca_bundle: bool = False
    gone: bool = False
    selector: str = ""

    @property
    def title(self) -> str:
        """How messages call the object."""
        place = self.namespace + "/" if self.namespace else ""
        return f"{self.kind} {place}{self.name or self.selector}"

    @property
    def by_kind(self) -> bool:
        """Whether the kind's own rule decides, and not conditions, a field or `gone`."""
        return not (self.conditions or self.field or self.gone)


@dataclass(frozen=True)
class Verdict:
    """Ready or what it waits for; hopeless: it cannot become ready by itself."""

    ready: bool
    reason: str
    hopeless: bool = False
    detail: str = ""
    """Told with the reason; what changes too often to be told at each change."""


@dataclass(frozen=True)
class Answer:
    """What came back from a webhook's server; `forbidden`: the account may not ask."""

    reached: bool
    words: str
    forbidden: bool = False


@dataclass(frozen=True)
class Sight:
    """What was read for one wish: the object, and what its kind's rule needs besides."""

    live: Object
    slices: Mapping[str, Sequence[Object]] = field(default_factory=dict)
    """EndpointSlices by `namespace/name` of their Service."""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """Of webhook servers, by their path at the API server."""
    gateways: Mapping[str, bool] = field(default_factory=dict)
    """Whether Gateways exist, by `namespace/name`."""
    deployments: Sequence[Object] = ()
    """Those of an LLMInferenceService."""


READY = Verdict(True, "ready")


def not_yet(reason: str) -> Verdict:
    """Not ready, but it may become so."""
    return Verdict(False, reason)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The first that is not ready; hopeless ones first."""
    unready = [verdict for verdict in verdicts if not verdict.ready]
    return next((v for v in unready if v.hopeless), unready[0] if unready else READY)


def status(live: Object) -> Object:
    """The status, empty when nobody has reported yet."""
    return live.get("status") or {}


def generation(live: Object) -> int | None:
    """The generation of what is asked for."""
    number = live.get("metadata", {}).get("generation")
    return None if number is None else int(number)


def named_conditions(live: Object, wanted: Iterable[str]) -> Verdict:
    """Conditions given as `Type` or `Type=Status`: all present, current and so."""
    reported = status(live).get("conditions") or ()
    return worst(condition(reported, name, generation(live)) for name in wanted)


def condition(conditions: Iterable[Object], wanted: str, current: int | None) -> Verdict:
    """One condition, as `Type` or `Type=Status`."""
    name, _equals, value = wanted.partition("=")
    value = value or "True"
    found = next((c for c in conditions if c.get("type") == name), None)
    if found is None:
        return not_yet(f"condition {name} is not reported yet")
    observed = found.get("observedGeneration")
    if observed is not None and current is not None and observed < current:
        return not_yet(f"condition {name} is of an older generation ({observed} of {current})")
    if found.get("status") != value:
        words = condition_words(found)
        return not_yet(
            f"condition {name} is {found.get('status')}" + (f" ({words})" if words else "")
        )
    return READY


def condition_words(found: Object) -> str:
    """Reason and message of a condition."""
    return ": ".join(str(found[key]) for key in ("reason", "message") if found.get(key))


def with_status(live: Object, name: str, value: str = "True") -> Object | None:
    """The condition of this type if it has this status."""
    for found in status(live).get("conditions") or ():
        if found.get("type") == name and found.get("status") == value:
            return dict(found)
    return None


def observed(live: Object) -> Verdict:
    """Whether the controller has seen the latest generation."""
    seen, current = status(live).get("observedGeneration"), generation(live)
    if seen is None:
        return not_yet("its controller has not reported yet")
    if current is not None and seen < current:
        return not_yet(f"its controller has seen generation {seen} of {current}")
    return READY


def has_field(live: Object, wanted: str) -> Verdict:
    """A field given as `path` (there and not empty) or `path=value`."""
    path, equals, value = wanted.lstrip(".").partition("=")
    node: Any = live
    for name in path.split("."):
        node = node.get(name) if isinstance(node, Mapping) else None
    if equals and str(node) != value:
        return not_yet(f"{path} is {'not there' if node is None else node}, not {value}")
    if not equals and node in (None, "", [], {}):
        return not_yet(f"{path} is empty")
    return READY


def still_there(live: Object) -> str:
    """Why an object is not gone: who holds it, in the words of its finalizers and conditions.

    Sources: Kubernetes documentation, "Finalizers"; the conditions are those of the namespace
    controller (`NamespaceContentRemaining`, …) and of a CustomResourceDefinition (`Terminating`).
    """
    metadata = live.get("metadata", {})
    since = metadata.get("deletionTimestamp")
    if not since:
        return "it is there, and nobody has asked to delete it"
    finalizers = [*(metadata.get("finalizers") or ())]
    if live.get("kind") == "Namespace":
        finalizers += (live.get("spec") or {}).get("finalizers") or ()
    parts = [f"it is being deleted since {since}"]
    parts += [f"held by {', '.join(finalizers)}"] if finalizers else []
    for found in status(live).get("conditions") or ():
        name = str(found.get("type", ""))
        if name.startswith(("Namespace", "Terminating")) and found.get("status") == "True":
            parts.append(f"{name}: {found.get('message')}")
    return "; ".join(parts)
