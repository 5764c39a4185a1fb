# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build the manual: `make docs`."""

from __future__ import annotations

import sys

from tests.manual.programs import NotBuilt
from tests.manual.site import build

if __name__ == "__main__":
    try:
        print(f"the manual is at {build()}")
    except NotBuilt as problem:
        sys.exit(str(problem))
