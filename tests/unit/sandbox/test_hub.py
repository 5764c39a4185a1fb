# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The model hub and the storage initializer, with the real package kserve-storage."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.images.hub.hub import MODELS, STRANGERS_TOKEN, TOKEN, Hub
from tests.unit.sandbox.conftest import IMAGES, MODEL

GATED = "meta-llama/Llama-3.1-8B-Instruct"
ENTRYPOINT = IMAGES / "storage_initializer" / "entrypoint.py"


def download(
    python: Path, hub: Hub, home: Path, *arguments: str, token: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the init container; KServe's own variables (pkg/utils/storage.go) included."""
    environment = {
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_ENABLE_HF_TRANSFER": "1",
        "HF_HOME": str(home),
        "HOME": str(home),
        **({"HF_TOKEN": token} if token else {}),
    }
    return subprocess.run(
        [python, ENTRYPOINT, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def asked(hub: Hub) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{hub.server_port}/requests") as reply:
        return json.loads(reply.read())  # type: ignore[no-any-return]


def test_an_open_model_is_downloaded(pod_python: Path, hub: Hub, tmp_path: Path) -> None:
    target = tmp_path / "models"
    done = download(pod_python, hub, tmp_path / "home", f"hf://{MODEL}", str(target))
    assert done.returncode == 0, done.stderr
    assert json.loads((target / "config.json").read_text())["num_key_value_heads"] == 2
    for name, content in MODELS[MODEL].files.items():
        assert (target / name).read_bytes() == content
    assert not any(each["token"] for each in asked(hub))


def test_several_models_in_one_call(pod_python: Path, hub: Hub, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    pairs = [f"hf://{MODEL}", str(one), "hf://Qwen/Qwen3-8B", str(two)]
    assert download(pod_python, hub, tmp_path / "home", *pairs).returncode == 0
    assert (one / "config.json").exists()
    assert json.loads((two / "config.json").read_text())["num_hidden_layers"] == 36


def test_a_gated_model_needs_the_token(pod_python: Path, hub: Hub, tmp_path: Path) -> None:
    target = tmp_path / "models"
    done = download(pod_python, hub, tmp_path / "home", f"hf://{GATED}", str(target))
    assert done.returncode == 1
    assert "Cannot access gated repo for url" in done.stderr
    done = download(pod_python, hub, tmp_path / "home", f"hf://{GATED}", str(target), token=TOKEN)
    assert done.returncode == 0, done.stderr
    assert (target / "model.safetensors").exists()
    requests = asked(hub)
    assert any(each["token"] and each["path"].endswith("model.safetensors") for each in requests)
    assert TOKEN not in json.dumps(requests)


@pytest.mark.parametrize(
    ("source", "token", "words"),
    [
        (f"hf://{GATED}", "wrong", "Invalid credentials in Authorization header"),
        (f"hf://{GATED}", STRANGERS_TOKEN, "403 Client Error"),
        ("hf://no/model", None, "401 Client Error"),
        ("hf://no/model", TOKEN, "404 Client Error"),
        (f"hf://{MODEL}:v9", None, "Revision Not Found for url"),
        ("hf://a/b/c", None, "Invalid Hugging Face URI format."),
    ],
)
def test_what_the_hub_refuses(
    pod_python: Path, hub: Hub, tmp_path: Path, source: str, token: str | None, words: str
) -> None:
    target = str(tmp_path / "models")
    done = download(pod_python, hub, tmp_path / "home", source, target, token=token)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [[], ["hf://a/b"], ["hf://a/b", "/x", "hf://c/d"]])
def test_pairs_must_be_complete(
    pod_python: Path, hub: Hub, tmp_path: Path, arguments: list[str]
) -> None:
    done = download(pod_python, hub, tmp_path, *arguments)
    assert done.returncode == 1
    assert done.stdout.startswith("Usage: initializer-entrypoint")
