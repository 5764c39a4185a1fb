# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A sandbox comes up, is found running, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.harness import Sandbox
from tests.sandbox.paths import CHECKOUT

API_READY_WITHIN = 10.0


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Sandbox]:
    """A second sandbox, beside the session's."""
    second = Sandbox(tmp_path / "second")
    yield second
    second.run("clean")


def processes_of(folder: Path) -> set[str]:
    """Command lines on this machine that name the folder, zombies and ourselves left out."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in words and process.name != str(os.getpid()):
            found.add(words)
    return found


def processes_in(networks: set[str]) -> set[str]:
    """Processes of this machine in one of these network namespaces (`net:[NUMBER]`)."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            if os.readlink(link) in networks:
                found.add(link.parts[2])
        except OSError:
            continue
    return found


def networks_of(sandbox: Sandbox) -> set[str]:
    """The network namespaces of a sandbox: its own and one a pod."""
    listed = sandbox.run("exec", "--", "sh", "-c", "readlink /proc/1/ns/net; ls -i /run/netns")
    own, *pods = listed.splitlines()
    return {own, *(f"net:[{line.split()[0]}]" for line in pods)}


def test_up_gives_a_ready_api_within_ten_seconds(sandbox: Sandbox, other: Sandbox) -> None:
    output = other.run("up")
    assert other.api.is_ready()
    assert f"export KUBECONFIG={other.kubeconfig}" in output
    # The two that stand between a start and a ready API; nodes come after it.
    steps = re.findall(r"(etcd|kube-apiserver) … ready ([0-9.]+) s", output)
    assert [name for name, _seconds in steps] == ["etcd", "kube-apiserver"]
    assert sum(float(seconds) for _name, seconds in steps) < API_READY_WITHIN, output
    # Side by side with the session's, each with its own API server and objects.
    other.kubectl("create", "namespace", "only-here")
    assert "only-here" not in sandbox.kubectl("get", "namespaces")
    assert sandbox.description["api_server"] != other.description["api_server"]


def test_up_on_a_running_sandbox_returns_at_once(sandbox: Sandbox) -> None:
    process = sandbox.description["pid"]
    began = time.monotonic()
    output = sandbox.run("up")
    assert time.monotonic() - began < 10
    assert "runs already" in output
    assert f"export KUBECONFIG={sandbox.kubeconfig}" in output
    assert sandbox.description["pid"] == process


def test_down_leaves_no_process_mount_or_network(other: Sandbox) -> None:
    other.run("up")
    other.kubectl(
        "wait", "pods", "-A", "-l=k8s-app=kube-dns", "--for=condition=Ready", "--timeout=60s"
    )
    networks = networks_of(other)
    assert len(networks) > 1
    assert processes_of(other.folder)
    assert processes_in(networks)
    other.run("down")
    assert processes_of(other.folder) == set()
    assert processes_in(networks) == set()
    assert str(other.folder) not in Path("/proc/self/mountinfo").read_text()
    assert "does not run" in other.run("status", check=False)
    other.run("clean")
    assert not other.folder.exists()


def test_up_after_down_continues_with_the_same_objects(other: Sandbox) -> None:
    other.run("up")
    other.kubectl("create", "namespace", "kept")
    other.run("down")
    other.run("up")
    assert "kept" in other.kubectl("get", "namespaces")


def test_a_program_that_dies_comes_back(other: Sandbox) -> None:
    other.run("up")
    scheduler = (other.state.pids / "kube-scheduler").read_text()
    other.run("exec", "--", "kill", "-9", scheduler)
    deadline = time.monotonic() + 20
    while (other.state.pids / "kube-scheduler").read_text() == scheduler:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert "kube-scheduler ended with -9" in (other.state.log / "supervisor.log").read_text()


def test_what_the_caller_has_in_its_environment_stays_outside(
    sandbox: Sandbox, other: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "must-not-be-seen")
    other.run("up")
    seen = other.run("exec", "--", "sh", "-c", "cat /proc/[0-9]*/environ | tr '\\0' '\\n'")
    assert "LLMD_CACHE=" in seen
    supervisor = other.run("exec", "--", "sh", "-c", "tr '\\0' '\\n' < /proc/1/environ")
    assert "must-not-be-seen" not in supervisor


def test_a_folder_of_somebody_else_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    output = Sandbox(tmp_path).run("clean", check=False)
    assert "was not made by this command" in output
    assert (tmp_path / "precious").exists()


def test_a_taken_port_is_named(sandbox: Sandbox, other: Sandbox) -> None:
    port = sandbox.description["api_server"].split(":")[1]
    output = other.run("up", f"--api-port={port}", check=False)
    assert output.splitlines()[-1].startswith(f"error: Port {port} of 127.0.0.1 (API server)")
    assert processes_of(other.folder) == set()


def test_commands_on_a_sandbox_that_does_not_run(tmp_path: Path) -> None:
    absent = Sandbox(tmp_path / "absent")
    assert "does not run; start it with `up`" in absent.run("exec", "--", "true", check=False)
    assert "There is no sandbox" in absent.run("snapshot", "none", check=False)
    assert "There is no snapshot" in absent.run("up", "--from-snapshot=none", check=False)
    assert "Traceback" not in absent.run("status", check=False)


def test_the_checkout_is_where_the_programs_run_from(sandbox: Sandbox) -> None:
    assert sandbox.folder.parent == CHECKOUT
