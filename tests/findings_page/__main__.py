# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write docs/findings.md anew."""

from __future__ import annotations

from tests.findings_page.page import PAGE, page

PAGE.write_text(page())
