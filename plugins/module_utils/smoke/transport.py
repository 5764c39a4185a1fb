# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Send one request over HTTP and bring back the reply, or why there is none.

Python's own client, since four things must be in our hands: where to connect (while URL, Host
header and TLS name stay), one limit for the whole exchange, how much of a body is read, and when
each part of it came. Proxy settings of the environment are not used.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import (
    AddressError,
    Target,
    connect_address,
    host_and_port,
    split_url,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.certificate import (
    AUTHORITY_ERRORS,
    NAME_ERRORS,
    TIME_ERRORS,
    describe_certificate,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    FailureKind,
    Outcome,
    Reply,
    Request,
    secrets_of,
)

USER_AGENT = "llmd.tpu-inference-smoke"
LARGEST_BODY = 1024 * 1024
"""Bytes; a completion of a smoke test has a few hundred."""
CONNECT_SECONDS = 10.0
"""For the connection itself; a model may think for minutes, a network may not."""
_PIECE = 65536

Dial = Callable[[tuple[str, int], float], socket.socket]
"""Opens a connection: address, seconds. Raises OSError."""


class HttpTransport:
    """Sends requests, each over a new connection."""

    def __init__(
        self,
        timeout: float,
        connect_to: list[str] | None = None,
        ca_cert: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        dial: Dial = socket.create_connection,
        through: str = "",
    ) -> None:
        """Prepare. ``timeout`` is in seconds, for a whole exchange that names no other.

        ``through`` is what ``dial`` leads to, when that is not the address itself. Raises
        AddressError when the CA file cannot be used.
        """
        self._timeout = timeout
        self._connect_to = connect_to or []
        self._clock = clock
        self._dial = dial
        self._through = through
        self._authority = f"gateway_ca_cert {ca_cert}" if ca_cert else "this machine's authorities"
        try:
            self._tls = ssl.create_default_context(cafile=ca_cert)
        except (OSError, ssl.SSLError) as problem:
            raise AddressError(
                f"gateway_ca_cert {ca_cert}: {problem}. Expected a file with PEM certificates."
            ) from problem

    def where(self, url: str) -> str:
        """Tell which address a URL is connected to. Raises AddressError."""
        address = connect_address(self._connect_to, split_url(url))
        return self._through or host_and_port(*address)

    def unreachable(self, url: str) -> str:
        """Tell why this machine has no way to the address, or an empty text. Sends nothing."""
        address = connect_address(self._connect_to, split_url(url))
        try:
            self._dial(address, CONNECT_SECONDS).close()
        except ConnectionRefusedError:
            return ""  # there is a way, and nobody listens at its end
        except (OSError, UnicodeError) as problem:
            return f"{host_and_port(*address)}: {problem}"
        return ""

    def send_all(
        self, requests: Sequence[Request], parallel: int = 1, timeout: float | None = None
    ) -> list[Outcome]:
        """Send requests, so many at once; the outcomes are in their order."""
        with ThreadPoolExecutor(parallel) as pool:
            return list(pool.map(lambda request: self.send(request, timeout), requests))

    def send(self, request: Request, timeout: float | None = None) -> Outcome:
        """Send one request. Raises AddressError for a URL that cannot be used."""
        target = split_url(request.url)
        address = connect_address(self._connect_to, target)
        seconds = self._timeout if timeout is None else timeout
        started = self._clock()
        body = _Body(self._clock)

        def failed(kind: FailureKind, detail: str) -> Failure:
            where = self._through or host_and_port(*address)
            took = self._clock() - started
            return Failure(kind, detail, took, where, started, len(body.data))

        patience = min(CONNECT_SECONDS, seconds)
        try:
            connected = self._dial(address, patience)
        except socket.gaierror as problem:
            return failed("dns", f"{target.host}: {problem.strerror or problem}")
        except TimeoutError:
            return failed("unreachable", f"no connection within {patience:g} s")
        except ConnectionRefusedError:
            return failed("refused", "connection refused")
        except (OSError, UnicodeError) as problem:
            return failed("unreachable", str(problem))
        with _Limit(connected, seconds - (self._clock() - started)) as limit:
            try:
                connected.settimeout(seconds)
                status, headers = self._exchange(connected, target, request, body)
            except (OSError, http.client.HTTPException, ValueError) as problem:
                if limit.reached or isinstance(problem, TimeoutError):
                    return failed(*_late(body, seconds))
                if isinstance(problem, ssl.SSLError):
                    return failed(*self._tls_problem(problem, target, address))
                return failed(*_kind_of(problem, body))
        if limit.reached:
            return failed(*_late(body, seconds))
        return Reply(
            status=status,
            headers=headers,
            body=bytes(body.data[:LARGEST_BODY]),
            seconds=body.ended - started,
            truncated=len(body.data) > LARGEST_BODY,
            connect_seconds=body.sent - started,
            arrivals=tuple(body.arrivals),
            started=started,
            hidden=secrets_of(request.headers),
        )

    def _exchange(
        self, connected: socket.socket, target: Target, request: Request, body: _Body
    ) -> tuple[int, dict[str, str]]:
        if target.scheme == "https":
            connected = self._tls.wrap_socket(connected, server_hostname=target.host)
        with contextlib.closing(connected):
            connection = http.client.HTTPConnection(target.host, target.port)
            default = 443 if target.scheme == "https" else 80
            connection.default_port = default  # keeps :443 out of Host
            connection.sock = connected
            headers = {"User-Agent": USER_AGENT, **request.headers, "Connection": "close"}
            body.begin()
            connection.request(request.method, target.path, request.body, headers)
            response = connection.getresponse()
            received = {name.lower(): value for name, value in response.getheaders()}
            body.read(response)
            return response.status, received

    def _tls_problem(
        self, problem: ssl.SSLError, target: Target, address: tuple[str, int]
    ) -> tuple[FailureKind, str]:
        """Name what is wrong with TLS, with the certificate that the peer shows."""
        if isinstance(problem, ssl.SSLEOFError):
            return "lost", "the peer closed the connection within TLS"
        if not isinstance(problem, ssl.SSLCertVerificationError):
            reason = str(problem.reason or problem)
            plain = reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
            return ("not-tls", "the peer answers without TLS") if plain else ("tls", reason)
        words = f"{problem.verify_message}; asked for the name {target.host}, trusting "
        words += f"{self._authority}; {self._shown_certificate(target, address)}"
        if problem.verify_code in NAME_ERRORS:
            return "certificate-name", words
        if problem.verify_code in TIME_ERRORS:
            return "certificate-time", words
        known = problem.verify_code in AUTHORITY_ERRORS
        return "certificate-authority" if known else "tls", words

    def _shown_certificate(self, target: Target, address: tuple[str, int]) -> str:
        """Ask once more, without trust and without sending anything, to see the certificate."""
        look = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        look.check_hostname = False
        look.verify_mode = ssl.CERT_NONE
        try:
            with (
                contextlib.closing(self._dial(address, CONNECT_SECONDS)) as connected,
                contextlib.closing(
                    look.wrap_socket(connected, server_hostname=target.host)
                ) as secured,
            ):
                return describe_certificate(secured.getpeercert(binary_form=True) or b"")
        except OSError as problem:
            return f"its certificate could not be looked at ({problem})"


@dataclass
class _Body:
    """A body as it comes: its bytes, how much was there when, and the times around it."""

    clock: Callable[[], float]
    data: bytearray = field(default_factory=bytearray)
    arrivals: list[tuple[int, float]] = field(default_factory=list)
    sent: float = 0.0
    ended: float = 0.0
    begun: bool = False

    def begin(self) -> None:
        """Note that the request is sent now."""
        self.sent = self.clock()

    def read(self, response: http.client.HTTPResponse) -> None:
        """Read to the end, or until it is too long. Raises IncompleteRead when it is cut off."""
        self.begun = True
        while len(self.data) <= LARGEST_BODY and (piece := response.read1(_PIECE)):
            self.data += piece
            self.arrivals.append((len(self.data), self.clock() - self.sent))
        if len(self.data) <= LARGEST_BODY and response.length:
            raise http.client.IncompleteRead(bytes(self.data), response.length)
        self.ended = self.clock()


class _Limit:
    """Ends an exchange in time whatever the peer sends: a socket's time-out restarts per byte."""

    def __init__(self, connected: socket.socket, seconds: float) -> None:
        self.reached = False
        self._connected = connected
        # A duplicate, since TLS takes the socket over; shutting it down ends the connection as
        # well.
        self._plug = connected.dup()
        self._timer = threading.Timer(max(seconds, 0.0), self._end)

    def _end(self) -> None:
        self.reached = True
        with contextlib.suppress(OSError):  # already closed by the peer
            self._plug.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> _Limit:
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(self, *_unused: object) -> None:
        self._timer.cancel()
        self._timer.join()
        self._plug.close()
        self._connected.close()


def _late(body: _Body, seconds: float) -> tuple[FailureKind, str]:
    """Say that the time was over, before the reply began or within it."""
    if not body.arrivals:
        return "timeout", f"no reply within {seconds:g} s"
    return "stalled", f"{_so_far(body)}, and it was not complete within {seconds:g} s"


def _so_far(body: _Body) -> str:
    if not body.arrivals:
        return "the reply began without any body"
    last, seconds = body.arrivals[-1]
    return f"the reply began, {last} bytes came, the last ones after {seconds:.1f} s"


def _kind_of(problem: Exception, body: _Body) -> tuple[FailureKind, str]:
    """Name what went wrong after the connection stood."""
    if body.begun:
        return "broken-off", f"{_so_far(body)}, then: {_words(problem)}"
    if isinstance(problem, http.client.RemoteDisconnected | http.client.IncompleteRead | OSError):
        return "lost", _words(problem)
    return "not-http", _words(problem)


def _words(problem: Exception) -> str:
    if isinstance(problem, http.client.IncompleteRead):
        return "the connection was closed before the end"
    return str(problem) or type(problem).__name__
