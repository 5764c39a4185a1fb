# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Do the probes give the model time to compile, and do they speak TLS? Pure.

Sources: KServe's preset ``kserve-config-llm-template`` (a user's probe is merged into the preset's
field by field), run with both tracks; Kubernetes documentation on probes (defaults: scheme HTTP,
period 10, failures 3). Measured start-ups on v6e: 250 s for a 3B model, 11 to 15 minutes for
others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.serving.placement import whole_number
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import Probe, Track
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import Located, View

ENOUGH_SECONDS = 600
"""A start-up shorter than this was measured for small models only."""

_KUBERNETES_DEFAULT = Probe(delay=0, period=10, failures=3)
_OTHER_HANDLERS = ("exec", "tcpSocket", "grpc")
_SOURCE = "KServe preset kserve-config-llm-template, probes of container main"


def check_probes(view: View, track: Track) -> Iterator[Finding]:
    """Check the three probes of the model server as they are after KServe's merge."""
    if view.server is None and view.containers:
        return
    path = view.server.path if view.server else "spec.template.containers"
    startup = view.probe(view.server, "startupProbe") if view.server else None
    liveness = view.probe(view.server, "livenessProbe") if view.server else None
    readiness = view.probe(view.server, "readinessProbe") if view.server else None
    in_preset = {"startupProbe": track.startup is not None}
    for name, probe in (
        ("startupProbe", startup),
        ("livenessProbe", liveness),
        ("readinessProbe", readiness),
    ):
        if probe is not None:
            yield from _check_handler(name, probe, in_preset.get(name, True))
    if startup is None and track.startup is None:
        yield _no_startup(path)
        budget = _seconds(liveness, track.liveness)
        if budget < ENOUGH_SECONDS:
            yield _too_short("PROBE-LIVENESS-KILLS", f"{path}.livenessProbe", budget)
    elif startup is not None:
        budget = _seconds(startup, track.startup or _KUBERNETES_DEFAULT)
        if budget < ENOUGH_SECONDS:
            yield _too_short("PROBE-STARTUP-SHORT", startup.path, budget)


def _check_handler(name: str, probe: Located, in_preset: bool) -> Iterator[Finding]:
    other = next((handler for handler in _OTHER_HANDLERS if handler in probe.value), None)
    if other and in_preset:
        yield Finding(
            code="PROBE-HANDLER",
            severity="error",
            message=f"KServe's own {name} uses httpGet and stays beside this handler: the pod is "
            "refused",
            path=f"{probe.path}.{other}",
            found=other,
            expected="httpGet",
            fix=f"write httpGet with path /health, port 8000, scheme HTTPS instead of {other}",
            source=_SOURCE,
        )
        return
    action = probe.value.get("httpGet")
    if not isinstance(action, Mapping):
        return
    scheme = action.get("scheme", "HTTPS" if in_preset else None)
    if scheme != "HTTPS":
        yield Finding(
            code="PROBE-SCHEME",
            severity="error",
            message="the server speaks TLS on port 8000, so a plain HTTP probe never succeeds and "
            "the container is killed",
            path=f"{probe.path}.httpGet.scheme",
            found=str(scheme) if scheme else "nothing, which means HTTP",
            expected="HTTPS",
            fix="write scheme: HTTPS",
            source=_SOURCE,
        )


def _no_startup(path: str) -> Finding:
    return Finding(
        code="PROBE-STARTUP-MISSING",
        severity="warning",
        message="without a startupProbe the liveness probe runs while the model still compiles",
        path=f"{path}.startupProbe",
        found="no startupProbe",
        expected="httpGet /health on port 8000 with scheme HTTPS, period 30, failureThreshold 60",
        fix="add that startupProbe (30 minutes)",
        source=_SOURCE,
    )


def _too_short(code: str, path: str, seconds: int) -> Finding:
    return Finding(
        code=code,
        severity="warning",
        message=f"a server that is not up after {seconds} s is killed and starts over: download "
        "and compilation take up to 15 minutes",
        path=path,
        found=f"{seconds} s",
        expected=f"{ENOUGH_SECONDS} s or more for the start",
        fix="add a startupProbe with periodSeconds 30 and failureThreshold 60",
        source="measured start-ups of vLLM on v6e",
    )


def _seconds(probe: Located | None, preset: Probe) -> int:
    """Count the seconds until a server that never answers is killed, after the merge."""
    value: Mapping[str, Any] = probe.value if probe else {}

    def number(key: str, default: int) -> int:
        given = whole_number(value.get(key))
        return default if given is None else given

    return number("initialDelaySeconds", preset.delay) + number(
        "periodSeconds", preset.period
    ) * number("failureThreshold", preset.failures)
