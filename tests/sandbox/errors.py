# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one exception that the sandbox's commands turn into a message."""

from __future__ import annotations


class SandboxError(Exception):
    """Says what was looked at, what was expected and what to do; printed without a traceback."""
