# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A kubeconfig for a cluster of GKE's: the content, and a file that only its owner reads.

It is written as JSON, which every reader of YAML reads, so that it needs no package.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.beside import written_beside

PLUGIN = "gke-gcloud-auth-plugin"


def context_of(project: str, location: str, name: str) -> str:
    """The name that gcloud gives the context."""
    return f"gke_{project}_{location}_{name}"


def kubeconfig(context: str, cluster: Mapping[str, Any], token: str | None) -> dict[str, Any]:
    """The content. With a token it serves as long as that; without one the plugin gets them."""
    user: dict[str, Any]
    if token is not None:
        user = {"token": token}
    else:
        user = {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1beta1",
                "command": PLUGIN,
                "provideClusterInfo": True,
                "interactiveMode": "Never",
                "installHint": "It comes with the Google Cloud CLI: "
                "gcloud components install gke-gcloud-auth-plugin",
            }
        }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [
            {
                "name": context,
                "cluster": {
                    "server": f"https://{cluster['endpoint']}",
                    "certificate-authority-data": cluster["masterAuth"]["clusterCaCertificate"],
                },
            }
        ],
        "users": [{"name": context, "user": user}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
    }


def same_but_for_tokens(one: Any, other: Any) -> bool:
    """Whether two contents lead to the same cluster in the same way."""
    return bool(_without_tokens(one) == _without_tokens(other))


def _without_tokens(content: Any) -> Any:
    if not isinstance(content, dict):
        return content
    users = [
        {**user, "user": {k: v if k != "token" else "" for k, v in user.get("user", {}).items()}}
        for user in content.get("users") or ()
        if isinstance(user, dict)
    ]
    return {**content, "users": users}


def read(path: Path) -> Any:
    """The content of a file; None when there is none, or none of ours."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def is_private(path: Path) -> bool:
    """Whether nobody but its owner may read it."""
    try:
        return path.stat().st_mode & 0o077 == 0
    except OSError:
        return False


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Replace the file at once, mode 0600 from its first byte on. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with written_beside(path, json.dumps(dict(content), indent=2).encode()) as beside:
        os.replace(beside, path)
