#!/usr/bin/env python3
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program `vllm` in the sandbox's images: starts the package of that name."""

from __future__ import annotations

import runpy

if __name__ == "__main__":
    runpy.run_module("vllm", run_name="__main__")
