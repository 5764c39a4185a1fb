# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Do the words work in a real play: here, in check mode, and as a module process?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ansible_collections.llmd.tpu.plugins.modules.inference_smoke as inference_smoke
import ansible_collections.llmd.tpu.plugins.modules.model_check as model_check
import pytest

from tests.unit.plugins.module_utils.serving.manifests import GOOD, GUIDE
from tests.unit.plugins.module_utils.smoke.misbehaving import (
    MODEL,
    by_path,
    reply,
    serving,
)
from tests.unit.plugins.running import given


def _play(folder: Path, *tasks: dict[str, Any], options: tuple[str, ...] = ()) -> list[Any]:
    """Run tasks by ansible-playbook on localhost; gives a result for each, failed or not."""
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "ignore_errors": True,
        "tasks": [{"name": "A task", **task} for task in tasks],
    }
    (folder / "play.yml").write_text(json.dumps([play]))
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            "--inventory=localhost,",
            *options,
            "play.yml",
        ],
        cwd=folder,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    assert "{" in done.stdout, output
    assert "Traceback" not in output
    assert "hunter2" not in output
    # Verbose lines come before the report; it begins a line.
    start = f"\n{done.stdout}".index("\n{")
    report, _end = json.JSONDecoder().raw_decode(done.stdout[start:])
    return [task["hosts"]["localhost"] for task in report["plays"][0]["tasks"]]


def test_in_a_play(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "model.yaml").write_text(GUIDE)
    check, ask = "llmd.tpu.model_check", "llmd.tpu.inference_smoke"
    good = by_path()
    (tmp_path / "secret.yml").write_text("secret: {Authorization: Bearer hunter2}")
    with serving(good) as gateway, serving(reply(401, {"error": "Unauthorized"})) as closed:
        beside, missing, both, background, asked, refused = _play(
            tmp_path,
            {check: {"src": "model.yaml"}},
            {check: {"src": "none.yaml"}},
            {check: {"src": "a", "name": "b", "namespace": "c"}},
            {check: {"definition": GOOD}, "async": 10, "poll": 1},
            {ask: {"url": gateway.url}},
            {ask: {"url": closed.url, "model": "m", "headers": "{{ secret }}"}},
            options=("-vvv", "--extra-vars=@secret.yml"),
        )
    assert beside["msg"].startswith(f"{tmp_path}/files/model.yaml: 2 errors")
    assert "none.yaml: No such file" in missing["msg"]
    assert "mutually exclusive" in both["msg"]
    assert "async" in background["msg"]
    assert (asked["ok"], asked["text"], asked["changed"]) == (True, " Paris.", False)
    assert "SMOKE-UNAUTHORIZED" in refused["msg"]
    assert closed.requests[0].headers["authorization"] == "Bearer hunter2"


def test_in_check_mode(tmp_path: Path) -> None:
    with serving(reply(500)) as gateway:
        check, ask = _play(
            tmp_path,
            {"llmd.tpu.model_check": {"definition": GOOD}},
            {"llmd.tpu.inference_smoke": {"url": gateway.url}},
            options=("--check",),
        )
    assert check["ok"]
    assert ask["skipped"]
    assert gateway.requests == []


def test_model_check_as_a_module(capsys: pytest.CaptureFixture[str]) -> None:
    with given({"definition": GOOD}), pytest.raises(SystemExit) as ended:
        model_check.main()
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["ok"]
    with given({"definition": GUIDE}), pytest.raises(SystemExit) as ended:
        model_check.main()
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["failed"]


def test_inference_smoke_as_a_module(capsys: pytest.CaptureFixture[str]) -> None:
    good = by_path()
    with serving(good) as gateway:
        options = {"url": gateway.url, "headers": {"Authorization": "Bearer hunter2"}}
        with given(options), pytest.raises(SystemExit) as ended:
            inference_smoke.main()
    printed = capsys.readouterr().out
    assert ended.value.code == 0, printed
    assert json.loads(printed)["model"] == MODEL
    assert "hunter2" not in printed
