# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.diagnosis_info` in the controller's process; documented in the module of its name."""

from __future__ import annotations

from ansible_collections.llmd.tpu.plugins.module_utils.diagnosis import diagnosis_info
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import EngineAction


class ActionModule(EngineAction):
    """Looks for causes."""

    engine = diagnosis_info
    constraints = diagnosis_info.CONSTRAINTS
