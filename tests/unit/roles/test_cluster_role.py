# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the inputs of role cluster come to."""

from __future__ import annotations

from typing import Any

from tests.unit.roles.evaluate import evaluate

CLASS = {
    "cluster_compute_class": "tpu-v6e-2x2",
    "cluster_compute_class_priorities": [
        {"machineType": "ct6e-standard-4t", "reservations": {"affinity": "AnyBestEffort"}},
        {"machineType": "ct6e-standard-4t", "spot": True},
    ],
}


def test_the_pool_is_what_the_model_needs_and_zero_nodes_are_a_number() -> None:
    cases: dict[str, dict[str, Any]] = {
        "plain": {},
        "model": {"model_accelerator": "tpu-v5-lite-podslice", "model_topology": "2x4"},
        "stopped": {"cluster_tpu_nodes": 0},
    }
    told = evaluate("cluster", cases, "__cluster_tpu_pool", "__cluster_tpu_size")
    pools = {case: told[case]["__cluster_tpu_pool"] for case in cases}
    assert (pools["plain"]["accelerator"], pools["plain"]["topology"]) == ("tpu-v6e-slice", "2x2")
    assert pools["model"]["accelerator"] == "tpu-v5-lite-podslice"
    assert pools["model"]["topology"] == "2x4"
    sizes = {case: told[case]["__cluster_tpu_size"] for case in cases}
    assert sizes == {"plain": {}, "model": {}, "stopped": {"nodes": 0}}


def test_a_compute_class_has_its_fallbacks_in_order_and_our_label() -> None:
    told = evaluate("cluster", {"class": CLASS}, "compute_class.yaml.j2")
    (made,) = told["class"]["compute_class.yaml.j2"]
    assert made["metadata"]["labels"] == {"llmd.tpu/phase": "cluster"}
    assert made["spec"]["priorities"] == CLASS["cluster_compute_class_priorities"]
    assert made["spec"]["nodePoolAutoCreation"] == {"enabled": True}
