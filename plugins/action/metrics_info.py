# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.metrics_info` in the controller's process; documented in the module."""

from __future__ import annotations

from ansible_collections.llmd.tpu.plugins.module_utils.metrics import metrics_info
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import EngineAction


class ActionModule(EngineAction):
    """Tells what services, scheduler and gateway count."""

    engine = metrics_info
    constraints = metrics_info.CONSTRAINTS
