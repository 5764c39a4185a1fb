# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets that are planted to see whether a run ever says them."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.e2e.site.playbooks import Run

PASSWORD, TOKEN = "planted-password-1", "hf_planted-token-2"
HOST = "registry.example.com"


def account(phase: str) -> dict[str, Any]:
    """The inputs of a phase for a pull secret made from host, user and password."""
    return {
        f"{phase}_pull_secret": "",
        f"{phase}_pull_secret_host": HOST,
        f"{phase}_pull_secret_user": "robot",
        f"{phase}_pull_secret_password": PASSWORD,
    }


def silent(run: Run) -> None:
    """Neither the output nor any task's result holds a planted secret, in any spelling."""
    said = run.output + json.dumps(run.results)
    for secret in (PASSWORD, TOKEN, f"robot:{PASSWORD}"):
        for spelled in (secret, base64.b64encode(secret.encode()).decode().rstrip("=")):
            assert spelled not in said
