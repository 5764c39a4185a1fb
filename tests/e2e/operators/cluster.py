# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A sandbox of its own for these tests, asked through kubectl as a person would."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

CHECKOUT = Path(__file__).resolve().parents[3]
TOOLS = Path(sys.executable).parent
ACCOUNT = base64.b64encode(b"sandbox:sandbox-registry-password").decode()
PULL_SECRET = json.dumps({"auths": {"registry.redhat.io": {"auth": ACCOUNT}}})

Document = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Sandbox:
    """One running sandbox."""

    folder: Path

    def kubectl(self, *words: str, text: str = "", check: bool = True) -> str:
        """Run kubectl; return its output, its complaint included."""
        command = [str(TOOLS / "kubectl"), f"--kubeconfig={self.folder / 'kubeconfig'}", *words]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if check and done.returncode:
            state = self._state() if words[0] == "wait" else ""
            raise AssertionError(f"{' '.join(words)}: {done.stderr}{state}")
        return done.stdout + done.stderr

    def _state(self) -> str:
        """What the cluster looks like, for a failure that would be a riddle without it."""
        nodes = self.kubectl("get", "nodes,pods", "--all-namespaces", "-o", "wide", check=False)
        events = self.kubectl(
            "events", "--all-namespaces", "--types=Warning", "--no-headers", check=False
        )
        return f"\n{nodes}\n{events[-4000:]}"

    def apply(self, *documents: Document) -> str:
        """Apply objects server-side."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
        return self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", text=text)

    def get(self, *words: str) -> Document:
        """Return an object, empty when it does not exist."""
        text = self.kubectl(
            "get", "--ignore-not-found", "--show-managed-fields", "-o", "json", *words
        )
        return dict(json.loads(text)) if text.strip() else {}

    def items(self, *words: str) -> list[Document]:
        """Return a list's objects."""
        return list(self.get(*words).get("items", []))

    def inside(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside the world."""
        command = [*_command("exec", self.folder), "--", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT)

    def chart(self, source: str, release: str, namespace: str) -> list[Document]:
        """Render one of the operators' charts with a pull secret."""
        chart = json.loads((self.folder / "state.json").read_text())["sources"][source]
        helm = self.folder / "bin" / "helm"
        command = [str(helm), "template", release, chart, f"--namespace={namespace}"]
        secret = self.folder / "auth.json"
        secret.write_text(PULL_SECRET)
        command.append(f"--set-file=pullSecret.dockerConfigJson={secret}")
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        text = self.kubectl(
            "create",
            "--dry-run=client",
            "--validate=false",
            "-o",
            "json",
            "-f",
            "-",
            text=done.stdout,
        )
        decoder, documents = json.JSONDecoder(), []
        while text := text.lstrip():
            document, end = decoder.raw_decode(text)
            documents.append(document)
            text = text[end:]
        return documents

    def install_crds(self, source: str) -> None:
        """Apply the CRDs of one of the operators' charts."""
        chart = json.loads((self.folder / "state.json").read_text())["sources"][source]
        words = ["--server-side", "--force-conflicts", f"--filename={chart}/manifests-crds"]
        self.kubectl("apply", *words)
        self.kubectl("wait", "--for=condition=Established", "--timeout=120s", "crd", "--all")


def _command(word: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "tests.sandbox", word, f"--dir={folder}"]


def running(folder: Path, *options: str) -> Iterator[Sandbox]:
    """Start a sandbox, and remove it afterwards."""
    subprocess.run([*_command("up", folder), *options], check=True, cwd=CHECKOUT)
    try:
        yield Sandbox(folder)
    finally:
        subprocess.run(_command("clean", folder), check=True, cwd=CHECKOUT)


def conditions(document: Document) -> dict[str, Document]:
    """Return an object's conditions by type."""
    return {each["type"]: each for each in document.get("status", {}).get("conditions", [])}
