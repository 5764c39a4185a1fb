# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""P4: how a no-op apply grows with the number of objects, in time and in memory."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from tests.bench import overlay
from tests.bench.figures import Figure, alone
from tests.bench.plays import forks, tasks
from tests.sandbox.harness import Sandbox

Object = dict[str, Any]

FEW, MANY = 100, 1000
PLACE = "bench"
LABELS = {"app": "bench", "app.kubernetes.io/part-of": "bench"}


def measure(sandbox: Sandbox, folder: Path, runs: int) -> Iterator[Figure]:
    """A hundred objects, a thousand, and a thousand with KServe's CRDs among them."""
    crds = _crds(sandbox, folder)
    sets = {
        f"{FEW} objects": plain(FEW),
        f"{MANY:,} objects": plain(MANY),
        f"{MANY:,} objects, KServe's CRDs among them": [*crds, *plain(MANY - len(crds))],
    }
    files = {name: folder / f"{number}.yaml" for number, name in enumerate(sets)}
    for name, objects in sets.items():
        _write(files[name], objects)
        tasks([_apply(sandbox, files[name])])
    start = sandbox.position()
    done = tasks([_apply(sandbox, file) for _run in range(runs) for file in files.values()])
    times = {
        name: median(task.seconds for task in done if task.name == file.name)
        for name, file in files.items()
    }
    for name, objects in sets.items():
        value = times[name] / len(objects) * 1000
        yield alone("P4", f"no-op apply of {name}", runs, value, "ms an object", 8, times[name])
    few, many, with_crds = sets
    growth = times[many] / times[few]
    yield alone("P4", f"{FEW} to {MANY:,} objects: time grows", runs, growth, "times", MANY / FEW)
    changed = sum(bool(task.result["changed"]) for task in done)
    yield alone("P4", "no-op apply: changed", runs, changed, "tasks", 0)
    writes = [each for each in sandbox.requests_by("llmd.tpu/", start) if each.is_write]
    yield alone("P4", "no-op apply: writes", runs, len(writes), "in the audit log", 0)
    yield _memory(sandbox, files[with_crds], with_crds, runs)


def _memory(sandbox: Sandbox, file: Path, name: str, runs: int) -> Figure:
    """The peak of the fork that applies, above the peak of one that does nothing."""
    empty = {"name": "nothing", "ansible.builtin.debug": {"msg": "nothing"}}
    above = []
    for _run in range(runs):
        nothing, applying = forks([empty, _apply(sandbox, file)]).peaks
        above.append(applying - nothing)
    return alone("P4", f"peak memory at {name}", runs, median(above), "MB above an empty task", 250)


def _apply(sandbox: Sandbox, file: Path) -> Object:
    conflicts = {"field_manager": overlay.MANAGER, "force_conflicts": True}
    options = {"src": str(file), "kubeconfig": sandbox.kubeconfig, "server_side_apply": conflicts}
    return {"name": file.name, "llmd.tpu.apply": options}


def _crds(sandbox: Sandbox, folder: Path) -> list[Object]:
    """KServe's CRDs, the largest objects that the collection applies."""
    file = folder / "overlay.yaml"
    overlay.render(sandbox, file)
    documents = yaml.load_all(file.read_text(), Loader=yaml.CSafeLoader)
    return [each for each in documents if each["kind"] == "CustomResourceDefinition"]


def _write(file: Path, objects: list[Object]) -> None:
    documents = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE}}, *objects]
    file.write_text(yaml.dump_all(documents[: len(objects)], Dumper=yaml.CSafeDumper))


def plain(count: int) -> list[Object]:
    """That many objects of eight kinds, none of which starts anything; the same ones each time."""
    return [_KINDS[number % len(_KINDS)](f"bench-{number:04d}") for number in range(count)]


def _metadata(name: str) -> Object:
    return {"name": name, "namespace": PLACE, "labels": LABELS}


def _object(api_version: str, kind: str, name: str, **content: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": _metadata(name), **content}


def _config_map(name: str) -> Object:
    return _object("v1", "ConfigMap", name, data={"settings.json": json.dumps({"name": name})})


def _secret(name: str) -> Object:
    return _object("v1", "Secret", name, data={"key": base64.b64encode(name.encode()).decode()})


def _account(name: str) -> Object:
    return _object("v1", "ServiceAccount", name)


def _service(name: str) -> Object:
    ports = [{"name": "http", "port": 80, "targetPort": 8000}]
    return _object("v1", "Service", name, spec={"selector": {"app": name}, "ports": ports})


def _role(name: str) -> Object:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    return _object("rbac.authorization.k8s.io/v1", "Role", name, rules=rules)


def _binding(name: str) -> Object:
    group = "rbac.authorization.k8s.io"
    return _object(
        f"{group}/v1",
        "RoleBinding",
        name,
        roleRef={"apiGroup": group, "kind": "Role", "name": name},
        subjects=[{"kind": "ServiceAccount", "name": name, "namespace": PLACE}],
    )


def _policy(name: str) -> Object:
    spec = {"podSelector": {"matchLabels": {"app": name}}, "policyTypes": ["Ingress"]}
    return _object("networking.k8s.io/v1", "NetworkPolicy", name, spec=spec)


def _deployment(name: str) -> Object:
    labels = {"app": name}
    container = {
        "name": "main",
        "image": "registry.example.com/nothing:1",
        "env": [{"name": "NAME", "value": name}],
        "ports": [{"containerPort": 8000}],
        "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}},
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 5},
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return _object("apps/v1", "Deployment", name, spec=spec)


_KINDS = (
    _config_map,
    _secret,
    _account,
    _service,
    _role,
    _binding,
    _policy,
    _deployment,
)
