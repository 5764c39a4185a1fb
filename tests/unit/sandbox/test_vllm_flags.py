# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command line of the stand-in for vLLM."""

from __future__ import annotations

import csv

import pytest

from tests.sandbox.images.vllm.arguments import TABLE, Options, parse_module, parse_serve
from tests.sandbox.images.vllm.release import Release, release_of
from tests.unit.sandbox.conftest import VERSIONS

LINES = ("0.11", "0.13", "0.18")
# What the start scripts of KServe's presets pass, both tracks
# (config/llmisvcconfig/config-llm-template.yaml of opendatahub-io/kserve).
PRESET = [
    "serve", "/mnt/models", "--served-model-name", "Qwen/Qwen2.5-3B-Instruct", "--port", "8000",
    "--disable-uvicorn-access-log", "--enable-ssl-refresh",
    "--ssl-certfile", "/var/run/kserve/tls/tls.crt", "--ssl-keyfile", "/var/run/kserve/tls/tls.key",
]  # fmt: skip


def release(version: str) -> Release:
    return release_of({"SANDBOX_VLLM_VERSION": version})


def parse(*flags: str, version: str = VERSIONS[0]) -> Options:
    return parse_serve(["serve", "/mnt/models", *flags], release(version))


def test_every_row_of_the_table_is_complete() -> None:
    with TABLE.open(newline="") as table:
        rows = list(csv.DictReader(table))
    flags = [row["flag"] for row in rows]
    assert flags == sorted(set(flags))
    for row in rows:
        assert any(row[line] for line in LINES), row
        assert {row[line] for line in LINES} <= {"", "yes", "deprecated"}, row
        assert row["source"] in ("vllm/engine/arg_utils.py", "vllm/entrypoints/openai/cli_args.py")
    assert len(rows) > 240


@pytest.mark.parametrize("version", VERSIONS)
def test_flags_of_the_presets_are_known(version: str) -> None:
    options = parse_serve(PRESET, release(version))
    assert options.served_model_names == ("Qwen/Qwen2.5-3B-Instruct",)
    assert options.ssl_certfile == "/var/run/kserve/tls/tls.crt"
    assert options.enable_ssl_refresh
    assert not options.access_log


@pytest.mark.parametrize(
    ("flag", "known"),
    [
        ("--disable-log-requests", (True, True, False)),
        ("--no-enable-log-requests", (True, True, True)),
        ("--disable-access-log-for-endpoints=/health", (False, False, True)),
        ("--prefix-cache-block-size=16", (False, False, False)),
        ("--no-enable-prefix-caching", (True, True, True)),
        ("--swap-space=4", (True, True, False)),
        ("--ssl-ciphers=ALL", (False, False, True)),
        ("--enforce-eager", (True, True, True)),
    ],
)
@pytest.mark.parametrize("index", range(3), ids=LINES)
def test_unknown_flags_end_the_program(
    flag: str, known: tuple[bool, ...], index: int, capsys: pytest.CaptureFixture[str]
) -> None:
    if known[index]:
        parse(flag, version=VERSIONS[index])
        return
    with pytest.raises(SystemExit) as ended:
        parse(flag, version=VERSIONS[index])
    assert ended.value.code == 2
    assert f"vllm: error: unrecognized arguments: {flag}\n" in capsys.readouterr().err


def test_the_module_names_itself_as_vllm_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_module(
            ["--model", "/mnt/models", "--prefix-cache-block-size", "16"], release("0.11.1")
        )
    assert ended.value.code == 2
    words = "api_server.py: error: unrecognized arguments: --prefix-cache-block-size"
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--dtype=fp16"], "argument --dtype: invalid choice: 'fp16' (choose from"),
        (["--max-num-seqs", "many"], "argument --max-num-seqs: invalid int value: 'many'"),
        (["--port"], "argument --port: expected one argument"),
    ],
)
def test_wrong_values_end_the_program(
    flags: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(*flags)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_values_are_read_as_vllm_reads_them() -> None:
    options = parse(
        "--max_model_len", "2k", "--max-num-batched-tokens=1K", "-tp", "4", "-O3",
        "--compilation-config.cudagraph_mode", "none", "--port", "8000", "--port", "8001",
    )  # fmt: skip
    assert options.max_model_len == 2000
    assert options.max_num_batched_tokens == 1024
    assert options.tensor_parallel_size == 4
    assert options.given["compilation_config"] == {"level": 3, "cudagraph_mode": "none"}
    assert options.port == 8001, "the last value wins"


def test_without_a_served_name_the_model_is_its_folder() -> None:
    assert parse().served_model_names == ("/mnt/models",)


def test_deprecated_flags_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    parse("--disable-log-requests")
    assert "argument 'disable_log_requests' is deprecated" in capsys.readouterr().out


@pytest.mark.parametrize("version", ["", "0.12.0", "latest"])
def test_other_releases_are_refused(version: str) -> None:
    with pytest.raises(ValueError, match=r"SANDBOX_VLLM_VERSION is .*0\.11, 0\.13, 0\.18"):
        release(version)
