# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A bundle of a real cluster: all of it is there, planted secrets are not, and nothing is fatal."""

from __future__ import annotations

import base64
import gzip
import json
import secrets
import shlex
import stat
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.site.playbooks import play
from tests.sandbox.harness import Sandbox

SHELL = "registry.k8s.io/e2e-test-images/busybox:1.36"
GATEWAY = "namespaces/opendatahub"
MODEL = "namespaces/llm-d-inference-scheduling"
# Of no known form, so that only their places tell.
PASSWORD = "planted-opensesame-1"
URL_PASSWORD = "planted-opensesame-2"
HELM = "planted-opensesame-3"
ANNOTATION = "planted-opensesame-4"
LOGGED = "planted-opensesame-5"
"""Known to the caller only: nothing beside it in the log tells what it is."""
SECRET = "planted-opensesame-6"
"""The same, and a Secret's value."""
TOKEN = "hf_plantedtoken1234567890"
PLANTED = (PASSWORD, URL_PASSWORD, HELM, ANNOTATION, LOGGED, SECRET, TOKEN)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def spellings(secret: str) -> Iterator[str]:
    """A secret as it may stand somewhere, base64 at any alignment included."""
    yield secret
    for shift in range(3):
        run = encoded("\0" * shift + secret)
        yield run[4 if shift else 0 : 4 * ((shift + len(secret)) // 3)]


def contents(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        files = {one.name.partition("/")[2]: archive.extractfile(one) for one in archive}
        return {name: file.read().decode() for name, file in files.items() if file}


def objects(namespace: str) -> list[dict[str, Any]]:
    """Secrets in every place that a cluster has for them."""

    def body(kind: str, name: str, **more: Any) -> dict[str, Any]:
        metadata = {"name": name, "namespace": namespace, **more.pop("metadata", {})}
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}

    release = gzip.compress(json.dumps({"config": {"password": HELM}}).encode())
    packed = base64.b64encode(base64.b64encode(release)).decode()
    annotations = {"example.com/api-token": ANNOTATION, "example.com/note": encoded(TOKEN)}
    lines = (
        f"printf '%s\\n' 'raw {PASSWORD}' 'base64 {encoded('admin:' + PASSWORD)}'"
        f" 'url https://me:{URL_PASSWORD}@hub/x?sig={URL_PASSWORD}' 'token {TOKEN}'"
        f" 'HELM_PASSWORD={HELM}' 'said {LOGGED}' 'and {SECRET}'\n"
        # It ends once, so that there is a log of the run before.
        "if test -e /kept/ended; then sleep 3600; fi; touch /kept/ended; exit 1"
    )
    env = [{"name": "DB_PASSWORD", "value": PASSWORD}, {"name": "HF_TOKEN", "value": TOKEN}]
    main = {
        "name": "main",
        "image": SHELL,
        "command": ["sh", "-c", lines],
        "env": env,
        "volumeMounts": [{"name": "kept", "mountPath": "/kept"}],
    }
    pod = {
        "containers": [main],
        "volumes": [{"name": "kept", "emptyDir": {}}],
        "terminationGracePeriodSeconds": 1,
    }
    return [
        body("Secret", "plain", stringData={"password": PASSWORD, "other": SECRET}),
        body(
            "Secret",
            "sh.helm.release.v1.app.v1",
            type="helm.sh/release.v1",
            data={"release": packed},
        ),
        body(
            "ConfigMap",
            "settings",
            metadata={"annotations": annotations},
            data={
                "url": f"https://me:{URL_PASSWORD}@hub/x?sig={URL_PASSWORD}",
                "password": PASSWORD,
                "script": encoded(f"export HF_TOKEN={TOKEN}"),
            },
        ),
        body("Pod", "talker", spec=pod),
    ]


@dataclass(frozen=True)
class Planted:
    """A sandbox with secrets in a namespace of their own."""

    sandbox: Sandbox
    namespace: str


@pytest.fixture(scope="module")
def planted(converged: Sandbox) -> Iterator[Planted]:
    """Plant secrets, and wait until a pod has said them twice."""
    namespace = f"test-{secrets.token_hex(4)}"
    converged.kubectl("create", "namespace", namespace)
    place = f"--namespace={namespace}"
    converged.kubectl("wait", "--for=create", "serviceaccount/default", place, "--timeout=60s")
    try:
        converged.apply(*objects(namespace))
        deadline = time.monotonic() + 240
        while True:
            pod = converged.get("pod", "talker", f"--namespace={namespace}")
            told = pod["status"].get("containerStatuses") or [{}]
            if told[0].get("restartCount"):
                break
            assert time.monotonic() < deadline, f"the pod does not restart: {pod['status']}"
            time.sleep(0.5)
        yield Planted(converged, namespace)
    finally:
        converged.kubectl("delete", "namespace", namespace, "--wait=false")


def test_everything_is_there_and_no_secret(planted: Planted, tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    found = ["opendatahub", "llm-d-inference-scheduling", "istio-system", planted.namespace]
    inputs = {
        "bundle_path": str(path),
        "bundle_namespaces": found,
        "bundle_secrets": [LOGGED],
        "bundle_data": {"note": f"said {TOKEN}"},
    }
    before = play(planted.sandbox.folder, "diagnostics_bundle", inputs=inputs, check=True)
    assert before.code == 0, before.output[-4000:]
    assert "describe nodes" in before.result("Collect the bundle")["planned"]
    assert not path.exists()

    run = play(planted.sandbox.folder, "diagnostics_bundle", inputs=inputs)
    assert run.code == 0, run.output[-4000:]
    result = run.result("Collect the bundle")
    assert result["problems"] == []
    assert result["seconds"] < 200
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    files = contents(path)
    talker = f"namespaces/{planted.namespace}/logs/talker"
    assert {
        "index.html",
        "cluster/Node.yaml",
        "cluster/Istio.yaml",
        "cluster/definitions.txt",
        f"{MODEL}/LLMInferenceService.yaml",
        f"{MODEL}/InferencePool.yaml",
        f"{MODEL}/HTTPRoute.yaml",
        f"{MODEL}/describe.txt",
        f"{GATEWAY}/Gateway.yaml",
        f"{GATEWAY}/events.txt",
        f"{talker}/main.log",
        f"{talker}/main.previous.log",
        "given/models.json",
    } <= set(files)
    versions = json.loads(files["versions.json"])
    assert versions["kubernetes"].startswith("v1.")
    assert any("vllm" in one["image"] and one["digest"] for one in versions["images"])
    assert "release" in files[f"namespaces/{planted.namespace}/secrets.txt"]
    assert "raw ********" in files[f"{talker}/main.previous.log"]
    everything = json.dumps(files) + run.output + json.dumps(run.results)
    for secret in PLANTED:
        for spelled in spellings(secret):
            at = next((name for name, text in files.items() if spelled in text), "the output")
            assert spelled not in everything, f"{spelled} is in {at}"

    again = play(planted.sandbox.folder, "diagnostics_bundle", inputs=inputs)
    assert again.code == 2
    assert "overwrite to true" in again.text


def account_with_few_rights(sandbox: Sandbox, namespace: str) -> dict[str, Any]:
    """Connection options of an account that may look into one namespace only."""
    sandbox.kubectl("create", "serviceaccount", "viewer", f"--namespace={namespace}")
    sandbox.kubectl(
        "create",
        "rolebinding",
        "viewer",
        "--clusterrole=view",
        f"--serviceaccount={namespace}:viewer",
        f"--namespace={namespace}",
    )
    token = sandbox.kubectl("create", "token", "viewer", f"--namespace={namespace}").strip()
    config = yaml.safe_load(Path(sandbox.kubeconfig).read_text())["clusters"][0]["cluster"]
    return {"host": config["server"], "api_key": token, "ca": config["certificate-authority-data"]}


def test_few_rights_and_a_token(planted: Planted, tmp_path: Path) -> None:
    """What is refused is listed; the token is in no process's arguments, nor left in a file."""
    account = account_with_few_rights(planted.sandbox, planted.namespace)
    authority, wrapper, asked = (tmp_path / name for name in ("ca.pem", "kubectl", "asked"))
    authority.write_bytes(base64.b64decode(account["ca"]))
    program = Path(sys.executable).with_name("kubectl")
    wrapper.write_text(
        f'#!/bin/sh\necho "$*" >> {shlex.quote(str(asked))}\n'
        'for word in "$@"; do case $word in --kubeconfig=*) '
        f'stat -c %a "${{word#--kubeconfig=}}" >> {shlex.quote(str(asked))} ;; esac; done\n'
        f'exec {shlex.quote(str(program))} "$@"\n'
    )
    wrapper.chmod(0o755)
    path = tmp_path / "bundle.tar.gz"
    options = {
        "path": str(path),
        "host": account["host"],
        "api_key": account["api_key"],
        "ca_cert": str(authority),
        "namespaces": [planted.namespace],
        "program": str(wrapper),
        "max_size": "200K",
        "log_lines": 3,
    }
    plays = [
        {
            "name": "Few rights",
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [{"name": "Collect", "llmd.tpu.diagnostics_bundle": options}],
        }
    ]
    book = tmp_path / "few_rights.yml"
    book.write_text(yaml.safe_dump(plays))
    run = play(planted.sandbox.folder, str(book))
    assert run.code == 0, run.output[-4000:]
    problems = run.result("Collect")["problems"]
    refused = [one["what"] for one in problems if "forbidden" in one["why"].lower()]
    assert f"get secrets --output=json --namespace={planted.namespace}" in refused
    files = contents(path)
    page = files["index.html"]
    assert "describe nodes" in page
    assert f"namespaces/{planted.namespace}/Pod.yaml" in files
    log = files[f"namespaces/{planted.namespace}/logs/talker/main.log"]
    assert len(log.splitlines()) <= 3
    assert sum(len(text) for name, text in files.items() if name != "index.html") <= 200 * 1024
    words = asked.read_text().split("\n")
    assert words[1] == "600"
    kubeconfig = next(
        word.partition("=")[2] for word in words[0].split() if word.startswith("--kubeconfig=")
    )
    assert not Path(kubeconfig).exists()
    for place in (asked.read_text(), json.dumps(files), run.output):
        assert account["api_key"] not in place
