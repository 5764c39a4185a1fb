# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The API server alone, as in the short tests."""

from __future__ import annotations

from tests.e2e.readiness.conftest import plane

__all__ = ["plane"]
