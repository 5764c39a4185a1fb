# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Send one request over HTTP and bring back the reply, or why there is none.

Python's own client, since three things must be in our hands: where to connect (while URL, Host
header and TLS name stay), one limit for the whole exchange, and how much of a body is read. Proxy
settings of the environment are not used.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable

from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import (
    AddressError,
    Target,
    connect_address,
    host_and_port,
    split_url,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    FailureKind,
    Outcome,
    Reply,
    Request,
)

USER_AGENT = "llmd.tpu-inference-smoke"
LARGEST_BODY = 1024 * 1024
"""Bytes; a completion of a smoke test has a few hundred."""


class HttpTransport:
    """Sends requests, each over a new connection."""

    def __init__(
        self,
        timeout: float,
        connect_to: list[str] | None = None,
        ca_cert: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare. ``timeout`` is in seconds, for a whole exchange.

        Raises AddressError when the CA file cannot be used.
        """
        self._timeout = timeout
        self._connect_to = connect_to or []
        self._clock = clock
        try:
            self._tls = ssl.create_default_context(cafile=ca_cert)
        except (OSError, ssl.SSLError) as problem:
            raise AddressError(
                f"gateway_ca_cert {ca_cert}: {problem}. Expected a file with PEM certificates."
            ) from problem

    def where(self, url: str) -> str:
        """Tell which address a URL is connected to. Raises AddressError."""
        return host_and_port(*connect_address(self._connect_to, split_url(url)))

    def send(self, request: Request) -> Outcome:
        """Send one request. Raises AddressError for a URL that cannot be used."""
        target = split_url(request.url)
        address = connect_address(self._connect_to, target)
        started = self._clock()

        def failed(kind: FailureKind, detail: str) -> Failure:
            return Failure(kind, detail, self._clock() - started, host_and_port(*address))

        try:
            connected = socket.create_connection(address, self._timeout)
        except socket.gaierror as problem:
            return failed("dns", str(problem.strerror or problem))
        except TimeoutError:
            return failed("unreachable", f"no connection within {self._timeout:g} s")
        except ConnectionRefusedError:
            return failed("refused", "connection refused")
        except (OSError, UnicodeError) as problem:
            return failed("unreachable", str(problem))
        with connected, _Limit(connected, self._timeout - (self._clock() - started)) as limit:
            try:
                status, headers, body = self._exchange(connected, target, request)
            except (OSError, http.client.HTTPException, ValueError) as problem:
                if limit.reached or isinstance(problem, TimeoutError):
                    return failed("timeout", f"no complete reply within {self._timeout:g} s")
                return failed(*_kind_of(problem, target))
        if limit.reached:
            return failed("timeout", f"the reply was not complete within {self._timeout:g} s")
        seconds = self._clock() - started
        too_long = len(body) > LARGEST_BODY
        return Reply(status, headers, body[:LARGEST_BODY], seconds, too_long)

    def _exchange(
        self, connected: socket.socket, target: Target, request: Request
    ) -> tuple[int, dict[str, str], bytes]:
        if target.scheme == "https":
            connected = self._tls.wrap_socket(connected, server_hostname=target.host)
        with connected:
            connection = http.client.HTTPConnection(target.host, target.port)
            default = 443 if target.scheme == "https" else 80
            connection.default_port = default  # keeps :443 out of Host
            connection.sock = connected
            headers = {"User-Agent": USER_AGENT, **request.headers, "Connection": "close"}
            connection.request(request.method, target.path, request.body, headers)
            response = connection.getresponse()
            received = {name.lower(): value for name, value in response.getheaders()}
            body = response.read(LARGEST_BODY + 1)
            if len(body) <= LARGEST_BODY and response.length:
                raise http.client.IncompleteRead(body, response.length)
            return response.status, received, body


class _Limit:
    """Ends an exchange in time whatever the peer sends: a socket's time-out restarts per byte."""

    def __init__(self, connected: socket.socket, seconds: float) -> None:
        self.reached = False
        # A duplicate, since TLS takes the socket over; shutting it down ends the connection as
        # well.
        self._connected = connected.dup()
        self._timer = threading.Timer(max(seconds, 0.0), self._end)

    def _end(self) -> None:
        self.reached = True
        with contextlib.suppress(OSError):  # already closed by the peer
            self._connected.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> _Limit:
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(self, *_unused: object) -> None:
        self._timer.cancel()
        self._timer.join()
        self._connected.close()


def _kind_of(problem: Exception, target: Target) -> tuple[FailureKind, str]:
    """Name what went wrong after the connection stood."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        return "tls", f"{problem.verify_message} (expected a certificate for {target.host})"
    if isinstance(problem, ssl.SSLEOFError):
        return "lost", "the peer closed the connection within TLS"
    if isinstance(problem, ssl.SSLError):
        return "tls", str(problem.reason or problem)
    if isinstance(problem, http.client.RemoteDisconnected | http.client.IncompleteRead | OSError):
        return "lost", str(problem) or type(problem).__name__
    return "not-http", str(problem) or type(problem).__name__
