# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make clean files of what a cluster told. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.bundle.room import File, fit
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.scope import (
    CONTROLLERS,
    sorted_events,
)
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.told import Collected, Command
from ansible_collections.llmd.tpu.plugins.module_utils.images import images_of
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.cleaning import Cleaner

IMPORT_PROBLEM: str | None = None
try:
    import yaml

    _Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
except ImportError as problem:
    IMPORT_PROBLEM = str(problem)

_NO_LINE_BREAKS = 2**31 - 1
"""A line that YAML folds would hide what stands in it."""


def files_of(found: Collected, cleaner: Cleaner, most: int) -> list[File]:
    """The files of a bundle, clean.

    What there is no room for in so many bytes is cut before: to clean takes a second a megabyte.
    """
    for body in (*found.secrets, *(body for _command, body in found.objects)):
        cleaner.learn(body)
    raw = [
        *_events(found),
        *_objects(found, cleaner),
        *(
            File(name, text, "logs" if name.endswith(".log") else "objects", command.words)
            for name, command, text in found.texts
            if text
        ),
    ]
    return [replace(file, text=cleaner.text(file.text)) for file in fit(raw, most)]


def given_files(data: Mapping[str, Any], cleaner: Cleaner) -> list[File]:
    """Files of data that a play hands over: findings, metrics, results."""
    return [
        File(f"given/{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)}.json", _pretty(value), "given")
        for name, value in sorted(cleaner.data(data).items())
    ]


def versions_of(found: Collected, collection: str, program: str) -> dict[str, Any]:
    """What runs: versions, the controllers' images, and all images with their digests."""
    bodies = [body for _command, body in found.objects]
    return {
        "collection": collection,
        "program": program,
        "client": (found.version.get("clientVersion") or {}).get("gitVersion", ""),
        "kubernetes": (found.version.get("serverVersion") or {}).get("gitVersion", ""),
        "istio": [
            {
                "name": body["metadata"].get("name", ""),
                "version": (body.get("spec") or {}).get("version", ""),
                "state": (body.get("status") or {}).get("state", ""),
            }
            for body in bodies
            if body.get("kind") == "Istio"
        ],
        "controllers": [
            {
                "namespace": body["metadata"].get("namespace", ""),
                "name": body["metadata"].get("name", ""),
                "images": [
                    str(one.get("image", ""))
                    for one in body["spec"]["template"]["spec"].get("containers") or ()
                ],
            }
            for body in bodies
            if body.get("kind") == "Deployment" and body["metadata"].get("name") in CONTROLLERS
        ],
        "images": [
            asdict(one) for one in images_of(body for body in bodies if body.get("kind") == "Pod")
        ],
    }


def versions_file(versions: Mapping[str, Any], cleaner: Cleaner) -> File:
    """The versions as a file."""
    return File("versions.json", _pretty(cleaner.data(versions)), "given")


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str) + "\n"


def _events(found: Collected) -> Iterable[File]:
    by_place: dict[str, tuple[Command, list[Mapping[str, Any]]]] = {}
    for command, body in found.objects:
        if body.get("kind") == "Event":
            by_place.setdefault(command.namespace, (command, []))[1].append(body)
    for namespace, (command, events) in by_place.items():
        name = f"namespaces/{namespace}/events.txt"
        yield File(name, sorted_events(events), "events", command.words)


def _objects(found: Collected, cleaner: Cleaner) -> Iterable[File]:
    by_kind: dict[tuple[str, str], tuple[Command, list[dict[str, Any]]]] = {}
    for command, body in found.objects:
        kind = str(body.get("kind", ""))
        if kind != "Event":
            by_kind.setdefault((command.namespace, kind), (command, []))[1].append(body)
    for (namespace, kind), (command, bodies) in by_kind.items():
        folder = f"namespaces/{namespace}" if namespace else "cluster"
        bodies.sort(key=lambda one: (str(one.get("apiVersion")), str(one["metadata"]["name"])))
        text = yaml.dump_all(
            [cleaner.object(body) for body in bodies],
            Dumper=_Dumper,
            sort_keys=False,
            width=_NO_LINE_BREAKS,
            allow_unicode=True,
        )
        yield File(f"{folder}/{kind}.yaml", text, "objects", command.words)
