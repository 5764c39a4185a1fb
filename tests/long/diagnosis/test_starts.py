# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every start that fails (tests/long/startup) is diagnosed by the code that its watch gives."""

from __future__ import annotations

import pytest

from tests.e2e.diagnosis.diagnosing import codes, name_until, told
from tests.long.diagnosis.outcomes import OUTCOMES
from tests.long.startup.cases import CASES, Case
from tests.long.startup.starting import prepare, remove
from tests.sandbox.harness import Sandbox

# Stopped on purpose is no failure.
FAILING = [case for case in CASES if case.code != "STARTUP-STOPPED"]
SECONDS = 120.0


@pytest.mark.parametrize("case", FAILING, ids=[case.name for case in FAILING])
def test_a_start_that_fails_is_diagnosed(world: Sandbox, case: Case) -> None:
    prepare(world, case)
    try:
        result = name_until(
            world,
            [case.code],
            SECONDS,
            name=case.name,
            namespace=case.namespace,
            ask=False,
        )
        OUTCOMES.rows[f"start: {case.name}"] = (case.code, codes(result), result["seconds"])
        assert codes(result) == [case.code], told(result)
        assert case.words in " ".join(result["findings"][0]["evidence"])
        assert "hunter2" not in str(result)
        assert "hf_wrong" not in str(result)
    finally:
        remove(world, case)
