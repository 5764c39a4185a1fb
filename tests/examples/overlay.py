# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A checkout of KServe as small as can be: one CRD and a Deployment, where its overlay would be."""

from __future__ import annotations

import json
from typing import Any

_CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }
        ],
    },
}


def deployment(name: str, namespace: str) -> dict[str, Any]:
    """A Deployment without pods."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "registry.example.com/web:1"}]},
            },
        },
    }


def overlay(folder: str) -> dict[str, str]:
    """Its files, by path."""
    place = f"{folder}/config/overlays/odh-xks"
    objects = {"crd.yaml": _CRD, "deployment.yaml": deployment("web", "models")}
    listed = json.dumps({"resources": sorted(objects)})
    files = {name: json.dumps(one) for name, one in objects.items()}
    return {
        f"{place}/{name}": text for name, text in {**files, "kustomization.yaml": listed}.items()
    }
