# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One table of tracks, and the stages in which the overlay is applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.llmd.tpu.plugins.filter.kserve_track import kserve_track
from ansible_collections.llmd.tpu.plugins.filter.source import source
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import DEFAULT_TRACK, TRACKS

ROOT = Path(__file__).parents[3]
ROLE = yaml.safe_load((ROOT / "roles/kserve/vars/main.yml").read_text(encoding="utf-8"))
DEFAULTS = yaml.safe_load((ROOT / "roles/kserve/defaults/main.yml").read_text(encoding="utf-8"))
SPEC = yaml.safe_load((ROOT / "roles/kserve/meta/argument_specs.yml").read_text(encoding="utf-8"))

# What `kustomize build config/overlays/odh-xks` prints for opendatahub-io/kserve, branch
# release-v0.15, commit 9682be26da593e5dd52555848cfc39a0b9fef9cd: 38 objects, in this order.
OVERLAY = [
    ("CustomResourceDefinition", "inferencemodels.inference.networking.x-k8s.io"),
    ("CustomResourceDefinition", "inferenceobjectives.inference.networking.x-k8s.io"),
    ("CustomResourceDefinition", "inferencepools.inference.networking.k8s.io"),
    ("CustomResourceDefinition", "inferencepools.inference.networking.x-k8s.io"),
    ("CustomResourceDefinition", "llminferenceserviceconfigs.serving.kserve.io"),
    ("CustomResourceDefinition", "llminferenceservices.serving.kserve.io"),
    ("ServiceAccount", "kserve-controller-manager"),
    ("Role", "kserve-leader-election-role"),
    ("ClusterRole", "kserve-admin"),
    ("ClusterRole", "kserve-edit"),
    ("ClusterRole", "kserve-manager-role"),
    ("ClusterRole", "kserve-metrics-reader-cluster-role"),
    ("ClusterRole", "kserve-proxy-role"),
    ("ClusterRole", "kserve-view"),
    ("RoleBinding", "kserve-leader-election-rolebinding"),
    ("ClusterRoleBinding", "kserve-manager-rolebinding"),
    ("ClusterRoleBinding", "kserve-proxy-rolebinding"),
    ("ConfigMap", "inferenceservice-config"),
    ("ConfigMap", "kserve-parameters"),
    ("ConfigMap", "odh-xks-kserve-parameters"),
    ("Secret", "kserve-webhook-server-secret"),
    ("Service", "kserve-controller-manager-metrics-service"),
    ("Service", "kserve-controller-manager-service"),
    ("Service", "kserve-webhook-server-service"),
    ("Deployment", "kserve-controller-manager"),
    ("Certificate", "kserve-webhook-server"),
    ("NetworkPolicy", "kserve-controller-manager"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-decode-template"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-decode-worker-data-parallel"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-prefill-template"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-prefill-worker-data-parallel"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-router-route"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-scheduler"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-template"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-template-amd-rocm"),
    ("LLMInferenceServiceConfig", "kserve-config-llm-worker-data-parallel"),
    ("ValidatingWebhookConfiguration", "llminferenceservice.serving.kserve.io"),
    ("ValidatingWebhookConfiguration", "llminferenceserviceconfig.serving.kserve.io"),
]


def covered(choices: list[dict[str, str]], item: tuple[str, str]) -> bool:
    """Whether a choice of kind, and where it is said of name, covers an object."""
    return any(
        choice["kind"] == item[0] and choice.get("name") in (None, item[1]) for choice in choices
    )


def test_the_stages_take_every_object_of_the_overlay_once() -> None:
    crds, webhooks, presets = (
        ROLE[f"__kserve_{stage}_stage"] for stage in ("crd", "webhook", "preset")
    )
    stages = [
        [item for item in OVERLAY if covered(choices, item)]
        for choices in (crds, webhooks, presets)
    ]
    stages.append([item for item in OVERLAY if not covered(crds + webhooks + presets, item)])
    assert [len(stage) for stage in stages] == [6, 2, 9, 21]


def test_the_roles_own_list_leaves_one_owner_for_each_crd() -> None:
    left = [
        name
        for kind, name in OVERLAY
        if kind == "CustomResourceDefinition"
        and not covered(ROLE["__kserve_foreign_crds"], (kind, name))
    ]
    assert left == [
        "inferencemodels.inference.networking.x-k8s.io",
        "llminferenceserviceconfigs.serving.kserve.io",
        "llminferenceservices.serving.kserve.io",
    ]


def test_what_the_role_waits_for_is_in_the_overlay() -> None:
    track = TRACKS["release-v0.15"]
    assert len(OVERLAY) == track.objects
    assert ("Deployment", track.controller) in OVERLAY
    assert ("Certificate", track.certificate) in OVERLAY
    for preset in track.presets:
        assert ("LLMInferenceServiceConfig", preset) in OVERLAY
    for item in ROLE["__kserve_crds"] + ROLE["__kserve_webhooks"]:
        assert (item["kind"], item["name"]) in OVERLAY


@pytest.mark.parametrize("name", TRACKS)
def test_the_filter_gives_the_table(name: str) -> None:
    track: dict[str, Any] = kserve_track(name)
    assert track["controller"] == TRACKS[name].controller
    assert source(track["source"], "/cache")["commit"] == TRACKS[name].commit
    assert {f"serving.kserve.io/{one}" for one in track["versions"]} == set(
        TRACKS[name].accepted_api_versions
    )
    assert {"kind": "Secret", "name": f"{track['certificate']}-cert"} in ROLE["__kserve_leftovers"]


def test_a_name_that_is_no_track() -> None:
    with pytest.raises(AnsibleFilterError, match=r"release-v0\.15, release-v0\.17"):
        kserve_track("release-v9")


def test_the_role_offers_the_tracks_of_the_table() -> None:
    option = SPEC["argument_specs"]["main"]["options"]["kserve_track"]
    assert option["choices"] == list(TRACKS)
    assert DEFAULTS["kserve_track"] == DEFAULT_TRACK


def test_the_page_prints_the_table() -> None:
    text = (ROOT / "docs/kserve.md").read_text(encoding="utf-8")
    rows = [
        [cell.replace("`", "").strip() for cell in line.strip("| ").split(" | ")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    table = {row[0]: row[1:] for row in rows if len(row) == 3}
    columns = list(TRACKS.values())
    assert [cell.replace(" (default)", "") for cell in table["track"]] == list(TRACKS)
    assert table["pinned commit"] == [track.commit[:7] for track in columns]
    assert table["objects in the overlay"] == [str(track.objects) for track in columns]
    assert table["controller"] == [track.controller for track in columns]
    assert table["certificate of the webhooks"] == [track.certificate for track in columns]
    assert table["API version"] == [track.api_version for track in columns]
    assert table["annotation of a migrated route"] == [
        track.migrated_annotation for track in columns
    ]
