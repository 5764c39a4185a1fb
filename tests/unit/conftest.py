# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

# ansible-test knows these tests by the collection's name only; they know their neighbours by this.
sys.path.insert(0, str(Path(__file__).parents[2]))

# A busy machine is no reason to fail: what is slow is measured elsewhere.
settings.register_profile("unit", deadline=None)
settings.load_profile("unit")
