# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that read where a chart or a set of manifests comes from."""

from __future__ import annotations

import os.path
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ansible.errors import AnsibleFilterError

COMMIT = re.compile(r"[0-9a-f]{40}")
FORM = "a folder on this machine, or https://HOST/OWNER/REPOSITORY//FOLDER?ref=COMMIT"


def source(text: str, cache: str) -> dict[str, str]:
    """Where to find a source: a local folder as it is, or a clone of a pinned commit below cache.

    The remote form is the one that kustomize knows for its remote targets. Returns repository and
    commit (both empty for a local folder), checkout (the clone) and folder (what to read in it).
    Raises AnsibleFilterError when a repository is not pinned to a full commit: a branch or a tag
    can name something else tomorrow.
    """
    if "://" not in text:
        folder = os.path.abspath(os.path.expanduser(text))
        return {"repository": "", "commit": "", "checkout": folder, "folder": folder}
    address = urlsplit(text)
    repository, _, inside = address.path.partition("//")
    commit = parse_qs(address.query).get("ref", [""])[0]
    if not COMMIT.fullmatch(commit):
        raise AnsibleFilterError(
            f"The source {text!r} is not pinned: expected {FORM} with the 40 hexadecimal digits "
            f"of a commit, found {commit or 'no ref'!r}."
        )
    checkout = os.path.join(os.path.expanduser(cache), commit)
    return {
        "repository": f"{address.scheme}://{address.netloc}{repository}",
        "commit": commit,
        "checkout": checkout,
        "folder": os.path.join(checkout, inside) if inside else checkout,
    }


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {"source": source}
