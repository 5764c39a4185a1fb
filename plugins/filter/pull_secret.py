# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters on registry credentials. No message here holds any part of a credential."""

from __future__ import annotations

import json
from typing import Any

from ansible.errors import AnsibleFilterError


def _read(content: Any) -> Any:
    """The content as data: Ansible may already have made a dictionary of JSON text."""
    return content if isinstance(content, dict) else json.loads(content)


def pull_secret_problem(content: Any) -> str:
    """Why this is no usable docker config (the format of auth.json), or an empty text.

    A file that points to a credential helper looks complete and holds no credential, so the
    Secret made from it pulls nothing.
    """
    if not content:
        return ""
    try:
        config = _read(content)
    except ValueError:
        return "it is not JSON"
    auths = config.get("auths") if isinstance(config, dict) else None
    if not isinstance(auths, dict) or not auths:
        return "it has no 'auths'"
    for host, entry in auths.items():
        fields = entry if isinstance(entry, dict) else {}
        if not fields.get("auth") and not (fields.get("username") and fields.get("password")):
            return (
                f"the entry for {host} holds no credential (a credential helper keeps it elsewhere)"
            )
    return ""


def pull_secret_json(content: Any) -> str:
    """The docker config as JSON text, always written the same way so that a re-run sees no change.

    Raises AnsibleFilterError when it is not usable.
    """
    problem = pull_secret_problem(content)
    if problem:
        raise AnsibleFilterError(f"The pull secret cannot be used: {problem}.")
    return json.dumps(_read(content), sort_keys=True)


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {"pull_secret_problem": pull_secret_problem, "pull_secret_json": pull_secret_json}
