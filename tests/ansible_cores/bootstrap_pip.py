# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stands where ansible-test keeps a downloaded installer of pip: the interpreter has one."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: ensurepip switches pip's settings off in its environment.
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"])
wanted = [one for one in sys.argv[1:] if one not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *wanted]))
