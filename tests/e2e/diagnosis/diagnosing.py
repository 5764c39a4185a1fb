# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`diagnosis_info` in this process, as the action plugin calls it, while something is broken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis import diagnosis_info

from tests.sandbox.harness import Sandbox

Object = dict[str, Any]
NAMESPACE, NAME = "llm-d-inference-scheduling", "qwen2-3b-pattern1"
PAUSE_SECONDS = 2.0
HEALING_SECONDS = 150.0
_SERVERS_OWN = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")


@dataclass(frozen=True)
class Break:
    """One thing that is broken by its cause, the code that names it, and how it is mended."""

    name: str
    code: str
    do: Callable[[Sandbox], None]
    undo: Callable[[Sandbox], None]
    options: Callable[[Sandbox], Object] = lambda _sandbox: {}
    """More options of the diagnosis."""
    follows: tuple[str, ...] = ()
    """Codes that must be among its consequences."""
    words: str = ""
    severity: str = "error"
    seconds: float = 60.0
    """How long it may take to show."""
    quick: bool = False
    """Whether `make test` runs it; all run in tests/long."""


def diagnose(sandbox: Sandbox, **given: Any) -> Object:
    """Run the diagnosis of the demo's model, asking it."""
    spec = diagnosis_info.argument_spec()
    defaults = {name: option.get("default") for name, option in spec.items()}
    return diagnosis_info.run(
        {
            **defaults,
            "kubeconfig": sandbox.kubeconfig,
            "namespace": NAMESPACE,
            "name": NAME,
            "ask": True,
            "connect_to": [sandbox.description["gateway"]["forward"]],
            "first_timeout": 10,
            "request_timeout": 10,
            "findings_only": True,
            **given,
        }
    )


def codes(result: Object, severity: str = "error") -> list[str]:
    """The codes of a result's errors; with another severity those too."""
    if "findings" not in result:
        return [f"failed: {result.get('msg')}"]
    wanted = ("error",) if severity == "error" else ("error", severity)
    return [one["code"] for one in result["findings"] if one["severity"] in wanted]


def told(result: Object) -> str:
    """A result in words, for a failed test."""
    return "\n".join(map(str, result.get("report") or [result.get("msg")]))


def name_until(
    sandbox: Sandbox,
    expected: list[str],
    seconds: float,
    severity: str = "error",
    follows: tuple[str, ...] = (),
    **given: Any,
) -> Object:
    """Diagnose until exactly these are named, twice running: a change takes a moment to show.

    ``follows`` are codes that the first of them must explain.
    """
    deadline = time.monotonic() + seconds
    right = 0
    while True:
        result = diagnose(sandbox, **given)
        explained = {code for one in result.get("findings", ())[:1] for code in one["explains"]}
        named = codes(result, severity) == expected and set(follows) <= explained
        right = right + 1 if named else 0
        if right == 2 or time.monotonic() > deadline:
            return result
        time.sleep(PAUSE_SECONDS)


@contextmanager
def broken(sandbox: Sandbox, case: Break) -> Iterator[None]:
    """Break it, and mend it afterwards until nothing is told any more."""
    try:
        case.do(sandbox)
        yield
    finally:
        case.undo(sandbox)
        healed = name_until(sandbox, [], HEALING_SECONDS)
        assert codes(healed) == [], f"after {case.name}:\n{told(healed)}"


def check(sandbox: Sandbox, case: Break) -> Object:
    """Break, and expect the right name alone, with what follows as its evidence."""
    with broken(sandbox, case):
        result = name_until(
            sandbox,
            [case.code],
            case.seconds,
            case.severity,
            case.follows,
            **case.options(sandbox),
        )
    assert codes(result, case.severity) == [case.code], told(result)
    first = result["findings"][0]
    assert set(case.follows) <= set(first["explains"]), told(result)
    assert case.words in str(first), first
    assert first["fix"]
    return result


def kept(sandbox: Sandbox, *words: str) -> Object:
    """An object as it can be applied again."""
    live: Object = sandbox.get(*words)
    for name in _SERVERS_OWN:
        live["metadata"].pop(name, None)
    live["metadata"].get("annotations", {}).pop(
        "kubectl.kubernetes.io/last-applied-configuration", None
    )
    live.pop("status", None)
    return live
