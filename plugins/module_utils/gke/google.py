# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask Google's APIs, with its own client library and the credentials of google.cloud's modules.

The library is google-api-python-client. Its requests go through google-auth's session on requests,
as those of google.cloud's modules do, so that one set of proxies and certificates
(HTTPS_PROXY, REQUESTS_CA_BUNDLE) serves both.
"""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from ansible.module_utils.basic import env_fallback
from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.gke.refusals import Refusal

IMPORT_PROBLEM: str | None = None
try:
    import google.auth
    import google.auth.compute_engine
    import google.auth.exceptions
    import httplib2
    import requests
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2 import credentials as oauth2
    from google.oauth2 import service_account
    from googleapiclient import discovery, discovery_cache
    from googleapiclient import errors as client_errors
except ImportError as problem:
    IMPORT_PROBLEM = str(problem)

# Refusals are findings here; the library would print a line for each as well.
logging.getLogger("googleapiclient.http").setLevel(logging.ERROR)

Json = dict[str, Any]
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
VERSIONS = {
    "container": "v1",
    "compute": "v1",
    "cloudbilling": "v1",
    "serviceusage": "v1",
    "logging": "v2",
}
_TIMEOUT = 60.0
_AGAIN = (429, 500, 502, 503, 504)
_TRIES = 5


class NoCredentials(Exception):
    """There is nothing to log in with; the text holds no secret."""


class Unreachable(Exception):
    """Google did not answer."""


class Refused(Exception):
    """Google answered, and said no."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Http(Protocol):
    """What the client library calls (httplib2's interface), and the login behind it."""

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **_rest: Any,
    ) -> tuple[Any, bytes]:
        """Give the response with its headers as a mapping and `status`, and the content."""

    def token(self) -> str:
        """Give a token that the cluster takes as well."""


def auth_options() -> dict[str, Any]:
    """The options of google.cloud's modules, with their environment variables."""

    def option(name: str, **rest: Any) -> dict[str, Any]:
        return {"type": "str", "fallback": (env_fallback, [f"GCP_{name.upper()}"]), **rest}

    return {
        "project": option("project", required=True),
        "auth_kind": option(
            "auth_kind",
            required=True,
            choices=["application", "machineaccount", "serviceaccount", "accesstoken"],
        ),
        "service_account_email": option("service_account_email"),
        "service_account_file": option("service_account_file", type="path"),
        "service_account_contents": option("service_account_contents", type="jsonarg", no_log=True),
        "access_token": option("access_token", no_log=True),
        "scopes": option("scopes", type="list", elements="str"),
    }


def credentials_of(options: Mapping[str, Any]) -> Any:
    """google-auth's credentials. Raises NoCredentials."""
    if IMPORT_PROBLEM:
        raise NoCredentials(
            "a Python package is missing where the task runs: install google-api-python-client, "
            f"google-auth and requests ({IMPORT_PROBLEM})"
        )
    kind = options["auth_kind"]
    scopes = options.get("scopes") or [SCOPE]
    for name, only in (
        ("service_account_email", "machineaccount"),
        ("service_account_file", "serviceaccount"),
        ("service_account_contents", "serviceaccount"),
        ("access_token", "accesstoken"),
    ):
        if options.get(name) is not None and kind != only:
            raise NoCredentials(f"{name} is for auth_kind {only}, and auth_kind is {kind}")
    try:
        return _make_credentials(kind, options, scopes)
    except (google.auth.exceptions.GoogleAuthError, OSError, ValueError) as problem:
        # Their texts may quote a key or a reply of the login: only the kind is told.
        raise NoCredentials(
            f"auth_kind {kind} gives no credentials ({type(problem).__name__})"
        ) from None


def _make_credentials(kind: str, options: Mapping[str, Any], scopes: list[str]) -> Any:
    if kind == "application":
        found, _project = google.auth.default(scopes=scopes)
        return found
    if kind == "machineaccount":
        return google.auth.compute_engine.Credentials(
            options.get("service_account_email") or "default"
        )
    if kind == "accesstoken":
        if not options.get("access_token"):
            raise NoCredentials("auth_kind accesstoken needs access_token (GCP_ACCESS_TOKEN)")
        return oauth2.Credentials(options["access_token"], scopes=scopes)
    account = service_account.Credentials
    if options.get("service_account_file"):
        path = os.path.realpath(os.path.expanduser(options["service_account_file"]))
        if not os.path.isfile(path):
            raise NoCredentials(f"service_account_file {path} does not exist")
        return account.from_service_account_file(path, scopes=scopes)
    if options.get("service_account_contents"):
        return account.from_service_account_info(
            json.loads(options["service_account_contents"]), scopes=scopes
        )
    raise NoCredentials(
        "auth_kind serviceaccount needs service_account_file or service_account_contents"
    )


class SessionHttp:
    """The client library's transport on google-auth's session. Raises Unreachable."""

    def __init__(self, credentials: Any) -> None:
        self.credentials = credentials
        self._session = AuthorizedSession(credentials)

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **_rest: Any,
    ) -> tuple[Any, bytes]:
        """Send one request."""
        try:
            answer = self._session.request(
                method, uri, data=body, headers=dict(headers or {}), timeout=_TIMEOUT
            )
        except google.auth.exceptions.RefreshError as problem:
            raise NoCredentials(f"the login was refused ({type(problem).__name__})") from None
        except (requests.RequestException, google.auth.exceptions.TransportError) as problem:
            raise Unreachable(f"{_host(uri)}: {type(problem).__name__}") from problem
        response = httplib2.Response({**answer.headers, "status": str(answer.status_code)})
        response.reason = answer.reason
        return response, answer.content

    def token(self) -> str:
        """A token for the cluster itself. Raises NoCredentials."""
        try:
            if not self.credentials.valid:
                from google.auth.transport.requests import Request

                self.credentials.refresh(Request())
        except google.auth.exceptions.GoogleAuthError as problem:
            raise NoCredentials(f"the login was refused ({type(problem).__name__})") from None
        return str(self.credentials.token)


class Cloud:
    """Calls methods of Google's APIs by their names in the discovery documents."""

    def __init__(self, http: Http, sleep: Callable[[float], None]) -> None:
        self._http = http
        self._sleep = sleep

    def call(self, api: str, method: str, **arguments: Any) -> Json:
        """Call `method`, such as "projects.locations.clusters.get" of `api`.

        What only reads is tried again where Google has a bad moment. Raises Refused, Unreachable.
        """
        last = method.rpartition(".")[2]
        reads = last in ("get", "list", "aggregatedList", "batchGet", "getServerConfig")
        for attempt in range(_TRIES):
            try:
                return self._once(api, method, arguments)
            except Unreachable:
                if not reads or attempt == _TRIES - 1:
                    raise
            except Refused as refused:
                if not reads or refused.refusal.status not in _AGAIN or attempt == _TRIES - 1:
                    raise
            self._sleep(2.0**attempt)
        raise AssertionError("unreachable")

    def pages(self, api: str, method: str, items: str, **arguments: Any) -> Iterator[Any]:
        """Everything that a listing has, page by page; `items` is its field."""
        token = ""
        while True:
            more = {"pageToken": token} if token else {}
            page = self.call(api, method, **arguments, **more)
            found = page.get(items) or ()
            yield from found.items() if isinstance(found, dict) else found
            token = page.get("nextPageToken", "")
            if not token:
                return

    def read(self, url: str) -> Json:
        """Get a resource by its address, of an API whose description the library lacks."""
        response, content = self._http.request(url, headers={"Accept": "application/json"})
        status = int(response.status)
        if status != 200:
            raise Refused(_refusal(status, content))
        answer: Json = json.loads(content)
        return answer

    def size_of_group(self, project: str, link: str) -> int:
        """Nodes that an instance group of a pool shall have. Raises Refused, Unreachable."""
        *_head, zone, _kind, name = link.split("/")
        group = self.call(
            "compute",
            "instanceGroupManagers.get",
            project=project,
            zone=zone,
            instanceGroupManager=name,
        )
        return int(group.get("targetSize") or 0)

    def _once(self, api: str, method: str, arguments: Json) -> Json:
        try:
            request = _method(api, method)(**arguments)
            answer: Json = request.execute(http=self._http, num_retries=0)
        except client_errors.HttpError as problem:
            raise Refused(_refusal(int(problem.resp.status), problem.content)) from None
        return answer


@functools.cache
def _method(api: str, name: str) -> Callable[..., Any]:
    """A method of an API. The library takes a while to make one, so each is kept."""
    # Its own transport opens no connection; each request is given another one.
    target = discovery.build_from_document(_description(api), http=httplib2.Http())
    *resources, last = name.split(".")
    for resource in resources:
        target = getattr(target, resource)()
    method: Callable[..., Any] = getattr(target, last)
    return method


@functools.cache
def _description(api: str) -> Json:
    """The API's description that the library carries: nothing is asked for it."""
    content: Json = json.loads(discovery_cache.get_static_doc(api, VERSIONS[api]))
    return content


def _refusal(status: int, content: bytes) -> Refusal:
    try:
        error = json.loads(content)["error"]
        details = [one for one in error.get("details") or () if one.get("reason")]
        reason = details[0]["reason"] if details else str(error.get("status", ""))
        return Refusal(status, str(error["message"]), reason)
    except (ValueError, KeyError, TypeError):
        return Refusal(status, content.decode(errors="replace")[:300])


def _host(url: str) -> str:
    return url.split("/")[2]


def no_credentials(problem: str) -> Finding:
    """The finding for a login that failed."""
    return Finding(
        code="GOOGLE-NO-CREDENTIALS",
        severity="error",
        message="there are no credentials to ask Google with",
        found=problem,
        expected="credentials as google.cloud's modules take them (auth_kind, GCP_*)",
        fix="set auth_kind and what goes with it: application (gcloud auth application-default "
        "login, Workload Identity, a file that impersonates), machineaccount, serviceaccount or "
        "accesstoken",
        source="google-auth",
    )


def unreachable(problem: str) -> Finding:
    """The finding for an API that does not answer."""
    return Finding(
        code="GOOGLE-UNREACHABLE",
        severity="error",
        message="Google does not answer from where the task runs",
        found=problem,
        expected="an answer over HTTPS",
        fix="check the network, HTTPS_PROXY and REQUESTS_CA_BUNDLE; run again: nothing is repeated",
    )
