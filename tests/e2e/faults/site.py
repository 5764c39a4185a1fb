# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A phase's playbook under a fault, on a converged sandbox where the phase has something to do.

Labels of the phase are taken off and an object is deleted, so that the run has to write. What
others own is noted before and compared afterwards.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.faults.proxy import Proxy, Rule
from tests.e2e.site.playbooks import Run, command, environment, play
from tests.sandbox.harness import Sandbox
from tests.sandbox.paths import CHECKOUT

PHASES = ("operators", "kserve", "gateway", "namespace", "model")
MODELS = "llm-d-inference-scheduling"
# What tells a phase that something is its own (namespaces, Gateway, controllers) keeps its labels,
# or the phase would refuse it; so do services, which a change of labels may roll.
LABELLED = (
    "secrets,services,serviceaccounts,configmaps,roles,rolebindings,clusterroles,"
    "clusterrolebindings,llminferenceserviceconfigs.serving.kserve.io"
)
LISTED = (
    f"{LABELLED},namespaces,deployments.apps,customresourcedefinitions,"
    "certificates.cert-manager.io,clusterissuers.cert-manager.io,"
    "validatingwebhookconfigurations.admissionregistration.k8s.io,"
    "gateways.gateway.networking.k8s.io,llminferenceservices.serving.kserve.io,"
    "httproutes.gateway.networking.k8s.io,inferencepools.inference.networking.k8s.io,"
    "destinationrules.networking.istio.io"
)
# What each phase must make anew: nothing that a running pod would miss.
DELETED = {
    "operators": ("service", "istio-system", "servicemesh-operator3-metrics-service"),
    "kserve": ("clusterrole", "", "kserve-metrics-reader-cluster-role"),
    "gateway": ("secret", "opendatahub", "redhat-pull-secret"),
    "namespace": ("secret", MODELS, "redhat-pull-secret"),
    "model": ("clusterrole", "", "llmd-tpu-metrics-reader"),
}
RUN_SECONDS = 600


@dataclass(frozen=True)
class Site:
    """A converged sandbox, and a proxy in front of its API server."""

    sandbox: Sandbox
    proxy: Proxy
    kubeconfig: Path

    def play(self, phase: str) -> Run:
        """Run a phase's playbook without the proxy."""
        return play(self.sandbox.folder, phase)

    def play_through(self, phase: str) -> Run:
        """Run a phase's playbook through the proxy."""
        return play(self.sandbox.folder, phase, inputs={"llmd_kubeconfig": str(self.kubeconfig)})

    def start_through(self, phase: str, log: Path) -> subprocess.Popen[bytes]:
        """Start that."""
        with log.open("wb") as output:
            return subprocess.Popen(
                command(phase, inputs={"llmd_kubeconfig": str(self.kubeconfig)}),
                cwd=CHECKOUT,
                env=environment(self.sandbox.folder),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def kill_api_server(self) -> None:
        """Kill it without a word; the sandbox's supervisor starts it again a second later."""
        self.sandbox.kill("kube-apiserver")

    def disturb(self, phase: str) -> None:
        """Give the phase something to do: labels to restore, and an object to make."""
        label = "llmd.tpu/phase"
        self.sandbox.kubectl(
            "label", LABELLED, "--all-namespaces", f"--selector={label}={phase}", f"{label}-"
        )
        kind, namespace, name = DELETED[phase]
        place = [f"--namespace={namespace}"] if namespace else []
        self.sandbox.kubectl("delete", kind, name, *place)

    def inventory(self) -> list[str]:
        """Every object of the listed kinds, once for each time it is there.

        A namespace that another test has just left goes in its own time, and counts for nothing.
        """
        going = self._going()
        words = '{range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{"\\n"}{end}'
        listed = self.sandbox.kubectl(
            "get", LISTED, "--all-namespaces", f"--output=jsonpath={words}"
        )
        going |= self._going()
        objects = [one.split("/") for one in listed.split()]
        return sorted(
            "/".join((kind, namespace, name))
            for kind, namespace, name in objects
            if (namespace or (kind == "Namespace" and name)) not in going
        )

    def _going(self) -> set[str]:
        return {
            one["metadata"]["name"]
            for one in self.sandbox.get("namespaces")["items"]
            if "deletionTimestamp" in one["metadata"]
        }


class Stranger:
    """Somebody else with an object of their own, and labels and annotations on ours."""

    whole = ("configmap", "opendatahub", "theirs")
    shared = (
        ("v1", "Namespace", "", MODELS),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "", "kserve-view"),
        ("v1", "ServiceAccount", "istio-system", "istiod"),
        ("v1", "ConfigMap", "opendatahub", "odh-ca-bundle"),
        ("v1", "ServiceAccount", MODELS, "llmd-tpu-metrics-reader"),
    )

    def __init__(self, sandbox: Sandbox) -> None:
        """Move in."""
        self._sandbox = sandbox
        marks = {"labels": {"team": "a"}, "annotations": {"example.com/note": "theirs"}}
        _kind, namespace, name = self.whole
        mine = {"name": name, "namespace": namespace, **marks}
        document = [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": mine, "data": {"a": "1"}},
            *(
                {
                    "apiVersion": api_version,
                    "kind": kind,
                    "metadata": {
                        "name": name,
                        **({"namespace": namespace} if namespace else {}),
                        **marks,
                    },
                }
                for api_version, kind, namespace, name in self.shared
            ),
        ]
        file = sandbox.folder / "stranger.json"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": document}))
        sandbox.kubectl("apply", "--server-side", "--field-manager=somebody", f"--filename={file}")

    def property(self) -> str:
        """All that is theirs, byte by byte."""
        kind, namespace, name = self.whole
        owned: list[Any] = [self._get(kind, namespace, name)]
        for _api_version, kind, namespace, name in self.shared:
            found = self._get(kind, namespace, name)
            metadata = found["metadata"]
            owned.append([e for e in metadata["managedFields"] if e["manager"] == "somebody"])
            owned.append([metadata["labels"]["team"], metadata["annotations"]["example.com/note"]])
        return json.dumps(owned, sort_keys=True)

    def _get(self, kind: str, namespace: str, name: str) -> Any:
        place = [f"--namespace={namespace}"] if namespace else []
        return self._sandbox.get(kind, name, *place, "--show-managed-fields")


def assert_words(run: Run) -> None:
    """Whatever went wrong is said in words."""
    assert "Traceback" not in run.output, run.output[-6000:]
    assert run.code in (0, 2), run.output[-6000:]
    if run.code:
        assert "fatal: " in run.output, run.output[-6000:]
        assert "no_log: true" not in _last_failure(run), _last_failure(run)


def _last_failure(run: Run) -> str:
    """What the task that stopped a run says; a hidden one is followed by one that tells."""
    return run.output.rpartition("fatal: ")[2].partition("\nTASK [")[0]


def reason(run: Run) -> str:
    """Why a run stopped, in one line."""
    told = _last_failure(run)
    found = re.search(r"msg: (?:[|>][-+]?\s*)?(.+?)(?:\n\S|\Z)", told, flags=re.DOTALL)
    return " ".join((found[1] if found else told[-300:]).split())[:160]


def family(pid: int) -> list[int]:
    """A process and all that it started; Ansible's forks are in sessions of their own."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *(each for child in children for each in family(int(child)))]


def lives(pid: int) -> bool:
    """Whether a process still runs (proc(5): its state follows the name)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def killed_at(site: Site, phase: str, log: Path, rule: Callable[[Callable[[], None]], Rule]) -> Run:
    """Run a phase that is killed at the request that the rule names."""
    process = None
    killed: list[int] = []

    def kill() -> None:
        assert process is not None
        killed.extend(family(process.pid))
        for pid in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    with site.proxy.under(rule(kill)) as (armed,):
        process = site.start_through(phase, log)
        code = process.wait(RUN_SECONDS)
        assert armed.fired == 1, log.read_text()[-4000:]
    assert code == -signal.SIGKILL, log.read_text()[-4000:]
    assert len(killed) > 1, "no fork was at work"
    deadline = time.monotonic() + 10
    while any(lives(pid) for pid in killed):
        assert time.monotonic() < deadline, "a fork outlived SIGKILL"
        time.sleep(0.05)
    return Run(code, log.read_text())


def assert_converges(site: Site, phase: str) -> int:
    """Run the phase again: it goes through, and then once more changes nothing."""
    again = site.play(phase)
    assert again.code == 0, again.output[-6000:]
    assert "Traceback" not in again.output
    changed = again.count("changed")
    if changed:
        last = site.play(phase)
        assert last.code == 0, last.output[-6000:]
        assert last.changed_tasks == []
    return changed
