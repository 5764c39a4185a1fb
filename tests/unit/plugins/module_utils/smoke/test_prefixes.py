# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is it seen whether a prefix stays, and whether prefixes spread?"""

from __future__ import annotations

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.prefixes import (
    NOBODY,
    Row,
    judge_prefixes,
    prompt_of,
    table,
)

URL = "http://203.0.113.10/ns/name"


def rows(*replicas: str) -> list[Row]:
    """A row for each text, whose letters are pods."""
    return [Row(number, tuple(text)) for number, text in enumerate(replicas, 1)]


CASES = [
    (rows("aaa", "bbb", "aaa", "bbb"), []),
    (rows("aab", "bbb"), ["SMOKE-PREFIX-SCATTERED"]),
    (rows("aaa", "aaa", "aaa", "aaa"), ["SMOKE-PREFIX-ONE-REPLICA"]),
    # Too few to say so, and nothing that is known.
    (rows("aaa", "aaa"), []),
    (rows(f"a{NOBODY}a", "bbb", f"{NOBODY}aa", "bbb"), []),
    (rows(NOBODY * 3, NOBODY * 3, NOBODY * 3, NOBODY * 3), []),
    ([], []),
]


@pytest.mark.parametrize(("told", "codes"), CASES)
def test_what_the_rows_say(told: list[Row], codes: list[str]) -> None:
    assert [one.code for one in judge_prefixes(told, URL)] == codes


def test_the_table() -> None:
    assert table(rows("aab", "ccc")) == [
        "prefix  a  b  c",
        "     1  2  1  0",
        "     2  0  0  3",
    ]
    assert table([]) == []


def test_prompts_differ_from_their_first_block_on() -> None:
    one, same, other = (prompt_of(n, "f00", q) for n, q in ((1, " a"), (1, " b"), (2, " a")))
    assert one[:1200] == same[:1200]
    assert one[:64] != other[:64]
    assert one != same
