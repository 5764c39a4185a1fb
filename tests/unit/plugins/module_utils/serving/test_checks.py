# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does every mistake get its finding, and a good manifest none?"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.serving import (
    image,
    memory,
    objects,
    placement,
    probes,
    server,
    view,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.checks import check_service
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import TRACKS
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plugins.module_utils.serving.manifests import good, guide

V15, V17 = TRACKS["release-v0.15"], TRACKS["release-v0.17"]
ACCELERATOR = "cloud.google.com/gke-tpu-accelerator"
TOPOLOGY = "cloud.google.com/gke-tpu-topology"

Manifest = dict[str, Any]
Edit = Callable[[Manifest], object]


def _template(manifest: Manifest) -> Manifest:
    template: Manifest = manifest["spec"]["template"]
    return template


def _main(manifest: Manifest) -> Manifest:
    container: Manifest = _template(manifest)["containers"][0]
    return container


def _selector(**labels: Any) -> Edit:
    keys = {"accelerator": ACCELERATOR, "topology": TOPOLOGY}

    def edit(manifest: Manifest) -> None:
        selector = _template(manifest)["nodeSelector"]
        for name, value in labels.items():
            selector.pop(keys[name]) if value is None else selector.update({keys[name]: value})

    return edit


def _chips(request: Any, limit: Any) -> Edit:
    def edit(manifest: Manifest) -> None:
        resources = _main(manifest)["resources"]
        for kind, value in (("requests", request), ("limits", limit)):
            resources[kind] = {} if value is None else {"google.com/tpu": value}

    return edit


def _flags(text: str) -> Edit:
    return lambda manifest: _main(manifest)["env"][0].update(value=text)


def _env(name: str, value: str) -> Edit:
    return lambda manifest: _main(manifest)["env"].append({"name": name, "value": value})


def _set(key: str, value: Any) -> Edit:
    """Set a field of container main; None removes it."""

    def edit(manifest: Manifest) -> None:
        _main(manifest).pop(key, None)
        if value is not None:
            _main(manifest)[key] = value

    return edit


def _probe(name: str, **fields: Any) -> Edit:
    return lambda manifest: _main(manifest).update({name: fields})


def _model(**fields: Any) -> Edit:
    return lambda manifest: manifest["spec"]["model"].update(fields)


def _all(*edits: Edit) -> Edit:
    return lambda manifest: [edit(manifest) for edit in edits]


def _sidecar(**fields: Any) -> Edit:
    return lambda m: _template(m)["containers"].append({"name": "extra", "image": "x", **fields})


def _affinity(*topologies: str) -> Edit:
    rule = {"key": TOPOLOGY, "operator": "In", "values": list(topologies)}
    required = {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}

    def edit(manifest: Manifest) -> None:
        _selector(topology=None)(manifest)
        _template(manifest)["affinity"] = affinity

    return edit


def _pool_name_only(manifest: Manifest) -> None:
    _template(manifest)["nodeSelector"] = {"cloud.google.com/gke-nodepool": "tpu-pool"}


HTTP = {"path": "/health", "port": 8000}
HTTPS = {**HTTP, "scheme": "HTTPS"}
TPU = {"requests": {"google.com/tpu": "4"}, "limits": {"google.com/tpu": "4"}}
HEAD = "spec.template.containers[0]"

# One row per finding: code, severity, place (or its end), the mistake, the track when not v0.15.
MISTAKES: list[tuple[str, str, str, Edit]] = [
    ("TPU-LABEL-UNKNOWN", "error", ACCELERATOR, _selector(accelerator="tpu-v6e")),
    ("TPU-LABEL-MISSING", "error", "spec.template.nodeSelector", _selector(accelerator=None)),
    ("TPU-TOPOLOGY-MISSING", "error", "spec.template.nodeSelector", _selector(topology=None)),
    ("TPU-LABEL-MISSING", "error", "spec.template.nodeSelector", _pool_name_only),
    ("TPU-TOPOLOGY-INVALID", "error", TOPOLOGY, _selector(topology="2x2x1")),
    ("TPU-TOPOLOGY-INVALID", "error", TOPOLOGY, _selector(topology="3x3")),
    ("TPU-TOPOLOGY-SEVERAL", "error", ".values[1]", _affinity("2x2", "2x4")),
    (
        "TPU-TOPOLOGY-UNCONFIRMED",
        "warning",
        TOPOLOGY,
        _all(_selector(accelerator="tpu-v5p-slice", topology="1x2x1"), _chips("2", "2")),
    ),
    ("TPU-TOPOLOGY-MULTI-HOST", "error", f"{HEAD}.resources", _selector(topology="2x4")),
    (
        "TPU-TOLERATION-MISSING",
        "warning",
        "spec.template.tolerations",
        lambda m: _template(m).pop("tolerations"),
    ),
    (
        "TPU-TOLERATION-MISSING",
        "warning",
        "spec.template.tolerations",
        lambda m: _template(m)["tolerations"][0].update(operator="Equal", value="true"),
    ),
    ("TPU-CHIPS-MISSING", "error", "spec.template.containers", _set("resources", None)),
    ("TPU-CHIPS-SEVERAL-CONTAINERS", "error", "containers[1]", _sidecar(resources=TPU)),
    ("TPU-REQUEST-NOT-LIMIT", "error", f"{HEAD}.resources", _chips("4", "8")),
    ("TPU-REQUEST-NOT-LIMIT", "error", f"{HEAD}.resources", _chips("4", None)),
    ("TPU-CHIPS-INVALID", "error", f"{HEAD}.resources", _chips("4000m", "4000m")),
    ("TPU-CHIPS-INVALID", "error", f"{HEAD}.resources", _chips(0, 0)),
    ("TPU-CHIPS-NOT-MACHINE", "error", f"{HEAD}.resources", _chips("8", "8")),
    ("TPU-ENV-UNUSED", "info", f"{HEAD}.env[1]", _env("PJRT_DEVICE", "TPU")),
    ("TPU-ENV-REDUNDANT", "info", f"{HEAD}.env[1]", _env("TPU_HOST_BOUNDS", "1,1,1")),
    ("TPU-ENV-WRONG", "warning", f"{HEAD}.env[1]", _env("TPU_CHIPS_PER_HOST_BOUNDS", "2,4,1")),
    (
        "TPU-NOT-ASKED",
        "info",
        "spec.template",
        _all(_selector(accelerator=None, topology=None), _set("resources", None)),
    ),
    ("SERVER-CONTAINER-NAME", "error", f"{HEAD}.name", _set("name", "vllm")),
    ("SERVER-ARGS-REPLACE-SCRIPT", "error", f"{HEAD}.args", _set("args", ["--max-num-seqs=8"])),
    ("SERVER-COMMAND-ALONE", "error", f"{HEAD}.command", _set("command", ["vllm", "serve"])),
    ("SERVER-TLS-MISSING", "warning", f"{HEAD}.args", _set("args", ["vllm serve /mnt/models"])),
    (
        "SERVER-TLS-MISSING",
        "warning",
        f"{HEAD}.command",
        _all(_set("command", ["vllm"]), _set("args", ["serve", "/mnt/models"])),
    ),
    ("SERVER-FLAGS-QUOTING", "error", f"{HEAD}.env[0].value", _flags("--override '{}")),
    ("SERVER-FLAG-DUPLICATE", "error", f"{HEAD}.env[0].value", _flags("--port 8001")),
    ("SERVER-FLAG-DUPLICATE", "warning", f"{HEAD}.env[0].value", _flags("--port=8000")),
    ("SERVER-FLAG-DUPLICATE", "error", f"{HEAD}.env[0].value", _flags("--served_model_name x")),
    ("SERVER-FLAG-DUPLICATE", "error", f"{HEAD}.env[0].value", _flags("--model a/b")),
    ("SERVER-FLAG-DUPLICATE", "warning", f"{HEAD}.env[0].value", _flags("--ssl-certfile /x")),
    ("SERVER-DTYPE-HALF", "warning", f"{HEAD}.env[0].value", _flags("--dtype=half")),
    ("SERVER-FLAG-LOG-REQUESTS", "warning", ".value", _flags("--disable-log-requests")),
    ("SERVER-FLAG-UNKNOWN", "error", ".value", _flags("--prefix-cache-block-size 64")),
    ("SERVER-FLAG-UNKNOWN", "error", ".value", _flags("--no-such-flag")),
    ("SERVER-FLAG-UNKNOWN", "warning", ".value", _flags("--nnodes=2")),  # 3.2.5: probably 0.11
    (
        "SERVER-FLAG-UNKNOWN",
        "error",
        ".value",
        _all(_flags("--swap-space 4"), _set("image", "vllm/vllm-tpu:v0.18.0")),
    ),
    (
        "SERVER-FLAG-UNKNOWN",
        "warning",  # newer than any release whose flags are known here
        ".value",
        _all(_flags("--no-such-flag"), _set("image", "vllm/vllm-tpu:v0.40.1")),
    ),
    ("SERVER-IMAGE-MOVING", "warning", ".image", _set("image", "registry:5000/vllm")),
    ("SERVER-IMAGE-MOVING", "warning", ".image", _set("image", "example.com/vllm:latest")),
    ("SERVER-IMAGE-USER", "info", ".image", _set("image", "vllm/vllm-tpu:v0.12.0")),
    ("MODEL-UNKNOWN", "info", "spec.model.uri", _model(uri="hf://acme/tiny", name="tiny")),
    (
        "MODEL-TOO-LARGE",
        "error",
        f"{HEAD}.resources",
        _all(_model(uri="hf://Qwen/Qwen2.5-72B-Instruct"), _flags("--tensor-parallel-size=4")),
    ),
    (
        "MODEL-TOO-LARGE",
        "warning",  # nobody measured what v5p leaves
        f"{HEAD}.resources",
        _all(
            _model(uri="hf://Qwen/Qwen2.5-72B-Instruct"),
            _selector(accelerator="tpu-v5p-slice", topology="2x2x1"),
            _flags(""),
        ),
    ),
    (
        "MODEL-CONTEXT-TOO-LONG",
        "error",
        f"{HEAD}.env",
        _all(
            _model(uri="hf://Qwen/Qwen2.5-14B-Instruct"),
            _selector(topology="1x1"),
            _chips("1", "1"),
            _flags(""),
        ),
    ),
    (
        "MODEL-CONTEXT-TIGHT",
        "warning",
        ".value",
        _all(
            _model(uri="hf://google/gemma-2-9b-it"),
            _selector(topology="1x1"),
            _chips("1", "1"),
            _flags("--max-model-len 8192 --gpu-memory-utilization=0.64"),
        ),
    ),
    ("MODEL-CONTEXT-BEYOND", "warning", ".value", _flags("-tp 4 --max-model-len 65536")),
    ("SERVER-TENSOR-PARALLEL", "error", ".value", _flags("--tensor-parallel-size 8")),
    ("SERVER-TENSOR-PARALLEL", "error", ".value", _flags("-tp 3")),
    ("SERVER-TENSOR-PARALLEL", "error", ".value", _flags("-tp many")),
    (
        "SERVER-TENSOR-PARALLEL",
        "error",
        ".value",
        _all(
            _flags("-tp=8"),
            _model(uri="hf://Qwen/Qwen2.5-7B-Instruct"),
            _selector(topology="2x4"),
            _chips("8", "8"),
        ),
    ),
    ("SERVER-TENSOR-PARALLEL-IDLE", "info", ".value", _flags("--tensor-parallel-size 2")),
    ("SERVER-MODEL-NAME", "error", "spec.model.name", _model(name="my model")),
    ("SERVER-MODEL-NAME", "error", "spec.model.name", _model(name="a;b")),
    ("STORAGE-TOKEN-WITHOUT-EFFECT", "warning", f"{HEAD}.env[1]", _env("HF_TOKEN", "x")),
    ("STORAGE-URI-MISSING", "error", "spec.model.uri", lambda m: m["spec"]["model"].pop("uri")),
    ("STORAGE-URI-BARE", "error", "spec.model.uri", _model(uri="Qwen/Qwen2.5-3B-Instruct")),
    ("STORAGE-URI-SCHEME", "error", "spec.model.uri", _model(uri="gs://bucket/model")),
    ("STORAGE-HUB-ID", "error", "spec.model.uri", _model(uri="hf://a/b/c")),
    (
        "STORAGE-INITIALIZER-ADJUSTED",
        "error",
        "spec.template.initContainers[0]",
        lambda m: _template(m).update(initContainers=[{"name": "storage-initializer", "env": []}]),
    ),
    (
        "PROBE-SCHEME",
        "error",
        "readinessProbe.httpGet.scheme",
        _probe("readinessProbe", httpGet={**HTTP, "scheme": "HTTP"}),
    ),
    (
        "PROBE-SCHEME",
        "error",
        "startupProbe.httpGet.scheme",
        _probe("startupProbe", httpGet=HTTP, periodSeconds=30, failureThreshold=60),
    ),
    ("PROBE-HANDLER", "error", "livenessProbe.tcpSocket", _probe("livenessProbe", tcpSocket={})),
    ("PROBE-STARTUP-MISSING", "warning", f"{HEAD}.startupProbe", _set("startupProbe", None)),
    (
        "PROBE-LIVENESS-KILLS",
        "warning",
        f"{HEAD}.livenessProbe",
        _all(_set("startupProbe", None), _set("livenessProbe", None)),
    ),
    (
        "PROBE-STARTUP-SHORT",
        "warning",
        f"{HEAD}.startupProbe",
        _probe("startupProbe", httpGet=HTTPS, periodSeconds=10, failureThreshold=30),
    ),
    (
        "KSERVE-API-VERSION",
        "error",
        "apiVersion",
        lambda m: m.update(apiVersion="serving.kserve.io/v1alpha2"),
    ),
    (
        "KSERVE-SCALING",
        "error",
        "spec.canaryTrafficPercent",
        lambda m: m["spec"].update(canaryTrafficPercent=10),
    ),
    ("KSERVE-SCALING", "error", "spec.minReplicas", lambda m: m["spec"].update(minReplicas=0)),
    (
        "KSERVE-SCALING",
        "warning",
        'annotations["autoscaling.knative.dev/metric"]',
        lambda m: m["metadata"].update(annotations={"autoscaling.knative.dev/metric": "rps"}),
    ),
    (
        "TPU-LABEL-UNKNOWN",
        "error",
        'spec.prefill.template.nodeSelector["cloud.google.com/gke-tpu-accelerator"]',
        lambda m: m["spec"].update(
            prefill={
                "template": {
                    **good()["spec"]["template"],
                    "nodeSelector": {ACCELERATOR: "tpu-v6e", TOPOLOGY: "2x2"},
                }
            }
        ),
    ),
    ("KSERVE-NAME", "error", "metadata.name", lambda m: m["metadata"].update(name="Qwen_3B")),
    ("KSERVE-NAME", "error", "metadata.name", lambda m: m["metadata"].pop("name")),
    ("KSERVE-NAME", "error", "metadata.name", lambda m: m["metadata"].update(name="a" * 64)),
    ("KSERVE-NAME", "warning", "metadata.name", lambda m: m["metadata"].update(name="3b-qwen")),
    (
        "KSERVE-BASE-MISSING",
        "warning",
        "spec.baseRefs[1].name",
        lambda m: m["spec"].update(baseRefs=[{"name": "ours"}, {"name": "vllm-default"}]),
    ),
    (
        "KSERVE-NAME-SHORTENED",
        "info",
        "metadata.name",
        lambda m: m["metadata"].update(name="a" * 39),
    ),
    ("KSERVE-TEMPLATE-BROKEN", "error", f"{HEAD}.env[1].value", _env("CHAT", "{{ messages }}")),
    ("KSERVE-TEMPLATE-BROKEN", "error", f"{HEAD}.env[1].value", _env("CHAT", '{{ print "x" }}')),
    ("KSERVE-TEMPLATE-BROKEN", "error", f"{HEAD}.env[1].value", _env("CHAT", "{{ .Spec")),
    ("KSERVE-TEMPLATE", "info", f"{HEAD}.env[1].value", _env("M", "{{ .Spec.Model.Name }}")),
    ("MANIFEST-FIELD-TYPE", "error", "spec.template", lambda m: m["spec"].update(template=[])),
    ("MANIFEST-FIELD-TYPE", "error", f"{HEAD}.args", _set("args", "--port 1")),
]

# On the later track: API version in information, args are flags.
MISTAKES_V17: list[tuple[str, str, str, Edit]] = [
    ("KSERVE-API-VERSION-OLD", "info", "apiVersion", lambda m: None),
    ("SERVER-FLAG-DUPLICATE", "error", f"{HEAD}.args", _set("args", ["--port=8001"])),
]


def _found(manifest: Manifest, code: str, track: Any = V15) -> list[Finding]:
    return [one for one in check_service(manifest, track) if one.code == code]


@pytest.mark.parametrize(("code", "severity", "place", "edit"), MISTAKES)
def test_a_mistake_is_found(code: str, severity: str, place: str, edit: Edit) -> None:
    manifest = good()
    edit(manifest)
    found = _found(manifest, code)
    assert [(one.severity, one.path.endswith((place, f'"{place}"]'))) for one in found] == [
        (severity, True)
    ]
    assert found[0].subject.startswith("LLMInferenceService ")
    if severity != "info":
        assert found[0].fix
        assert found[0].expected or found[0].code == "TPU-TOPOLOGY-UNCONFIRMED"


@pytest.mark.parametrize(("code", "severity", "place", "edit"), MISTAKES_V17)
def test_a_mistake_of_the_later_track(code: str, severity: str, place: str, edit: Edit) -> None:
    manifest = good()
    edit(manifest)
    assert [(one.severity, one.path) for one in _found(manifest, code, V17)] == [(severity, place)]


def test_every_code_of_the_checks_is_triggered_here() -> None:
    modules = (image, memory, objects, placement, probes, server, view)
    sources = [Path(str(module.__file__)).read_text() for module in modules]
    written = {
        code
        for source in sources
        for code in re.findall(
            r'"((?:TPU|SERVER|STORAGE|PROBE|KSERVE|MANIFEST|MODEL)-[A-Z-]+)"', source
        )
    }
    assert written == {row[0] for row in MISTAKES + MISTAKES_V17}


def test_a_good_manifest_has_nothing_to_say() -> None:
    assert check_service(good(), V15) == []


def test_a_good_manifest_of_the_later_track() -> None:
    manifest = good()
    manifest["apiVersion"] = "serving.kserve.io/v1alpha2"
    _set("startupProbe", None)(manifest)  # the preset of this track has one
    _set("args", ["--max-num-seqs=64"])(manifest)  # and takes args as flags
    assert check_service(manifest, V17) == []


@pytest.mark.parametrize(
    "edit",
    [
        _selector(accelerator="tpu-v6e-slice", topology="2x2"),
        _all(_selector(topology="1x1"), _chips("1", "1"), _flags("")),
        _all(_selector(topology="2x4"), _chips(8, 8), _flags("-tp 8")),
        _chips(None, "4"),
        _affinity("2x2"),
        _probe("livenessProbe", httpGet=HTTP),  # the preset's scheme HTTPS stays
        _model(uri="hf://Qwen/Qwen2.5-3B-Instruct:main"),
        _model(uri="pvc://weights/qwen"),
        _model(uri="oci://registry.example/qwen:1"),
        _model(uri="s3://bucket/qwen"),
        _set("image", "registry:5000/vllm@sha256:ab"),
        _all(
            _set("image", "vllm/vllm-tpu:v0.12.0"),
            _set("securityContext", {"runAsNonRoot": False}),
        ),
        lambda m: _template(m).update(tolerations=[{"operator": "Exists"}]),
        # A slice of several machines, whose other pods are workers.
        _all(
            _selector(topology="4x4"),
            lambda m: m["spec"].update(worker=copy.deepcopy(_template(m))),
        ),
        _sidecar(),
    ],
)
def test_other_good_shapes_stay_silent(edit: Edit) -> None:
    manifest = good()
    edit(manifest)
    assert check_service(manifest, V15) == []


def test_a_pools_name_alone_is_named_as_the_reason() -> None:
    manifest = good()
    _pool_name_only(manifest)
    [label, topology] = check_service(manifest, V15)
    assert (label.code, topology.code) == ("TPU-LABEL-MISSING", "TPU-TOPOLOGY-MISSING")
    assert "node pool's name alone is not enough" in label.message


def test_an_address_that_kserve_does_not_take_gets_its_alternative() -> None:
    for uri, fix in (
        ("gs://bucket/model", "copy the model to a volume (pvc://) or an image (oci://)"),
        ("Qwen/Qwen2.5-3B-Instruct", "write hf://Qwen/Qwen2.5-3B-Instruct"),
    ):
        manifest = good()
        _model(uri=uri)(manifest)
        assert fix in check_service(manifest, V15)[0].fix


def test_the_guide_as_written() -> None:
    found = check_service(guide(), V15)
    assert sorted((one.severity, one.code) for one in found) == [
        ("error", "SERVER-ARGS-REPLACE-SCRIPT"),
        ("error", "TPU-LABEL-UNKNOWN"),
        ("info", "TPU-ENV-REDUNDANT"),
        ("info", "TPU-ENV-REDUNDANT"),
        ("info", "TPU-ENV-UNUSED"),
        ("warning", "PROBE-LIVENESS-KILLS"),
        ("warning", "PROBE-STARTUP-MISSING"),
        ("warning", "SERVER-DTYPE-HALF"),
        ("warning", "SERVER-FLAG-LOG-REQUESTS"),
        ("warning", "STORAGE-TOKEN-WITHOUT-EFFECT"),
        ("warning", "TPU-TOLERATION-MISSING"),
    ]
    label = next(one for one in found if one.code == "TPU-LABEL-UNKNOWN")
    assert (label.found, label.fix) == ("tpu-v6e", "write tpu-v6e-slice")
    killed = next(one for one in found if one.code == "PROBE-LIVENESS-KILLS")
    assert killed.found == "390 s"


def test_the_guide_with_its_two_errors_corrected() -> None:
    manifest = guide()
    _selector(accelerator="tpu-v6e-slice")(manifest)
    flags = " ".join(_main(manifest).pop("args")[1:])
    _main(manifest)["env"].append({"name": "VLLM_ADDITIONAL_ARGS", "value": flags})
    assert not [one for one in check_service(manifest, V15) if one.severity == "error"]


def test_recursive_and_repeated_aliases_end() -> None:
    manifest = good()
    loop: list[Any] = ["{{ x }}"]
    loop.append(loop)
    manifest["spec"]["loop"] = loop
    assert len(_found(manifest, "KSERVE-TEMPLATE-BROKEN")) == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    places = []
    for key, child in steps:
        places.append((*path, key))
        if isinstance(child, dict | list):
            places += _places(child, (*path, key))
    return places


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(_places(good())), VALUES, st.sampled_from([V15, V17]))
def test_any_value_anywhere_is_answered_with_findings(
    place: tuple[Any, ...], value: Any, track: Any
) -> None:
    manifest: Any = good()
    parent = manifest
    for step in place[:-1]:
        parent = parent[step]
    parent[place[-1]] = value
    for finding in check_service(manifest, track):
        assert all(isinstance(text, str) for text in finding.to_dict().values())
