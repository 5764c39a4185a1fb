# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Removing against a scripted API server: troubles that a real one does not make on request."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionLost, Reply
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.load import inline
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.remove import Removal, Remover
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.report import Outcome

from tests.unit.plugins.module_utils.manifests.server import Clock, Server, status

LABELS = {"llmd.tpu/phase": "p"}
CONFIG_MAP = "/api/v1/namespaces/n/configmaps"
THING = "/apis/things.io/v1/namespaces/n/things"


class Cluster:
    """A server with objects of ours, and the remover that works on it."""

    def __init__(self) -> None:
        self.server = Server()
        self.server.kinds["things.io/v1"] = {"Thing": ("things", "Namespaced")}
        self.clock = Clock()
        self.api = Api(self.server)
        self.remover: Remover | None = None

    def has(self, path: str, kind: str, **metadata: Any) -> dict[str, Any]:
        """Put an object of ours there."""
        name = path.rpartition("/")[2]
        parts = path.split("/")
        place = {"namespace": parts[parts.index("namespaces") + 1]} if len(parts) > 5 else {}
        body: dict[str, Any] = {
            "kind": kind,
            "metadata": {
                "name": name,
                "uid": f"uid-{name}",
                "labels": LABELS,
                "managedFields": [{"manager": "llmd.tpu", "operation": "Apply"}],
                **place,
                **metadata,
            },
        }
        self.server.objects[path] = body
        return body

    def remove(self, definition: Any = (), *, prune: bool = True, **wishes: Any) -> list[Outcome]:
        self.api.discover()
        removal = Removal(labels=LABELS, **wishes)
        self.remover = Remover(self.api, removal, None, self.clock, self.clock.sleep)
        return self.remover.delete(inline(definition), prune=prune)


def actions(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.manifest.title: outcome.action for outcome in outcomes}


def settings(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}}


def test_what_is_named_and_what_is_found() -> None:
    cluster = Cluster()
    for name in ("a", "b"):
        cluster.has(f"{CONFIG_MAP}/{name}", "ConfigMap")
    cluster.has(f"{CONFIG_MAP}/theirs", "ConfigMap", managedFields=[])
    outcomes = cluster.remove([settings("a"), settings("no"), settings("theirs")])
    assert actions(outcomes) == {
        "ConfigMap n/a": "deleted",
        "ConfigMap n/no": "none",
        "ConfigMap n/theirs": "skipped",
        "ConfigMap n/b": "pruned",
    }
    assert cluster.server.objects.keys() == {f"{CONFIG_MAP}/theirs"}
    assert cluster.api.counts.writes == 2


def test_what_has_a_finalizer_is_waited_for_and_named_and_keeps_its_controller() -> None:
    cluster = Cluster()
    cluster.has(f"{THING}/t", "Thing", finalizers=["things.io/keeper"])
    cluster.has("/apis/apps/v1/namespaces/n/deployments/controller", "Deployment")
    cluster.server.objects[
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.things.io"
    ] = {"kind": "CustomResourceDefinition", "metadata": {"name": "things.things.io", "uid": "c"}}
    outcomes = cluster.remove(wait_seconds=20.0)
    assert actions(outcomes) == {"Deployment n/controller": "skipped", "Thing n/t": "failed"}
    assert "it may be what Thing n/t needs to go" in outcomes[0].reason
    for words in ("after 20 s", "2026-01-01", "held by things.io/keeper", "wait_timeout"):
        assert words in outcomes[1].error
    assert 20 <= cluster.clock.now < 22

    del cluster.server.objects[f"{THING}/t"]["metadata"]["finalizers"]
    del cluster.server.objects[f"{THING}/t"]["metadata"]["deletionTimestamp"]
    assert set(actions(cluster.remove()).values()) == {"pruned"}


def test_an_object_that_was_made_anew_meanwhile_stays() -> None:
    cluster = Cluster()
    path = f"{CONFIG_MAP}/a"
    cluster.has(path, "ConfigMap")

    def anew(method: str, _path: str) -> Reply | None:
        if method == "DELETE":
            cluster.has(path, "ConfigMap", uid="another", managedFields=[])
        return None

    cluster.server.troubles.append(anew)
    outcomes = cluster.remove()
    assert actions(outcomes) == {"ConfigMap n/a": "skipped"}
    assert "somebody made it anew" in outcomes[0].reason
    assert path in cluster.server.objects
    assert cluster.clock.now == 0


def test_a_kind_that_cannot_be_listed_is_told_and_stops_nothing() -> None:
    cluster = Cluster()
    cluster.has(f"{CONFIG_MAP}/a", "ConfigMap")
    cluster.server.troubles.append(
        lambda method, path: status(403, "secrets is forbidden") if "/secrets?" in path else None
    )
    assert actions(cluster.remove()) == {"ConfigMap n/a": "pruned"}
    assert cluster.remover is not None
    [warning] = cluster.remover.warnings
    assert "the account may not list them: Secret (v1)" in warning


def test_a_kind_whose_conversion_fails_is_a_failure() -> None:
    cluster = Cluster()
    cluster.has(f"{CONFIG_MAP}/a", "ConfigMap")
    cluster.server.troubles.append(
        lambda method, path: (
            status(500, "conversion webhook for things.io failed") if "/things?" in path else None
        )
    )
    outcomes = cluster.remove(wait_seconds=5.0)
    assert actions(outcomes) == {"ConfigMap n/a": "pruned", "Thing *": "failed"}
    assert "conversion webhook" in outcomes[1].error


@pytest.mark.parametrize("reply", [status(429, "slow down"), status(503, "x"), ConnectionLost("x")])
def test_what_heals_is_retried(reply: Reply | ConnectionLost) -> None:
    cluster = Cluster()
    cluster.has(f"{CONFIG_MAP}/a", "ConfigMap")
    left = [3]

    def trouble(method: str, path: str) -> Reply | None:
        if method != "DELETE" or not left[0]:
            return None
        left[0] -= 1
        if isinstance(reply, Exception):
            raise reply
        return reply

    cluster.server.troubles.append(trouble)
    assert actions(cluster.remove()) == {"ConfigMap n/a": "pruned"}
    assert cluster.api.counts.retries == 3


def test_a_delete_that_was_done_though_its_answer_got_lost() -> None:
    cluster = Cluster()
    cluster.has(f"{CONFIG_MAP}/a", "ConfigMap")

    def lost(method: str, path: str) -> Reply | None:
        if method == "DELETE" and path in cluster.server.objects:
            del cluster.server.objects[path]
            raise ConnectionLost("reset")
        return None

    cluster.server.troubles.append(lost)
    outcomes = cluster.remove()
    assert actions(outcomes) == {"ConfigMap n/a": "none"}
    assert "it went meanwhile" in outcomes[0].reason


def test_a_refusal_hides_no_other() -> None:
    cluster = Cluster()
    for name in ("a", "b"):
        cluster.has(f"{CONFIG_MAP}/{name}", "ConfigMap")
    cluster.server.troubles.append(
        lambda method, path: (
            status(403, "not you") if method == "DELETE" and path.endswith("/a") else None
        )
    )
    outcomes = cluster.remove()
    assert actions(outcomes) == {"ConfigMap n/a": "failed", "ConfigMap n/b": "pruned"}
    assert "not you" in outcomes[0].error


def test_check_mode_asks_the_server_and_writes_nothing() -> None:
    cluster = Cluster()
    for name in ("a", "b"):
        cluster.has(f"{CONFIG_MAP}/{name}", "ConfigMap")
    cluster.server.troubles.append(
        lambda method, path: (
            status(403, "not you") if method == "DELETE" and "/a?" in path else None
        )
    )
    outcomes = cluster.remove(check=True)
    assert actions(outcomes) == {"ConfigMap n/a": "failed", "ConfigMap n/b": "pruned"}
    assert cluster.api.counts.writes == 0
    assert len(cluster.server.objects) == 2
