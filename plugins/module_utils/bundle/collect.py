# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask for everything a bundle is made of, within limits. What is refused or late is noted.

Values of Secrets do not get here, as kubectl prints names, types and keys of them, unless they are
asked for as words to look for in all the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.bundle.program import Client
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.scope import (
    CLUSTER,
    DESCRIBED,
    NAMESPACED,
    TELLING,
    Log,
    logs_of,
    namespaces_of,
    served,
)
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.told import (
    Answer,
    Collected,
    Command,
    Problem,
)

PARALLEL = 4
"""Programs at once; each is a process of its own."""
_KEYS = (
    "--output=go-template={{range .items}}{{.metadata.name}}  {{.type}}  "
    '{{range $key, $value := .data}}{{$key}} {{end}}{{"\\n"}}{{end}}'
)
_DEFINITIONS = (
    "--output=go-template={{range .items}}{{.metadata.name}}  {{.metadata.creationTimestamp}}  "
    "served {{range .spec.versions}}{{if .served}}{{.name}} {{end}}{{end}}  "
    'stored {{range .status.storedVersions}}{{.}} {{end}}{{"\\n"}}{{end}}'
)
_PLACES = '--output=go-template={{range .items}}{{.metadata.namespace}}{{"\\n"}}{{end}}'
_PLACED_NAMES = (
    "--output=go-template={{range .items}}"
    '{{.metadata.namespace}} {{.metadata.name}}{{"\\n"}}{{end}}'
)
_WHY = 400


@dataclass(frozen=True)
class Limits:
    """What the collection may cost: seconds a command and in all, lines and bytes of a log."""

    command_seconds: float
    deadline: float
    """When all must be over, by the clock that is passed along."""
    log_lines: int
    log_bytes: int
    search_secrets: bool = True
    """Whether to read the values of Secrets, so that they can be removed wherever they stand."""


class Collector:
    """Asks, for no longer than it may."""

    def __init__(self, client: Client, limits: Limits, clock: Callable[[], float]) -> None:
        self._client = client
        self._limits = limits
        self._clock = clock
        self._served: set[str] = set()
        self.found = Collected()

    def look_round(self, namespaces: Sequence[str]) -> None:
        """Learn the versions, the kinds that are served, and the namespaces that matter."""
        version = self._ask(Command("version", ("--output=json",)))
        self.found.version = _json(version)
        self._served = served(self._ask(Command("api-resources", ("--no-headers",))))
        telling = ",".join(self._known(TELLING))
        asked = (
            Command("get", ("namespaces", "--selector=llmd.tpu/phase", "--output=name")),
            Command("get", (telling, "--all-namespaces", _PLACES)),
            Command("get", ("deployments.apps", "--all-namespaces", _PLACED_NAMES)),
        )
        if namespaces:
            self.found.namespaces = sorted(set(namespaces))
        elif self._served:
            self.found.namespaces = namespaces_of(
                *(self._ask(one) if one.arguments[0] else "" for one in asked)
            )

    def commands(self) -> list[tuple[str, Command]]:
        """What is asked for, but for the logs, which pods tell: name of a file, and command.

        A name that is empty stands for objects, which are sorted into files by kind.
        """
        if not self._served:
            return []
        planned = [
            ("", Command("get", (",".join(self._known(CLUSTER)), "--output=json"))),
            (
                "cluster/definitions.txt",
                Command("get", ("customresourcedefinitions", _DEFINITIONS)),
            ),
            ("cluster/nodes.describe.txt", Command("describe", ("nodes",))),
        ]
        kinds = self._known(NAMESPACED)
        described = ",".join(self._known(DESCRIBED))
        for name in self.found.namespaces:
            folder = f"namespaces/{name}"
            planned += [
                ("", Command("get", (",".join(kinds), "--output=json"), name)),
                (f"{folder}/secrets.txt", Command("get", ("secrets", _KEYS), name)),
                (f"{folder}/describe.txt", Command("describe", (described,), name)),
            ]
        return planned

    def collect(self) -> Collected:
        """Ask for everything."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            planned = self.commands()
            answers = list(pool.map(self._ask, (command for _name, command in planned)))
            for (name, command), text in zip(planned, answers, strict=True):
                if name:
                    self.found.texts.append((name, command, text))
                else:
                    self._sort(command, text)
            for text in pool.map(self._ask, self._secrets()):
                self.found.secrets += _json(text).get("items") or ()
            pods = (body for _asked, body in self.found.objects if body.get("kind") == "Pod")
            logs = sorted(logs_of(pods), key=lambda one: not one.troubled)
            commands = [self._log_command(log) for log in logs]
            for log, command, text in zip(
                logs, commands, pool.map(self._ask, commands), strict=True
            ):
                self.found.texts.append((_log_name(log), command, self._whole_lines(text)))
        return self.found

    def _secrets(self) -> list[Command]:
        if not (self._limits.search_secrets and self._served):
            return []
        return [Command("get", ("secrets", "--output=json"), one) for one in self.found.namespaces]

    def _known(self, resources: Iterable[str]) -> list[str]:
        return [one for one in resources if one in self._served]

    def _ask(self, command: Command) -> str:
        """What a command printed; what is wrong with it is noted."""
        left = self._limits.deadline - self._clock()
        if left <= 0:
            self._note(command, "not asked: the time for all of it (timeout) was over")
            return ""
        answer = self._client.run(command, min(left, self._limits.command_seconds))
        for why in _complaints(answer, min(left, self._limits.command_seconds)):
            self._note(command, why)
        return answer.out

    def _note(self, command: Command, why: str) -> None:
        self.found.problems.append(Problem(_short(command), why))

    def _sort(self, command: Command, text: str) -> None:
        listed = _json(text)
        self.found.objects += [(command, body) for body in listed.get("items") or ()]
        if text and not listed:
            self._note(command, "the answer is no JSON")

    def _log_command(self, log: Log) -> Command:
        options = (f"--tail={self._limits.log_lines}", f"--limit-bytes={self._limits.log_bytes}")
        before = ("--previous",) if log.previous else ()
        where = (log.pod, f"--container={log.container}", "--timestamps")
        return Command("logs", (*where, *options, *before), log.namespace)

    def _whole_lines(self, text: str) -> str:
        """A log that was cut off at its end ends with a line break: half a token is left out."""
        if len(text.encode()) < self._limits.log_bytes:
            return text
        return text[: text.rstrip("\n").rfind("\n") + 1]


def _complaints(answer: Answer, seconds: float) -> list[str]:
    if answer.late:
        return [f"no answer within {seconds:.0f} s"]
    if answer.code == 0:
        return []
    lines = dict.fromkeys(line.strip() for line in answer.err.splitlines() if line.strip())
    return [line[:_WHY] for line in lines] or [f"ended with code {answer.code}"]


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _short(command: Command) -> str:
    """A command for people: without a template."""
    shown = [one for one in command.arguments if not one.startswith("--output=go-template")]
    if len(shown) > 0 and shown[0].count(",") > 2:
        first, _comma, rest = shown[0].partition(",")
        shown[0] = f"{first} and {rest.count(',') + 1} more kinds"
    return Command(command.verb, tuple(shown), command.namespace).words


def _log_name(log: Log) -> str:
    run = ".previous" if log.previous else ""
    return f"namespaces/{log.namespace}/logs/{log.pod}/{log.container}{run}.log"
