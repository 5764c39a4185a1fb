# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`llmd.tpu.model_startup` in the controller's process, with progress; documented in the module."""

from __future__ import annotations

from ansible_collections.llmd.tpu.plugins.module_utils.startup.model_startup import (
    argument_spec,
    model_startup,
)
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import WatchingAction


class ActionModule(WatchingAction):
    """Watches models start."""

    options = staticmethod(argument_spec)
    word = staticmethod(model_startup)
