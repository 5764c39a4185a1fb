# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who gets room in a bundle, and what is cut."""

from __future__ import annotations

from ansible_collections.llmd.tpu.plugins.module_utils.bundle.room import File, Rank, fit


def lines(number: int) -> str:
    return "".join(f"line {one:04d}\n" for one in range(number))


def file(name: str, number: int, rank: Rank = "objects") -> File:
    return File(name, lines(number), rank)


def test_what_fits_stays_as_it_is_in_the_order_of_names() -> None:
    files = [file("b", 3), file("a", 5, "logs"), file("c", 1, "given")]
    assert fit(files, 1000) == sorted(files, key=lambda one: one.name)


def test_all_together_never_have_more_than_the_limit() -> None:
    files = [file(f"{rank}-{n}", 400 * n, rank) for rank in ("logs", "objects") for n in range(9)]
    for most in (0, 100, 5000, 30000, 10**6):
        fitted = fit(files, most)
        assert sum(one.size for one in fitted) <= most
        assert len(fitted) == len(files)


def test_small_files_stay_whole_and_large_ones_share() -> None:
    small, large, larger = fit([file("a", 10), file("b", 1000), file("c", 5000)], 10000)
    assert small == file("a", 10)
    assert large.left_out > 0
    assert abs(large.size - larger.size) < 50


def test_logs_go_before_anything_else_does() -> None:
    log, objects = fit([file("a", 1000, "logs"), file("b", 1000)], 10000)
    assert objects.left_out == 0
    assert (log.text, log.left_out) == ("", 10000)


def test_of_a_log_the_end_is_kept_and_of_objects_the_beginning() -> None:
    log = fit([file("a", 1000, "logs")], 2000)[0]
    assert log.text.startswith("[llmd.tpu: 10000 bytes, cut")
    assert log.text.endswith("line 0999\n")
    objects = fit([file("b", 1000)], 2000)[0]
    assert objects.text.startswith("line 0000\n")
    assert "cut for want of room" in objects.text.splitlines()[-1]
    assert all(len(line) == 9 for line in objects.text.splitlines()[:-1])
