# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose CRD is it, and never a downgrade."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.bundle import reason_to_skip

GATEWAY = "gateway.networking.k8s.io/bundle-version"
CHANNEL = "gateway.networking.k8s.io/channel"
INFERENCE = "inference.networking.k8s.io/bundle-version"


def definition(manager: str = "", labels: dict[str, str] | None = None, **about: str) -> Any:
    annotations = {
        {"gateway": GATEWAY, "channel": CHANNEL, "inference": INFERENCE}[name]: value
        for name, value in about.items()
    }
    metadata: dict[str, Any] = {"name": "x", "annotations": annotations, "labels": labels}
    if manager:
        metadata["managedFields"] = [{"manager": manager, "operation": "Apply"}]
    return {"kind": "CustomResourceDefinition", "metadata": metadata}


@pytest.mark.parametrize(
    ("desired", "there"),
    [
        ({"gateway": "v1.4.0"}, {"gateway": "v1.4.0"}),
        ({"gateway": "v1.4.0"}, {"gateway": "v1.3.0"}),
        ({"gateway": "v1.10.0"}, {"gateway": "v1.9.9"}),
        ({"gateway": "v1.4.0"}, {"gateway": "v1.4.0-rc.2"}),
        ({"inference": "v1.2.0"}, {}),
        ({}, {}),
        ({"gateway": "v1.4.0", "channel": "experimental"}, {"channel": "standard"}),
    ],
)
def test_newer_and_equal_may_be_applied(desired: dict[str, Any], there: dict[str, Any]) -> None:
    assert reason_to_skip(definition(**desired), definition("helm", **there)) is None


@pytest.mark.parametrize(
    ("desired", "there", "words"),
    [
        ({"gateway": "v1.4.0"}, {"gateway": "v1.5.0"}, "installed is bundle v1.5.0 (by helm)"),
        ({"inference": "v1.0.1"}, {"inference": "v1.2.0"}, "the manifest has v1.0.1"),
        ({"inference": "v1.2.0-rc.1"}, {"inference": "v1.2.0"}, "never downgraded"),
        ({"inference": "v1.2.0-rc.1"}, {"inference": "v1.2.0-rc.10"}, "never downgraded"),
        ({}, {"inference": "v1.2.0"}, "no bundle version"),
        ({"channel": "standard"}, {"channel": "experimental"}, "experimental channel"),
    ],
)
def test_a_downgrade_is_skipped(desired: dict[str, Any], there: dict[str, Any], words: str) -> None:
    assert words in str(reason_to_skip(definition(**desired), definition("helm", **there)))


def test_what_a_platform_manages_is_skipped() -> None:
    ours = definition(gateway="v1.4.0")
    managed = definition("kube-addon-manager", gateway="v1.3.0")
    words = str(reason_to_skip(ours, managed))
    assert "field manager kube-addon-manager" in words
    assert "bundle v1.3.0" in words
    labelled = definition("x", {"addonmanager.kubernetes.io/mode": "Reconcile"})
    assert "label addonmanager.kubernetes.io/mode" in str(reason_to_skip(ours, labelled))


def test_other_kinds_and_new_ones_are_never_skipped() -> None:
    ours = definition(gateway="v1.4.0")
    assert reason_to_skip(ours, None) is None
    there = definition("kube-addon-manager")
    assert reason_to_skip({**ours, "kind": "Gateway"}, {**there, "kind": "Gateway"}) is None


def test_a_crd_stays_with_the_phase_that_installed_it() -> None:
    there = definition("llmd.tpu", {"llmd.tpu/phase": "operators"}, inference="v1.2.0")
    same = definition("", {"llmd.tpu/phase": "kserve"}, inference="v1.2.0")
    newer = definition("", {"llmd.tpu/phase": "kserve"}, inference="v1.3.0")
    assert "phase operators installed this CRD" in str(reason_to_skip(same, there))
    assert reason_to_skip(newer, there) is None
    assert reason_to_skip(there, there) is None
