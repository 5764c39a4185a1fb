# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Small pods for these tests."""

from __future__ import annotations

from tests.e2e.operators.cluster import Document

SHELL = "registry.k8s.io/e2e-test-images/busybox:1.36"
TPU = "google.com/tpu"


def pod(name: str, labels: dict[str, str], command: str, namespace: str = "default") -> Document:
    """Return a pod that runs a shell command and names port 8000 `web`."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "main",
                    "image": SHELL,
                    "command": ["sh", "-c", command],
                    "ports": [{"name": "web", "containerPort": 8000}],
                }
            ],
        },
    }


def tpu_pod(name: str, selector: dict[str, str], chips: int) -> Document:
    """Return a pod that wants TPU chips on nodes with these labels."""
    wanted = pod(name, {"app": name}, "sleep 600")
    wanted["spec"]["nodeSelector"] = selector
    amount = {TPU: str(chips)}
    wanted["spec"]["containers"][0]["resources"] = {"requests": amount, "limits": amount}
    return wanted
