# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a report says, as plain data, of what other words of this collection returned. Pure.

Every input may be missing or empty; a part without data is left out of the page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.images import images_of
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.prefixes import NOBODY

Data = Mapping[str, Any]

_MODEL_FIELDS = (
    "name",
    "namespace",
    "model",
    "uri",
    "url",
    "ready",
    "reason",
    "stopped",
    "rolled_out",
    "replicas",
    "chips",
    "accelerator",
    "topology",
    "image",
    "vllm",
)
_SMOKE_FIELDS = (
    "ok",
    "url",
    "way",
    "connected_to",
    "model",
    "first_answer_seconds",
    "latency_seconds",
    "attempts",
    "latencies",
    "requests",
    "route",
    "scheduler",
    "summary",
)


def shape(parameters: Data, collection: str) -> dict[str, Any]:
    """The whole report as data, in the order of the page."""
    smoke = [_smoke(one) for one in parameters["smoke"] if not one.get("skipped")]
    models = [{name: one.get(name) for name in _MODEL_FIELDS} for one in parameters["models"]]
    findings = _findings(parameters)
    return {
        "title": parameters["title"],
        "verdict": _verdict(models, smoke, findings),
        "findings": findings,
        "models": models,
        "versions": _versions(parameters, collection),
        "images": _images(parameters["pods"]),
        "nodes": list((parameters["tpu"] or {}).get("nodes") or ()),
        "startup": [_startup(one) for one in parameters["startup"]],
        "smoke": smoke,
        "metrics": parameters["metrics"] or {},
    }


def _findings(parameters: Data) -> list[dict[str, Any]]:
    """Those that are given and those of the results, each once."""
    results = [
        *(parameters[name] or {} for name in ("operators", "gateway", "metrics")),
        *parameters["smoke"],
    ]
    told = [*parameters["findings"], *(one for each in results for one in each.get("findings", ()))]
    unique: list[dict[str, Any]] = []
    for one in told:
        if dict(one) not in unique:
            unique.append(dict(one))
    return unique


def _verdict(
    models: Sequence[Data], smoke: Sequence[Data], findings: Sequence[Data]
) -> dict[str, Any]:
    wanted = [one for one in models if not one.get("stopped")]
    ready = sum(1 for one in wanted if one.get("ready"))
    answered = sum(1 for one in smoke if one["ok"])
    routed = sum(1 for one in smoke if (one["scheduler"] or {}).get("verdict") == "proved")
    errors = sum(1 for one in findings if one.get("severity") == "error")
    return {
        "ok": errors == 0 and ready == len(wanted) and answered == len(smoke),
        "models": len(wanted),
        "ready": ready,
        "stopped": len(models) - len(wanted),
        "asked": len(smoke),
        "answered": answered,
        "routed": routed,
        "errors": errors,
        "warnings": sum(1 for one in findings if one.get("severity") == "warning"),
    }


def _versions(parameters: Data, collection: str) -> list[dict[str, str]]:
    operators, tpu = parameters["operators"] or {}, parameters["tpu"] or {}
    gateway = (parameters["gateway"] or {}).get("gateway") or {}
    installs = {str(one.get("part")): one for one in operators.get("installs") or ()}
    place = f"{gateway.get('namespace')}/{gateway.get('name')}" if gateway.get("name") else ""
    rows = [
        ("Kubernetes", tpu.get("server_version"), ""),
        ("Istio", operators.get("istio_version"), operators.get("istiod_image")),
        (
            "cert-manager",
            operators.get("cert_manager_version"),
            operators.get("cert_manager_image"),
        ),
        *(
            (part, one.get("version"), one.get("where"))
            for part, one in installs.items()
            if part not in ("istio", "cert-manager") and one.get("whose") != "none"
        ),
        ("Gateway", place, ", ".join(map(str, gateway.get("addresses") or ()))),
        ("Collection llmd.tpu", collection, ""),
    ]
    return [
        {"part": part, "version": str(version or ""), "detail": str(detail or "")}
        for part, version, detail in rows
        if version or detail
    ]


def _images(pods: Iterable[Data]) -> list[dict[str, Any]]:
    """Each image once, with its digest, and the pods and nodes that run it."""
    found: dict[tuple[str, str], dict[str, set[str]]] = {}
    for one in images_of(pods):
        entry = found.setdefault((one.image, one.digest), {"pods": set(), "nodes": set()})
        entry["pods"].add(f"{one.namespace}/{one.pod}")
        entry["nodes"].update({one.node} - {""})
    return [
        {
            "image": image,
            "digest": digest,
            "pods": sorted(entry["pods"]),
            "nodes": sorted(entry["nodes"]),
        }
        for (image, digest), entry in sorted(found.items())
    ]


def _startup(service: Data) -> dict[str, Any]:
    """The stages of a start, each with the second in which it began."""
    stages: list[dict[str, Any]] = []
    began = 0.0
    for one in service.get("stages") or ():
        seconds = float(one.get("seconds") or 0.0)
        stages.append(
            {"stage": str(one.get("stage")), "began": round(began, 1), "seconds": seconds}
        )
        began += seconds
    finding = service.get("finding") or {}
    return {
        "name": f"{service.get('namespace')}/{service.get('name')}",
        "ready": bool(service.get("ready")),
        "stage": str(service.get("stage", "")),
        "reason": str(service.get("reason", "")),
        "code": str(finding.get("code", "")),
        "seconds": round(began, 1),
        "stages": stages,
    }


def _smoke(result: Data) -> dict[str, Any]:
    shown = {name: result.get(name) for name in _SMOKE_FIELDS}
    shown["ok"] = bool(result.get("ok"))
    if result.get("failed") and not result.get("summary"):
        shown["summary"] = [str(result.get("msg", "failed"))]
    return {"name": _name(result), **shown, "routing": routing_table(result)}


def _name(result: Data) -> str:
    """What a result is of: as it is called, as the item of a loop, or where was asked."""
    item = result.get("item")
    if isinstance(item, Mapping) and item.get("name"):
        return f"{item.get('namespace', '')}/{item['name']}"
    where = str(result.get("url") or "").rpartition("://")[2]
    return str(result.get("service") or where or "a model")


def routing_table(result: Data) -> dict[str, Any] | None:
    """How often each replica answered each prefix; None when it was not asked."""
    rows = result.get("prefixes") or ()
    replicas = sorted({str(name) for row in rows for name in row.get("replicas") or ()} - {NOBODY})
    if any(NOBODY in (row.get("replicas") or ()) for row in rows):
        replicas.append(NOBODY)
    if not replicas:
        return None
    counts = [Counter(map(str, row.get("replicas") or ())) for row in rows]
    return {
        "replicas": replicas,
        "rows": [
            {"prefix": row.get("prefix"), "counts": [count[name] for name in replicas]}
            for row, count in zip(rows, counts, strict=True)
        ],
    }


def repeated(smoke: Data) -> list[Data]:
    """The records of the repeated requests that were answered; the last ones of the result."""
    told = smoke.get("latencies")
    records = list(smoke.get("requests") or ())
    return [one for one in records[-int(told["requests"]) :] if one.get("ok")] if told else []


def flat(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Nested figures as rows: where, and the value in words; what is not known is left out."""
    if isinstance(value, Mapping):
        return [row for name, item in value.items() for row in flat(item, (*path, str(name)))]
    if isinstance(value, list | tuple):
        return [
            row
            for number, item in enumerate(value, 1)
            for row in flat(item, (*path, _called(item, number)))
        ]
    return [] if value is None or value == "" else [(" / ".join(path), in_words(value))]


def _called(item: Any, number: int) -> str:
    name = item.get("name") if isinstance(item, Mapping) else None
    return str(name or number)


def in_words(value: Any) -> str:
    """A value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def seconds_in_words(seconds: Any) -> str:
    """A time for people, in the unit that suits it; empty when it is not known."""
    if not isinstance(seconds, int | float):
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 100 else f"{seconds:.0f} s"
