# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are credentials taken as google.cloud's modules take them, and refusals as the library gives?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.google.cloud.plugins.module_utils import gcp_utils
from ansible_collections.llmd.tpu.plugins.module_utils.gke.google import (
    Cloud,
    NoCredentials,
    Refused,
    auth_options,
    credentials_of,
)

from tests.google.client import InProcess
from tests.google.google import Google
from tests.google.server import serving

SECRET = "a-key-that-nobody-may-see"
USER = {
    "type": "authorized_user",
    "client_id": "1",
    "client_secret": "2",
    "refresh_token": SECRET,
}
IMPERSONATED = {
    "type": "impersonated_service_account",
    "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/"
    "serviceAccounts/deployer@my-project.iam.gserviceaccount.com:generateAccessToken",
    "source_credentials": USER,
    "delegates": [],
}
FEDERATED = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p"
    "/providers/q",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": "https://sts.googleapis.com/v1/token",
    "credential_source": {"file": "/nowhere/token"},
}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"auth_kind": "accesstoken"}, "needs access_token"),
        ({"auth_kind": "serviceaccount"}, "needs service_account_file or"),
        (
            {"auth_kind": "serviceaccount", "service_account_file": "/nowhere/key.json"},
            "service_account_file /nowhere/key.json does not exist",
        ),
        (
            {"auth_kind": "serviceaccount", "service_account_contents": f'{{"key": "{SECRET}"}}'},
            "gives no credentials",
        ),
        ({"auth_kind": "serviceaccount", "service_account_contents": SECRET}, "gives no"),
        ({"auth_kind": "application", "access_token": SECRET}, "access_token is for auth_kind"),
        (
            {"auth_kind": "application", "service_account_email": "a@b"},
            "is for auth_kind machineaccount",
        ),
    ],
)
def test_a_login_that_cannot_be_says_why_and_no_secret(options: dict[str, Any], words: str) -> None:
    with pytest.raises(NoCredentials) as told:
        credentials_of(options)
    assert words in str(told.value)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    ("content", "module"),
    [(USER, "google.oauth2.credentials"), (IMPERSONATED, "google.auth.impersonated_credentials")],
)
def test_application_credentials_may_be_of_every_type(
    content: dict[str, Any], module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps(content))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    assert type(credentials_of({"auth_kind": "application"})).__module__ == module


def test_workload_identity_without_its_token_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps(FEDERATED))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(NoCredentials, match="RefreshError"):
        credentials_of({"auth_kind": "application"})


def test_a_machine_has_its_account_and_a_key_file_logs_in(tmp_path: Path) -> None:
    machine = credentials_of({"auth_kind": "machineaccount"})
    assert machine.service_account_email == "default"
    with serving(Google(), tmp_path) as server:
        key = credentials_of(
            {"auth_kind": "serviceaccount", "service_account_file": str(server.account())}
        )
    assert key.service_account_email == "tester@my-project.iam.gserviceaccount.com"


def test_the_options_are_those_of_google_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs: dict[str, Any] = {}
    monkeypatch.setattr(
        gcp_utils.AnsibleModule,
        "__init__",
        lambda _self, *_args, argument_spec, **_rest: theirs.update(argument_spec),
    )
    gcp_utils.GcpModule(argument_spec={})
    ours = auth_options()
    # env_type is a suffix of their user agent.
    assert set(ours) == set(theirs) - {"env_type"}
    for name, option in ours.items():
        assert option["type"] == theirs[name]["type"], name
        assert option["fallback"][1] == theirs[name]["fallback"][1], name
        assert option.get("no_log") == theirs[name].get("no_log"), name
        assert sorted(option.get("choices", [])) == sorted(theirs[name].get("choices", [])), name


def test_their_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCP_PROJECT", "my-project")
    monkeypatch.setenv("GCP_AUTH_KIND", "accesstoken")
    monkeypatch.setenv("GCP_ACCESS_TOKEN", SECRET)
    checked = ArgumentSpecValidator(auth_options()).validate({})
    assert checked.error_messages == []
    assert checked.validated_parameters["access_token"] == SECRET


def test_what_only_reads_is_asked_again_and_what_writes_is_not() -> None:
    google = Google(drop={0: "before", 1: "after"})
    cloud = Cloud(InProcess(google), google.project.clock.sleep)
    parent = "projects/my-project/locations/europe-west4-a"
    assert cloud.call("container", "projects.locations.clusters.list", parent=parent) == {}
    assert len(google.calls) == 3
    with pytest.raises(Refused) as refused:
        cloud.call("container", "projects.locations.clusters.create", parent=parent, body={})
    assert refused.value.refusal.status == 400
    assert len(google.calls) == 4
