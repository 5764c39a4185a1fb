# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does the model server's image stay the same, and start as KServe runs it? Pure.

Sources: Kubernetes documentation, "Images" (tags that move); KServe's preset
``kserve-config-llm-template`` (security context of container ``main``). Published runs on v6e under
that preset are of Red Hat's image only, so nothing here is more than a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.serving.server_flags import split_image
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import Track
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import View

_MOVING_TAGS = ("", "latest", "main", "nightly", "stable")
_COMMUNITY = ("vllm/vllm-tpu", "docker.io/vllm/vllm-tpu")


def check_image(view: View, _track: Track) -> Iterator[Finding]:
    """Check the image of the model server, where the manifest names one."""
    image = view.server.value.get("image") if view.server else None
    if view.server is None or not isinstance(image, str) or not image:
        return
    repository, tag, digest = split_image(image)
    path = f"{view.server.path}.image"
    if tag in _MOVING_TAGS and not digest:
        yield Finding(
            code="SERVER-IMAGE-MOVING",
            severity="warning",
            message="this tag moves: the next pod may bring another vLLM, with other flags",
            path=path,
            found=image[:200],
            expected="a tag of one release, or a digest",
            fix="name the release that you tried",
            source="Kubernetes documentation, Images",
        )
    context = view.server.value.get("securityContext")
    if repository in _COMMUNITY and not (isinstance(context, Mapping) and context):
        yield Finding(
            code="SERVER-IMAGE-USER",
            severity="info",
            message="KServe runs the server as an ordinary user without capabilities; nobody has "
            "told of this image on a TPU that way",
            path=path,
            found=image[:200],
            expected="an image that was tried so, or a securityContext of its own",
            fix="if the pod is refused or finds no TPU, set runAsNonRoot and capabilities in "
            "securityContext of container main",
            source="KServe preset kserve-config-llm-template, container main",
        )
