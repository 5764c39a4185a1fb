# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Log lines in vLLM's and uvicorn's form.

vllm/logger.py: `LEVEL month-day time [file:line] text` on standard output; every line is prefixed
with the process it comes from (decorate_logs). uvicorn writes `INFO:     text` to standard error.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TextIO

API_SERVER = "APIServer"
_lock = threading.Lock()


def log(level: str, where: str, text: str, process: str = API_SERVER) -> None:
    """One line of vLLM's log; `where` is the real file and line of the imitated message."""
    stamp = time.strftime("%m-%d %H:%M:%S")
    _write(sys.stdout, process, f"{level} {stamp} [{where}] {text}")


def uvicorn(text: str, level: str = "INFO", access: bool = False) -> None:
    """One line of uvicorn's log; access lines go to standard output."""
    _write(sys.stdout if access else sys.stderr, API_SERVER, f"{level + ':':<9} {text}")


def raw(text: str, process: str = API_SERVER) -> None:
    """Lines of a traceback."""
    _write(sys.stderr, process, text)


def _write(stream: TextIO, process: str, text: str) -> None:
    prefix = f"({process} pid={os.getpid()}) "
    with _lock:
        print(*(prefix + line for line in text.splitlines()), sep="\n", file=stream, flush=True)
