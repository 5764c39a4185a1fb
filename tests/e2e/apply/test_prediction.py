# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What check mode predicts is what the run does: on generated objects, on the real server."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.apply.control_plane import ControlPlane
from tests.e2e.apply.generated import KINDS, manifests
from tests.e2e.apply.test_apply import cert_manager_crds, namespace
from tests.e2e.apply.words import actions, converge
from tests.sandbox import build

Object = dict[str, Any]
BATCH = 28 * len(KINDS)
"""Objects that are created, predicted and changed together; one task converges them all."""
OBJECTS = int(os.environ.get("LLMD_APPLY_OBJECTS", BATCH))
"""Compared objects: 532 of 19 kinds in a normal run; more for a thorough one."""
SERVER_WRITES = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
# Lists that are merged by key, and by which; items of all others are called by their place.
NAMED = ("containers", "env", "listeners", "secrets", "volumes")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf with its path; written apart from `apply`, so that both can be wrong."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from leaves(item, f"{path}/{name}")
    elif isinstance(value, list) and value:
        order: list[str] = []
        for index, item in enumerate(value):
            called = name_of(item, path) or str(index)
            order.append(called)
            yield from leaves(item, f"{path}/{called}")
        yield path, order
    else:
        yield path, value


def name_of(item: Any, path: str) -> str | None:
    """What the server merges an item of this list by; None for a list that it replaces."""
    name = path.rpartition("/")[2]
    if name == "ports" and "/ingress/" not in path:
        return str(item.get("containerPort") or item["port"])
    if name == "volumeMounts":
        return str(item["mountPath"])
    if name in NAMED or (name == "imagePullSecrets" and "/template/" in path):
        return str(item["name"])
    return None


def changed_fields(before: Object, after: Object) -> set[str]:
    """What differs in two live objects, by brute force."""
    old, new = dict(leaves(stored(before))), dict(leaves(stored(after)))
    missing = object()
    return {
        path for path in old.keys() | new.keys() if old.get(path, missing) != new.get(path, missing)
    }


def stored(live: Object) -> Object:
    metadata = {k: v for k, v in live["metadata"].items() if k not in SERVER_WRITES}
    return {**{k: v for k, v in live.items() if k != "status"}, "metadata": metadata}


def slashes(field: str) -> str:
    """A field as `apply` spells it, as a path of `leaves`: keys of list items by their value."""
    result, rest = "", field
    while rest:
        if rest[0] == "[":
            inner, _bracket, rest = rest[1:].partition("]")
            result += "/" + inner.split(",")[0].rpartition("=")[2]
        elif rest[0] == ".":
            rest = rest[1:]
        else:
            end = min((rest.index(c) for c in ".[" if c in rest), default=len(rest))
            result, rest = f"{result}/{rest[:end]}", rest[end:]
    return result


def within(path: str, field: str) -> bool:
    return path == field or path.startswith(f"{field}/") or field.startswith(f"{path}/")


@pytest.fixture(scope="module")
def kinds(plane: ControlPlane, built: build.Built) -> str:
    """The CRDs of the generated custom resources, and a namespace."""
    gateway_api = str(built.sources["gateway-api"] / "config" / "crd" / "standard")
    converge(plane, src=[gateway_api], definition=cert_manager_crds(built))
    converge(plane, definition=namespace("generated"))
    return "generated"


def read(plane: ControlPlane, place: str) -> dict[tuple[str, str], Object]:
    """All objects of the generated kinds in a namespace, by kind and name."""
    found: dict[tuple[str, str], Object] = {}
    for api_version, kind in KINDS:
        for item in plane.request("GET", url(api_version, kind, place))["items"]:
            found[kind, item["metadata"]["name"]] = item
    return found


def url(api_version: str, kind: str, place: str) -> str:
    plural = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses"}.get(
        kind, f"{kind.lower()}s"
    )
    base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    return f"{base}/namespaces/{place}/{plural}"


def shown(result: Object) -> list[tuple[str, str, str, str]]:
    """Every value of the diff, apart from a counter of writes that the server keeps itself."""
    counter = "metadata.annotations[deprecated.daemonset.template.generation]"
    return [
        (entry["before_header"], side, field, json.dumps(value))
        for entry in result["diff"]
        for side in ("before", "after")
        for field, value in entry[side].items()
        if field != counter
    ]


@pytest.mark.parametrize("seed", range(-(-OBJECTS // BATCH)))
def test_predicted_fields_are_the_fields_that_change(
    plane: ControlPlane, kinds: str, seed: int
) -> None:
    started = time.monotonic()
    random_ = random.Random(seed)
    place = f"generated-{seed}"
    converge(plane, definition=namespace(place))
    first = manifests(random_, BATCH, place)
    assert set(actions(converge(plane, definition=first))) == {"created"}
    assert converge(plane, definition=first)["writes"] == 0

    second = manifests(random_, BATCH, place)
    before = read(plane, place)
    predicted = converge(plane, check=True, definition=second)
    assert read(plane, place) == before
    done = converge(plane, definition=second)
    after = read(plane, place)
    assert len(second) == len(before) == len(after) == BATCH
    for wished, said, did in zip(second, predicted["objects"], done["objects"], strict=True):
        named = wished["kind"], wished["metadata"]["name"]
        truth = changed_fields(before[named], after[named])
        assert said["fields"] == did["fields"], wished
        assert said["action"] == did["action"] == ("changed" if truth else "none"), wished
        fields = [slashes(field) for field in did["fields"]]
        assert all(any(within(path, f) for f in fields) for path in truth), (truth, fields)
        assert all(any(within(path, f) for path in truth) for f in fields), (truth, fields)
    assert shown(predicted) == shown(done)
    assert done["writes"] >= actions(done).count("changed") > BATCH / 2
    again = converge(plane, definition=second)
    assert again["writes"] == 0, [o for o in again["objects"] if o["action"] != "none"]
    print(f"{BATCH} objects in {time.monotonic() - started:.1f} s")
