# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Open a connection to a port of a pod through the API server (what kubectl port-forward does)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

try:
    from kubernetes.client import ApiClient, ApiException, CoreV1Api
    from kubernetes.stream import portforward

    IMPORT_PROBLEM: str | None = None
except ImportError as problem:
    IMPORT_PROBLEM = str(problem)

OpenPort = Callable[[str, str, int], socket.socket]
"""Opens a connection to a port of a pod: namespace, pod, port. Raises OSError."""


class PortForward:
    """Opens pod ports with the credentials of a kubernetes client configuration."""

    def __init__(self, configuration: Any) -> None:
        """Take the client configuration; nothing is sent yet."""
        self._configuration = configuration

    @classmethod
    def of_session(cls, session: Any) -> PortForward:
        """Use the configuration that a session to the API server was opened with."""
        return cls(session._configuration)

    def __call__(self, namespace: str, pod: str, port: int) -> socket.socket:
        """Open the port. Raises OSError with the API server's reason."""
        if IMPORT_PROBLEM:
            raise OSError(f"a Python library is missing: {IMPORT_PROBLEM}")
        api = CoreV1Api(ApiClient(self._configuration))
        try:
            forward = portforward(
                api.connect_get_namespaced_pod_portforward, pod, namespace, ports=str(port)
            )
        except ApiException as problem:
            # The client library appends the whole reply to the reason.
            reason = str(problem.reason).partition(" -+-+-")[0]
            raise OSError(f"port-forward refused: {reason}") from problem
        opened: socket.socket = forward.socket(port)
        return opened
