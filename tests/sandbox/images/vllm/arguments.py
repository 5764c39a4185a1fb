# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command line of `vllm serve`, from the table in flags.csv.

The table lists every flag that the three releases register (vllm/engine/arg_utils.py and
vllm/entrypoints/openai/cli_args.py) with the kind of value it takes. Parsing is argparse's own, as
in vLLM, so abbreviations, messages and exit codes are the real ones. `vllm serve` parses with a
subcommand, therefore an unknown flag is reported by `vllm: error: …`; the module
vllm.entrypoints.openai.api_server reports it as `api_server.py: error: …`.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from .log import log
from .release import Release

TABLE = Path(__file__).with_name("flags.csv")
SUBCOMMANDS = ("chat", "complete", "serve", "bench", "collect-env", "run-batch")
# vllm/engine/arg_utils.py, human_readable_int: decimal suffixes are lower case, binary upper.
_SIZES = {"k": 10**3, "m": 10**6, "g": 10**9, "K": 2**10, "M": 2**20, "G": 2**30}


@dataclass(frozen=True)
class Options:
    """The flags that change what the stand-in does."""

    model: str
    served_model_names: tuple[str, ...]
    host: str | None
    port: int
    dtype: str
    max_model_len: int | None
    max_num_seqs: int
    max_num_batched_tokens: int
    tensor_parallel_size: int
    gpu_memory_utilization: float
    enable_prefix_caching: bool
    enforce_eager: bool
    api_keys: tuple[str, ...]
    ssl_certfile: str | None
    ssl_keyfile: str | None
    ssl_ca_certs: str | None
    enable_ssl_refresh: bool
    access_log: bool
    quiet_paths: frozenset[str]
    """Paths without access log (--disable-access-log-for-endpoints, from 0.18)."""

    request_id_headers: bool
    show_hidden_metrics_for: str | None
    given: dict[str, Any]
    """What was set on the command line, for vLLM's line `non-default args`."""


def parse_serve(arguments: Sequence[str], release: Release) -> Options:
    """Options of `vllm ARGUMENTS`; ends the program as argparse does when they are wrong."""
    parser = argparse.ArgumentParser(prog="vllm", description="vLLM CLI")
    parser.add_argument("-v", "--version", action="version", version=release.version)
    commands = parser.add_subparsers(required=False, dest="subparser")
    for name in SUBCOMMANDS:
        command = commands.add_parser(name, usage=f"vllm {name} [model_tag] [options]")
        if name == "serve":
            _add_flags(command, release)
    namespace = parser.parse_args(_normalised(arguments, release))
    if namespace.subparser is None:
        parser.print_help()
        sys.exit(0)
    if namespace.subparser != "serve":
        _stop(f"vllm {namespace.subparser}: the sandbox imitates `vllm serve` only")
    return _options(namespace, release)


def parse_module(arguments: Sequence[str], release: Release) -> Options:
    """Do the same for `python3 -m vllm.entrypoints.openai.api_server ARGUMENTS`."""
    parser = argparse.ArgumentParser(prog="api_server.py")
    _add_flags(parser, release)
    return _options(parser.parse_args(_normalised(arguments, release)), release)


def _stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(2)


def _add_flags(parser: argparse.ArgumentParser, release: Release) -> None:
    parser.add_argument("model_tag", type=str, nargs="?")
    with TABLE.open(newline="") as table:
        for row in csv.DictReader(table):
            if row[release.line]:
                names = [name for name in (row["short"], row["flag"]) if name]
                settings: dict[str, Any] = {"default": argparse.SUPPRESS, **_KINDS[row["takes"]]}
                if row["choices"]:
                    settings["choices"] = row["choices"].split()
                parser.add_argument(*names, **settings)


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgKMG])", text)
    return int(float(match[1]) * _SIZES[match[2]]) if match else int(text)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"Value {text} cannot be converted to {_json}.") from error


_KINDS: dict[str, dict[str, Any]] = {
    "flag": {"action": "store_true"},
    "switch": {"action": argparse.BooleanOptionalAction},
    "value": {"type": str},
    "integer": {"type": int},
    "size": {"type": _size},
    "number": {"type": float},
    "json": {"type": _json},
    "list": {"type": str, "nargs": "+"},
    "append": {"type": str, "action": "append"},
    "optional": {"type": str, "nargs": "?", "const": True},
}


def _normalised(arguments: Sequence[str], release: Release) -> list[str]:
    """Arguments as vLLM rewrites them before argparse sees them.

    FlexibleArgumentParser.parse_args: underscores in a flag's name count as dashes, `--x.y value`
    sets one key of the JSON flag `--x`, `-O3` is the optimisation level.
    """
    level = "--optimization-level" if release.at_least("0.18") else "--compilation-config.level"
    result: list[str] = []
    for argument in arguments:
        if argument.startswith("--"):
            name, equals, value = argument.partition("=")
            head, dot, rest = name.partition(".")
            result.append(head.replace("_", "-") + dot + rest + equals + value)
        elif re.fullmatch(r"-O=?\d", argument):
            result += [level, argument[-1]]
        else:
            result.append(argument)
    return _with_nested_keys(result)


def _with_nested_keys(arguments: list[str]) -> list[str]:
    nested: dict[str, dict[str, Any]] = {}
    plain: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if not name.startswith("--") or "." not in name:
            plain.append(argument)
            continue
        flag, *keys = name.split(".")
        text = value if equals else next(rest, "")
        level = nested.setdefault(flag, {})
        for key in keys[:-1]:
            level = level.setdefault(key, {})
        try:
            level[keys[-1]] = json.loads(text)
        except json.JSONDecodeError:
            level[keys[-1]] = text
    for flag, tree in nested.items():
        plain += [flag, json.dumps(tree)]
    return plain


def _warn_of_deprecated(given: dict[str, Any], release: Release) -> None:
    with TABLE.open(newline="") as table:
        for row in csv.DictReader(table):
            name = row["flag"][2:].replace("-", "_")
            if row[release.line] == "deprecated" and name in given:
                log("WARNING", "argparse_utils.py:82", f"argument '{name}' is deprecated")


def _options(namespace: argparse.Namespace, release: Release) -> Options:
    given = {name: value for name, value in vars(namespace).items() if name != "subparser"}
    _warn_of_deprecated(given, release)
    get: Callable[..., Any] = given.get
    model = get("model_tag") or get("model") or "Qwen/Qwen3-0.6B"
    prefix_caching = get("enable_prefix_caching")
    endpoints = get("disable_access_log_for_endpoints") or ""
    return Options(
        model=model,
        served_model_names=tuple(get("served_model_name") or [model]),
        host=get("host"),
        port=get("port", 8000),
        dtype=get("dtype", "auto"),
        max_model_len=get("max_model_len"),
        max_num_seqs=get("max_num_seqs") or 256,
        max_num_batched_tokens=get("max_num_batched_tokens") or 2048,
        tensor_parallel_size=get("tensor_parallel_size", 1),
        gpu_memory_utilization=get("gpu_memory_utilization", 0.9),
        enable_prefix_caching=True if prefix_caching is None else prefix_caching,
        enforce_eager=bool(get("enforce_eager")),
        api_keys=tuple(get("api_key") or ()),
        ssl_certfile=get("ssl_certfile"),
        ssl_keyfile=get("ssl_keyfile"),
        ssl_ca_certs=get("ssl_ca_certs"),
        enable_ssl_refresh=bool(get("enable_ssl_refresh")),
        access_log=not get("disable_uvicorn_access_log"),
        quiet_paths=frozenset(path for path in endpoints.split(",") if path),
        request_id_headers=bool(get("enable_request_id_headers")),
        show_hidden_metrics_for=get("show_hidden_metrics_for_version"),
        given={name: value for name, value in given.items() if value is not None},
    )
