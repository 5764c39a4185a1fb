# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way to the API server: kubernetes.core's connection options in, plain HTTP replies out.

The only file that imports kubernetes.core, so that `kubeconfig` (path or dictionary), `context`,
`K8S_AUTH_*` and the rest mean here exactly what they mean there. Everything else of the collection
asks a `Session` and is tested without a cluster.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit

try:
    from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
except ImportError:  # told by the imports below, which need that collection too
    AUTH_ARG_SPEC = {}

IMPORT_PROBLEM: str | None = None
try:
    import urllib3
    import yaml
    from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import (
        _create_auth_spec,
        _create_configuration,
        _create_headers,
    )
    from kubernetes.client import ApiClient
    from kubernetes.config import ConfigException, list_kube_config_contexts
except ImportError as problem:
    IMPORT_PROBLEM = str(problem)

VERSION = "0.1.0"
USER_AGENT = f"llmd.tpu/{VERSION}"
CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
QUIET_SECONDS = 90.0
"""How long a stream may say nothing; the API server's bookmarks come about once a minute."""
PARALLEL = 8
"""Requests in flight at once: more does not help, one API server has few cores to spare."""


def connection_options() -> dict[str, Any]:
    """The argument spec of kubernetes.core's connection options; empty without that collection."""
    return dict(AUTH_ARG_SPEC)


class ConnectionProblem(Exception):
    """There is no usable way to the API server; the text is written for the user."""


class ConnectionLost(Exception):
    """A request got no reply: refused, reset, timed out. It may work a moment later."""


@dataclass(frozen=True)
class Reply:
    """What the API server said: HTTP status, body, its warnings, and when to come back."""

    status: int
    body: bytes
    warnings: tuple[str, ...] = ()
    retry_after: float = 0.0
    """Seconds; 0 when it does not say (it never names a date)."""


class Session(Protocol):
    """What asks the API server. Tests pass a scripted one."""

    server: str
    source: str

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        """One request; raises ConnectionLost, or ConnectionProblem when no retry can help."""


class Stream(Protocol):
    """A reply whose body goes on: its status at once, its lines as they come."""

    status: int

    def lines(self) -> Iterator[bytes]:
        """Line by line until it ends; raises ConnectionLost when it breaks off."""

    def stop(self) -> None:
        """End `lines` from another thread."""

    def close(self) -> None:
        """Give the connection back, by who reads."""


class Streaming(Session, Protocol):
    """A Session that can also watch."""

    def open(self, path: str, headers: Mapping[str, str]) -> Stream:
        """One GET whose body is read as it comes; raises as `send` does."""


class HttpStream:
    """A Stream of urllib3."""

    def __init__(self, reply: Any) -> None:
        self._reply = reply
        self.status: int = reply.status
        self._plug: socket.socket | None = None
        with contextlib.suppress(OSError, ValueError):  # a reply without a body is over already
            # A second handle of the socket: who stops does not touch what the reader reads from.
            self._plug = socket.socket(fileno=os.dup(reply.fileno()))

    def lines(self) -> Iterator[bytes]:
        """Line by line as they come."""
        rest = b""
        try:
            for chunk in self._reply.stream(amt=None, decode_content=True):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
        except (urllib3.exceptions.HTTPError, OSError) as problem:
            raise ConnectionLost(_short(problem)) from problem
        if rest:
            yield rest

    def stop(self) -> None:
        """Shut the socket down: a read under way ends."""
        if self._plug:
            with contextlib.suppress(OSError):
                self._plug.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; it is in the middle of a reply and of no further use."""
        if self._plug:
            self._plug.close()
        self._reply.close()


class HttpSession:
    """A Session over kubernetes' own configured connection pool."""

    def __init__(
        self, client: Any, source: str, extra: Mapping[str, Any], patience: float = READ_SECONDS
    ) -> None:
        """``patience``: seconds that a reply may take to begin."""
        self._patience = patience
        self._configuration = client.configuration
        self._pool = client.rest_client.pool_manager
        self._lock = threading.Lock()
        self.server: str = client.configuration.host
        self.source = source
        self._extra = extra
        # Compressing costs the API server more than a loopback device, and less than a network.
        self._encoding = {} if _near(self.server) else {"Accept-Encoding": "gzip"}

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        """One request with the session's credentials."""
        reply = self._request(method, path, headers, self._patience, body=body)
        warnings = tuple(reply.headers.getlist("Warning"))
        later = str(reply.headers.get("Retry-After", ""))
        return Reply(reply.status, reply.data, warnings, float(later) if later.isdigit() else 0.0)

    def open(self, path: str, headers: Mapping[str, str]) -> HttpStream:
        """One GET with the session's credentials whose body is read as it comes."""
        plain = {**headers, "Accept-Encoding": "identity"}  # whoever compresses may hold back
        return HttpStream(self._request("GET", path, plain, QUIET_SECONDS, preload_content=False))

    def _request(
        self, method: str, path: str, headers: Mapping[str, str], seconds: float, **more: Any
    ) -> Any:
        try:
            return self._pool.request(
                method,
                self.server + path,
                headers=self._headers(headers),
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds),
                retries=False,
                redirect=False,
                **more,
            )
        except urllib3.exceptions.SSLError as problem:
            if "EOF" in str(problem):  # whoever was to answer went away in the middle of it
                raise ConnectionLost(_short(problem)) from problem
            raise ConnectionProblem(self._not_secured(problem)) from problem
        except (urllib3.exceptions.HTTPError, OSError) as problem:
            raise ConnectionLost(_short(problem)) from problem

    def _not_secured(self, problem: Exception) -> str:
        """Whose certificate it is: the server's, or the one of the kubeconfig's user."""
        where = f"{self.server} ({self.source})"
        if "CERTIFICATE_VERIFY_FAILED" in str(problem):
            return (
                f"the API server {where} does not show a certificate that can be trusted: "
                f"{problem}. Expected: one signed by the certificate authority of the kubeconfig. "
                "Check certificate-authority-data, or ca_cert."
            )
        return (
            f"no TLS connection to the API server {where}: {problem}. Expected: a certificate "
            "authority, and a client certificate with its key, in PEM. Check "
            "certificate-authority-data, client-certificate-data and client-key-data of the "
            "kubeconfig, or ca_cert, client_cert and client_key."
        )

    def _headers(self, headers: Mapping[str, str]) -> Any:
        """Ours, the credentials', and those that act as somebody else (a group a header)."""
        result = urllib3.HTTPHeaderDict({"User-Agent": USER_AGENT, **self._encoding})
        result.update(self._credentials())
        for name, values in self._extra.items():
            for value in values if isinstance(values, list) else [values]:
                result.add(name, str(value))
        result.update(headers)
        return result

    def _credentials(self) -> dict[str, str]:
        """The bearer token, renewed by kubernetes' own hook when it has expired."""
        with self._lock:  # the hook may run an external credential command
            token = self._configuration.auth_settings().get("BearerToken")
        return {token["key"]: token["value"]} if token else {}


def _near(server: str) -> bool:
    """Whether the API server is on this machine."""
    host = urlsplit(server).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _short(problem: Exception) -> str:
    """A transport error in few words: urllib3 begins with the address of its own object."""
    text = str(problem)
    return text.split(">: ", 1)[-1] if ">: " in text else text or type(problem).__name__


def connect(options: Mapping[str, Any], patience: float = READ_SECONDS) -> HttpSession:
    """Open a session as kubernetes.core would with these options; sends nothing yet.

    ``patience``: seconds that a reply may take to begin.
    Raises ConnectionProblem when the options, the kubeconfig or its context cannot be used.
    """
    configuration, extra, source = _configured(options)
    configuration.connection_pool_maxsize = PARALLEL
    return HttpSession(ApiClient(configuration), source, extra, patience)


def as_kubeconfig(options: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The same connection as a kubeconfig for other programs, and where it comes from in words.

    It holds credentials, and names files of others. Raises ConnectionProblem as `connect` does.
    """
    configuration, extra, source = _configured(options)
    token = (configuration.auth_settings().get("BearerToken") or {}).get("value", "")
    cluster = {
        "server": configuration.host,
        "certificate-authority": _absolute(configuration.ssl_ca_cert),
        "insecure-skip-tls-verify": not configuration.verify_ssl,
        "tls-server-name": getattr(configuration, "tls_server_name", None),
        "proxy-url": configuration.proxy,
    }
    if not configuration.verify_ssl:
        del cluster["certificate-authority"]  # kubectl refuses both
    user = {
        "token": token.removeprefix("Bearer "),
        "username": configuration.username,
        "password": configuration.password,
        "client-certificate": _absolute(configuration.cert_file),
        "client-key": _absolute(configuration.key_file),
        "as": extra.get("Impersonate-User"),
        "as-groups": extra.get("Impersonate-Group"),
    }
    name = "llmd"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": _given(cluster)}],
        "users": [{"name": name, "user": _given(user)}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }, source


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _absolute(path: str | None) -> str | None:
    return os.path.abspath(path) if path else None


def _configured(options: Mapping[str, Any]) -> tuple[Any, dict[str, Any], str]:
    """The kubernetes client's configuration, headers beside it, and their origin in words."""
    if IMPORT_PROBLEM:
        raise ConnectionProblem(
            f"a Python library is missing: {IMPORT_PROBLEM}. Needed where the task runs: the "
            "collection kubernetes.core and the Python package kubernetes "
            "(pip install kubernetes)."
        )
    chosen = {name: value for name, value in options.items() if name in AUTH_ARG_SPEC}
    auth = _create_auth_spec(None, **chosen)
    kubeconfig, origin = _kubeconfig(auth)
    try:
        configuration = _create_configuration(auth)
    except yaml.YAMLError as problem:
        # Its text would quote the file, which may hold credentials.
        raise ConnectionProblem(
            f"{origin} is not YAML. Expected: a kubeconfig file (kubectl config view shows it)."
        ) from problem
    except (ConfigException, OSError, ValueError, KeyError, TypeError) as problem:
        raise ConnectionProblem(
            _bad_kubeconfig(kubeconfig, origin, auth.get("context"), problem)
        ) from problem
    context = f", context {auth['context']}" if auth.get("context") else ""
    return configuration, _create_headers(None, **chosen), f"{origin}{context}"


def _kubeconfig(auth: Mapping[str, Any]) -> tuple[str | None, str]:
    """The kubeconfig's path, None for one given as a dictionary, and how to call it in words."""
    given = auth.get("kubeconfig")
    if isinstance(given, Mapping):
        return None, "the kubeconfig given as a dictionary"
    if given:
        path = os.path.expanduser(str(given))
        return path, f"kubeconfig {path}"
    if auth.get("host"):
        return None, "the options host, api_key, client_cert"
    path = os.path.expanduser(os.environ.get("KUBECONFIG") or "~/.kube/config")
    return path, f"kubeconfig {path}"


def _bad_kubeconfig(path: str | None, origin: str, context: str | None, problem: Exception) -> str:
    """One message for a kubeconfig that cannot be used: what is wrong, what to do."""
    if path and ":" not in path and not os.path.exists(path):
        return (
            f"{origin} does not exist. Expected: a kubeconfig file. Set the option kubeconfig, or "
            "K8S_AUTH_KUBECONFIG or KUBECONFIG in the environment."
        )
    if context:
        names = _context_names(path)
        if names is not None and context not in names:
            return (
                f"{origin} has no context {context!r}. It has: {', '.join(names) or 'none'}. "
                "Set the option context to one of these."
            )
    return f"{origin} cannot be used: {problem}. Check the file and the option context."


def _context_names(path: str | None) -> list[str] | None:
    if path is None:
        return None
    try:
        contexts, _active = list_kube_config_contexts(config_file=path)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError, TypeError, ValueError, KeyError):
        return None
    return [str(context["name"]) for context in contexts]
