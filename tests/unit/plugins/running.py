# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules as Ansible runs them, in this process or in one of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible.module_utils import basic
from ansible_collections.llmd.tpu.plugins import modules

__all__ = ["given", "module"]

# The folder that holds ansible_collections, where Python finds them.
COLLECTIONS = Path(next(iter(modules.__path__))).parents[4]

try:
    from ansible.module_utils.testing import patch_module_args as given
except ModuleNotFoundError:  # ansible-core 2.16

    @contextmanager
    def given(args: Mapping[str, Any] | None = None) -> Iterator[None]:
        """A module that starts within finds these arguments."""
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": dict(args or {})}).encode()
        try:
            yield
        finally:
            basic._ANSIBLE_ARGS = None


def module(name: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """Run a module in a process of its own, and give its result."""
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {**options, "_ansible_check_mode": check}})
    done = subprocess.run(
        [sys.executable, "-m", f"{modules.__name__}.{name}"],
        cwd=COLLECTIONS,
        input=arguments,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result
