# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way from the command line to a server that answers, with vLLM's log lines.

Texts and their order: vllm/entrypoints/openai/api_server.py and launcher.py,
vllm/v1/engine/core.py, vllm/v1/core/kv_cache_utils.py; tpu_inference/platforms/tpu_*.py,
worker/tpu_worker*.py, runner/tpu_*runner.py, runner/kv_cache_manager.py and
runner/compilation_manager.py. As there, the port answers only after compilation.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping

from . import model as models
from .arguments import Options
from .engine import Engine, Limits
from .log import API_SERVER, log, raw, uvicorn
from .metrics import Metrics
from .model import Chips, Memory, Model, StartupError, gib
from .release import Release
from .server import Handler, Server, serve

STARTUP_VARIABLE = "SANDBOX_VLLM_STARTUP_SECONDS"
DEVICES_VARIABLE = "SANDBOX_VLLM_DEVICES"  # another folder of device files, for tests without a pod
SECRET_FLAGS = ("api_key", "hf_token")
# Shares of the start-up time: loading weights, compiling. The rest passes before.
# From a published v6e-4 run of Qwen2.5-3B under KServe: engine at 89 s of 180 s, then compiling.
WEIGHTS_SHARE, COMPILE_SHARE = 0.2, 0.6


def run(options: Options, release: Release, environment: Mapping[str, str] = os.environ) -> int:
    """Start, serve until SIGTERM or SIGINT, and return the exit code."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    log("INFO", "api_server.py:1873", f"vLLM API server version {release.version}")
    log("INFO", "utils.py:243", f"non-default args: {_shown(options)}")
    try:
        engine = start_engine(options, release, environment, time.sleep)
    except StartupError as failure:
        _report(failure, release)
        return 1
    return _serve(options, release, engine, environment)


def _interrupt(*_: object) -> None:
    """End while starting: as process 1 of a container nothing else would end it."""
    raw("KeyboardInterrupt: terminated")
    sys.exit(130)


def _shown(options: Options) -> dict[str, object]:
    """Return the command line without its secrets (vLLM itself prints them)."""
    return {name: "***" if name in SECRET_FLAGS else value for name, value in options.given.items()}


def _report(failure: StartupError, release: Release) -> None:
    """Print the end of the tracebacks that vLLM prints when it cannot start."""
    trace = "Traceback (most recent call last):"
    if failure.process == API_SERVER:
        raw(f"{trace}\n{failure.text}")
        return
    engine = release.engine_process
    log("ERROR", "core.py:792", f"EngineCore failed to start.\n{trace}\n{failure.text}", engine)
    raw(
        f"{trace}\nRuntimeError: Engine core initialization failed. See root cause above. "
        f"Failed core proc(s): {{'{engine}': 1}}"
    )


def start_engine(
    options: Options,
    release: Release,
    environment: Mapping[str, str],
    sleep: Callable[[float], None],
) -> Engine:
    """Go through the start-up; raises StartupError where vLLM would end."""
    seconds = float(environment.get(STARTUP_VARIABLE, "3"))
    model = models.read_model(options.model)
    length = models.context_length(model, options.max_model_len, environment)
    models.check_split(model, options.tensor_parallel_size)
    _announce(options, release, model, length)
    sleep(seconds * (1 - WEIGHTS_SHARE - COMPILE_SHARE))
    chips = models.find_chips(_devices(environment), environment)
    if chips.hosts > chips.workers:
        sleep(seconds)  # libtpu waits about a minute for the hosts that never come
    models.check_chips(chips)
    memory = _load(options, release, model, chips, length, seconds, sleep)
    _compile(options, release, environment, seconds * COMPILE_SHARE, sleep)
    metrics = Metrics(
        release, options.served_model_names[0], length, bool(options.show_hidden_metrics_for)
    )
    metrics.info("cache_config_info", _cache_labels(options, memory))
    first_token, token = Limits.times(environment)
    limits = Limits(
        length,
        options.max_num_seqs,
        memory.block_size,
        memory.blocks,
        options.enable_prefix_caching,
        first_token,
        token,
    )
    return Engine(release, limits, metrics)


def _devices(environment: Mapping[str, str]) -> list[str]:
    try:
        return os.listdir(environment.get(DEVICES_VARIABLE, "/dev/vfio"))
    except OSError:
        return []


def _announce(options: Options, release: Release, model: Model, length: int) -> None:
    log("INFO", "model.py:547", f"Resolved architecture: {model.architecture}")
    if options.max_model_len is None and not release.at_least("0.13"):
        log(
            "WARNING",
            "model.py:2103",
            "--max-model-len is not specified, it's currently using model's default length "
            f"{length}, which might be too large.Please input with --max-model-len based on your "
            "request input length and output length, to avoid unnecessary degradation.",
        )
    log("INFO", "model.py:1510", f"Using max model len {length}")
    if release.overwrites_dtype:
        log(
            "WARNING",
            "tpu_jax.py:150",
            "The model dtype is not properly set for JAX backend. Overwriting it to jnp.bfloat16",
        )
    log("INFO", "tpu_jax.py:186", "Force using UniProcExecutor for JAX on single host.")
    log(
        "INFO",
        "core.py:96",
        f"Initializing a V1 LLM engine (v{release.version}) with config: model='{model.path}', "
        f"dtype={options.dtype}, max_seq_len={length}, "
        f"tensor_parallel_size={options.tensor_parallel_size}, "
        f"served_model_name={options.served_model_names[0]}",
        release.engine_process,
    )


def _load(
    options: Options,
    release: Release,
    model: Model,
    chips: Chips,
    length: int,
    seconds: float,
    sleep: Callable[[float], None],
) -> Memory:
    def say(where: str, text: str) -> None:
        log("INFO", where, text, release.engine_process)

    parallel = options.tensor_parallel_size
    used = min(parallel, chips.count)
    empty = [(0.0, gib(chips.hbm_bytes))] * used
    say("tpu_worker.py:144", f"Init worker | rank=0 | is_driver_worker=True | hbm={empty}GiB")
    memory = models.plan_memory(model, chips, parallel, options.gpu_memory_utilization, length)
    say("model_loader.py:307", "Loading model with MODEL_IMPL_TYPE=flax_nnx")
    say("weight_utils.py:96", f"Found weights from local: {model.path}")
    if not model.files:
        raise StartupError(f"RuntimeError: Cannot find any *.safetensors files in {model.path}.")
    for file in model.files:
        say("weight_utils.py:122", f"Loading weights from {model.path}/{file}")
    sleep(seconds * WEIGHTS_SHARE)
    loaded = [(gib(memory.used // parallel), gib(chips.hbm_bytes))] * used
    say("tpu_runner.py:309", f"Init model | hbm={loaded}GiB")
    say(
        "tpu_worker.py:166",
        f"Memory statistics | total_hbm_limit_gb={gib(memory.limit)}GiB | "
        f"total_hbm_limit_cap_gb={gib(memory.cap)}GiB | "
        f"total_hbm_used_gb={gib(memory.used)}GiB | "
        f"total_hbm_avail_gb={gib(memory.cap - memory.used)}GiB",
    )
    tokens = memory.blocks * memory.block_size
    say("kv_cache_utils.py:1199", f"GPU KV cache size: {tokens:,} tokens")
    say(
        "kv_cache_utils.py:1204",
        f"Maximum concurrency for {length:,} tokens per request: {tokens / length:.2f}x",
    )
    say(
        "kv_cache_manager.py:212",
        f"Init kv-cache | num_layers={model.layers} | num_blocks={[memory.blocks]} | "
        f"dtype=bfloat16 | hbm={[(gib(memory.cap // parallel), gib(chips.hbm_bytes))] * used}Gb",
    )
    return memory


def _compile(
    options: Options,
    release: Release,
    environment: Mapping[str, str],
    seconds: float,
    sleep: Callable[[float], None],
) -> None:
    """Pre-compilation of every input shape, unless it is switched off."""
    if _skips_compilation(options, release, environment):
        return

    def say(line: int, text: str) -> None:
        log("INFO", f"compilation_manager.py:{line}", text, release.engine_process)

    say(72, "Precompile all the subgraphs with possible input shapes.")
    shapes = list(_shapes(options))
    for name, details in shapes:
        say(57, f"Precompile {name} --> {details}")
        sleep(seconds / len(shapes))
        say(67, f"Compilation finished in {seconds / len(shapes):.2f} [secs].")
    log(
        "INFO",
        "core.py:242",
        f"init engine (profile, create kv cache, warmup model) took {seconds:.2f} seconds",
        release.engine_process,
    )


def _skips_compilation(options: Options, release: Release, environment: Mapping[str, str]) -> bool:
    """SKIP_JAX_PRECOMPILE: any text in 0.11 (even `0`), a number later, also words from 0.18."""
    value = environment.get("SKIP_JAX_PRECOMPILE", "")
    if not release.at_least("0.13"):
        return bool(value)
    if options.enforce_eager:
        return True
    if release.at_least("0.18") and value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        return bool(int(value or "0"))
    except ValueError as error:
        text = f"ValueError: invalid literal for int() with base 10: {value!r}"
        raise StartupError(text) from error


def _shapes(options: Options) -> Iterator[tuple[str, dict[str, object]]]:
    """Powers of two: tokens from 16 to the batch limit, requests from 8 to the request limit."""
    tokens = 16
    while tokens <= options.max_num_batched_tokens:
        yield "backbone", {"num_tokens": tokens}
        tokens *= 2
    for name in ("compute_logits", "sample", "gather_logprobs"):
        requests = 8
        while requests <= options.max_num_seqs:
            yield name, {"num_reqs": requests}
            requests *= 4


def _cache_labels(options: Options, memory: Memory) -> dict[str, object]:
    """Labels of cache_config_info: the fields of CacheConfig (vllm/config/cache.py)."""
    return {
        "block_size": memory.block_size,
        "cache_dtype": "auto",
        "calculate_kv_scales": False,
        "enable_prefix_caching": options.enable_prefix_caching,
        "gpu_memory_utilization": options.gpu_memory_utilization,
        "is_attention_free": False,
        "kv_sharing_fast_prefill": False,
        "num_cpu_blocks": None,
        "num_gpu_blocks": memory.blocks,
        "num_gpu_blocks_override": None,
        "prefix_caching_hash_algo": "sha256",
        "sliding_window": None,
    }


def _serve(
    options: Options, release: Release, engine: Engine, environment: Mapping[str, str]
) -> int:
    keys = options.api_keys or (environment.get("VLLM_API_KEY", ""),)
    try:
        server = Server(options, release, engine, [key for key in keys if key])
    except OSError as error:  # port taken, certificate missing or unreadable
        raw(f"Traceback (most recent call last):\n{type(error).__name__}: {error}")
        return 1
    # A pipe that the signal itself is written to: a handler in Python, which only runs between two
    # steps of this thread, would not wake it when the signal comes just before it begins to wait.
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    address = f"{server.scheme}://{options.host or '0.0.0.0'}:{server.server_address[1]}"
    log("INFO", "api_server.py:1942", f"Starting vLLM API server 0 on {address}")
    log("INFO", "launcher.py:38", "Available routes are:")
    for method, paths in (("GET", Handler.GET_PATHS), ("POST", Handler.POST_PATHS)):
        for path in paths:
            log("INFO", "launcher.py:46", f"Route: {path}, Methods: {method}")
    uvicorn(f"Started server process [{os.getpid()}]")
    uvicorn("Waiting for application startup.")
    uvicorn("Application startup complete.")
    serve(server, lambda: os.read(told, 1))
    return 0
