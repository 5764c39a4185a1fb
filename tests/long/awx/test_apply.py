# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""awx/apply.yml against a controller: it makes everything, nothing twice, nothing in check mode."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.awx.controller import ENCRYPTED, TOKEN, Controller, Refused, controller
from tests.awx.data import ROOT, variables

PASSWORD = "planted-password-1"
KUBECONFIG = "apiVersion: v1\nkind: Config\n# planted-token-2\n"


def apply(there: Controller, *options: str, **environment: str) -> tuple[int, str]:
    """Run the playbook; its return code and everything it printed."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "awx/apply.yml", *options],
        cwd=ROOT,
        env={
            **os.environ,
            "ANSIBLE_NOCOLOR": "1",
            "CONTROLLER_HOST": there.url,
            "CONTROLLER_OAUTH_TOKEN": TOKEN,
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def changed(output: str) -> int:
    """How many tasks changed something."""
    found = re.search(r"changed=(\d+)", output.rpartition("PLAY RECAP")[2])
    assert found, output[-3000:]
    return int(found[1])


@pytest.fixture(scope="module")
def empty() -> Iterator[Controller]:
    """A controller in which nothing of ours is, and whose projects have our playbooks."""
    names = frozenset(path.name for path in (ROOT / "awx/project").glob("*.yml"))
    with controller(names) as made:
        yield made


@pytest.fixture(scope="module")
def applied(empty: Controller, tmp_path_factory: pytest.TempPathFactory) -> tuple[Controller, str]:
    """The controller after the playbook, and what that printed."""
    code, output = apply(empty, "--check")
    assert code == 0, output[-3000:]
    assert 'Check mode ends at "Make the project"' in re.sub(r"\s+", " ", output)
    assert empty.writes == []
    kubeconfig = tmp_path_factory.mktemp("secrets") / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    code, output = apply(
        empty,
        "-vvv",
        LLMD_KUBECONFIG_FILE=str(kubeconfig),
        LLMD_REGISTRY_USER="robot",
        LLMD_REGISTRY_PASSWORD=PASSWORD,
    )
    assert code == 0, output[-3000:]
    return empty, output


def test_everything_is_made(applied: tuple[Controller, str]) -> None:
    there, output = applied
    assert changed(output) == 10
    data = variables()
    made = {one["name"] for one in there.objects["job_templates"].values()}
    assert made == {one["name"] for one in data["awx_job_templates"]}
    site = there.named("job_templates", "llm-d site")
    assert json.loads(site["extra_vars"]) == {"llmd_hosts": "all"}
    assert there.listed("job_templates", "llm-d site", "credentials") == {
        "llm-d cluster",
        "llm-d registry",
    }
    asked = there.surveys["job_templates", site["id"]]["spec"]
    assert [one["variable"] for one in asked] == [
        f"answer_{name}" for name in data["awx_site_questions"]
    ]


def test_a_node_leads_where_the_data_say(applied: tuple[Controller, str]) -> None:
    there, _output = applied
    for node in variables()["awx_workflow"]["nodes"]:
        for part in ("success", "failure"):
            led = there.listed("workflow_job_template_nodes", node["identifier"], f"{part}_nodes")
            assert led == set(node.get(part, [])), node
    approval = there.named("workflow_job_template_nodes", "approval")
    kept = there.objects["approval_templates"][approval["unified_job_template"]]
    assert kept["timeout"] == 86400


def test_inventory_variables_arrive_as_templates(applied: tuple[Controller, str]) -> None:
    there, _output = applied
    kept = json.loads(there.named("inventories", "llm-d")["variables"])
    assert kept["ansible_python_interpreter"] == "{{ ansible_playbook_python }}"


def test_secrets_are_kept_and_never_shown(applied: tuple[Controller, str]) -> None:
    there, output = applied
    registry = there.named("credentials", "llm-d registry")["id"]
    assert there.secrets[registry] == {
        "host": "registry.redhat.io",
        "username": "robot",
        "password": PASSWORD,
    }
    kubeconfig = there.named("credentials", "llm-d cluster")["id"]
    assert there.secrets[kubeconfig]["kubeconfig"].strip() == KUBECONFIG.strip()
    status, shown = there.answer("GET", f"/api/v2/credentials/{registry}/", {}, None)
    assert (status, shown["inputs"]["password"]) == (200, ENCRYPTED)
    assert PASSWORD not in output
    assert "planted-token-2" not in output


def test_a_second_run_changes_nothing(applied: tuple[Controller, str]) -> None:
    there, _output = applied
    before = len(there.writes)
    # Not even credentials, whose secrets this run does not have.
    code, output = apply(there)
    assert code == 0, output[-3000:]
    assert changed(output) == 0, output
    assert there.writes[before:] == []


def test_check_mode_predicts_a_change_and_writes_nothing(applied: tuple[Controller, str]) -> None:
    there, _output = applied
    before = len(there.writes)
    schedules = [
        {**variables()["awx_schedules"][0], "rrule": "DTSTART:20260101T030000Z RRULE:FREQ=DAILY"}
    ]
    code, output = apply(
        there,
        "--check",
        "--start-at-task=Make the workflow",
        "--extra-vars",
        json.dumps({"awx_schedules": schedules}),
    )
    assert code == 0, output[-3000:]
    assert changed(output) == 1, output
    assert there.writes[before:] == []


def test_everything_that_can_be_set(tmp_path: Path) -> None:
    data = variables()
    wanted = ("preflight", "site", "verify", "explain_failure", "report")
    templates = [one for one in data["awx_job_templates"] if one["playbook"] in wanted]
    page = {"url": "https://hooks.example.com/llm", "headers": {}, "http_method": "POST"}
    given = {
        "awx_project_url": "https://git.example.com/team/llmd.git",
        "awx_project_branch": "main",
        "awx_folder": "awx/project/",
        "awx_image": "registry.example.com/team/llmd-tpu:0.1.0",
        "awx_cluster_credential": "token",
        "awx_used_credentials": ["registry", "hub", "google"],
        "awx_notifications": [{"name": "page", "type": "webhook", "configuration": page}],
        "awx_variables": {"namespace_name": "llm"},
        "awx_clusters": [{"name": "europe", "variables": {"llmd_context": "europe"}}],
        "awx_job_templates": templates,
    }
    account = {"client_email": "a@b", "project_id": "p", "private_key": "planted-key-3"}
    (tmp_path / "google.json").write_text(json.dumps(account))
    (tmp_path / "ca.pem").write_text("certificate")
    names = frozenset(f"awx/project/{name}.yml" for name in wanted)
    with controller(names) as there:
        code, output = apply(
            there,
            "--extra-vars",
            json.dumps(given),
            K8S_AUTH_HOST="https://203.0.113.1",
            K8S_AUTH_API_KEY="planted-token-4",
            K8S_AUTH_SSL_CA_CERT=str(tmp_path / "ca.pem"),
            GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "google.json"),
            HF_TOKEN="planted-token-5",
        )
    assert code == 0, output[-3000:]
    assert "planted" not in output
    inputs = {
        name: there.secrets[there.named("credentials", f"llm-d {name}")["id"]]
        for name in ("cluster token", "registry", "hub", "Google Cloud")
    }
    assert inputs == {
        "cluster token": {
            "host": "https://203.0.113.1",
            "bearer_token": "planted-token-4",
            "verify_ssl": True,
            "ssl_ca_cert": "certificate",
        },
        # Without user and password: to be filled in on the controller.
        "registry": {},
        "hub": {"token": "planted-token-5"},
        "Google Cloud": {"username": "a@b", "project": "p", "ssh_key_data": "planted-key-3"},
    }
    site = there.named("job_templates", "llm-d site")
    image = there.named("execution_environments", "llm-d")
    assert site["playbook"] == "awx/project/site.yml"
    assert (site["execution_environment"], image["image"]) == (image["id"], given["awx_image"])
    told = "notification_templates_error"
    assert there.listed("job_templates", "llm-d verify", told) == {"page"}
    assert there.listed("workflow_job_templates", "llm-d rollout", told) == {"page"}
    assert there.listed("job_templates", "llm-d site", told) == set()
    report = json.loads(there.named("job_templates", "llm-d report")["extra_vars"])
    assert report == {"llmd_hosts": "all", "report_path": "/tmp/llmd-report.html"}
    assert json.loads(there.named("hosts", "europe")["variables"]) == {"llmd_context": "europe"}
    assert json.loads(there.named("inventories", "llm-d")["variables"])["namespace_name"] == "llm"


@pytest.mark.parametrize(
    ("endpoint", "body", "words"),
    [
        ("organizations", {"name": "x", "colour": "red"}, "colour"),
        ("job_templates", {"name": "x", "playbook": "missing.yml"}, "Playbook not found"),
        ("projects", {"name": "x", "organization": 4711}, "does not exist"),
        ("credentials", {"name": "x", "credential_type": 1, "inputs": {"pin": 1}}, "unexpected"),
    ],
)
def test_the_stand_in_refuses(
    endpoint: str, body: dict[str, object], words: str, empty: Controller
) -> None:
    with pytest.raises(Refused, match=words):
        empty.answer("POST", f"/api/v2/{endpoint}/", {}, body)
