# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A pod on a node of the sandbox lives, fails and is reached as on a real one."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.e2e.patience import eventually
from tests.sandbox import nodes
from tests.sandbox.harness import Sandbox

SHELL = "registry.k8s.io/e2e-test-images/busybox:1.36"
PRIVATE = "registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5"
WEB = ["python3", "-m", "http.server", "8000"]


def container(*command: str, **more: Any) -> dict[str, Any]:
    return {"name": "main", "image": SHELL, "command": list(command), **more}


def pod(namespace: str, name: str, *containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "containers": list(containers),
            **more,
        },
    }


def status(sandbox: Sandbox, namespace: str, name: str) -> dict[str, Any]:
    read: dict[str, Any] = sandbox.get("pod", name, f"--namespace={namespace}")["status"]
    return read


def container_status(sandbox: Sandbox, namespace: str, name: str) -> dict[str, Any]:
    """What the kubelet says of the first container; nothing before it has said anything."""
    found = status(sandbox, namespace, name).get("containerStatuses")
    return dict(found[0]) if found else {}


def finished(sandbox: Sandbox, namespace: str, name: str) -> dict[str, Any]:
    """The pod's status once it has ended, one way or the other."""

    def ended() -> dict[str, Any] | None:
        now = status(sandbox, namespace, name)
        return now if now["phase"] in ("Succeeded", "Failed") else None

    found: dict[str, Any] = eventually(ended, f"{name} ends")
    return found


def waiting_reason(sandbox: Sandbox, namespace: str, name: str) -> str:
    states = status(sandbox, namespace, name).get("containerStatuses", [])
    reasons = [state["state"].get("waiting", {}).get("reason", "") for state in states]
    return "".join(reasons)


def events(sandbox: Sandbox, namespace: str, name: str) -> str:
    found = sandbox.get(
        "events", f"--namespace={namespace}", f"--field-selector=involvedObject.name={name}"
    )
    return "\n".join(f"{each['reason']}: {each['message']}" for each in found["items"])


def told_of(sandbox: Sandbox, namespace: str, name: str, *wanted: str) -> None:
    """Until the events say all of this; they come a moment after what they tell of."""
    eventually(
        lambda: all(words in events(sandbox, namespace, name) for words in wanted),
        f"events of {name} say {wanted}",
    )


def answers(address: str) -> bool:
    """Whether the pod's server listens by now."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def forwarded(sandbox: Sandbox, namespace: str, name: str, port: int) -> Iterator[str]:
    """The address on this machine that kubectl forwards to a pod's port."""
    kubectl = str(Path(sys.executable).with_name("kubectl"))
    forward = [kubectl, f"--kubeconfig={sandbox.kubeconfig}", f"--namespace={namespace}"]
    with subprocess.Popen(
        [*forward, "port-forward", f"pod/{name}", f":{port}"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", told)
        assert found, told
        try:
            yield f"http://{found[0]}"
        finally:
            process.terminate()


def test_an_image_that_does_not_exist_fails_as_at_a_registry(
    sandbox: Sandbox, namespace: str
) -> None:
    sandbox.apply(pod(namespace, "unknown", {"name": "main", "image": "ghcr.io/none/none:1"}))
    eventually(
        lambda: waiting_reason(sandbox, namespace, "unknown") == "ImagePullBackOff",
        "ImagePullBackOff",
    )
    words = ("ErrImagePull", "failed to resolve reference", "ghcr.io/none/none:1: not found")
    told_of(sandbox, namespace, "unknown", *words)


def test_a_private_image_needs_the_right_pull_secret(sandbox: Sandbox, namespace: str) -> None:
    def secret(name: str, password: str) -> dict[str, Any]:
        account = base64.b64encode(f"sandbox:{password}".encode()).decode()
        content = {"auths": {"registry.redhat.io": {"auth": account}}}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": json.dumps(content)},
        }

    private = {"name": "main", "image": PRIVATE, "command": ["true"]}
    sandbox.apply(
        secret("wrong", "guessed"),
        secret("right", "sandbox-registry-password"),
        pod(namespace, "without", private),
        pod(namespace, "with-wrong", private, imagePullSecrets=[{"name": "wrong"}]),
        pod(namespace, "with-right", private, imagePullSecrets=[{"name": "right"}]),
    )

    def is_refused(name: str) -> bool:
        return waiting_reason(sandbox, namespace, name) in ("ErrImagePull", "ImagePullBackOff")

    assert finished(sandbox, namespace, "with-right")["phase"] == "Succeeded"
    for refused in ("without", "with-wrong"):
        eventually(partial(is_refused, refused), f"{refused} is refused")
        told_of(sandbox, namespace, refused, "401 Unauthorized")


def test_volumes_environment_and_init_containers(sandbox: Sandbox, namespace: str) -> None:
    where = {"namespace": namespace}
    sandbox.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "words", **where},
            "stringData": {"word": "from-secret"},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "lines", **where},
            "data": {"line": "from-map"},
        },
        pod(
            namespace,
            "mixed",
            container(
                "sh",
                "-c",
                "cat /secret/word; echo; cat /map/line; echo; cat /shared/order; "
                "echo $WORD $line $NAME $JOINED $CPU; cat /token/token | cut -c1-3; "
                "test -r /var/run/secrets/kubernetes.io/serviceaccount/token && id -u; "
                "touch /secret/new 2>&1 | grep -o 'Read-only file system'; hostname",
                env=[
                    {
                        "name": "WORD",
                        "valueFrom": {"secretKeyRef": {"name": "words", "key": "word"}},
                    },
                    {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "JOINED", "value": "$(WORD)-$(NAME)"},
                    {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                ],
                envFrom=[{"configMapRef": {"name": "lines"}}],
                resources={"limits": {"cpu": "3"}},
                securityContext={"runAsUser": 1234, "runAsNonRoot": True},
                volumeMounts=[
                    {"name": "secret", "mountPath": "/secret", "readOnly": True},
                    {"name": "map", "mountPath": "/map"},
                    {"name": "shared", "mountPath": "/shared"},
                    {"name": "token", "mountPath": "/token"},
                ],
            ),
            initContainers=[
                {
                    **container("sh", "-c", f"echo {number} >> /shared/order"),
                    "name": f"init-{number}",
                    "volumeMounts": [{"name": "shared", "mountPath": "/shared"}],
                }
                for number in (1, 2)
            ],
            volumes=[
                {"name": "secret", "secret": {"secretName": "words"}},
                {"name": "map", "configMap": {"name": "lines"}},
                {"name": "shared", "emptyDir": {}},
                {
                    "name": "token",
                    "projected": {
                        "sources": [{"serviceAccountToken": {"path": "token", "audience": "x"}}]
                    },
                },
            ],
        ),
    )
    assert finished(sandbox, namespace, "mixed")["phase"] == "Succeeded"
    logs = sandbox.kubectl("logs", "mixed", "--container=main", f"--namespace={namespace}")
    assert logs.split("\n") == [
        "from-secret",
        "from-map",
        "1",
        "2",
        "from-secret from-map mixed from-secret-mixed 3",
        "eyJ",
        "1234",
        "Read-only file system",
        "mixed",
        "",
    ]


def test_probes_restart_a_sick_container_and_hold_back_an_unready_one(
    sandbox: Sandbox, namespace: str
) -> None:
    def probe(path: str) -> dict[str, Any]:
        return {"httpGet": {"path": path, "port": 8000}, "periodSeconds": 1, "failureThreshold": 2}

    sandbox.apply(
        pod(
            namespace,
            "sick",
            container(*WEB, livenessProbe=probe("/none")),
            restartPolicy="Always",
        ),
        pod(namespace, "unready", container(*WEB, readinessProbe=probe("/none"))),
        pod(
            namespace,
            "watched",
            container(
                *WEB,
                startupProbe=probe("/"),
                readinessProbe={"exec": {"command": ["test", "-d", "/proc/1"]}},
                livenessProbe={"tcpSocket": {"port": 8000}},
            ),
        ),
    )
    eventually(
        lambda: container_status(sandbox, namespace, "sick").get("restartCount", 0) > 0,
        "a restart",
    )
    told_of(
        sandbox,
        namespace,
        "sick",
        "Liveness probe failed: HTTP probe failed with statuscode: 404",
        "Container main failed liveness probe, will be restarted",
    )
    eventually(lambda: container_status(sandbox, namespace, "watched").get("ready"), "ready")
    assert not container_status(sandbox, namespace, "unready")["ready"]


def test_a_crash_and_too_much_memory_are_told_apart(sandbox: Sandbox, namespace: str) -> None:
    greedy = "b = bytearray(200 << 20); import time; time.sleep(60)"
    sandbox.apply(
        pod(namespace, "crash", container("sh", "-c", "exit 7")),
        pod(
            namespace,
            "greedy",
            container("python3", "-c", greedy, resources={"limits": {"memory": "64Mi"}}),
        ),
    )
    ends = {
        name: finished(sandbox, namespace, name)["containerStatuses"][0]["state"]["terminated"]
        for name in ("crash", "greedy")
    }
    assert (ends["crash"]["reason"], ends["crash"]["exitCode"]) == ("Error", 7)
    assert (ends["greedy"]["reason"], ends["greedy"]["exitCode"]) == ("OOMKilled", 137)


def test_chips_go_to_who_asks_and_nobody_shares_them(sandbox: Sandbox, namespace: str) -> None:
    def wants(chips: int, *command: str) -> dict[str, Any]:
        return container(*command, resources={"limits": {"google.com/tpu": chips}})

    selector = {"cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice"}
    sandbox.apply(
        pod(
            namespace,
            "owner",
            wants(4, "sh", "-c", "ls /dev/vfio; env | grep ^TPU_ | sort; sleep 300"),
            nodeSelector=selector,
        ),
        pod(namespace, "stranger", container("sh", "-c", "ls /dev/vfio; true")),
    )
    eventually(lambda: status(sandbox, namespace, "owner")["phase"] == "Running", "the owner runs")
    assert finished(sandbox, namespace, "stranger")["phase"] == "Succeeded"
    assert "No such file" in sandbox.kubectl("logs", "stranger", f"--namespace={namespace}")
    words = ("logs", "owner", f"--namespace={namespace}")
    eventually(lambda: "TPU_TOPOLOGY" in sandbox.kubectl(*words), "the owner has spoken")
    told = sandbox.kubectl(*words)
    assert told.split()[:4] == ["0", "1", "2", "3"]
    assert "TPU_ACCELERATOR_TYPE=v6e-4" in told
    assert "TPU_CHIPS_PER_HOST_BOUNDS=2,2,1" in told

    sandbox.apply(pod(namespace, "second", wants(4, "true"), nodeSelector=selector))
    told_of(
        sandbox,
        namespace,
        "second",
        "1 Insufficient google.com/tpu",
        "No preemption victims found for incoming pod",
    )


def test_kubectl_reaches_into_a_pod(sandbox: Sandbox, namespace: str) -> None:
    sandbox.apply(pod(namespace, "web", container(*WEB)))
    eventually(lambda: status(sandbox, namespace, "web")["phase"] == "Running", "running")
    inside = ("exec", "web", f"--namespace={namespace}", "--")
    assert sandbox.kubectl(*inside, "hostname").strip() == "web"
    assert "exit code 3" in sandbox.kubectl(*inside, "sh", "-c", "exit 3", check=False)

    with forwarded(sandbox, namespace, "web", 8000) as address:
        eventually(lambda: answers(f"{address}/etc/"), "the server listens")


def test_who_is_reached_does_not_end_others(sandbox: Sandbox, namespace: str) -> None:
    """The node enters a pod's network by a thread that then ends; no container ends with it."""
    names = [f"beside-{number}" for number in range(12)]
    web = pod(namespace, "web", container(*WEB))
    sandbox.apply(web, *(pod(namespace, name, container("sleep", "600")) for name in names))

    def phases() -> set[str]:
        return {status(sandbox, namespace, name)["phase"] for name in ["web", *names]}

    eventually(lambda: "Pending" not in phases(), "all have begun")
    with forwarded(sandbox, namespace, "web", 8000) as address:
        eventually(lambda: answers(f"{address}/etc/passwd"), "the server listens")
        for _each in range(50):
            urllib.request.urlopen(f"{address}/etc/passwd", timeout=10).close()
    time.sleep(2)
    assert phases() == {"Running"}


def test_a_job_runs_to_its_end(sandbox: Sandbox, namespace: str) -> None:
    sandbox.apply(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "work", "namespace": namespace},
            "spec": {
                "backoffLimit": 0,
                "template": {
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [container("sh", "-c", "echo done")],
                    }
                },
            },
        }
    )
    sandbox.kubectl(
        "wait", "--for=condition=Complete", "job/work", f"--namespace={namespace}", "--timeout=60s"
    )
    assert sandbox.kubectl("logs", "job/work", f"--namespace={namespace}").strip() == "done"


def test_a_hollow_node_holds_many_pods(sandbox: Sandbox, namespace: str) -> None:
    """No process runs and no probe is asked, so a hundred pods cost next to nothing."""
    hollow = nodes.NodeRequest("tpu", 7, "ct6e-standard-4t", hollow=True)
    nodes.request(sandbox.state, hollow)
    try:
        eventually(lambda: hollow.name in sandbox.api.ready_nodes(), "the hollow node is ready")
        probe = {"httpGet": {"path": "/health", "port": 8000, "scheme": "HTTPS"}}
        labels = {"app": "many"}
        sandbox.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "many", "namespace": namespace},
                "spec": {
                    "replicas": 100,
                    "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {
                            "nodeSelector": {"kubernetes.io/hostname": hollow.name},
                            "tolerations": [{"key": "google.com/tpu", "operator": "Exists"}],
                            "containers": [container("serve", readinessProbe=probe)],
                        },
                    },
                },
            }
        )
        sandbox.kubectl(
            "rollout", "status", "deployment/many", f"--namespace={namespace}", "--timeout=120s"
        )
    finally:
        (sandbox.state.node_requests / f"{hollow.name}.json").unlink()
        sandbox.kubectl("delete", "node", hollow.name)
