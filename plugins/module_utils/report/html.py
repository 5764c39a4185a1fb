# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page of a report. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.pages.page import (
    counted,
    render,
    shown_findings,
)
from ansible_collections.llmd.tpu.plugins.module_utils.report import pictures
from ansible_collections.llmd.tpu.plugins.module_utils.report.shape import (
    flat,
    in_words,
    repeated,
    seconds_in_words,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.prefixes import NOBODY

_BODY = """
{% from 'macros.html' import findings as show_findings %}
<h1>{{ title }}</h1>
<p class="verdict {{ 'good' if data.verdict.ok else 'bad' }}">{{ verdict }}</p>
<p class="soft">{{ count }}</p>

{% if found %}
<h2 id="findings">Findings</h2>
{{ show_findings(found) }}
{% endif %}

{% if data.models %}
<h2 id="models">Models</h2>
<div class="cards">
{% for one in data.models %}
<section class="card">
<h3>{{ one.namespace }}/{{ one.name }}</h3>
<p class="{{ 'good' if one.ready else 'soft' if one.stopped else 'bad' }}">
{{ "✔ ready" if one.ready else "■ stopped" if one.stopped else "✖ not ready" }}{% if one.reason %}:
{{ one.reason }}{% endif %}</p>
<dl class="pairs">
{% for label, text in one.rows %}
<dt>{{ label }}</dt><dd>{{ text }}</dd>
{% endfor %}
</dl>
</section>
{% endfor %}
</div>
{% endif %}

{% if data.versions %}
<h2 id="versions">Versions</h2>
<div class="table"><table class="rows">
<thead><tr><th scope="col">Part</th><th scope="col">Version</th><th scope="col">Detail</th></tr>
</thead>
<tbody>
{% for one in data.versions %}
<tr><th scope="row">{{ one.part }}</th><td>{{ one.version }}</td>
<td class="long">{{ one.detail }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}

{% if data.images %}
<h2 id="images">Images</h2>
<div class="table"><table class="rows">
<thead><tr><th scope="col">Image</th><th scope="col">Digest</th><th scope="col">Pods</th>
<th scope="col">Nodes</th></tr></thead>
<tbody>
{% for one in data.images %}
<tr><th scope="row" class="long">{{ one.image }}</th>
<td data-label="Digest" class="long"><code>{{ one.digest or "not pulled" }}</code></td>
<td data-label="Pods" class="long">{{ one.pods | join(", ") }}</td>
<td data-label="Nodes">{{ one.nodes | join(", ") or "none" }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}

{% if nodes %}
<h2 id="nodes">TPU nodes</h2>
<div class="table"><table class="rows">
<thead><tr><th scope="col">Node</th><th scope="col">Accelerator</th><th scope="col">Topology</th>
<th scope="col">Machine</th><th scope="col" class="number">Chips used</th>
<th scope="col">Pods</th></tr></thead>
<tbody>
{% for one in nodes %}
<tr><th scope="row">{{ one.name }}{% if not one.ready %}, not ready{% endif %}</th>
<td data-label="Accelerator">{{ one.accelerator }}</td>
<td data-label="Topology">{{ one.topology }}</td>
<td data-label="Machine">{{ one.machine }}</td>
<td data-label="Chips used" class="number">{{ one.used }} of {{ one.allocatable }}</td>
<td data-label="Pods">{{ one.pods or "none" }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}

{% if startup %}
<h2 id="startup">Start-up</h2>
<div class="cards">
{% for one in startup %}
<section class="card">
<h3>{{ one.name }}</h3>
<p>{{ one.words }}</p>
{% if one.picture %}
<figure>{{ one.picture | safe }}</figure>
<div class="table"><table>
<thead><tr><th scope="col">Stage</th><th scope="col" class="number">Began at</th>
<th scope="col" class="number">Took</th></tr></thead>
<tbody>
{% for stage, began, took in one.rows %}
<tr><th scope="row">{{ stage }}</th><td class="number">{{ began }}</td>
<td class="number">{{ took }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}
</section>
{% endfor %}
</div>
{% endif %}

{% if smoke %}
<h2 id="smoke">Smoke test</h2>
{% for one in smoke %}
<section>
<h3>{{ one.name }}</h3>
<p class="{{ 'good' if one.ok else 'bad' }}">
{{ "✔ answers" if one.ok else "✖ fails" }}{% if one.routed %};
scheduler: {{ one.routed }}{% endif %}</p>
{% if one.lines %}
<ul class="plain">
{% for line in one.lines %}
<li>{{ line }}</li>
{% endfor %}
</ul>
{% endif %}
{% if one.pictures %}
<div class="cards">
{% for picture in one.pictures %}
<figure class="card">{{ picture | safe }}</figure>
{% endfor %}
</div>
{% endif %}
{% if one.latencies %}
<div class="table"><table class="rows">
<caption>{{ one.latencies.caption }}</caption>
<thead><tr><th scope="col">Time</th>{% for name in one.latencies.names %}
<th scope="col" class="number">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for label, cells in one.latencies.rows %}
<tr><th scope="row">{{ label }}</th>{% for name, cell in cells %}
<td data-label="{{ name }}" class="number">{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% endif %}
{% if one.evidence %}
<div class="table"><table class="rows">
<caption>Did the scheduler choose the pod?</caption>
<thead><tr><th scope="col">Place</th><th scope="col">Says</th><th scope="col">Because</th></tr>
</thead>
<tbody>
{% for place, says, words in one.evidence %}
<tr><th scope="row">{{ place }}</th><td data-label="Says">{{ says }}</td>
<td data-label="Because" class="long">{{ words }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}
{% if one.routing %}
<div class="table"><table class="rows">
<caption>Which replica answered which prefix, and how often</caption>
<thead><tr><th scope="col">Prefix</th>{% for name in one.routing.replicas %}
<th scope="col" class="number">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in one.routing.rows %}
<tr><th scope="row">{{ row.prefix }}</th>{% for count in row.counts %}
<td data-label="{{ one.routing.replicas[loop.index0] }}" class="number">{{ count }}</td>
{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% endif %}
</section>
{% endfor %}
{% endif %}

{% if metrics %}
<h2 id="metrics">Metrics</h2>
<div class="table"><table class="rows">
<thead><tr><th scope="col">Figure</th><th scope="col" class="number">Value</th></tr></thead>
<tbody>
{% for name, value in metrics %}
<tr><th scope="row">{{ name }}</th><td class="number">{{ value }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}
"""
_TIMES = (
    ("first_token_seconds", "first token"),
    ("token_seconds", "a token after it"),
    ("gap_seconds", "between chunks"),
    ("connect_seconds", "to connect"),
    ("seconds", "whole answer"),
)
_PERCENTILES = ("mean", "p50", "p90", "p95", "p99", "max")
# Findings have a part of their own, and lines for people repeat the figures.
_NOT_FIGURES = frozenset({"findings", "report", "changed", "failed", "ok", "warnings"})


def page_of(data: Mapping[str, Any]) -> str:
    """The page that shows a report's data."""
    metrics = {name: one for name, one in data["metrics"].items() if name not in _NOT_FIGURES}
    return render(
        _BODY,
        data["title"],
        data={**data, "models": [{**one, "rows": _model_rows(one)} for one in data["models"]]},
        verdict=_verdict(data["verdict"]),
        count=counted(data["findings"]),
        found=shown_findings(data["findings"]),
        nodes=[_node(one) for one in data["nodes"]],
        startup=[_startup(one, number) for number, one in enumerate(data["startup"], 1)],
        smoke=[_smoke(one, number) for number, one in enumerate(data["smoke"], 1)],
        metrics=flat(metrics),
    )


def _verdict(verdict: Mapping[str, Any]) -> str:
    words = []
    if verdict["models"] or verdict["stopped"]:
        words.append(f"{verdict['ready']} of {_number(verdict['models'], 'model')} ready")
    if verdict["stopped"]:
        words.append(f"{verdict['stopped']} stopped on purpose")
    if verdict["asked"]:
        words.append(f"{verdict['answered']} of {verdict['asked']} asked gave a right answer")
        words.append(f"{verdict['routed']} proved to be scheduled")
    if not words:
        return "Nothing was looked at"
    return f"{'✔' if verdict['ok'] else '✖'} {'; '.join(words)}"


def _number(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _model_rows(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    replicas, chips = model.get("replicas") or {}, model.get("chips") or {}
    scale = f"{replicas.get('available', 0)} of {replicas.get('wanted', 0)} available"
    if model.get("rolled_out") is False and not model.get("stopped"):
        scale += ", roll-out under way"
    hardware = " ".join(str(model[name]) for name in ("accelerator", "topology") if model.get(name))
    rows = (
        ("Model", model.get("model")),
        ("From", model.get("uri")),
        ("URL", model.get("url")),
        ("Replicas", scale if replicas else ""),
        ("Hardware", hardware),
        ("Chips", f"{chips.get('in_use', 0)} in use" if chips else ""),
        ("Image", model.get("image")),
        ("vLLM", model.get("vllm")),
    )
    return [(label, str(text)) for label, text in rows if text]


def _node(node: Mapping[str, Any]) -> dict[str, Any]:
    chips = node.get("chips") or {}
    return {
        "name": node.get("name", ""),
        "ready": node.get("ready", True),
        "accelerator": node.get("accelerator", ""),
        "topology": node.get("topology", ""),
        "machine": node.get("machine_type", ""),
        "used": chips.get("used", "?"),
        "allocatable": chips.get("allocatable", "?"),
        "pods": ", ".join(str(pod.get("name")) for pod in node.get("pods") or ()),
    }


def _startup(service: Mapping[str, Any], number: int) -> dict[str, Any]:
    ended = "ready" if service["ready"] else f"stopped at {service['stage'] or 'an unknown stage'}"
    reason = f": {service['reason']}" if service["reason"] and not service["ready"] else ""
    code = f" ({service['code']})" if service["code"] else ""
    stages = service["stages"]
    return {
        "name": service["name"],
        "words": f"{ended} after {seconds_in_words(service['seconds'])}{reason}{code}",
        "picture": pictures.timeline(service, number) if stages else "",
        "rows": [
            (one["stage"], f"{one['began']:g} s", seconds_in_words(one["seconds"]))
            for one in stages
        ],
    }


def _smoke(smoke: Mapping[str, Any], number: int) -> dict[str, Any]:
    scheduler = smoke.get("scheduler") or {}
    drawn = [pictures.questions] if smoke.get("requests") else []
    if len(repeated(smoke)) > 1:
        drawn += [pictures.distribution, pictures.course]
    return {
        "name": smoke["name"],
        "ok": smoke["ok"],
        "routed": scheduler.get("verdict", ""),
        # The prefixes have a table.
        "lines": [line for line in smoke.get("summary") or () if "  " not in line.strip()],
        "pictures": [draw(smoke, number) for draw in drawn],
        "latencies": _latencies(smoke.get("latencies")),
        "evidence": [
            (one.get("place", ""), one.get("says", ""), one.get("words", ""))
            for one in scheduler.get("evidence") or ()
        ],
        "routing": _routing(smoke.get("routing")),
    }


def _routing(table: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not table:
        return None
    names = ["not known" if name == NOBODY else name for name in table["replicas"]]
    return {"replicas": names, "rows": table["rows"]}


def _latencies(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not told:
        return None
    rows = [
        (label, [(one, seconds_in_words(told[name].get(one))) for one in _PERCENTILES])
        for name, label in _TIMES
        if told.get(name)
    ]
    caption = (
        f"{in_words(told.get('requests'))} requests of {told.get('question')}, "
        f"{in_words(told.get('concurrency'))} at once, {in_words(told.get('failed'))} failed"
    )
    return {"caption": caption, "names": _PERCENTILES, "rows": rows}
