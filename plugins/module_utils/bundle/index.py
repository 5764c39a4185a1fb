# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page that a reader of a bundle opens first. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.bundle.room import File
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.told import Problem
from ansible_collections.llmd.tpu.plugins.module_utils.pages.page import (
    counted,
    render,
    shown_findings,
)

_BODY = """
{% from 'macros.html' import findings as show_findings %}
<h1>{{ title }}</h1>
<p class="soft">{{ server }}, collected {{ when }} with {{ versions.program }}. Values of
Secrets are not in here; whatever looks like a credential is {{ mask }}.</p>
<p class="verdict">{{ count }}{% if missing %}; {{ missing }} not collected{% endif %}</p>
<h2 id="findings">Findings</h2>
{% if found %}{{ show_findings(found) }}{% else %}<p>None were handed over.</p>{% endif %}
<h2 id="problems">Not collected</h2>
{% if problems or cut %}
<div class="table"><table class="rows">
<thead><tr><th scope="col">What</th><th scope="col">Why</th></tr></thead>
<tbody>
{% for one in problems %}
<tr><th scope="row" class="long"><code>{{ one.what }}</code></th>
<td data-label="Why" class="long">{{ one.why }}</td></tr>
{% endfor %}
{% for file in cut %}
<tr><th scope="row"><code>{{ file.name }}</code></th>
<td data-label="Why">{{ file.left_out }} bytes left out: no room within max_size</td></tr>
{% endfor %}
</tbody></table></div>
{% else %}<p>Nothing: all that was asked for is here.</p>{% endif %}
<h2 id="versions">Versions</h2>
<div class="table"><table>
<thead><tr><th scope="col">Part</th><th scope="col">Version</th></tr></thead>
<tbody>
{% for part, version in parts %}
<tr><th scope="row">{{ part }}</th><td>{{ version or "unknown" }}</td></tr>
{% endfor %}
</tbody></table></div>
<h2 id="images">Images</h2>
{% if versions.images %}
<div class="table"><table class="rows">
<thead><tr><th scope="col">Pod</th><th scope="col">Container</th><th scope="col">Image</th>
<th scope="col">Digest</th><th scope="col">Node</th></tr></thead>
<tbody>
{% for one in versions.images %}
<tr><th scope="row" class="long">{{ one.namespace }}/{{ one.pod }}</th>
<td data-label="Container">{{ one.container }}</td>
<td data-label="Image" class="long">{{ one.image }}</td>
<td data-label="Digest" class="long">{{ one.digest or "not pulled" }}</td>
<td data-label="Node">{{ one.node or "none" }}</td></tr>
{% endfor %}
</tbody></table></div>
{% else %}<p>No pods were seen.</p>{% endif %}
<h2 id="files">Files</h2>
{% for place, of_place in places %}
<h3>{{ place }}</h3>
<div class="table"><table class="rows">
<thead><tr><th scope="col">File</th><th scope="col" class="number">Bytes</th>
<th scope="col">Asked by</th></tr></thead>
<tbody>
{% for file, link in of_place %}
<tr><th scope="row" class="long"><a href="{{ link }}">{{ file.name }}</a></th>
<td data-label="Bytes" class="number">{{ file.size }}</td>
<td data-label="Asked by" class="long">
<code>{{ file.asked or "handed over by the play" }}</code></td></tr>
{% endfor %}
</tbody></table></div>
{% endfor %}
"""


def index_page(
    *,
    server: str,
    when: str,
    mask: str,
    versions: Mapping[str, Any],
    findings: list[Mapping[str, Any]],
    problems: Sequence[Problem],
    files: Sequence[File],
) -> str:
    """The page; everything in it was cleaned before."""
    kept = [file for file in files if file.text]
    cut = [file for file in files if file.left_out]
    places: dict[str, list[tuple[File, str]]] = {}
    for file in kept:
        place = "/".join(file.name.split("/")[:2]) if file.name.startswith("namespaces/") else ""
        place = (
            place.removeprefix("namespaces/") and f"Namespace {place.removeprefix('namespaces/')}"
        )
        places.setdefault(place or "Cluster and run", []).append((file, quote(file.name)))
    return render(
        _BODY,
        "Diagnostics bundle",
        server=server,
        when=when,
        mask=mask,
        versions=versions,
        parts=_parts(versions),
        count=counted(findings),
        found=shown_findings(findings),
        missing=len(problems) + len(cut),
        problems=problems,
        cut=cut,
        places=list(places.items()),
    )


def _parts(versions: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("Kubernetes", versions["kubernetes"]),
        ("Client", versions["client"]),
        ("Collection llmd.tpu", versions["collection"]),
        *(
            (f"Istio {one['name']}", f"{one['version']} {one['state']}")
            for one in versions["istio"]
        ),
        *(
            (f"{one['namespace']}/{one['name']}", ", ".join(one["images"]))
            for one in versions["controllers"]
        ),
    ]
