# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with a start, and when it counts. Pure.

A healthy start looks broken now and then: a pool that grows from zero first fits no pod, a Secret
comes a moment after the pod that needs it. So every sign says how long it must be seen before it
ends the wait.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.masks import (
    without_secrets,
    without_tokens,
)
from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import Object

LONGEST_QUOTE = 400
OLD_SECONDS = 60.0
"""How long a state must last that was old at the first look: its cause may just be repaired."""


@dataclass(frozen=True)
class Sign:
    """A finding; ``patience`` is how many seconds it must be seen, without end when ``heals``."""

    finding: Finding
    patience: float = 0.0
    heals: bool = False
    """It may go away by itself: told at once, and what is said at the time-out."""


def quoted(text: str, about: Object | None = None) -> str:
    """A line of a log, event or condition, short and without secrets.

    ``about`` is the pod that the text is about: plain values of its variables are known.
    """
    words = " ".join(text.split())
    shown = without_tokens(without_secrets(words, about) if about else words)
    return shown if len(shown) <= LONGEST_QUOTE else f"{shown[: LONGEST_QUOTE - 1]}…"
