# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask a cluster through kubectl or oc, by the package openshift-client. No opinion.

No option with a token is ever used: credentials are in a kubeconfig that only its owner may read.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.llmd.tpu.plugins.module_utils.bundle.told import (
    Answer,
    Command,
)

IMPORT_PROBLEM: str | None = None
try:
    import openshift_client
except ImportError as problem:
    IMPORT_PROBLEM = str(problem)

PROGRAMS = ("kubectl", "oc")


class ProgramProblem(Exception):
    """There is no program to ask with; the text is written for the user."""


class Client(Protocol):
    """What asks. Tests pass a scripted one."""

    def run(self, command: Command, seconds: float) -> Answer:
        """Ask, for so long at most; safe to use from many threads."""


@dataclass(frozen=True)
class Program:
    """kubectl or oc, with a kubeconfig."""

    path: str
    kubeconfig: str

    def run(self, command: Command, seconds: float) -> Answer:
        """Ask, for so long at most."""
        try:
            with (
                openshift_client.client_path(self.path),
                openshift_client.api_server(kubeconfig_path=self.kubeconfig),
                openshift_client.project(command.namespace),
                openshift_client.timeout(seconds),
            ):
                result = openshift_client.invoke(
                    command.verb,
                    list(command.arguments),
                    no_namespace=not command.namespace,
                    auto_raise=False,
                )
        except OSError as problem:
            return Answer(126, "", f"{self.path} cannot be started: {problem}")
        return Answer(
            result.status(), result.out(), result.err(), late=result.get_timeout() is not None
        )


def find_program(wanted: str | None) -> str:
    """The path of kubectl, else of oc, or of what is wanted. Raises ProgramProblem."""
    if IMPORT_PROBLEM:
        raise ProgramProblem(
            f"a Python library is missing: {IMPORT_PROBLEM}. Needed where the task runs: the "
            "package openshift-client (pip install openshift-client; requirements.txt names it)."
        )
    for name in (wanted,) if wanted else PROGRAMS:
        path = shutil.which(os.path.expanduser(name))
        if path:
            return path
    raise ProgramProblem(
        f"{wanted or 'kubectl or oc'} is not a program that can be started on the machine where "
        "the task runs. Expected: kubectl or oc in PATH. Install one, or set program to its path."
    )


@contextmanager
def kept_kubeconfig(content: Mapping[str, Any]) -> Iterator[str]:
    """A kubeconfig's path, readable by its owner alone; gone afterwards."""
    handle, name = tempfile.mkstemp(prefix="llmd-kubeconfig-", suffix=".json")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(content, file)
        yield name
    finally:
        Path(name).unlink(missing_ok=True)
