# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a Job in the cluster runs: sends the requests it is given, and prints what came back.

It is packed with the modules it needs, which are all of the standard library, so that any image
with Python 3.11 can run it.
"""

from __future__ import annotations

import base64
import inspect
import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.smoke import (
    address,
    certificate,
    exchange,
    transport,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    Outcome,
    Reply,
    Request,
    secrets_of,
)

_PACKAGE = __name__.rpartition(".")[0]
_MARK = "llmd-tpu-outcomes:"


def program() -> bytes:
    """Pack this module and what it imports to a zip that Python runs."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        parts = _PACKAGE.split(".")
        for depth in range(1, len(parts) + 1):
            file.writestr(f"{'/'.join(parts[:depth])}/__init__.py", "")
        for module in (address, certificate, exchange, transport, sys.modules[__name__]):
            file.writestr(f"{module.__name__.replace('.', '/')}.py", inspect.getsource(module))
        file.writestr("__main__.py", f"from {__name__} import main\nmain()\n")
    return packed.getvalue()


def order(
    requests: Sequence[Request], parallel: int, timeout: float, connect_to: list[str], ca_cert: str
) -> bytes:
    """What the program is to do, as it reads it."""
    plain = [
        {
            "method": request.method,
            "url": request.url,
            "headers": dict(request.headers),
            "body": _coded(request.body or b""),
        }
        for request in requests
    ]
    given = {"parallel": parallel, "timeout": timeout, "connect_to": connect_to, "ca_cert": ca_cert}
    return json.dumps({"requests": plain, **given}).encode()


def outcomes(log: str, requests: Sequence[Request]) -> list[Outcome]:
    """Read what the program printed. Raises ValueError when that is not all of it."""
    line = next((one for one in log.splitlines() if one.startswith(_MARK)), "")
    try:
        told = json.loads(line.removeprefix(_MARK))
        return [_outcome(one, request) for one, request in zip(told, requests, strict=True)]
    except (KeyError, TypeError) as problem:
        raise ValueError(str(problem)) from problem


def main() -> None:
    """Send what standard input orders."""
    given = json.load(sys.stdin)
    sender = transport.HttpTransport(
        given["timeout"], connect_to=given["connect_to"], ca_cert=_file(given["ca_cert"])
    )
    requests = [
        Request(one["method"], one["url"], one["headers"], base64.b64decode(one["body"]) or None)
        for one in given["requests"]
    ]
    plain = [_plain(one) for one in sender.send_all(requests, given["parallel"])]
    sys.stdout.write(f"{_MARK}{json.dumps(plain)}\n")


def _file(text: str) -> str | None:
    """A file that holds a text, for who reads files only; None for an empty one."""
    if not text:
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
        file.write(text)
    return file.name


def _plain(outcome: Outcome) -> dict[str, Any]:
    fields = asdict(outcome)
    if isinstance(outcome, Failure):
        return {"failure": fields}
    del fields["hidden"]
    return {"reply": {**fields, "body": _coded(outcome.body)}}


def _outcome(told: Mapping[str, Any], request: Request) -> Outcome:
    if "failure" in told:
        return Failure(**told["failure"])
    fields = told["reply"]
    return Reply(
        **{
            **fields,
            "body": base64.b64decode(fields["body"]),
            "arrivals": tuple((size, seconds) for size, seconds in fields["arrivals"]),
            "hidden": secrets_of(request.headers),
        }
    )


def _coded(data: bytes) -> str:
    return base64.b64encode(data).decode()
