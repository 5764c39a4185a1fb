# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
from pathlib import Path

from tests.bench import figures
from tests.bench.growth import plain


def test_a_ratio_is_median_over_median() -> None:
    figure = figures.against("P1", "apply", "kubectl", [1.0, 9.0, 2.0], [8.0, 4.0, 100.0], 0.25)
    assert (figure.ours_s, figure.contender_s, figure.ratio) == (2.0, 8.0, 0.25)
    assert figure.ok
    assert not figures.against("P1", "apply", "kubectl", [2.1], [8.0], 0.25).ok


def test_a_difference_is_in_seconds() -> None:
    figure = figures.above("P3", "site", "shell", [120.0, 122.0, 90.0], [99.5, 95.0, 100.0], 20)
    assert (figure.value, figure.unit, figure.ok) == (20.5, "s more than the contender", False)


def test_a_record_has_the_fields_that_programs_read(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    figures.write([figures.alone("P4", "apply", 5, 3.14159, "ms an object", 8, 3.1)], file)
    assert json.loads(file.read_text()) == [
        {
            "id": "P4",
            "work": "apply",
            "contender": None,
            "runs": 5,
            "ours_s": 3.1,
            "contender_s": None,
            "ratio": None,
            "value": 3.142,
            "unit": "ms an object",
            "limit": 8,
            "ok": True,
        }
    ]


def test_the_table_names_what_was_missed() -> None:
    kept = figures.alone("P4", "memory", 5, 100, "MB", 250)
    missed = figures.alone("P4", "growth", 5, 11, "times", 10)
    lines = figures.table([kept, missed]).splitlines()
    assert lines[1].endswith("ok")
    assert lines[2].endswith("MISSED")


def test_the_objects_of_the_growth_are_distinct() -> None:
    objects = plain(1000)
    assert len({(each["kind"], each["metadata"]["name"]) for each in objects}) == 1000
    assert len({each["kind"] for each in objects}) == 8
