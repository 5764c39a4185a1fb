# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters on registry credentials. No message here holds any part of a credential.

The format is that of docker's config.json and podman's auth.json. Of an entry the kubelet reads
`auth`, or `username` and `password` (kubernetes pkg/credentialprovider/config.go); everything else
in such a file is of no use to a cluster and stays on the user's machine.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

_HELPER = "a credential helper keeps it elsewhere"
_FIELDS = ("auth", "email", "password", "username")


def _read(content: Any) -> Any:
    """The content as data: Ansible may already have made a dictionary of JSON text."""
    return content if isinstance(content, Mapping) else json.loads(content)


def _host(key: str) -> str:
    """The registry of an entry, which may be written as a URL or with a path behind it."""
    return key.partition("://")[2].partition("/")[0] if "://" in key else key.partition("/")[0]


def _entries(config: Mapping[str, Any], registries: Iterable[str]) -> dict[str, Any]:
    """The entries of the registries that are needed; all of them when none is named."""
    needed = set(registries)
    auths: Mapping[str, Any] = config["auths"]
    return {key: auths[key] for key in auths if not needed or _host(key) in needed}


def _entry_problem(host: str, entry: Any) -> str:
    fields = entry if isinstance(entry, Mapping) else {}
    if fields.get("auth"):
        try:
            user, _colon, password = base64.b64decode(fields["auth"]).partition(b":")
        except (binascii.Error, TypeError, ValueError):
            user = password = b""
        if not user or not password:
            return f"'auth' of the entry for {host} is not the base64 form of USER:PASSWORD"
        return ""
    if not fields.get("username") or not fields.get("password"):
        return f"the entry for {host} holds no credential ({_HELPER})"
    return ""


def pull_secret_problem(content: Any, registries: Iterable[str] = ()) -> str:
    """Why this is no usable docker config for these registries, or an empty text.

    A file that points to a credential helper looks complete and holds no credential, so the
    Secret made from it pulls nothing.
    """
    if not content:
        return ""
    try:
        config = _read(content)
    except ValueError:
        return "it is not JSON"
    registries = list(registries)
    auths = config.get("auths") if isinstance(config, Mapping) else None
    if not isinstance(auths, Mapping) or not auths:
        helped = isinstance(config, Mapping) and (
            config.get("credsStore") or config.get("credHelpers")
        )
        return f"it has no 'auths'{f' ({_HELPER})' if helped else ''}"
    entries = _entries(config, registries)
    found = {_host(key) for key in entries}
    for registry in registries:
        if registry not in found:
            helped = config.get("credsStore") or registry in (config.get("credHelpers") or {})
            others = ", ".join(sorted(_host(key) for key in auths))
            return (
                f"it has no entry for {registry}{f' ({_HELPER})' if helped else ''}, only for "
                f"{others}"
            )
    return next(filter(None, (_entry_problem(key, entry) for key, entry in entries.items())), "")


def pull_secret_json(content: Any, registries: Iterable[str] = ()) -> str:
    """The docker config as JSON text, always written the same way so that a re-run sees no change.

    Only the entries of the registries named, and of those only what a kubelet reads.
    Raises AnsibleFilterError when it is not usable.
    """
    registries = list(registries)
    problem = pull_secret_problem(content, registries)
    if problem:
        raise AnsibleFilterError(f"The pull secret cannot be used: {problem}.")
    auths = {
        key: {name: str(entry[name]) for name in _FIELDS if entry.get(name)}
        for key, entry in _entries(_read(content), registries).items()
    }
    return json.dumps({"auths": auths}, sort_keys=True)


def registry_account(password: str, host: str, user: str) -> dict[str, Any]:
    """The docker config of one account, as `kubectl create secret docker-registry` writes it."""
    entry = {"username": str(user), "password": str(password)}
    if user and password:
        entry["auth"] = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"auths": {str(host): entry}}


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {
            "pull_secret_problem": pull_secret_problem,
            "pull_secret_json": pull_secret_json,
            "registry_account": registry_account,
        }
