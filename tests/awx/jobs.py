# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Job templates run by ansible-runner as a controller runs them.

Source: AWX (commit e21dd0a), `awx/main/tasks/jobs.py` and `awx/main/models/credential.py`:
everything is a file below one folder; the inventory is a program that prints JSON; survey answers
and what credentials inject are marked `!unsafe`, only the job template's own extra variables are
not; templates of an injector are rendered by plain Jinja; the environment is the image's, with what
credentials put there. What set_stats handed on is in the last event.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tests.awx.data import ROOT, variables

BIN = Path(sys.executable).parent
# A home that nobody can write to, root included.
NO_HOME = "/proc/none"


@dataclass(frozen=True)
class Credential:
    """A credential's type, by name, and its inputs."""

    kind: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """How a job ended, and what it left behind."""

    code: int
    status: str
    output: str
    events: tuple[dict[str, Any], ...]
    folder: Path

    @property
    def artifacts(self) -> dict[str, Any]:
        """What set_stats handed on."""
        for event in reversed(self.events):
            if event["event"] == "playbook_on_stats":
                found: dict[str, Any] = event["event_data"].get("artifact_data", {})
                return found
        return {}

    @property
    def changed(self) -> list[str]:
        """Names of the tasks that changed something."""
        return [
            str(event["event_data"]["task"])
            for event in self.events
            if event["event"] == "runner_on_ok" and event["event_data"]["res"].get("changed")
        ]

    def left(self) -> Iterator[tuple[Path, str]]:
        """Everything that the controller gets to see, file by file.

        Not the runner's own note of its command: it holds the environment that the controller
        gave, which masks what it keeps of it (`build_safe_env`).
        """
        for path in sorted((self.folder / "artifacts").rglob("*")):
            if path.is_file() and path.name != "command":
                yield path, path.read_text(errors="replace")


class _Unsafe(str):
    """A text that must not be read as a template."""


class _Dumper(yaml.SafeDumper):
    """Writes such texts with Ansible's tag."""


_Dumper.add_representer(
    _Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"')
)


def _unsafe(value: Any) -> Any:
    if isinstance(value, str):
        return _Unsafe(value)
    if isinstance(value, dict):
        return {name: _unsafe(each) for name, each in value.items()}
    return [_unsafe(each) for each in value] if isinstance(value, list) else value


@dataclass
class Folder:
    """The private data of one job."""

    path: Path

    def __post_init__(self) -> None:
        """Make what is always there, and give the job the project as it is."""
        for part in ("env", "inventory"):
            (self.path / part).mkdir(parents=True)
        (self.path / "project").symlink_to(ROOT / "awx/project")

    def inventory(self, hosts: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """Write the program that prints the inventory."""
        content = {
            "all": {"hosts": list(hosts), "vars": dict(given)},
            "_meta": {"hostvars": dict(hosts)},
        }
        target = self.path / "inventory/hosts"
        target.write_text(f"#!{sys.executable}\nprint({json.dumps(content)!r})\n")
        target.chmod(0o700)

    def secret_file(self, name: str, content: str) -> str:
        """Keep what a credential injects as a file; its path."""
        path = self.path / "env" / name
        path.write_text(content)
        path.chmod(0o600)
        return str(path)

    def extra_vars(self, trusted: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """Write the extra variables; only those of the job template may be templates."""
        text = yaml.safe_dump(dict(trusted))
        if given:
            text += yaml.dump(_unsafe(dict(given)), Dumper=_Dumper)
        (self.path / "env/extravars").write_text(text)

    def inject(self, number: int, credential: Credential) -> tuple[dict[str, str], list[str]]:
        """Put a credential where a job finds it; its environment, and words for the command."""
        kinds = {kind["name"]: kind["injectors"] for kind in variables()["awx_credential_types"]}
        if credential.kind not in kinds:
            return self._built_in(credential), []
        known: dict[str, Any] = dict(credential.inputs)
        injectors = kinds[credential.kind]
        if "file" in injectors:
            content = _rendered(injectors["file"]["template"], known)
            known["tower"] = {"filename": self.secret_file(f"credential-{number}", content)}
        environment = {
            name: _rendered(text, known) for name, text in injectors.get("env", {}).items()
        }
        extra = _rendered_all(injectors.get("extra_vars", {}), known)
        if not extra:
            return environment, []
        text = yaml.dump(_unsafe(extra), Dumper=_Dumper)
        return environment, ["-e", f"@{self.secret_file(f'extra-{number}', text)}"]

    def _built_in(self, credential: Credential) -> dict[str, str]:
        """What the one type that a controller brings, and jobs here use, injects."""
        assert credential.kind == "OpenShift or Kubernetes API Bearer Token", credential.kind
        inputs = credential.inputs
        return {
            "K8S_AUTH_HOST": inputs["host"],
            "K8S_AUTH_API_KEY": inputs["bearer_token"],
            "K8S_AUTH_VERIFY_SSL": "True",
            "K8S_AUTH_SSL_CA_CERT": self.secret_file("ca", inputs["ssl_ca_cert"]),
        }


def _rendered(text: str, known: Mapping[str, Any]) -> str:
    return ImmutableSandboxedEnvironment().from_string(text).render(**known)


def _rendered_all(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _rendered_all(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [_rendered_all(each, known) for each in value]
    return _rendered(value, known)


def launch(
    folder: Path,
    template: str,
    *credentials: Credential,
    hosts: Mapping[str, Any],
    inventory: Mapping[str, Any],
    answers: Mapping[str, Any] | None = None,
    artifacts: Mapping[str, Any] | None = None,
    check: bool = False,
    **environment: str,
) -> Job:
    """Run a job template to its end.

    `answers` are the survey's, by input; a question without one is answered as a person does who
    leaves it. `artifacts` are what earlier jobs of a workflow handed on; keyword arguments are the
    environment that the image brings.
    """
    data = variables()
    [job] = [one for one in data["awx_job_templates"] if one["name"] == template]
    place = Folder(folder / f"job-{len(list(folder.iterdir()))}")
    place.inventory(hosts, {**data["awx_fixed_variables"], **inventory})
    extra = dict(data["awx_extra_vars"])
    if job["playbook"] == "report":
        extra["report_path"] = str(place.path / "artifacts/report.html")
    place.extra_vars(extra, {**_answered(job, answers or {}), **(artifacts or {})})
    injected: dict[str, str] = {}
    words: list[str] = []
    for number, credential in enumerate(credentials):
        more, command = place.inject(number, credential)
        injected.update(more)
        words += command
    if check:
        words += ["--check", "--diff"]
    (place.path / "env/cmdline").write_text(" ".join(words))
    (place.path / "env/settings").write_text(yaml.safe_dump({"suppress_env_files": True}))
    done = subprocess.run(
        [
            str(BIN / "ansible-runner"),
            "run",
            str(place.path),
            "--playbook",
            f"{job['playbook']}.yml",
            "--ident",
            "job",
        ],
        env={
            "PATH": f"{BIN}:{os.defpath}",
            "HOME": NO_HOME,
            "LANG": "C.UTF-8",
            "ANSIBLE_FORCE_COLOR": "true",
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            **environment,
            **injected,
        },
        cwd=place.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    left = place.path / "artifacts/job"
    assert (left / "rc").exists(), done.stdout
    events = [json.loads(path.read_text()) for path in (left / "job_events").glob("*.json")]
    return Job(
        int((left / "rc").read_text()),
        (left / "status").read_text(),
        (left / "stdout").read_text(),
        tuple(sorted(events, key=lambda event: int(event["counter"]))),
        place.path,
    )


def _answered(job: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
    questions = variables()["awx_questions"]
    found = {}
    for name in job["questions"]:
        question = questions[name]
        if name in answers:
            found[f"answer_{name}"] = answers[name]
        elif question["type"] in ("text", "textarea"):
            found[f"answer_{name}"] = ""
        elif "default" in question:
            found[f"answer_{name}"] = question["default"]
    assert set(answers) <= set(job["questions"]), f"{job['name']} asks for {job['questions']}"
    return found
