# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Will vllm start with what this manifest makes of its command line? Pure.

Sources: the container ``main`` of KServe's preset ``kserve-config-llm-template`` (start script),
run with both tracks; the argument parser of the vllm-tpu packages 0.10.1 to 0.19;
vllm-project/tpu-inference (``get_num_kv_heads_by_tp``).
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.serving.placement import whole_number
from ansible_collections.llmd.tpu.plugins.module_utils.serving.server_flags import (
    NEWEST,
    Version,
    find_flag,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.server_flags import Flag as KnownFlag
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import Track
from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import (
    ADDITIONAL_ARGS,
    SERVER_CONTAINER,
    Flag,
    Located,
    View,
    split_flags,
    split_words,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.machines import (
    ACCELERATOR_LABEL,
    RESOURCE,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.memory import (
    parallel_problem,
    valid_parallel_sizes,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.topology import generation_of

_PRESET = "KServe preset kserve-config-llm-template, container main"
_TLS_FLAGS = ("--ssl-certfile", "--ssl-keyfile", "--enable-ssl-refresh")
_PORT = "8000"
PARALLEL = ("--tensor-parallel-size", "-tp")


def check_server(view: View, track: Track) -> Iterator[Finding]:
    """Check the model server's container: its name, start script, flags and environment."""
    if view.server is None:
        if view.containers:
            yield _no_server_container(view)
        return
    server = view.server
    command, args = view.strings(server, "command"), view.strings(server, "args")
    yield from _check_script(server, command, args, track)
    added = []
    extra = _additional_args(view, server)
    if extra is not None:
        words = split_words(extra.value)
        if words is None:
            yield _open_quote(extra)
        added = split_flags(words or [], extra.path)
    typed = split_flags(_words_of(args), f"{server.path}.args")
    appended = not track.script_in_args and not command
    yield from _check_duplicates(added + typed if appended else added, view)
    yield from _check_flags(added + typed, view.vllm)
    yield from _check_parallel(added + typed, view, server)
    yield from _check_token(view, server)


def flags_of(view: View, server: Located) -> list[Flag]:
    """All flags that reach vllm, whoever passes them on; an open quote hides those in the env."""
    extra = _additional_args(view, server)
    added = split_flags(split_words(extra.value) or [], extra.path) if extra else []
    return added + split_flags(_words_of(view.strings(server, "args")), f"{server.path}.args")


def last_flag(flags: list[Flag], *names: str) -> Flag | None:
    """The flag that counts: vllm takes the last of several."""
    return next((flag for flag in reversed(flags) if flag.name in names), None)


def _words_of(args: list[Located]) -> list[str]:
    """List the words of args, which may be a list of words or one line for the shell."""
    return [word for one in args for word in (split_words(one.value) or [one.value])]


def _no_server_container(view: View) -> Finding:
    names = ", ".join(str(one.value.get("name")) for one in view.containers)
    return Finding(
        code="SERVER-CONTAINER-NAME",
        severity="error",
        message="no container is named main, so KServe runs its CUDA server beside this one",
        path=f"{view.containers[0].path}.name",
        found=names,
        expected=SERVER_CONTAINER,
        fix="name the model server's container main",
        source="KServe, pkg/controller/llmisvc/config_merge.go (merge by container name)",
    )


def _check_script(
    server: Located, command: list[Located], args: list[Located], track: Track
) -> Iterator[Finding]:
    """On v0.15 the start script is ``args`` under the command ``/bin/bash -c``."""
    words = " ".join(one.value for one in command + args)
    if track.script_in_args and args and not command and args[0].value.startswith("-"):
        yield _script_replaced(server, words, track)
    elif track.script_in_args and command and not args:
        yield Finding(
            code="SERVER-COMMAND-ALONE",
            severity="error",
            message="command without args gets KServe's start script as its arguments",
            path=f"{server.path}.command",
            found=words[:200],
            expected="neither command nor args, or both",
            fix=f"leave out command and use env {ADDITIONAL_ARGS}, or write args as well",
            source=_PRESET,
        )
    elif (command or (args and track.script_in_args)) and "--ssl-certfile" not in words:
        yield Finding(
            code="SERVER-TLS-MISSING",
            severity="warning",
            message="this start command shows no certificate, but KServe's Service, probes and "
            "scheduler speak TLS to port 8000",
            path=f"{server.path}.{'command' if command else 'args'}",
            found=words[:200],
            expected="--ssl-certfile and --ssl-keyfile under /var/run/kserve/tls",
            fix=f"add both flags, or leave out command and args and use env {ADDITIONAL_ARGS}",
            source=_PRESET,
        )


def _script_replaced(server: Located, words: str, track: Track) -> Finding:
    return Finding(
        code="SERVER-ARGS-REPLACE-SCRIPT",
        severity="error",
        message=f"args replaces the start script of KServe {track.name}: bash takes the first "
        "entry as an option of its own and exits with 2, again and again",
        path=f"{server.path}.args",
        found=words[:200],
        expected="no args",
        fix=f"put the flags into env {ADDITIONAL_ARGS} as one string; leave out --model, --port "
        "and --served-model-name, KServe adds them",
        source=_PRESET,
    )


def _additional_args(view: View, server: Located) -> Located | None:
    for entry in view.environment(server):
        value = entry.value.get("value")
        if entry.value.get("name") == ADDITIONAL_ARGS and isinstance(value, str):
            return Located(f"{entry.path}.value", value)
    return None


def _open_quote(extra: Located) -> Finding:
    return Finding(
        code="SERVER-FLAGS-QUOTING",
        severity="error",
        message="a quote is opened and not closed, so the shell refuses the whole command line",
        path=extra.path,
        found=extra.value[:200],
        expected="balanced quotes",
        fix="close the quote; a JSON value stands in single quotes",
        source=_PRESET,
    )


def _check_duplicates(flags: list[Flag], view: View) -> Iterator[Finding]:
    """Find flags that the start script passes already; the last one on the line wins."""
    kept = {"--port": _PORT, "--served-model-name": view.served_name, "--model": "/mnt/models"}
    for flag in flags:
        if flag.name in _TLS_FLAGS:
            yield _duplicate(flag, "warning", "the certificate that KServe mounts")
        elif flag.name in kept:
            same = flag.value == kept[flag.name]
            yield _duplicate(flag, "warning" if same else "error", kept[flag.name])


def _duplicate(flag: Flag, severity: str, value: str) -> Finding:
    return Finding(
        code="SERVER-FLAG-DUPLICATE",
        severity="error" if severity == "error" else "warning",
        message=f"KServe's start script passes {flag.name} itself; a second one breaks what "
        "relies on it",
        path=flag.path,
        found=f"{flag.name} {flag.value}".strip(),
        expected=f"only KServe's own: {value}",
        fix=f"remove {flag.name}"
        + ("; the name is spec.model.name" if flag.name == "--served-model-name" else ""),
        source=_PRESET,
    )


def _check_flags(flags: list[Flag], vllm: Version | None) -> Iterator[Finding]:
    for flag in flags:
        if flag.name == "--dtype" and flag.value in ("half", "float16"):
            yield Finding(
                code="SERVER-DTYPE-HALF",
                severity="warning",
                message="on TPU this does not give float16: it runs as bfloat16",
                path=flag.path,
                found=f"--dtype {flag.value}",
                expected="bfloat16 or auto",
                fix="write --dtype bfloat16",
                source="vllm-project/tpu-inference v0.11.1; vllm 0.12.0 vllm/platforms/tpu.py",
            )
        elif flag.name == "--disable-log-requests":
            yield Finding(
                code="SERVER-FLAG-LOG-REQUESTS",
                severity="warning",
                message="without effect since vllm 0.10 and refused from 0.18 on (exit code 2)",
                path=flag.path,
                found=flag.name,
                expected="no such flag: requests are not logged by default",
                fix="remove it",
                source="vllm-project/vllm, pull requests 22113 and 29402",
            )
        else:
            yield from _check_known(flag, vllm)


def _check_known(flag: Flag, vllm: Version | None) -> Iterator[Finding]:
    """Tell whether there is such a flag, and whether the vLLM of the image has it."""
    if flag.name[1:2].isdigit():  # a negative number, the value of the flag before it
        return
    known = find_flag(flag.name)
    sure = vllm is not None and vllm.certain and vllm.release <= NEWEST
    if known is None:
        message, severity = "no vLLM that we know has such a flag", "warning"
        if vllm is None or vllm.release <= NEWEST:
            severity = "error"
        expected = "a flag of vllm serve"
    elif vllm is not None and not known.known_to(vllm.release):
        message, severity = f"vLLM {vllm} has no such flag", "error" if sure else "warning"
        since = ".".join(map(str, known.since))
        expected = (
            f"vLLM {since} or newer" if known.until is None else f"vLLM before {_text(known)}"
        )
    else:
        return
    yield Finding(
        code="SERVER-FLAG-UNKNOWN",
        severity="error" if severity == "error" else "warning",
        message=f"{message}: it stops with unrecognized arguments, exit code 2",
        path=flag.path,
        found=flag.name,
        expected=expected,
        fix="remove it",
        source="argument parsers of vllm 0.11.1, 0.13.0 and 0.18.0",
    )


def _text(known: KnownFlag) -> str:
    return ".".join(map(str, known.until or ()))


def _check_parallel(flags: list[Flag], view: View, server: Located) -> Iterator[Finding]:
    flag = last_flag(flags, *PARALLEL)
    if flag is None:
        return
    size = whole_number(flag.value)
    if size is None or size < 1:
        yield _parallel(flag, "a positive whole number", "vllm takes whole numbers only", "error")
        return
    chips = whole_number(view.resources(server, "limits").get(RESOURCE))
    labels = view.selector_values(ACCELERATOR_LABEL)
    generation = generation_of(str(labels[0].value)) if labels else None
    devices = (chips or 0) * (generation.devices_per_chip if generation else 1)
    if chips and size > devices:
        message = f"the pod sees {devices} TPU device(s), fewer than the size"
        yield _parallel(flag, f"at most {devices}", message, "error")
    elif chips and size < devices:
        message = f"only {size} of {devices} TPU devices would be used, all are paid for"
        yield _parallel(flag, str(devices), message, "info")
    problem = parallel_problem(view.model, size) if view.model else None
    if view.model and problem:
        sizes = [str(one) for one in valid_parallel_sizes(view.model, devices or view.model.heads)]
        yield _parallel(flag, f"one of {', '.join(sizes)}", problem, "error")


def _parallel(flag: Flag, expected: str, message: str, severity: str) -> Finding:
    return Finding(
        code="SERVER-TENSOR-PARALLEL-IDLE" if severity == "info" else "SERVER-TENSOR-PARALLEL",
        severity="info" if severity == "info" else "error",
        message=message,
        path=flag.path,
        found=f"{flag.name} {flag.value}".strip(),
        expected=expected,
        fix=f"write --tensor-parallel-size with {expected}",
        source="vllm, config checks; vllm-project/tpu-inference, get_num_kv_heads_by_tp",
    )


def _check_token(view: View, server: Located) -> Iterator[Finding]:
    for entry in view.environment(server):
        if entry.value.get("name") in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            yield Finding(
                code="STORAGE-TOKEN-WITHOUT-EFFECT",
                severity="warning",
                message="the download runs in another container, which never sees this variable",
                path=entry.path,
                found=f"env {entry.value.get('name')} on container {SERVER_CONTAINER}",
                expected="a Secret with key HF_TOKEN under secrets of the pod's ServiceAccount",
                fix="remove it and add that Secret to the ServiceAccount, or name it in the "
                "annotation serving.kserve.io/storageSecretName",
                source="KServe, pkg/credentials/service_account_credentials.go",
            )
