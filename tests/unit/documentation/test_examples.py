# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The examples that need no cluster; tests/long/examples runs the others."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.certificates import self_signed
from tests.examples.documented import ALONE, ELSEWHERE, NAMES, ON_A_CLUSTER, documented
from tests.examples.overlay import overlay
from tests.examples.running import (
    Stage,
    differences,
    results_of_module,
    run_examples,
    values_of_filter,
)
from tests.sandbox.paths import CHECKOUT


def inputs(role: str) -> dict[str, Any]:
    """The inputs of a role that have a plain default, without the role's name."""
    defaults = yaml.safe_load((CHECKOUT / f"roles/{role}/defaults/main.yml").read_text())
    return {
        name.removeprefix(f"{role}_"): value
        for name, value in defaults.items()
        if "{{" not in str(value)
    }


def model_inputs() -> dict[str, Any]:
    """Those of role model, with what other phases would say."""
    others = {
        "namespace": "models",
        "token_secret_name": "hf-token",
        "pull_secret_name": "redhat-pull-secret",
    }
    return inputs("model") | others


def archive() -> bytes:
    """A small archive of manifests."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as files:
        member = tarfile.TarInfo("kserve/config/kustomization.yaml")
        member.size = 0
        files.addfile(member)
    return packed.getvalue()


def stages(folder: Path) -> Mapping[str, Stage]:
    """What the examples find, by the word whose they are."""
    certificate, key = (part.decode() for part in self_signed("authority"))
    account = {"auths": {"registry.redhat.io": {"auth": "dXNlcjpwYXNzd29yZA=="}}}
    served = [{"namespace": "models", "name": "qwen"}]
    (folder / "kserve-9682be2.tar.gz").write_bytes(archive())
    written = "1f0e5f9b7f9d1c0d6f8a3f2a3f5d7b1c2e4a6c8e0b2d4f6a8c0e2b4d6f8a0c2e"
    return {
        "authority_problem": Stage(files={"ca.crt": certificate, "ca.key": key}),
        "bindings_of_services": Stage(
            {"bindings": {"resources": []}, "served": {"models": served}}
        ),
        "gateway_problems": Stage({"inputs": inputs("gateway")}),
        "manifests_info": Stage({"kserve_manifests": str(folder / "kserve")}, overlay("kserve")),
        "model_plan": Stage({"inputs": model_inputs()}),
        "model_removal": Stage({"served": {"models": served}, "plan": {"services": served}}),
        "pull_secret_json": Stage({"config": account}),
        "pull_secret_problem": Stage(files={".docker/config.json": json.dumps(account)}),
        "registry_account": Stage({"user": "user", "password": "password"}),
        "unpack": Stage(instead={written: hashlib.sha256(archive()).hexdigest()}),
    }


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What every task returned, by the module or filter whose example it is: one run for all."""
    folder = tmp_path_factory.mktemp("examples")
    stage = stages(folder)
    words = [documented("module")[name] for name in sorted(ALONE)] + list(
        documented("filter").values()
    )
    return run_examples([(word, stage.get(word.name, Stage())) for word in words], folder, folder)


@pytest.mark.parametrize("name", sorted(ALONE))
def test_a_module_returns_what_is_documented(
    name: str, results: dict[str, list[dict[str, Any]]]
) -> None:
    module = documented("module")[name]
    assert differences(module.returns, results_of_module(module, results[name])) == []


@pytest.mark.parametrize("name", NAMES["filter"])
def test_a_filter_gives_what_is_documented(
    name: str, results: dict[str, list[dict[str, Any]]]
) -> None:
    filter_ = documented("filter")[name]
    assert f"llmd.tpu.{name}" in filter_.examples
    if "no_log: true" in filter_.examples:
        # A filter that gives a secret; the unit tests of the filter see it.
        assert all("censored" in result for result in results[name])
    else:
        assert differences(filter_.returns, values_of_filter(results[name])[:1]) == []


@pytest.mark.parametrize("name", ON_A_CLUSTER)
def test_modules_that_ask_a_cluster_are_run_on_one(name: str) -> None:
    takes_one = "kubeconfig" in documented("module")[name].document["options"]
    assert takes_one or name == "report", f"say in tests/examples/documented.py where {name} runs"


def test_what_runs_elsewhere_has_a_test_there() -> None:
    for name, test in ELSEWHERE.items():
        assert name in (CHECKOUT / test).read_text(), name
