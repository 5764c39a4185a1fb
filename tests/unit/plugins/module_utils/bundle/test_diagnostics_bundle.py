# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A whole bundle of a cluster that is a table of answers."""

from __future__ import annotations

import base64
import json
import stat
import tarfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.bundle import diagnostics_bundle
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.diagnostics_bundle import World
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.program import Client
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.told import Answer, Command

PASSWORD = "planted-password-1"
TOKEN = "hf_plantedtoken1234567"
RESOURCES = (
    "pods  po  v1  true  Pod\n"
    "nodes  no  v1  false  Node\n"
    "events  ev  v1  true  Event\n"
    "deployments  deploy  apps/v1  true  Deployment\n"
)
VERSION = {"clientVersion": {"gitVersion": "v1.36.3"}, "serverVersion": {"gitVersion": "v1.35.4"}}


def pod() -> dict[str, Any]:
    env = [{"name": "DB_PASSWORD", "value": PASSWORD}]
    main = {"name": "main", "image": "r.example/vllm:1", "env": env}
    image = {"imageID": f"r.example/vllm@sha256:{'a' * 64}", "image": "r.example/vllm:1"}
    ended = {"terminated": {"exitCode": 1}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "models", "name": "qwen<b>", "labels": {}},
        "spec": {"nodeName": "tpu-1", "containers": [main]},
        "status": {
            "containerStatuses": [
                {
                    "name": "main",
                    "state": {"running": {}},
                    "lastState": ended,
                    "restartCount": 1,
                    **image,
                }
            ]
        },
    }


def event() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z", "namespace": "models"},
        "reason": "Failed",
        "message": f"cannot pull with {TOKEN}",
    }


def items(*bodies: Mapping[str, Any]) -> Answer:
    return Answer(0, json.dumps({"items": bodies}))


@dataclass
class Scripted:
    """Answers by the words of a command; counts seconds; notes what it was asked."""

    path: str = "/usr/bin/kubectl"
    answers: dict[str, Answer] = field(default_factory=dict)
    seconds_each: float = 0.0
    time: float = 0.0
    asked: list[str] = field(default_factory=list)

    def run(self, command: Command, seconds: float) -> Answer:
        """Give the first answer whose words begin this command."""
        self.asked.append(command.words)
        self.time += self.seconds_each
        for words, answer in self.answers.items():
            if command.words.startswith(words):
                return answer
        return Answer(0, "")


def cluster(**answers: Answer) -> Scripted:
    log = f"2026-01-01T00:00:00Z connected as admin with {PASSWORD}\n"
    return Scripted(
        answers={
            **{name.replace("_", " "): answer for name, answer in answers.items()},
            "version": Answer(0, json.dumps(VERSION)),
            "api-resources": Answer(0, RESOURCES),
            "get namespaces": Answer(0, "namespace/models\n"),
            "get deployments.apps --all": Answer(0, "istio-system istiod\n"),
            "get nodes": items({"kind": "Node", "metadata": {"name": "tpu-1"}}),
            "get pods,deployments.apps,events --output=json --namespace=models": items(
                pod(), event()
            ),
            "get secrets": Answer(0, "hub-token  Opaque  token \n"),
            "logs": Answer(0, log + f"curl https://u:{PASSWORD}@hub?x={TOKEN}\n"),
        }
    )


def collect(client: Scripted, path: Path, check: bool = False, **given: Any) -> dict[str, Any]:
    def kubeconfig(_options: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        user = {"name": "u", "user": {"token": "tokenoftheconnection"}}
        cluster = {"name": "c", "cluster": {"server": "https://192.0.2.1"}}
        return {"users": [user], "clusters": [cluster]}, "kubeconfig /x"

    def keep(_content: Mapping[str, Any]) -> AbstractContextManager[str]:
        return nullcontext("/nowhere/kubeconfig")

    def make(_path: str, _kubeconfig: str) -> Client:
        return client

    world = World(
        find=lambda wanted: wanted or client.path,
        client=make,
        kubeconfig=kubeconfig,
        keep=keep,
        clock=lambda: client.time,
        now=lambda: datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    )
    spec = diagnostics_bundle.argument_spec()
    defaults = {name: option.get("default") for name, option in spec.items()}
    options = {**defaults, "max_size": 10**6, "path": str(path), **given}
    return diagnostics_bundle.run(options, check=check, world=world)


def contents(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        return {
            one.name.partition("/")[2]: (archive.extractfile(one) or one).read().decode()  # type: ignore[union-attr]
            for one in archive
        }


class Links(HTMLParser):
    """Notes where a page links to, and whether it loads anything."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one tag."""
        self.tags.append(tag)
        given = dict(attrs)
        assert "src" not in given
        if tag == "a":
            self.links.append(str(given["href"]))


def test_what_is_in_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    result = collect(cluster(), path, findings=[{"code": "A-CODE", "severity": "error"}])
    assert (result["changed"], result["problems"]) == (True, [])
    assert result["namespaces"] == ["istio-system", "models"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    files = contents(path)
    assert list(files) == sorted(files)
    assert set(files) == set(result["files"])
    assert {
        "index.html",
        "versions.json",
        "given/findings.json",
        "cluster/Node.yaml",
        "namespaces/models/Pod.yaml",
        "namespaces/models/events.txt",
        "namespaces/models/secrets.txt",
        "namespaces/models/logs/qwen<b>/main.log",
        "namespaces/models/logs/qwen<b>/main.previous.log",
    } <= set(files)
    versions = json.loads(files["versions.json"])
    assert versions["kubernetes"] == "v1.35.4"
    assert versions["images"][0]["digest"] == f"sha256:{'a' * 64}"
    page = Links()
    page.feed(files["index.html"])
    assert {link.replace("%3Cb%3E", "<b>") for link in page.links} == set(files) - {"index.html"}
    assert "script" not in page.tags
    assert "A-CODE" in files["index.html"]
    assert "qwen<b>" not in files["index.html"]


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    said = "spelled opensesame in a result"
    result = collect(cluster(), path, secrets=["opensesame"], data={"said": said})
    everything = json.dumps([contents(path), result])
    assert "spelled ******** in" in everything
    for secret in (PASSWORD, TOKEN, "opensesame", "tokenoftheconnection"):
        assert secret not in everything
        assert base64.b64encode(secret.encode()).decode().rstrip("=") not in everything


def test_values_of_secrets_are_looked_for_unless_told_otherwise(tmp_path: Path) -> None:
    config = json.dumps({"auths": {"r.example": {"username": "u", "password": "pullsesame"}}})
    data = {"a": "opensesame", ".dockerconfigjson": config}
    packed = {name: base64.b64encode(text.encode()).decode() for name, text in data.items()}
    client = cluster()
    client.answers["logs"] = Answer(0, "2026 said opensesame and pullsesame\n")
    client.answers = {
        "get secrets --output=json": items({"kind": "Secret", "metadata": {}, "data": packed}),
        **client.answers,
    }
    for search in (False, True):
        path = tmp_path / f"{search}.tar.gz"
        collect(client, path, search_secrets=search)
        everything = json.dumps(contents(path))
        assert ("opensesame" in everything, "pullsesame" in everything) == (not search,) * 2
        assert packed["a"] not in everything


def test_secrets_are_asked_for_by_their_keys_only_when_they_are_not_to_be_read(
    tmp_path: Path,
) -> None:
    client = cluster()
    collect(client, tmp_path / "bundle.tar.gz", search_secrets=False)
    about = [words for words in client.asked if "secrets" in words]
    assert about
    assert all("go-template" in words and "$value}}" not in words for words in about)


def test_the_same_cluster_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        collect(cluster(), tmp_path / name / "bundle.tar.gz")
    assert (tmp_path / "a/bundle.tar.gz").read_bytes() == (
        tmp_path / "b/bundle.tar.gz"
    ).read_bytes()


def test_what_is_refused_is_told_and_the_rest_is_there(tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    refused = "Error from server (Forbidden): nodes is forbidden\n"
    answers = {
        "get_nodes": Answer(1, "", refused),
        "describe": Answer(-1, "", late=True),
        "logs": Answer(1, "", "container not found"),
    }
    client = cluster(**answers)
    client.answers["get nodes"] = answers["get_nodes"]
    client.answers["logs"] = answers["logs"]
    result = collect(client, path)
    assert not result.get("failed")
    whys = {one["what"]: one["why"] for one in result["problems"]}
    assert whys["get nodes --output=json"] == refused.strip()
    assert whys["describe nodes"] == "no answer within 30 s"
    assert "container not found" in whys.values()
    page = contents(path)["index.html"]
    assert "nodes is forbidden" in page
    assert "namespaces/models/Pod.yaml" in page
    assert result["warnings"]


def test_nothing_is_asked_after_the_time(tmp_path: Path) -> None:
    client = cluster()
    client.seconds_each = 4.0
    result = collect(client, tmp_path / "bundle.tar.gz", timeout=22, command_timeout=5)
    assert len(client.asked) == 6
    assert not result.get("failed")
    late = [one for one in result["problems"] if "timeout" in one["why"]]
    assert len(late) >= 4


def test_the_size_is_bounded_and_what_was_cut_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    client = cluster()
    client.answers["logs"] = Answer(0, "2026 a line of a log\n" * 30000)
    result = collect(client, path, max_size=2**17)
    files = contents(path)
    page = files.pop("index.html")
    assert sum(len(text.encode()) for text in files.values()) <= 2**17
    assert any("main.log" in one["what"] for one in result["problems"])
    assert "no room within max_size" in page


def test_check_mode_tells_and_writes_nothing(tmp_path: Path) -> None:
    client = cluster()
    result = collect(client, tmp_path / "bundle.tar.gz", check=True)
    assert result["changed"]
    assert "describe nodes" in result["planned"]
    assert list(tmp_path.iterdir()) == []
    assert not any(words.startswith(("logs", "describe")) for words in client.asked)


def test_a_file_is_only_replaced_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    path.write_text("mine")
    client = cluster()
    for check in (False, True):
        result = collect(client, path, check=check)
        assert result["failed"]
        assert "overwrite" in result["msg"]
    assert (client.asked, path.read_text()) == ([], "mine")
    assert collect(client, path, overwrite=True)["changed"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_bad_input_is_told_in_words(tmp_path: Path) -> None:
    nowhere = collect(cluster(), tmp_path / "missing" / "bundle.tar.gz")
    assert "there is no folder" in nowhere["msg"]
    small = collect(cluster(), tmp_path / "bundle.tar.gz", max_size=10)
    assert "max_size is 10" in small["msg"]
