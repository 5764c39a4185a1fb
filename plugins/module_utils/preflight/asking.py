# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask a registry for the manifest of an image, and the hub for a file of a model.

Nothing is downloaded: the manifest is asked for with HEAD, and so is the file. A secret is sent to
its own host only, over TLS only, and no redirect is followed. Sources: the OCI distribution
specification (``/v2/<name>/manifests/<reference>``), the registry token protocol
(``WWW-Authenticate: Bearer realm=…``), huggingface.co (``/<repository>/resolve/main/<file>``, error
header ``X-Error-Code``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from ansible_collections.llmd.tpu.plugins.module_utils.preflight.credentials import (
    Account,
    Image,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import AddressError
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    Outcome,
    Reply,
    Request,
)

Send = Callable[[Request], Outcome]
MANIFEST_TYPES = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
# Registries whose login has a host of its own.
_LOGIN_HOSTS = {
    "registry-1.docker.io": "auth.docker.io",
    "registry.gitlab.com": "gitlab.com",
}
Verdict = Literal["readable", "refused", "absent", "not asked"]


@dataclass(frozen=True)
class Look:
    """What came of one question. ``detail`` says why, and holds no secret."""

    verdict: Verdict
    detail: str = ""
    code: str = ""
    """The hub's own error code."""
    body: bytes = field(default=b"", repr=False)
    """What a file held, when it was asked for as a whole."""


def look_for_image(image: Image, account: Account | None, send: Send) -> Look:
    """Ask whether the manifest can be read with this account."""
    url = f"{image.api}/v2/{quote(image.repository)}/manifests/{quote(image.reference, safe=':')}"
    headers = {"Accept": MANIFEST_TYPES}
    first = _send(send, Request("HEAD", url, headers))
    if isinstance(first, Look):
        return first
    if first.status != 401:
        return _image_verdict(first)
    scheme, challenge = _challenge(first.headers.get("www-authenticate", ""))
    if scheme == "basic":
        if account is None:
            return Look("refused", "it wants an account, and the pull secret has none for it")
        authorization = account.header()
    elif scheme == "bearer":
        token = _token(image, challenge, account, send)
        if isinstance(token, Look):
            return token
        authorization = f"Bearer {token}"
    else:
        return Look("not asked", "it wants a login of a kind that is not known here")
    second = _send(send, Request("HEAD", url, {**headers, "Authorization": authorization}))
    return second if isinstance(second, Look) else _image_verdict(second)


def look_for_file(
    hub: str, uri: str, file: str, token: str, send: Send, *, whole: bool = False
) -> Look:
    """Ask whether a file of a model's repository (``hf://OWNER/NAME``) can be read.

    With ``whole`` it is read, unless the hub keeps it elsewhere (redirects are not followed).
    """
    repository, _colon, revision = uri.removeprefix("hf://").partition(":")
    url = f"{hub.rstrip('/')}/{quote(repository)}/resolve/{quote(revision or 'main')}/{quote(file)}"
    if token and urlsplit(url).scheme != "https":
        return Look("not asked", f"{hub} is not https, and the token is sent over TLS only")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    reply = _send(send, Request("GET" if whole else "HEAD", url, headers))
    if isinstance(reply, Look):
        return reply
    code = reply.headers.get("x-error-code", "")
    # A redirect leads to where the bytes lie: the hub has let us pass.
    if 200 <= reply.status < 400:
        return Look("readable", body=reply.body if reply.status == 200 else b"")
    if reply.status in (401, 403):
        return Look("refused", f"HTTP {reply.status}", code)
    if reply.status == 404:
        return Look("absent", "HTTP 404", code)
    return Look("not asked", f"HTTP {reply.status}", code)


def _image_verdict(reply: Reply) -> Look:
    if 200 <= reply.status < 300:
        return Look("readable")
    if reply.status in (401, 403):
        return Look("refused", f"HTTP {reply.status}")
    if reply.status == 404:
        return Look("absent", "HTTP 404")
    return Look("not asked", f"HTTP {reply.status}")


def _token(
    image: Image, challenge: dict[str, str], account: Account | None, send: Send
) -> str | Look:
    """Fetch a token where the registry says; the account goes along only if that is its host."""
    realm = urlsplit(challenge.get("realm", ""))
    if realm.scheme != "https" or not realm.hostname:
        return Look("not asked", "it sends us to a login that is not https")
    query = {"scope": challenge.get("scope") or f"repository:{image.repository}:pull"}
    if challenge.get("service"):
        query["service"] = challenge["service"]
    headers = {}
    if account is not None:
        if not _may_have_account(realm, image):
            return Look(
                "not asked",
                f"its login is at another host, {realm.netloc}, which does not get the account",
            )
        headers["Authorization"] = account.header()
    joint = "&" if realm.query else "?"
    reply = _send(send, Request("GET", f"{realm.geturl()}{joint}{urlencode(query)}", headers))
    if isinstance(reply, Look):
        return reply
    if reply.status in (401, 403):
        return Look("refused", f"the login answers HTTP {reply.status}")
    try:
        answer = json.loads(reply.body)
        return str(answer.get("token") or answer["access_token"])
    except (ValueError, AttributeError, KeyError):
        return Look("not asked", f"the login answers HTTP {reply.status} without a token")


def _send(send: Send, request: Request) -> Reply | Look:
    try:
        outcome = send(request)
    except AddressError as problem:
        return Look("not asked", str(problem))
    if isinstance(outcome, Failure):
        return Look("not asked", f"{outcome.where}: {outcome.detail}")
    return outcome


def _challenge(header: str) -> tuple[str, dict[str, str]]:
    """The scheme of a WWW-Authenticate header, in lower case, and its parameters."""
    scheme, _space, rest = header.strip().partition(" ")
    return scheme.lower(), {k.lower(): v for k, v in re.findall(r'(\w+)="([^"]*)"', rest)}


def _may_have_account(realm: SplitResult, image: Image) -> bool:
    """Whether a login is the registry's own: the same host and port, or one known to be its."""
    registry = urlsplit(image.api).netloc
    return realm.netloc in (registry, _LOGIN_HOSTS.get(registry, registry))
