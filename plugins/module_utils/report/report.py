# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write a report: a page that stands alone, and its data beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.beside import written_beside
from ansible_collections.llmd.tpu.plugins.module_utils.connection import VERSION
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.cleaning import Cleaner
from ansible_collections.llmd.tpu.plugins.module_utils.pages import page
from ansible_collections.llmd.tpu.plugins.module_utils.report import pictures
from ansible_collections.llmd.tpu.plugins.module_utils.report.shape import shape

REQUIREMENTS = "requirements-report.txt"


def argument_spec() -> dict[str, Any]:
    """Give the options of the task."""
    data = {"type": "dict", "default": {}}
    several = {"type": "list", "elements": "dict", "default": []}
    return {
        "path": {"type": "path", "required": True},
        "json_path": {"type": "path"},
        "title": {"type": "str", "default": "LLM services on TPU"},
        "models": several,
        "operators": data,
        "gateway": data,
        "tpu": data,
        "pods": several,
        "findings": several,
        "startup": several,
        "smoke": several,
        "metrics": data,
    }


class ReportProblem(Exception):
    """There can be no report; the text is written for the user."""


def run(parameters: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Write what differs from what is there; never raises for bad input."""
    try:
        return _run(parameters, check)
    except ReportProblem as problem:
        return {"failed": True, "changed": False, "msg": str(problem)}
    except OSError as problem:
        words = f"the report cannot be written: {problem}. Check path and json_path."
        return {"failed": True, "changed": False, "msg": words}


def _run(parameters: Mapping[str, Any], check: bool) -> dict[str, Any]:
    missing = page.IMPORT_PROBLEM or pictures.IMPORT_PROBLEM
    if missing:
        raise ReportProblem(
            f"a Python library is missing: {missing}. Needed where the task runs: what "
            f"{REQUIREMENTS} of this collection names (pip install -r {REQUIREMENTS}), or "
            "pip install Jinja2 matplotlib. Nothing was written."
        )
    # It needs the libraries that were just looked for.
    from ansible_collections.llmd.tpu.plugins.module_utils.report.html import page_of

    path = Path(parameters["path"])
    beside = Path(parameters["json_path"] or path.with_suffix(".json"))
    for one in (path, beside):
        if not one.absolute().parent.is_dir():
            raise ReportProblem(
                f"there is no folder {one.absolute().parent}. Expected: a folder for the report. "
                "Make it, or set path to another one. Nothing was written."
            )
    if path.absolute() == beside.absolute():
        raise ReportProblem(
            f"path and json_path are the same file, {path}. Expected: two, such as report.html "
            "and report.json. Nothing was written."
        )
    data = Cleaner().data(shape(parameters, VERSION))
    try:
        page_text = page_of(data)
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise ReportProblem(
            f"the data is not what the words of this collection return: {problem!r}. Expected: "
            "models, operators, gateway, tpu, smoke and startup as the documentation says, for "
            "example models: the list of llmd.tpu.model_info. Nothing was written."
        ) from problem
    told = json.dumps(data, indent=2, ensure_ascii=False, default=str) + "\n"
    before = _read(beside)
    changed = before != told or _read(path) != page_text
    if changed and not check:
        _write(path, page_text)
        _write(beside, told)
    return {
        "changed": changed,
        "path": str(path),
        "json_path": str(beside),
        "ok": data["verdict"]["ok"],
        "verdict": data["verdict"],
        "diff": {
            "before": before,
            "after": told,
            "before_header": str(beside),
            "after_header": str(beside),
        },
    }


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def _write(path: Path, text: str) -> None:
    """Whole or not at all, with the rights that a new file gets here."""
    mask = os.umask(0)
    os.umask(mask)
    with written_beside(path, text.encode()) as beside:
        os.chmod(beside, 0o666 & ~mask)
        os.replace(beside, path)
