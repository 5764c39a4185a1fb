# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Launch job templates on a sandbox, with a controller's credentials, inventory and surveys."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.awx.data import ROOT
from tests.awx.jobs import Credential, Job, launch
from tests.sandbox.harness import Sandbox

# What the sandbox's registry and hub know.
REGISTRY = Credential(
    "llm-d registry",
    {
        "host": "registry.redhat.io",
        "username": "sandbox",
        "password": "sandbox-registry-password",
    },
)
HUB = Credential("llm-d hub", {"token": "sandbox-hub-token"})
# Whatever of the sandbox's inventory is a credential comes from one.
CREDENTIALS = ("llmd_kubeconfig", "pull_secret", "hub_token")


def inventory() -> dict[str, Any]:
    """The variables of the sandbox's inventory, without credentials."""
    found: dict[str, Any] = {}
    for path in sorted((ROOT / "inventories/sandbox/group_vars/all").glob("*.yml")):
        found.update(yaml.safe_load(path.read_text()))
    return {
        name: value
        for name, value in found.items()
        if not any(part in name for part in CREDENTIALS)
    }


def account(name: str) -> list[dict[str, Any]]:
    """A service account that may do everything, as a controller would get one."""
    rbac, place = "rbac.authorization.k8s.io", {"name": name, "namespace": "kube-system"}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": place},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", **place}],
        },
    ]


@dataclass
class Launcher:
    """A controller with one cluster."""

    sandbox: Sandbox
    folder: Path
    done: list[Job] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    """Whatever no job may say."""

    @property
    def kubeconfig(self) -> Credential:
        """The cluster, as a kubeconfig."""
        content = Path(self.sandbox.kubeconfig).read_text()
        user = yaml.safe_load(content)["users"][0]["user"]
        self.secrets.add(str(user["client-key-data"]))
        return Credential("llm-d kubeconfig", {"kubeconfig": content})

    def token(self) -> Credential:
        """The cluster, as a token and its authority."""
        name = "controller"
        self.sandbox.apply(*account(name))
        token = self.sandbox.kubectl("create", "token", name, "--namespace=kube-system").strip()
        self.secrets.add(token)
        config = yaml.safe_load(Path(self.sandbox.kubeconfig).read_text())
        cluster = config["clusters"][0]["cluster"]
        inputs = {
            "host": cluster["server"],
            "bearer_token": token,
            "ssl_ca_cert": base64.b64decode(cluster["certificate-authority-data"]).decode(),
        }
        return Credential("OpenShift or Kubernetes API Bearer Token", inputs)

    def __call__(
        self, template: str, *credentials: Credential, check: bool = False, **options: Any
    ) -> Job:
        """Run a job template; without credentials, with all that the sandbox needs."""
        secrets = {str(value) for one in (REGISTRY, HUB) for value in one.inputs.values()}
        self.secrets |= secrets - {"registry.redhat.io", "sandbox"}
        job = launch(
            self.folder,
            f"llm-d {template}",
            *(credentials or (self.kubeconfig, REGISTRY, HUB)),
            hosts={"tpu-cluster": {}},
            # A container keeps nothing of what it rendered; here no job waits for it again.
            inventory={**inventory(), "llmd_render_cache": str(self.folder.parent / "rendered")},
            check=check,
            SANDBOX_DIR=str(self.sandbox.folder),
            ANSIBLE_HOME=str(self.folder.parent / "ansible-home"),
            **options,
        )
        self.done.append(job)
        return job
