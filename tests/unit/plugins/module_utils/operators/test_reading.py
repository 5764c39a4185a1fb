# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is a server that is in trouble for a moment asked again, and one that refuses not?"""

from __future__ import annotations

import itertools
from typing import Any, cast

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionLost
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import Api, ApiError
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.retry import Persistence
from ansible_collections.llmd.tpu.plugins.module_utils.operators.reading import read


class Troubled:
    """An API that fails some of its first requests."""

    def __init__(self, problem: Exception, times: int) -> None:
        self._problems = iter([problem] * times)
        self._numbers = itertools.count(1)
        self.asked = 0

    def get(self, _path: str, _query: Any = None) -> dict[str, Any]:
        self.asked = next(self._numbers)
        problem = next(self._problems, None)
        if problem:
            raise problem
        return {"items": []}


def _read(api: Troubled) -> list[float]:
    """Read; gives the pauses that were made."""
    pauses: list[float] = []
    persist = Persistence(30, lambda: sum(pauses), pauses.append, retried=lambda: None)
    assert read(cast(Api, api), persist=persist).istios == ()
    return pauses


@pytest.mark.parametrize(
    "problem",
    [ApiError(429, "", "too many requests"), ApiError(503, "", "busy"), ConnectionLost("reset")],
)
def test_trouble_of_a_moment(problem: Exception) -> None:
    whole = Troubled(problem, 0)
    assert _read(whole) == []
    api = Troubled(problem, 5)
    assert len(_read(api)) == 5
    assert api.asked == whole.asked + 5


def test_a_refusal_is_not_asked_again() -> None:
    with pytest.raises(ApiError, match="forbidden"):
        _read(Troubled(ApiError(403, "Forbidden", "forbidden"), 1))
