# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sandbox of the short tests."""

from __future__ import annotations

from tests.e2e.startup.conftest import world

__all__ = ["world"]
