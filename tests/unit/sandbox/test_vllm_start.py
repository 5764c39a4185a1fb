# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the stand-in for vLLM refuses before it serves, and its way to serving."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sandbox.images.hub.hub import MODELS
from tests.sandbox.images.vllm import model as models
from tests.sandbox.images.vllm.arguments import parse_serve
from tests.sandbox.images.vllm.engine import Engine
from tests.sandbox.images.vllm.release import release_of
from tests.sandbox.images.vllm.startup import start_engine
from tests.unit.sandbox.conftest import MODEL, VERSIONS, Program, write_chips, write_model

Pod = dict[str, str]


def start(pod: Pod, folder: Path, *flags: str) -> tuple[Engine, float]:
    """The engine and the seconds it took."""
    release = release_of(pod)
    slept: list[float] = []
    options = parse_serve(["serve", str(folder), *flags], release)
    return start_engine(options, release, pod, slept.append), sum(slept)


def refusal(pod: Pod, folder: Path, *flags: str) -> str:
    with pytest.raises(models.StartupError) as refused:
        start(pod, folder, *flags)
    return refused.value.text


@pytest.mark.parametrize(
    ("name", "flags", "words"),
    [
        (MODEL, ["-tp", "3"], "(16) must be divisible by tensor parallel size (3)."),
        ("Qwen/Qwen2.5-7B-Instruct", ["-tp", "8"], "(28) must be divisible by tensor parallel"),
        ("Qwen/Qwen2.5-14B-Instruct", ["-tp", "8"], "Number of devices 4 must be >= the product"),
        ("Qwen/Qwen2.5-72B-Instruct", ["-tp", "4"], "Please consider increasing --gpu-memory-util"),
        (
            "Qwen/Qwen2.5-14B-Instruct",
            ["--max-model-len", "8192"],
            "which is larger than the available KV cache memory",
        ),
        (MODEL, ["--max-model-len", "40000"], "(40000) is greater than the derived max_model_len"),
    ],
)
def test_what_does_not_fit_is_refused(
    pod: Pod, tmp_path: Path, name: str, flags: list[str], words: str
) -> None:
    assert words in refusal(pod, write_model(tmp_path / "models", name), *flags)


def test_key_value_heads_that_do_not_split_fail_bare(pod: Pod, tmp_path: Path) -> None:
    """40 heads split by 5, 8 key-value heads do not."""
    folder = write_model(tmp_path / "models", "Qwen/Qwen2.5-14B-Instruct")
    write_chips(tmp_path / "eight", 8)
    pod |= {"SANDBOX_VLLM_DEVICES": str(tmp_path / "eight"), "TPU_CHIPS_PER_HOST_BOUNDS": "2,4,1"}
    assert (
        refusal(pod, folder, "-tp", "5") == "    assert num_kv_heads % tp_size == 0\nAssertionError"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"SANDBOX_VLLM_DEVICES": "/nowhere"}, "No hardware is found."),
        ({"TPU_CHIPS_PER_HOST_BOUNDS": "2,4,1"}, "Failed to get global TPU topology."),
        ({"TPU_HOST_BOUNDS": "2,2,1"}, "Failed to get global TPU topology."),
    ],
)
def test_chips_that_are_not_there_are_refused(
    pod: Pod, model_folder: Path, changes: Pod, words: str
) -> None:
    text = refusal({**pod, **changes}, model_folder)
    assert text.startswith("RuntimeError: Unable to initialize backend 'tpu': ")
    assert words in text


def test_a_missing_model_is_refused(pod: Pod, tmp_path: Path) -> None:
    missing = refusal(pod, tmp_path / "nothing")
    assert f"Invalid repository ID or local directory specified: '{tmp_path}/nothing'." in missing


def test_a_model_without_weights_is_refused(pod: Pod, model_folder: Path) -> None:
    (model_folder / "model.safetensors").unlink()
    assert f"Cannot find any *.safetensors files in {model_folder}." in refusal(pod, model_folder)


@pytest.mark.parametrize(
    ("version", "value", "compiles"),
    [
        ("0.11.1", "", True),
        ("0.11.1", "0", False),
        ("0.13.0", "0", True),
        ("0.13.0", "1", False),
        ("0.18.0", "true", False),
        ("0.18.0", "false", True),
    ],
)
def test_precompilation_can_be_skipped_as_each_release_reads_it(
    pod: Pod,
    model_folder: Path,
    capsys: pytest.CaptureFixture[str],
    version: str,
    value: str,
    compiles: bool,
) -> None:
    start({**pod, "SANDBOX_VLLM_VERSION": version, "SKIP_JAX_PRECOMPILE": value}, model_folder)
    assert ("Precompile backbone --> {'num_tokens': 16}" in capsys.readouterr().out) is compiles


def test_a_word_for_the_compilation_switch_crashes_0_13(pod: Pod, model_folder: Path) -> None:
    pod |= {"SANDBOX_VLLM_VERSION": "0.13.0", "SKIP_JAX_PRECOMPILE": "true"}
    assert "invalid literal for int() with base 10: 'true'" in refusal(pod, model_folder)


@pytest.mark.parametrize("version", VERSIONS)
def test_half_precision_is_overwritten_in_0_11_only(
    pod: Pod, model_folder: Path, capsys: pytest.CaptureFixture[str], version: str
) -> None:
    start({**pod, "SANDBOX_VLLM_VERSION": version}, model_folder, "--dtype=half")
    warned = "Overwriting it to jnp.bfloat16" in capsys.readouterr().out
    assert warned is (version == "0.11.1")


def test_startup_takes_the_time_that_is_set(pod: Pod, model_folder: Path) -> None:
    _, seconds = start({**pod, "SANDBOX_VLLM_STARTUP_SECONDS": "90"}, model_folder)
    assert seconds == pytest.approx(90)


def test_memory_of_a_known_model(model_folder: Path) -> None:
    """Qwen2.5-3B has 3.09 B parameters and needs 36 KiB of cache a token, 72 on four chips."""
    model = models.read_model(str(model_folder))
    assert model.parameters / 1e9 == pytest.approx(3.09, abs=0.01)
    assert model.kv_bytes_per_token(1) == model.kv_bytes_per_token(2) == 36_864
    assert model.kv_bytes_per_token(4) == 73_728
    chips = models.Chips(count=4, accelerator="v6e-4", per_host=4, hosts=1, workers=1)
    memory = models.plan_memory(model, chips, 4, 0.9, 2048)
    assert memory.block_size == 128
    assert memory.blocks * memory.block_size == pytest.approx(1.55e6, rel=0.01)


def test_every_model_of_the_hub_can_be_read(tmp_path: Path) -> None:
    for index, name in enumerate(MODELS):
        model = models.read_model(str(write_model(tmp_path / str(index), name)))
        billions = float(name.rsplit("B", 1)[0].rsplit("-", 1)[1])
        assert model.parameters / 1e9 == pytest.approx(billions, rel=0.12), name


@pytest.mark.parametrize(("length", "size"), [(512, 32), (2048, 128), (8192, 256), (9000, 16)])
def test_page_size_follows_the_context_length(length: int, size: int) -> None:
    assert models.block_size(length) == size


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_program_goes_through_vllms_phases(
    pod: Pod, model_folder: Path, launch: Callable[..., Program]
) -> None:
    port = free_port()
    flags = ["--served-model-name", MODEL, "-tp", "4", "--host", "127.0.0.1", "--port", str(port)]
    program = launch("serve", str(model_folder), *flags, "--api-key", "geheim", environment=pod)
    program.wait_for("Application startup complete.")
    log = program.log.read_text()
    places = [
        log.index(text)
        for text in (
            "vLLM API server version 0.11.1",
            "Init worker | rank=0",
            f"Loading weights from {model_folder}/model.safetensors",
            "Memory statistics | total_hbm_limit_gb=124.96GiB | total_hbm_limit_cap_gb=112.46GiB",
            "Init kv-cache | num_layers=36",
            "Precompile all the subgraphs with possible input shapes.",
            "Compilation finished in 0.00 [secs].",
            f"Starting vLLM API server 0 on http://127.0.0.1:{port}",
            "INFO:     Application startup complete.",
        )
    ]
    assert places == sorted(places)
    assert "geheim" not in log
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(timeout=5) == 0
    assert "Finished server process" in program.log.read_text()


def test_the_port_is_closed_until_compilation_is_done(
    pod: Pod, model_folder: Path, launch: Callable[..., Program]
) -> None:
    port = free_port()
    pod["SANDBOX_VLLM_STARTUP_SECONDS"] = "60"
    program = launch("serve", str(model_folder), "--port", str(port), environment=pod)
    program.wait_for("Initializing a V1 LLM engine")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(timeout=5) == 130


def test_a_failed_start_ends_with_1_and_names_the_engine(
    pod: Pod, model_folder: Path, launch: Callable[..., Program]
) -> None:
    pod["SANDBOX_VLLM_DEVICES"] = "/nowhere"
    module = "vllm.entrypoints.openai.api_server"
    program = launch("--model", str(model_folder), environment=pod, module=module)
    assert program.process.wait(timeout=10) == 1
    log = program.log.read_text()
    assert "EngineCore failed to start." in log
    assert "No hardware is found." in log
    assert "RuntimeError: Engine core initialization failed. See root cause above." in log


def test_a_missing_certificate_ends_the_start(
    pod: Pod, model_folder: Path, launch: Callable[..., Program]
) -> None:
    flags = ["--ssl-certfile", "/nowhere/tls.crt", "--ssl-keyfile", "/nowhere/tls.key"]
    program = launch("serve", str(model_folder), *flags, environment=pod)
    assert program.process.wait(timeout=10) == 1
    assert "FileNotFoundError: [Errno 2] No such file or directory" in program.log.read_text()
