#!/usr/bin/env python3
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Entry point of the sandbox's llm-d-inference-scheduler:release-v0.4 image.

KServe release-v0.15 configures that scheduler with llm-d's `load-aware-scorer`. The sandbox runs
the inference extension's endpoint picker, which has no plugin of that name; its `queue-scorer`
looks at the same figure, the requests that wait in each server. So the name is replaced in
`--config-text` and the real program started with everything else unchanged.
Sources: pkg/controller/llmisvc/scheduler.go of opendatahub-io/kserve release-v0.15;
pkg/plugins/scorer/load_aware.go of llm-d/llm-d-inference-scheduler v0.4.0.
"""

from __future__ import annotations

import os
import sys

PICKER = "/opt/sandbox/bin/epp"


def translated(arguments: list[str]) -> list[str]:
    """Return the arguments for the inference extension's picker."""
    return [argument.replace("load-aware-scorer", "queue-scorer") for argument in arguments]


if __name__ == "__main__":
    os.execv(PICKER, [PICKER, *translated(sys.argv[1:])])
