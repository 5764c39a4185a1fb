# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a sandbox looks like when a test has failed on it: it is gone when the report is read."""

from __future__ import annotations

import json
from typing import Any

from tests.sandbox.harness import Sandbox

LOG_LINES = 12
EVENTS = 15


def told(sandbox: Sandbox) -> str:
    """Pods that are not well with the ends of their logs, warnings, and what the node restarted."""
    found = sandbox.kubectl("get", "pods", "--all-namespaces", "--output=json", check=False)
    try:
        pods = json.loads(found)["items"]
    except ValueError:
        return f"the API server does not answer: {found[-500:]}\n{_supervisor(sandbox)}"
    parts = [_pod(sandbox, pod) for pod in pods if _is_unwell(pod)]
    return "\n".join([*parts, _warnings(sandbox), _supervisor(sandbox)])


def _is_unwell(pod: Any) -> bool:
    states = pod["status"].get("containerStatuses") or ()
    well = pod["status"].get("phase") == "Succeeded" or all(one.get("ready") for one in states)
    return not (states and well) or any(one.get("restartCount") for one in states)


def _pod(sandbox: Sandbox, pod: Any) -> str:
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    lines = [f"pod {namespace}/{name}: {pod['status'].get('phase')}"]
    for one in pod["status"].get("containerStatuses") or ():
        states = json.dumps({"now": one.get("state"), "before": one.get("lastState")})
        lines.append(f"  {one['name']}: restarts {one.get('restartCount')}, {states}")
        where = [f"--namespace={namespace}", name, f"--container={one['name']}"]
        text = sandbox.kubectl("logs", *where, f"--tail={LOG_LINES}", check=False)
        lines += [f"    {line}" for line in text.splitlines()]
    return "\n".join(lines)


def _warnings(sandbox: Sandbox) -> str:
    asked = ["--all-namespaces", "--field-selector=type=Warning", "--sort-by=.lastTimestamp"]
    text = sandbox.kubectl("get", "events", *asked, check=False)
    return "\n".join(["warnings:", *text.splitlines()[-EVENTS:]])


def _supervisor(sandbox: Sandbox) -> str:
    file = sandbox.state.log / "supervisor.log"
    text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    return "\n".join(["supervisor:", *text.splitlines()[-LOG_LINES:]])
