# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is cleaned, and how much of it."""

from __future__ import annotations

from ansible_collections.llmd.tpu.plugins.module_utils.bundle.files import files_of
from ansible_collections.llmd.tpu.plugins.module_utils.bundle.told import Collected, Command
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.cleaning import Cleaner

LOG = Command("logs", ("pod",), "space")


class Counting(Cleaner):
    """Counts what it is given to clean."""

    cleaned = 0

    def text(self, text: str) -> str:
        self.cleaned += len(text)
        return super().text(text)


def test_no_more_is_cleaned_than_there_is_room_for() -> None:
    texts = [(f"{number}.log", LOG, "a line of a log\n" * 5000) for number in range(20)]
    cleaner = Counting()
    files = files_of(Collected(texts=texts), cleaner, 100_000)
    assert 50_000 < cleaner.cleaned <= 100_000
    assert all(file.left_out > 0 for file in files)


def test_a_token_that_is_cut_in_two_is_left_out() -> None:
    secret = "hf_" + "a1B2c3D4" * 5
    cleaner = Cleaner([secret])
    one_line = "x" * 5000 + secret + "y" * 4980
    [file] = files_of(Collected(texts=[("a.log", LOG, one_line)]), cleaner, 5_080)
    assert "D4" not in file.text
    assert file.left_out > 0
