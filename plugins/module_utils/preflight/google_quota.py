# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask Google how many TPU chips the project may use, where there are credentials to ask with.

Only a credentials file is used (``GOOGLE_APPLICATION_CREDENTIALS``, or the one that ``gcloud auth
application-default login`` writes): looking for a metadata server would cost seconds elsewhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    Outcome,
    Request,
)
from ansible_collections.llmd.tpu.plugins.module_utils.tpu.quota import API, quota_path

IMPORT_PROBLEM: str | None = None
try:
    import google.auth
    import google.auth.exceptions
    import google.auth.transport.urllib3
    import urllib3
except ImportError as problem:
    IMPORT_PROBLEM = str(problem)

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_WELL_KNOWN = "~/.config/gcloud/application_default_credentials.json"


class NotAsked(Exception):
    """Google was not asked, or did not answer; the text says why and holds no secret."""


def access_token(environment: Mapping[str, str] | None = None) -> str:
    """A token from the credentials file. Raises NotAsked."""
    environment = os.environ if environment is None else environment
    path = Path(environment.get("GOOGLE_APPLICATION_CREDENTIALS") or _WELL_KNOWN).expanduser()
    if not path.is_file():
        raise NotAsked(f"not asked: no Google credentials ({path} does not exist)")
    if IMPORT_PROBLEM:
        raise NotAsked(f"not asked: the Python package google-auth is missing ({IMPORT_PROBLEM})")
    try:
        credentials, _project = google.auth.load_credentials_from_file(str(path), [_SCOPE])
        pool = urllib3.PoolManager(timeout=5.0, retries=False)
        credentials.refresh(google.auth.transport.urllib3.Request(pool))
    except (google.auth.exceptions.GoogleAuthError, ValueError) as problem:
        # Its text may quote a reply of the login, so only its kind is told.
        raise NotAsked(
            f"not asked: the credentials in {path} give no token ({type(problem).__name__})"
        ) from problem
    return str(credentials.token)


def ask_quota(
    project: str,
    send: Callable[[Request], Outcome],
    token: Callable[[], str] = access_token,
) -> Mapping[str, Any]:
    """The quota of TPU chips of a project. Raises NotAsked."""
    headers = {"Authorization": f"Bearer {token()}", "Accept": "application/json"}
    outcome = send(Request("GET", API + quota_path(project), headers))
    if isinstance(outcome, Failure):
        raise NotAsked(f"not answered: {outcome.where}: {outcome.detail}")
    if outcome.status != 200:
        raise NotAsked(f"not answered: HTTP {outcome.status} from {API}")
    try:
        answer = json.loads(outcome.body)
    except ValueError as problem:
        raise NotAsked("not answered: the reply is no JSON") from problem
    return answer if isinstance(answer, dict) else {}
