# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A few requests to the sandbox's API server, without a client library's start-up time."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

# The node controller takes this taint away a moment after the kubelet is ready.
NOT_READY = "node.kubernetes.io/not-ready"


class Api:
    """The administrator's view of one API server."""

    def __init__(self, server: str, pki: Path, timeout: float = 5.0) -> None:
        """Use the administrator's certificate in `pki`; `timeout` in seconds a request."""
        context = ssl.create_default_context(cafile=pki / "ca.crt")
        context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        self._server = server
        self._timeout = timeout

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON answer, or the text of one that is not JSON.

        Raises urllib.error.URLError (HTTPError included) as urllib does.
        """
        request = urllib.request.Request(
            self._server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "sandbox"},
        )
        with self._opener.open(request, timeout=self._timeout) as answer:
            content = answer.read().decode()
        return json.loads(content) if content.startswith("{") else content

    def get(self, path: str) -> Any:
        """Read one path."""
        return self.request("GET", path)

    def is_ready(self) -> bool:
        """Whether the API server calls itself ready."""
        try:
            return bool(self.get("/readyz") == "ok")
        except OSError:
            return False

    def ready_nodes(self, since: float = 0.0) -> set[str]:
        """Names of the nodes that take pods and said so after `since` (Unix time).

        Empty while the server is away.
        """
        try:
            items = self.get("/api/v1/nodes")["items"]
        except OSError:
            return set()
        return {
            node["metadata"]["name"]
            for node in items
            if NOT_READY not in [taint["key"] for taint in node["spec"].get("taints", ())]
            for condition in node["status"].get("conditions", ())
            if condition["type"] == "Ready"
            and condition["status"] == "True"
            and datetime.fromisoformat(condition["lastHeartbeatTime"]).timestamp() >= since
        }
