# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way from the engine to the stand-in without a socket, and options as a task checks them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httplib2
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.llmd.tpu.plugins.module_utils.gke.cluster import (
    World,
    argument_spec,
    run,
)
from ansible_collections.llmd.tpu.plugins.module_utils.gke.google import Unreachable

from tests.google.google import Dropped, Google

LOGIN = {
    "project": "my-project",
    "auth_kind": "accesstoken",
    "access_token": "token-of-the-test",
}


class InProcess:
    """The client library's transport, which calls the stand-in."""

    def __init__(self, google: Google) -> None:
        self._google = google

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **_rest: Any,
    ) -> tuple[Any, bytes]:
        """Ask the stand-in."""
        token = {"authorization": f"Bearer {self.token()}"}
        try:
            status, answer = self._google.answer(method, uri, {**(headers or {}), **token}, body)
        except Dropped as lost:
            raise Unreachable("container.googleapis.com: ConnectionError") from lost
        response = httplib2.Response({"status": str(status), "content-type": "application/json"})
        return response, json.dumps(answer).encode()

    def token(self) -> str:
        """The token that the stand-in knows."""
        return "token-of-the-test"


@dataclass
class Task:
    """Runs gke_cluster against a stand-in, with its clock."""

    google: Google
    lines: list[str] = field(default_factory=list)

    @property
    def world(self) -> World:
        """What the engine is given."""
        clock = self.google.project.clock
        return World(
            open_http=lambda _options: InProcess(self.google),
            clock=clock,
            sleep=clock.sleep,
            progress=self.lines.append,
        )

    def __call__(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run once."""
        checked = ArgumentSpecValidator(argument_spec()).validate({**LOGIN, **options})
        assert not checked.error_messages, checked.error_messages
        result: dict[str, Any] = run(checked.validated_parameters, check=check, world=self.world)
        return result
