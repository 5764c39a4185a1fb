# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.e2e.operators.cluster import Document, Sandbox
from tests.e2e.operators.conftest import namespace
from tests.e2e.operators.pods import pod
from tests.e2e.patience import eventually
from tests.sandbox.cloud.network_policy import Pod, translate

SERVER = "policy-server"
CLIENTS = "policy-clients"


@pytest.fixture(scope="module")
def pods(sandbox: Sandbox) -> Iterator[Sandbox]:
    sandbox.apply(namespace(SERVER), namespace(CLIENTS))
    for name in (SERVER, CLIENTS):
        account = ("serviceaccount", "default", f"--namespace={name}")
        eventually(partial(sandbox.get, *account), f"an account in {name}")
    serve = "python3 -m http.server 8000 & python3 -m http.server 9000"
    ready = {"httpGet": {"port": 8000, "path": "/"}, "periodSeconds": 1}
    server = pod("server", {"app": "server"}, serve, SERVER)
    server["spec"]["containers"][0]["readinessProbe"] = ready
    sandbox.apply(
        server,
        pod("friend", {"role": "friend"}, "sleep 3600", CLIENTS),
        pod("stranger", {"role": "stranger"}, "sleep 3600", CLIENTS),
    )
    for name in (SERVER, CLIENTS):
        words = ["--for=condition=Ready", "pod", "--all", f"--namespace={name}"]
        sandbox.kubectl("wait", *words, "--timeout=60s")
    yield sandbox
    sandbox.kubectl("delete", "namespace", SERVER, CLIENTS, "--wait=false")


@pytest.fixture(autouse=True)
def no_policy_left(pods: Sandbox) -> Iterator[None]:
    yield
    for name in (SERVER, CLIENTS):
        pods.kubectl("delete", "networkpolicy", "--all", f"--namespace={name}")


def policy(namespace: str, **spec: Any) -> Document:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "test", "namespace": namespace},
        "spec": {"podSelector": {}, **spec},
    }


def reaches(sandbox: Sandbox, client: str, port: int = 8000) -> bool:
    address = sandbox.get("pod", "server", f"--namespace={SERVER}")["status"]["podIP"]
    url = f"http://{address}:{port}/"
    words = ["exec", client, f"--namespace={CLIENTS}", "--", "curl", "-s", "--max-time", "2", url]
    return "Directory listing" in sandbox.kubectl(*words, check=False)


def expect(sandbox: Sandbox, wanted: dict[tuple[str, int], bool]) -> None:
    def found() -> dict[tuple[str, int], bool]:
        return {(client, port): reaches(sandbox, client, port) for client, port in wanted}

    eventually(lambda: found() == wanted, f"reachable as {wanted}")


def test_without_a_policy_everything_is_reachable(pods: Sandbox) -> None:
    expect(pods, {("friend", 8000): True, ("stranger", 9000): True})


def test_ingress_lets_chosen_pods_to_a_named_port(pods: Sandbox) -> None:
    peer = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": CLIENTS}},
        "podSelector": {"matchLabels": {"role": "friend"}},
    }
    rule = {"from": [peer], "ports": [{"port": "web"}]}
    pods.apply(policy(SERVER, ingress=[rule]))
    expect(
        pods,
        {("friend", 8000): True, ("friend", 9000): False, ("stranger", 8000): False},
    )
    # The kubelet's probe is not filtered.
    state = pods.get("pod", "server", f"--namespace={SERVER}")["status"]
    assert {each["type"]: each["status"] for each in state["conditions"]}["Ready"] == "True"


def test_egress_can_be_denied_altogether(pods: Sandbox) -> None:
    pods.apply(policy(CLIENTS, policyTypes=["Egress"]))
    expect(pods, {("friend", 8000): False})
    # The model hub is a program on the node's own address.
    words = ["exec", "friend", f"--namespace={CLIENTS}", "--", "curl", "-s", "--max-time", "2"]
    words += ["-o", "/dev/null", "-w", "%{http_code}", "http://10.250.0.1:8080/"]

    def answers() -> bool:
        return not pods.kubectl(*words, check=False).startswith("000")

    eventually(lambda: not answers(), "the hub is out of reach")
    pods.kubectl("delete", "networkpolicy", "test", f"--namespace={CLIENTS}")
    expect(pods, {("friend", 8000): True})
    eventually(answers, "the hub is reached again")


def test_nft_takes_every_form_of_a_rule(pods: Sandbox) -> None:
    server = Pod(SERVER, {"app": "server"}, "10.244.1.2", {("TCP", "web"): 8000})
    client = Pod(CLIENTS, {"role": "friend"}, "10.244.1.3")
    peers = [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.0.0/16"]}}]
    peers.append({"podSelector": {}, "namespaceSelector": {}})
    ports = [
        {"port": "web"},
        {"port": 53, "protocol": "UDP"},
        {"port": 100, "endPort": 200, "protocol": "SCTP"},
        {"protocol": "TCP"},
    ]
    both = policy(
        SERVER,
        policyTypes=["Ingress", "Egress"],
        ingress=[{}, {"from": peers, "ports": ports}],
        egress=[{"to": peers, "ports": ports}, {"ports": ports}],
    )
    text = translate([both], [server, client], {SERVER: {}, CLIENTS: {}})
    table = pods.folder / "table.nft"
    table.write_text(text)
    done = pods.inside("nft", "--check", "--file", str(table))
    assert not done.returncode, done.stderr
