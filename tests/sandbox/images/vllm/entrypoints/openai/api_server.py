# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`python3 -m vllm.entrypoints.openai.api_server`: the entry point of Red Hat's vLLM images."""

from __future__ import annotations

import sys

from ...arguments import parse_module
from ...release import release_of
from ...startup import run

if __name__ == "__main__":
    release = release_of()
    sys.exit(run(parse_module(sys.argv[1:], release), release))
