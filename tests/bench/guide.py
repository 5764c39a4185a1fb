# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""guide.sh on a sandbox: what it needs to know, and how long it took."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from tests.bench.plays import RunFailed
from tests.sandbox.harness import Sandbox
from tests.sandbox.paths import CHECKOUT

SCRIPT = Path(__file__).with_name("guide.sh")
SERVICE_APIS = {"release-v0.15": "v1alpha1", "release-v0.17": "v1alpha2"}


def run(sandbox: Sandbox, *phases: str) -> float:
    """Run phases of the guide (all without a word) and return their seconds."""
    began = time.monotonic()
    done = subprocess.run(
        ["bash", str(SCRIPT), *phases],
        env=_environment(sandbox),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - began
    if done.returncode:
        raise RunFailed(f"guide.sh {' '.join(phases)} failed:\n{done.stdout[-4000:]}")
    return seconds


def _environment(sandbox: Sandbox) -> dict[str, str]:
    """The same sources, versions and credentials as the sandbox's inventory gives to the roles."""
    description = sandbox.description
    sources = description["sources"]
    auths = _inventory("cluster")["sandbox_pull_secret"]["auths"]
    account = base64.b64encode(b"sandbox:sandbox-registry-password").decode()
    auth = {"auths": {registry: {"auth": account} for registry in auths}}
    token = str(_inventory("cluster")["sandbox_hub_token"])
    api = SERVICE_APIS[description["kserve_track"]]
    return {
        **os.environ,
        "KUBECONFIG": sandbox.kubeconfig,
        "KUBECTL": str(Path(sys.executable).with_name("kubectl")),
        "HELM": str(sandbox.state.binaries / "helm"),
        "CERT_MANAGER_CHART": sources["cert_manager_chart"],
        "SAIL_CHART": sources["sail_chart"],
        "ISTIO_VERSION": str(_inventory("operators")["operators_istio_version"]),
        "GATEWAY_API_CRDS": sources["gateway_api_crds"],
        "INFERENCE_EXTENSION_CRDS": sources["inference_extension_crds"],
        "KSERVE_MANIFESTS": sources["kserve"],
        "KSERVE_API": f"serving.kserve.io/{api}",
        "AUTH": base64.b64encode(json.dumps(auth).encode()).decode(),
        "HUB_TOKEN": base64.b64encode(token.encode()).decode(),
        "GATEWAY": description["gateway"]["forward"],
    }


def _inventory(name: str) -> dict[str, Any]:
    file = CHECKOUT / "inventories" / "sandbox" / "group_vars" / "all" / f"{name}.yml"
    content: dict[str, Any] = yaml.safe_load(file.read_text())
    return content
