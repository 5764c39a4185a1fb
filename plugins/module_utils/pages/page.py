# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""HTML pages that stand alone: no script, no network, for screens of any width and for paper. Pure.

Everything that is filled in is escaped, unless a template says that it is markup of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

IMPORT_PROBLEM: str | None = None
try:
    import jinja2
    from markupsafe import Markup
except ImportError as problem:
    IMPORT_PROBLEM = str(problem)

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>
{{ style }}
</style>
</head>
<body>
<main>
{% block content %}{% endblock %}
</main>
</body>
</html>
"""

_STYLE = """\
:root {
  --paper: #ffffff; --raised: #f5f6f8; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de;
  --accent: #0b57d0; --accent-soft: #a8c7fa; --second: #a8440b;
  --error: #b3261e; --warning: #7a4f00; --info: #0b57d0; --good: #146c2e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171c; --raised: #1e232b; --ink: #e6e9ee; --soft: #a3acb8; --line: #3a424e;
    --accent: #8ab4f8; --accent-soft: #3b5787; --second: #f0a875; --error: #f2b8b5;
    --warning: #f5cf7b;
    --info: #a8c7fa; --good: #8fd6a1;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-top: 1rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
h1, h2, h3, p, li, dd, .long { overflow-wrap: anywhere; }
th, td { overflow-wrap: break-word; }
p { margin: .25rem 0 .75rem; }
a { color: var(--accent); }
.soft { color: var(--soft); }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .875em; }
.verdict { font-size: 1.1rem; font-weight: 600; margin: .75rem 0; }
.table { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; color: var(--soft); padding: 0 0 .5rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .9rem .4rem 0;
  border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; }
tbody th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.finding { border-left: .3rem solid var(--line); background: var(--raised); border-radius: .25rem;
  padding: .75rem 1rem; margin: 0 0 .75rem; }
.finding h3 { margin: 0 0 .35rem; }
.finding dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .9rem; margin: 0;
  font-size: .9rem; }
.finding dt { color: var(--soft); }
.finding dd { margin: 0; white-space: pre-line; }
.pairs { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .9rem; margin: 0;
  font-size: .9rem; }
.pairs dt { color: var(--soft); }
.pairs dd { margin: 0; }
.plain { list-style: none; padding: 0; margin: 0 0 1rem; font-size: .9rem; }
.error { border-color: var(--error); } .error .severity, .bad { color: var(--error); }
.warning { border-color: var(--warning); } .warning .severity { color: var(--warning); }
.info { border-color: var(--info); } .info .severity { color: var(--info); }
.good { color: var(--good); }
.cards { display: grid; gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); }
.card { margin: 0; border: 1px solid var(--line); border-radius: .5rem; padding: 1rem;
  min-width: 0; }
.card h3 { margin-top: 0; }
figure { margin: 0 0 1rem; }
.cards + .table { margin-top: 1.25rem; }
figure svg { display: block; width: 100%; max-width: 29rem; height: auto; }
figure svg text { font-family: inherit; }
@media (max-width: 40rem) {
  .card { padding: .75rem; }
  .finding dl { grid-template-columns: 1fr; gap: 0; }
  .finding dd { margin: 0 0 .35rem; }
  .rows thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px;
    overflow: hidden; }
  .rows tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  .rows th, .rows td { display: block; border: 0; padding: .05rem 0; text-align: left;
    white-space: normal; }
  .rows td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); }
}
@media print {
  :root {
    --paper: #fff; --raised: #fff; --ink: #000; --soft: #444; --line: #bbb; --accent: #0b57d0;
    --accent-soft: #a8c7fa; --second: #a8440b; --error: #8c1d18; --warning: #6b4500;
    --info: #0842a0; --good: #0d4f20;
  }
  main { max-width: none; padding: 0; }
  body { font-size: 10pt; }
  h2 { break-after: avoid; margin-top: 1.5rem; }
  h3, caption { break-after: avoid; }
  .finding, .card, figure, tr { break-inside: avoid; }
  .table { overflow: visible; }
  .number { white-space: normal; }
  a { color: inherit; text-decoration: none; }
}
"""

_MACROS = """\
{% macro findings(found) %}
{% for one in found %}
<article class="finding {{ one.severity }}">
<h3><span class="severity">{{ one.sign }}</span>
<code>{{ one.code }}</code> {{ one.message }}</h3>
<dl>
{% for label, text in one.rows %}
<dt>{{ label }}</dt><dd>{{ text }}</dd>
{% endfor %}
</dl>
</article>
{% endfor %}
{% endmacro %}
"""

_SIGNS = {"error": "✖ Error", "warning": "▲ Warning", "info": "● Note"}
_COUNTED = (("error", "errors"), ("warning", "warnings"), ("info", "notes"))


def render(template: str, title: str, **values: Any) -> str:
    """A page from the body's template, which may import `findings` from `macros.html`."""
    sources = {
        "page.html": _PAGE,
        "macros.html": _MACROS,
        "body.html": f"{{% extends 'page.html' %}}{{% block content %}}{template}{{% endblock %}}",
    }
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(sources),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    body = environment.get_template("body.html")
    return body.render(title=title, style=Markup(_STYLE), **values)


def shown_finding(finding: Mapping[str, Any]) -> dict[str, Any]:
    """A finding as the macro shows it; what is not given is left out."""
    place = " at ".join(str(finding[part]) for part in ("subject", "path") if finding.get(part))
    rows = (
        ("Where", place),
        ("Found", finding.get("found")),
        ("Expected", finding.get("expected")),
        ("What to do", finding.get("fix")),
        ("Source", finding.get("source")),
    )
    severity = str(finding.get("severity"))
    severity = severity if severity in _SIGNS else "info"
    return {
        "severity": severity,
        "sign": _SIGNS[severity],
        "code": str(finding.get("code", "")),
        "message": str(finding.get("message", "")),
        "rows": [(label, str(text)) for label, text in rows if text],
    }


def shown_findings(findings: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Findings as the macro shows them, the worst first."""
    order = [severity for severity, _words in _COUNTED]
    return sorted(map(shown_finding, findings), key=lambda one: order.index(one["severity"]))


def counted(findings: list[Mapping[str, Any]]) -> str:
    """How many findings there are, in words."""
    numbers = {
        words: sum(1 for one in findings if one.get("severity") == severity)
        for severity, words in _COUNTED
    }
    told = [
        f"{number} {words[:-1] if number == 1 else words}"
        for words, number in numbers.items()
        if number
    ]
    return ", ".join(told) or "no findings"
