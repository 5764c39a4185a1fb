# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which images run, and with which digests. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class RunningImage:
    """The image of one container of a pod; `digest` is empty until it was pulled."""

    namespace: str
    pod: str
    container: str
    image: str
    digest: str
    node: str


def images_of(pods: Iterable[Mapping[str, Any]]) -> list[RunningImage]:
    """The images of all containers of the pods, init containers included, in order."""
    return sorted(one for pod in pods for one in _images(pod))


def _images(pod: Mapping[str, Any]) -> Iterable[RunningImage]:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    told = {
        one.get("name"): one
        for field in ("initContainerStatuses", "containerStatuses")
        for one in status.get(field) or ()
    }
    for field in ("initContainers", "containers"):
        for container in spec.get(field) or ():
            name = str(container.get("name", ""))
            yield RunningImage(
                namespace=str(pod["metadata"].get("namespace", "")),
                pod=str(pod["metadata"].get("name", "")),
                container=name,
                image=str(container.get("image", "")),
                digest=digest_of(str((told.get(name) or {}).get("imageID", ""))),
                node=str(spec.get("nodeName", "")),
            )


def digest_of(image_id: str) -> str:
    """The digest in what a container runtime calls an image; empty when there is none."""
    _name, at, digest = image_id.rpartition("sha256:")
    return f"{at}{digest}" if at else ""
