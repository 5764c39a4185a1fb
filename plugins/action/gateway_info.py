# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.gateway_info` in the controller's process; documented in the module."""

from __future__ import annotations

from ansible_collections.llmd.tpu.plugins.module_utils.gateway import gateway_info
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import EngineAction


class ActionModule(EngineAction):
    """Looks at the Gateway and judges it."""

    engine = gateway_info
    constraints = gateway_info.CONSTRAINTS
