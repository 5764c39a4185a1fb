# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Servers on loopback and folders that look like what a pod gets."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.build import environment_folder
from tests.sandbox.images.hub.hub import MODELS, Hub
from tests.sandbox.images.vllm.arguments import parse_serve
from tests.sandbox.images.vllm.release import release_of
from tests.sandbox.images.vllm.server import Server
from tests.sandbox.images.vllm.startup import start_engine

IMAGES = Path(__file__).parents[2] / "sandbox" / "images"
MODEL = "Qwen/Qwen2.5-3B-Instruct"
VERSIONS = ("0.11.1", "0.13.0", "0.18.0")


def write_model(folder: Path, name: str = MODEL) -> Path:
    folder.mkdir()
    for file, content in MODELS[name].files.items():
        (folder / file).write_bytes(content)
    return folder


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "models")


def write_chips(folder: Path, count: int = 4) -> Path:
    folder.mkdir()
    for name in (*range(count), "vfio"):
        (folder / str(name)).touch()
    return folder


@pytest.fixture
def chips(tmp_path: Path) -> Path:
    return write_chips(tmp_path / "vfio")


@pytest.fixture
def pod(chips: Path) -> dict[str, str]:
    """The environment of a container that got four v6e chips."""
    return {
        "SANDBOX_VLLM_VERSION": VERSIONS[0],
        "SANDBOX_VLLM_DEVICES": str(chips),
        "SANDBOX_VLLM_STARTUP_SECONDS": "0",
        "TPU_ACCELERATOR_TYPE": "v6e-4",
        "TPU_CHIPS_PER_HOST_BOUNDS": "2,2,1",
        "TPU_HOST_BOUNDS": "1,1,1",
        "TPU_WORKER_HOSTNAMES": "localhost",
    }


@dataclass
class Client:
    """A running server, asked over one connection that stays open."""

    server: Server
    connection: HTTPConnection

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.server.server_port

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        text = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **(headers or {})}
        self.connection.request(method, path, text, given)
        reply = self.connection.getresponse()
        return reply.status, reply.read()

    def json(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        return json.loads(self.ask(method, path, body, headers)[1])


@pytest.fixture
def serve(model_folder: Path, pod: dict[str, str]) -> Iterator[Callable[..., Client]]:
    """Starts a server in this process; flags and the release can be chosen."""
    servers: list[Server] = []

    def start(*flags: str, version: str = VERSIONS[0], keys: tuple[str, ...] = ()) -> Client:
        environment = {**pod, "SANDBOX_VLLM_VERSION": version}
        release = release_of(environment)
        arguments = ["serve", str(model_folder), "--served-model-name", MODEL]
        arguments += ["--max-model-len", "2048", "--host", "127.0.0.1", "--port", "0", *flags]
        options = parse_serve(arguments, release)
        engine = start_engine(options, release, environment, lambda _seconds: None)
        server = Server(options, release, engine, keys)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        port = server.server_port
        if server.tls:
            trust = ssl.create_default_context(cafile=options.ssl_certfile)
            return Client(server, HTTPSConnection("127.0.0.1", port, timeout=5, context=trust))
        return Client(server, HTTPConnection("127.0.0.1", port, timeout=5))

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@dataclass
class Program:
    """`vllm` as a process of its own, as in a pod."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait_for(self, text: str, seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.log.read_text():
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.log.read_text()}"
            time.sleep(0.02)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Runs the command as the image table lays it out."""
    library = tmp_path / "lib"
    library.mkdir()
    (library / "vllm").symlink_to(IMAGES / "vllm")
    processes: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, environment: dict[str, str], module: str | None = None) -> Program:
        start_of = ["-m", module] if module else [str(IMAGES / "vllm" / "command.py")]
        log = tmp_path / f"log-{len(processes)}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *start_of, *arguments],
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(library), **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        processes.append(process)
        return Program(process, log)

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(("127.0.0.1", 0)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="session")
def pod_python() -> Path:
    """The Python of the environment that runs inside pods."""
    folder = Path(os.environ.get("SANDBOX_ENVIRONMENT") or environment_folder())
    python = folder / "bin" / "python"
    if not python.exists():
        pytest.fail(
            f"The pods' Python environment is not at {folder}: `make build` makes it, or set "
            "SANDBOX_ENVIRONMENT to a virtual environment with tests/sandbox/requirements.txt."
        )
    return python
