# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What differs between the imitated releases, apart from their flags (flags.csv)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

VERSION_VARIABLE = "SANDBOX_VLLM_VERSION"


@dataclass(frozen=True)
class Release:
    """One imitated release; `version` is what `GET /version` answers."""

    line: str
    version: str
    engine_process: str
    """Log prefix of the engine's process (vllm/v1/engine/core.py, set_process_title)."""

    overwrites_dtype: bool
    """Whether the JAX worker turns every dtype into bfloat16, with a warning.

    tpu_inference/worker/tpu_worker_jax.py of 0.11.1; gone from 0.13.
    """

    def at_least(self, line: str) -> bool:
        """Whether this release is `line` ("0.13") or newer."""
        return _numbers(self.line) >= _numbers(line)


_LINES = {
    "0.11": ("EngineCore_DP0", True),
    "0.13": ("EngineCore_DP0", False),
    "0.18": ("EngineCore", False),
}


def _numbers(line: str) -> tuple[int, ...]:
    return tuple(int(part) for part in line.split("."))


def release_of(environment: Mapping[str, str] = os.environ) -> Release:
    """Return the release that the image table asked for.

    Raises ValueError when the variable is missing or names a release that is not imitated.
    """
    version = environment.get(VERSION_VARIABLE, "")
    line = ".".join(version.split(".")[:2])
    if line not in _LINES:
        raise ValueError(
            f"{VERSION_VARIABLE} is {version!r}; the sandbox imitates vLLM {', '.join(_LINES)}. "
            "Set it in the image's row of tests/sandbox/images.yaml."
        )
    engine_process, overwrites_dtype = _LINES[line]
    return Release(line, version, engine_process, overwrites_dtype)
