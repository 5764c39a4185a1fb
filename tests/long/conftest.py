# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tests that take too long for ``make test``; they use the same sandboxes."""

from __future__ import annotations

from tests.e2e.conftest import (
    converged,
    kubeconfig,
    namespace,
    pytest_runtest_makereport,
    sandbox,
)
from tests.e2e.phases.conftest import lived

__all__ = [
    "converged",
    "kubeconfig",
    "lived",
    "namespace",
    "pytest_runtest_makereport",
    "sandbox",
]
