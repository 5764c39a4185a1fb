# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What remove.yml takes away, and what it leaves: the last test on this sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.site.playbooks import Run, play
from tests.sandbox.harness import Sandbox

OURS = "llmd.tpu"
MODELS = "llm-d-inference-scheduling"
CONFIRMED = {"llmd_remove_confirm": True}
PHASES = ("model", "gateway", "namespace", "kserve", "operators")
Place = tuple[str, str, str]

# None of them is anybody's business but their owner's; the class and the issuer do not exist.
FOREIGN: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strangers"}},
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "notes", "namespace": MODELS},
        "data": {"note": "mine"},
    },
    {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "theirs", "namespace": "strangers"},
        "spec": {
            "gatewayClassName": "of-a-stranger",
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
    },
    {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "theirs", "namespace": "strangers"},
        "spec": {
            "secretName": "theirs",
            "dnsNames": ["stranger.example"],
            "issuerRef": {"name": "of-a-stranger"},
        },
    },
]


def removed(run: Run) -> set[Place]:
    """What a run deleted, or in check mode would delete."""
    return {
        (one["kind"], str(one.get("namespace") or ""), one["name"])
        for _task, result in run.results
        for one in result.get("objects", ())
        if one.get("action") in ("deleted", "pruned")
    }


def labelled(sandbox: Sandbox) -> list[str]:
    """Everything that carries our label, of every kind that can be listed; CRDs apart."""
    kinds = sandbox.kubectl("api-resources", "--verbs=list", "--output=name").split()
    others = ("events", "customresourcedefinitions", "componentstatuses")
    kinds = [kind for kind in kinds if not kind.startswith(others)]
    found = sandbox.kubectl(
        "get",
        ",".join(kinds),
        "--all-namespaces",
        f"--selector=llmd.tpu/phase in ({','.join(PHASES)})",
        "--output=name",
        "--ignore-not-found",
    )
    return [line for line in found.splitlines() if not line.startswith("Warning:")]


def foreign(sandbox: Sandbox) -> list[Any]:
    """The stranger's objects as the server has them, without what their controllers report."""
    found = []
    for one in FOREIGN[1:]:
        place = one["metadata"]
        live = sandbox.get(one["kind"], place["name"], f"--namespace={place['namespace']}")
        live.pop("status", None)
        live["metadata"].pop("resourceVersion")
        live["metadata"]["managedFields"] = [
            entry
            for entry in live["metadata"].get("managedFields", ())
            if entry.get("subresource") != "status"
        ]
        found.append(live)
    return found


@pytest.fixture(scope="module")
def with_strangers(lived: Sandbox) -> Sandbox:
    """The sandbox with things in it that somebody else made."""
    lived.apply(*FOREIGN)
    # The key of a listener that was HTTPS for a while stays on purpose, and with it its namespace.
    key = ("secret", "inference-gateway-tls", "--namespace=opendatahub")
    lived.kubectl("delete", *key, "--ignore-not-found")
    return lived


def test_it_asks_before_it_removes(with_strangers: Sandbox) -> None:
    run = play(with_strangers.folder, "remove")
    assert run.code == 2
    assert "llmd_remove_confirm" in run.text
    assert labelled(with_strangers)


def test_everything_of_ours_goes_and_nothing_else(with_strangers: Sandbox) -> None:
    sandbox = with_strangers
    before, start = foreign(sandbox), sandbox.position()

    check = play(sandbox.folder, "remove", check=True)
    assert check.code == 0, check.output[-8000:]
    assert [each for each in sandbox.requests_by(OURS, start) if each.is_write] == []
    planned = removed(check)
    assert ("LLMInferenceService", MODELS, "qwen2-3b-pattern1") in planned
    assert ("Gateway", "opendatahub", "inference-gateway") in planned
    assert "COST-TPU-NODES" in check.text
    assert "COST-ADDRESS" not in check.text

    run = play(sandbox.folder, "remove", inputs=CONFIRMED)
    assert run.code == 0, run.output[-8000:]
    # Istio's operator takes the account away that it has taken over, before we come to it.
    assert planned - removed(run) <= {("ServiceAccount", "istio-system", "istiod")}
    assert removed(run) <= planned
    assert "COST-TPU-NODES" in run.text
    assert "COST-ADDRESS" not in run.text
    assert foreign(sandbox) == before

    again = play(sandbox.folder, "remove", inputs=CONFIRMED)
    assert again.code == 0, again.output[-8000:]
    assert again.changed_tasks == []
    assert again.count("changed") == 0

    kept = {f"namespace/{MODELS}"}  # something of a stranger's is in it
    assert set(labelled(sandbox)) <= kept
    for kind in ("llminferenceservices", "pods"):
        assert sandbox.get(kind, f"--namespace={MODELS}")["items"] == []
    assert foreign(sandbox) == before
