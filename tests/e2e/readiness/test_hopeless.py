# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What cannot heal by itself ends the wait early, with the finding; what can is only told.

All cases are made at once and waited for side by side, each by a wait of its own.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.readiness.waiting import Waiting, entry
from tests.sandbox.harness import Sandbox

Object = dict[str, Any]
SHELL = "registry.k8s.io/e2e-test-images/busybox:1.36"
TIME = 90


def template(name: str, *command: str, image: str = SHELL, **spec: Any) -> Object:
    container = {"name": "main", "image": image, "command": list(command or ("sleep", "600"))}
    labels = {"app": name}
    ended = {"terminationGracePeriodSeconds": 0}
    return {"metadata": {"labels": labels}, "spec": {"containers": [container], **ended, **spec}}


def workload(kind: str, namespace: str, name: str, pods: Object, **spec: Any) -> Object:
    version = "batch/v1" if kind == "Job" else "apps/v1"
    selector = {} if kind == "Job" else {"selector": {"matchLabels": {"app": name}}}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**selector, "template": pods, **spec},
    }


def policy(name: str, namespace: str) -> list[Object]:
    """A ValidatingAdmissionPolicy that refuses pods with the label app=refused."""
    version = "admissionregistration.k8s.io/v1"
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"]}
    wrong = "object.metadata.?labels.app.orValue('') != 'refused'"
    return [
        {
            "apiVersion": version,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "matchConstraints": {"resourceRules": [{**pods, "resources": ["pods"]}]},
                "validations": [{"expression": wrong, "message": "not in this house"}],
            },
        },
        {
            "apiVersion": version,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {
                "policyName": name,
                "validationActions": ["Deny"],
                "matchResources": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
                },
            },
        },
    ]


@dataclass
class Space:
    """A namespace that refuses pods with app=refused, and one whose quota allows none."""

    sandbox: Sandbox
    open: str
    full: str

    def wait(self, *objects: Object, **params: Any) -> Waiting:
        """Begin a wait."""
        return Waiting(self.sandbox.kubeconfig, *objects, **{"wait_timeout": TIME, **params})


@pytest.fixture(scope="module")
def space(sandbox: Sandbox) -> Iterator[Space]:
    mark = secrets.token_hex(4)
    name = f"test-{mark}"
    made = Space(sandbox, name, f"{name}-full")
    quota = {"metadata": {"name": "q", "namespace": made.full}, "spec": {"hard": {"pods": "0"}}}
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each}}
        for each in (made.open, made.full)
    ]
    try:
        sandbox.apply(*spaces, *policy(name, name))
        sandbox.apply({"apiVersion": "v1", "kind": "ResourceQuota", **quota})
        _wait_refused(sandbox, name)
        yield made
    finally:
        kinds = "validatingadmissionpolicy,validatingadmissionpolicybinding"
        sandbox.kubectl("delete", kinds, name, "--ignore-not-found")
        sandbox.kubectl("delete", "namespace", made.open, made.full, "--wait=false")


def _wait_refused(sandbox: Sandbox, namespace: str) -> None:
    """Until the policy is in force."""
    arguments = ["run", "refused", f"--namespace={namespace}", f"--image={SHELL}"]
    deadline = time.monotonic() + 30
    while "not in this house" not in sandbox.kubectl(
        *arguments, "--labels=app=refused", "--dry-run=server", check=False
    ):
        assert time.monotonic() < deadline, "the policy is not in force"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def waits(space: Space) -> Iterator[dict[str, Waiting]]:
    """Every case, made and waited for at the same time."""
    crash = template("crash", "sh", "-c", "echo no >&2; exit 3")
    crash["spec"]["containers"][0]["terminationMessagePolicy"] = "FallbackToLogsOnError"
    image = template("image", image="ghcr.io/none/none:1")
    chips = template("chips")
    amount = {"google.com/tpu": "512"}
    chips["spec"]["containers"][0]["resources"] = {"requests": amount, "limits": amount}
    never = {"restartPolicy": "Never"}
    cases: dict[str, tuple[str, str, str, Object, Object]] = {
        "image": ("Deployment", space.open, "image", image, {}),
        # Without it the Deployment is available for the moment that each of its containers lives.
        "crash": ("Deployment", space.open, "crash", crash, {"minReadySeconds": 5}),
        "policy": ("Deployment", space.open, "refused", template("refused"), {}),
        "chips": ("Deployment", space.open, "chips", chips, {}),
        "quota": ("Deployment", space.full, "quota", template("quota"), {}),
        "quota of a job": ("Job", space.full, "job", template("job", **never), {}),
        "quota of a set": ("StatefulSet", space.full, "set", template("set"), {"serviceName": "x"}),
        "failed job": (
            "Job",
            space.open,
            "failing",
            template("failing", "false", **never),
            {"backoffLimit": 0},
        ),
    }
    space.sandbox.apply(*(workload(*case[:4], **case[4]) for case in cases.values()))
    begun = {
        title: space.wait(
            entry(kind, name, namespace), **({"wait_timeout": 20} if title == "chips" else {})
        )
        for title, (kind, namespace, name, _template, _spec) in cases.items()
    }
    yield begun
    for waiting in begun.values():
        with contextlib.suppress(AssertionError):
            waiting.end()


@pytest.mark.parametrize(
    ("title", "seconds", "words"),
    [
        ("image", 40, ["the image ghcr.io/none/none:1 is refused", "not found"]),
        ("crash", 75, ["it crashes again and again", "last exit code 3: no"]),
        ("policy", 75, ["its pods are refused", "not in this house"]),
        ("quota", 75, ["its pods are refused", "exceeded quota: q"]),
        ("quota of a job", 75, ["its pods are refused", "exceeded quota: q"]),
        ("quota of a set", 75, ["its pods are refused", "exceeded quota: q"]),
        ("failed job", 30, ["it failed (BackoffLimitExceeded"]),
    ],
)
def test_it_fails_early(
    waits: dict[str, Waiting], title: str, seconds: float, words: list[str]
) -> None:
    waiting = waits[title]
    result = waiting.end()
    print(f"{title}: failed after {waiting.seconds:.1f} s, {result['requests']} requests")
    assert result["failed"]
    assert "cannot become ready" in result["msg"]
    for each in words:
        assert each in result["msg"]
    assert waiting.seconds < seconds


def test_a_pod_that_cannot_be_scheduled_is_told_and_waited_for(waits: dict[str, Waiting]) -> None:
    waiting = waits["chips"]
    when = waiting.told("is not scheduled: 0/2 nodes are available")
    print(f"not scheduled: told after {when:.1f} s")
    assert when < 18
    result = waiting.end()
    assert re.search(r"1 object is not ready after \d+ s", result["msg"])
    assert "Insufficient google.com/tpu" in result["msg"]


def test_a_service_whose_deployment_is_scaled_to_0_is_not_waited_for(space: Space) -> None:
    pods = template("asleep")
    service = {"selector": {"app": "asleep"}, "ports": [{"port": 80}]}
    metadata = {"name": "asleep", "namespace": space.open}
    space.sandbox.apply(
        workload("Deployment", space.open, "asleep", pods, replicas=0),
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
    )
    waiting = space.wait(entry("Service", "asleep", space.open))
    result = waiting.end()
    assert f"Deployment {space.open}/asleep, which answers for Service" in result["msg"]
    assert "is scaled to 0" in result["msg"]
    assert waiting.seconds < 20
