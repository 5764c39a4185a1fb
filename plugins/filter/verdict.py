# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filter that sums findings up for whoever reads no list: a workflow, a dashboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_WORST_FIRST = ("error", "warning")


def verdict(findings: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Whether there is no error, the worst severity (`ok` where none matters), and the codes.

    What is told for information only decides nothing and is left out.
    """
    codes: dict[str, list[str]] = {severity: [] for severity in _WORST_FIRST}
    for finding in findings:
        known = codes.get(str(finding["severity"]), [])
        if finding["code"] not in known:
            known.append(str(finding["code"]))
    return {
        "ok": not codes["error"],
        "verdict": next((severity for severity in _WORST_FIRST if codes[severity]), "ok"),
        "codes": [code for severity in _WORST_FIRST for code in codes[severity]],
    }


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {"verdict": verdict}
