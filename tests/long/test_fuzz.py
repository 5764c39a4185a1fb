# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ten thousand inputs to model_check, eight thousand of them valid YAML."""

from __future__ import annotations

from tests.unit.plugins.module_utils.serving.test_fuzz import ask_broken, ask_mutated


def test_eight_thousand_mutations_of_the_good_manifest() -> None:
    ask_mutated(8_000)


def test_two_thousand_broken_texts() -> None:
    ask_broken(2_000)
