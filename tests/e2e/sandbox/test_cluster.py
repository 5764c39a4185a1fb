# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The running cluster looks and behaves like a GKE cluster with one TPU pool."""

from __future__ import annotations

import urllib.request
from typing import Any

from tests.e2e.patience import eventually
from tests.sandbox.audit import Request
from tests.sandbox.forward import GATEWAY_LABEL
from tests.sandbox.harness import Sandbox

IMAGE = "registry.k8s.io/e2e-test-images/busybox:1.36"
SERVER = ["python3", "-m", "http.server", "8000"]


def web(namespace: str, service_type: str, labels: dict[str, str]) -> list[dict[str, Any]]:
    """A pod that answers HTTP, and a Service before it."""
    where = {"name": "web", "namespace": namespace}
    container = {"name": "web", "image": IMAGE, "command": SERVER}
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**where, "labels": {"app": "web"}},
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [
                    {**container, "readinessProbe": {"tcpSocket": {"port": 8000}}},
                ],
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**where, "labels": labels},
            "spec": {
                "type": service_type,
                "selector": {"app": "web"},
                "ports": [{"port": 80, "targetPort": 8000}],
            },
        },
    ]


def eventually_fetched(sandbox: Sandbox, namespace: str) -> None:
    """Fetch from the Service by its name; kube-proxy needs a moment after the pod is ready."""
    # Not only `web`: that is the pod's own host name.
    url = f"http://web.{namespace}"
    fetch = f"import urllib.request as u; print(u.urlopen('{url}', timeout=5).status)"
    inside = ["exec", "web", f"-n={namespace}", "--", "python3", "-c", fetch]
    eventually(lambda: sandbox.kubectl(*inside, check=False).strip() == "200", f"{url} answers")


def test_the_tpu_node_is_shaped_as_on_gke(sandbox: Sandbox) -> None:
    node = sandbox.get("node", "sandbox-tpu-0")
    labels = node["metadata"]["labels"]
    assert labels["cloud.google.com/gke-tpu-accelerator"] == "tpu-v6e-slice"
    assert labels["cloud.google.com/gke-tpu-topology"] == "2x2"
    assert labels["cloud.google.com/gke-accelerator-count"] == "4"
    assert labels["node.kubernetes.io/instance-type"] == "ct6e-standard-4t"
    taint = {"key": "google.com/tpu", "value": "present", "effect": "NoSchedule"}
    assert node["spec"]["taints"] == [taint]
    assert node["status"]["capacity"]["google.com/tpu"] == "4"
    assert node["status"]["nodeInfo"]["kubeletVersion"] == "v1.35.4"
    assert node["spec"]["providerID"].startswith("gce://")


def test_the_cpu_node_has_no_chips(sandbox: Sandbox) -> None:
    node = sandbox.get("node", "sandbox-cpu-0")
    assert "taints" not in node["spec"]
    assert "google.com/tpu" not in node["status"]["capacity"]
    assert node["metadata"]["labels"]["cloud.google.com/gke-nodepool"] == "default-pool"


def test_kubectl_and_api_server_have_versions(sandbox: Sandbox) -> None:
    assert "Server Version: v1.35.4" in sandbox.kubectl("version")


def test_a_pod_is_reached_by_name_and_by_the_gateway_port(sandbox: Sandbox, namespace: str) -> None:
    """Name: CoreDNS and kube-proxy. Port: load balancer and the socket on the host."""
    sandbox.apply(*web(namespace, "LoadBalancer", {GATEWAY_LABEL: "any"}))
    sandbox.kubectl("wait", "pod/web", f"-n={namespace}", "--for=condition=Ready", "--timeout=30s")
    eventually_fetched(sandbox, namespace)
    service = ["service", "web", f"-n={namespace}"]
    eventually(lambda: sandbox.get(*service)["status"]["loadBalancer"].get("ingress"), "an address")
    forward = sandbox.description["gateway"]["forward"]
    with urllib.request.urlopen(f"http://{forward}/", timeout=10) as answer:
        assert answer.status == 200
    assert "GET / HTTP" in sandbox.kubectl("logs", "web", f"-n={namespace}")


def test_without_a_gateway_the_port_closes_the_connection(sandbox: Sandbox) -> None:
    forward = sandbox.description["gateway"]["forward"]

    def refused() -> bool:
        try:
            urllib.request.urlopen(f"http://{forward}/", timeout=10)
        except OSError as error:
            return "closed connection without response" in str(error)
        return False

    # The namespace of the test before may take a moment to go.
    eventually(refused, "the connection is closed")


def test_a_pod_that_asks_for_chips_gets_the_toleration(sandbox: Sandbox, namespace: str) -> None:
    chips = {"google.com/tpu": "4"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "chips", "namespace": namespace},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "chips",
                    "image": IMAGE,
                    "command": ["sleep", "60"],
                    "resources": {"requests": chips, "limits": chips},
                }
            ],
        },
    }
    sandbox.apply(pod)
    sandbox.kubectl(
        "wait", "pod/chips", f"-n={namespace}", "--for=condition=Ready", "--timeout=30s"
    )
    seen = sandbox.get("pod", "chips", f"-n={namespace}")
    assert seen["spec"]["nodeName"] == "sandbox-tpu-0"
    keys = [each.get("key") for each in seen["spec"]["tolerations"]]
    assert "google.com/tpu" in keys


def test_the_audit_log_counts_reads_and_writes_by_user_agent(
    sandbox: Sandbox, namespace: str
) -> None:
    start = sandbox.position()
    sandbox.kubectl("create", "configmap", "one", f"-n={namespace}")
    sandbox.kubectl("get", "configmap", "one", f"-n={namespace}")

    def about_config_maps() -> list[Request]:
        made = sandbox.requests_by("kubectl/", start)
        return [each for each in made if "configmaps" in each.uri]

    eventually(lambda: len(about_config_maps()) >= 2, "both are in the log")
    about = about_config_maps()
    assert [each.verb for each in about] == ["create", "get"]
    assert [each.is_write for each in about] == [True, False]
    assert [each.code for each in about] == [201, 200]
    assert sandbox.requests_by("nobody-at-all/", start) == []


def test_nodes_come_and_more_of_them(sandbox: Sandbox) -> None:
    """A request file is all it takes, which is how the autoscaler adds a node."""
    from tests.sandbox import nodes

    added = nodes.NodeRequest("tpu", 5, "ct6e-standard-1t")
    nodes.request(sandbox.state, added)
    eventually(lambda: added.name in sandbox.api.ready_nodes(), "the node is ready")
    node = sandbox.get("node", added.name)
    assert node["metadata"]["labels"]["cloud.google.com/gke-tpu-topology"] == "1x1"
    assert node["status"]["capacity"]["google.com/tpu"] == "1"
    (sandbox.state.node_requests / f"{added.name}.json").unlink()
    sandbox.kubectl("delete", "node", added.name)
