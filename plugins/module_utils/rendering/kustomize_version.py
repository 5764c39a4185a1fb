# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which kustomize can render KServe's overlay. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

_WORKS, _SAFE = (5, 7, 0), (5, 8, 0)
ADVICE = "Install kustomize 5.8.0 or newer (kubectl has it from 1.36 on)"


@dataclass(frozen=True)
class Verdict:
    """A kustomize's version, and what is wrong with it; empty texts where there is nothing."""

    version: str = ""
    error: str = ""
    warning: str = ""

    def to_dict(self) -> dict[str, str]:
        """The verdict for a playbook."""
        return asdict(self)


def verdict(answer: str) -> Verdict:
    """Judge what `kustomize version` or `kubectl version --client --output=json` prints.

    Before 5.8.0 kustomize reads a nil pointer at the overlay's `$patch: delete`
    (kubernetes-sigs/kustomize pull request 5985); 5.5 and 5.6 were seen to panic, 5.7.1 was seen
    to work.
    """
    text = _kustomize_of_kubectl(answer)
    found = re.search(r"v?(\d+)\.(\d+)\.(\d+)", text)
    if found is None:
        return Verdict(error=f"no version of kustomize in its answer {text.strip()[:80]!r}")
    numbers = (int(found[1]), int(found[2]), int(found[3]))
    version = ".".join(map(str, numbers))
    if numbers < _WORKS:
        return Verdict(
            version,
            error=f"kustomize {version} panics on this overlay (a patch that deletes makes it "
            "read a nil pointer, fixed in 5.8.0)",
        )
    if numbers < _SAFE:
        return Verdict(
            version,
            warning=f"kustomize {version} still has the fault fixed in 5.8.0 that makes older "
            "ones panic on this overlay; 5.8.0 or newer is safe",
        )
    return Verdict(version)


def _kustomize_of_kubectl(answer: str) -> str:
    """Kubectl answers JSON that names the kustomize inside it; kustomize itself answers text."""
    try:
        read = json.loads(answer)
    except ValueError:
        return answer
    return str(read.get("kustomizeVersion", "")) if isinstance(read, dict) else answer
