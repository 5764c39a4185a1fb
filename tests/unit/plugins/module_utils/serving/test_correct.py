# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is a corrected manifest free of what was corrected, and the user's own untouched?"""

from __future__ import annotations

import copy

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.serving.correct import correct

from tests.unit.plugins.module_utils.serving.manifests import good, guide
from tests.unit.plugins.module_utils.serving.test_checks import (
    MISTAKES,
    MISTAKES_V17,
    V15,
    V17,
    Edit,
    Manifest,
    _all,
    _chips,
    _flags,
    _selector,
    _set,
)

# What only a person can answer: another model, another name, another way to start.
BY_HAND = {
    "KSERVE-BASE-MISSING",
    "KSERVE-NAME",
    "KSERVE-TEMPLATE-BROKEN",
    "MANIFEST-FIELD-TYPE",
    "MODEL-TOO-LARGE",
    "SERVER-CONTAINER-NAME",
    "SERVER-FLAGS-QUOTING",
    "SERVER-IMAGE-MOVING",
    "SERVER-MODEL-NAME",
    "SERVER-TLS-MISSING",
    "STORAGE-HUB-ID",
    "STORAGE-URI-MISSING",
    "STORAGE-URI-SCHEME",
    "TPU-LABEL-MISSING",
    "TPU-TOPOLOGY-SEVERAL",
    "TPU-TOPOLOGY-UNCONFIRMED",
}


@pytest.mark.parametrize(("code", "severity", "place", "edit"), MISTAKES + MISTAKES_V17)
def test_a_mechanical_mistake_is_corrected(
    code: str, severity: str, place: str, edit: Edit
) -> None:
    track = V17 if (code, severity, place, edit) in MISTAKES_V17 else V15
    manifest = good()
    edit(manifest)
    before = copy.deepcopy(manifest)
    found = correct(manifest, track)
    assert manifest == before
    left = {one.code for one in found.findings}
    if severity == "info" or code in BY_HAND or "MODEL-CONTEXT" in code:
        return
    assert code not in left, place
    assert found.changes
    assert not [one for one in found.findings if one.severity == "error"]


def test_the_guide_becomes_a_manifest_without_error_or_warning() -> None:
    found = correct(guide(), V15)
    assert [one for one in found.findings if one.severity != "info"] == []
    server = found.manifest["spec"]["template"]["containers"][0]
    assert "args" not in server
    assert server["env"] == [
        {
            "name": "VLLM_ADDITIONAL_ARGS",
            "value": "--max-model-len=2048 --tensor-parallel-size=4 --dtype=bfloat16",
        }
    ]
    assert len(found.changes) == 10


def test_a_good_manifest_stays_as_it_is() -> None:
    found = correct(good(), V15)
    assert (found.manifest, found.changes, found.findings) == (good(), (), ())
    assert found.found == ()


@pytest.mark.parametrize(
    ("edit", "topology", "chips"),
    [
        (_selector(topology="4x4"), "2x2", "4"),
        (_selector(topology="2x2x1"), "2x2", "4"),
        (_all(_selector(topology="2x4"), _chips("8", None)), "2x4", "8"),
        (_all(_selector(topology=None), _chips("1", "1"), _flags("")), "1x1", "1"),
        (_all(_selector(topology="1x1"), _chips(None, None), _flags("")), "1x1", "1"),
    ],
)
def test_chips_and_topology_of_one_machine(edit: Edit, topology: str, chips: str) -> None:
    manifest: Manifest = good()
    edit(manifest)
    template = correct(manifest, V15).manifest["spec"]["template"]
    assert template["nodeSelector"]["cloud.google.com/gke-tpu-topology"] == topology
    assert template["containers"][0]["resources"]["limits"]["google.com/tpu"] == chips


def test_values_with_blanks_stay_quoted() -> None:
    manifest: Manifest = good()
    _flags("""--override-generation-config '{"top_k": 1}' --dtype half""")(manifest)
    value = correct(manifest, V15).manifest["spec"]["template"]["containers"][0]["env"][0]["value"]
    assert value == """--override-generation-config '{"top_k": 1}' --dtype=bfloat16"""


def test_what_is_not_the_guides_is_kept() -> None:
    manifest: Manifest = good()
    _all(_set("args", ["--max-num-seqs=8", "--port=8000"]), _flags("--max-model-len 2048"))(
        manifest
    )
    server = correct(manifest, V15).manifest["spec"]["template"]["containers"][0]
    assert server["env"][0]["value"] == "--max-model-len 2048 --max-num-seqs=8"
