# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Count requests in the API server's audit log.

Format: https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

READS = frozenset({"get", "list", "watch"})


@dataclass(frozen=True)
class Request:
    """One request that the API server answered."""

    verb: str
    uri: str
    user_agent: str
    code: int

    @property
    def is_write(self) -> bool:
        """Whether it could change an object; a dry run and the making of a token could not."""
        makes_token = self.uri.partition("?")[0].endswith("/token")
        return self.verb not in READS and "dryRun=All" not in self.uri and not makes_token


def position(audit_log: Path) -> int:
    """Return the end of the log in bytes, to count only what comes later."""
    return audit_log.stat().st_size if audit_log.exists() else 0


def requests_by(user_agent: str, audit_log: Path, start: int = 0) -> list[Request]:
    """Return the requests whose user agent begins so, from byte `start` of the log on."""
    return [each for each in _requests(audit_log, start) if each.user_agent.startswith(user_agent)]


def _requests(audit_log: Path, start: int) -> Iterator[Request]:
    with audit_log.open("rb") as log:
        log.seek(start)
        for line in log:
            # The server may be in the middle of the last one.
            if not line.endswith(b"\n"):
                return
            event = json.loads(line)
            if event["stage"] == "ResponseComplete":
                yield Request(
                    event["verb"],
                    event["requestURI"],
                    event.get("userAgent", ""),
                    event.get("responseStatus", {}).get("code", 0),
                )
