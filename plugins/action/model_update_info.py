# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.model_update_info` in the controller; documented in the module of the same name."""

from __future__ import annotations

from ansible_collections.llmd.tpu.plugins.module_utils.serving import model_update_info
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import EngineAction


class ActionModule(EngineAction):
    """Tells how services are updated."""

    engine = model_update_info
