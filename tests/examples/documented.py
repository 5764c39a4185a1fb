# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ansible-doc shows of the collection."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.sandbox.paths import CHECKOUT

Kind = Literal["module", "filter", "role"]
NAMES: Mapping[Kind, list[str]] = {
    "module": sorted(path.stem for path in (CHECKOUT / "plugins/modules").glob("*.py")),
    "filter": sorted(path.stem for path in (CHECKOUT / "plugins/filter").glob("*.yml")),
    "role": sorted(path.name for path in (CHECKOUT / "roles").iterdir()),
}

# Where the examples of modules and roles are run: on a cluster those that take its connection
# options (and report, whose examples look at one first), without one these. What needs more than
# the sandbox has is named with the test that runs it there.
ALONE = {"manifests_info", "show", "unpack"}
ELSEWHERE: Mapping[str, str] = {
    "cluster": "tests/e2e/cluster/test_phase.py",
    "gke_cluster": "tests/e2e/cluster/test_phase.py",
    "tpu_capacity_info": "tests/e2e/cluster/test_phase.py",
}
ON_A_CLUSTER = [name for name in NAMES["module"] if name not in ALONE | set(ELSEWHERE)]
ROLES_ON_A_CLUSTER = [name for name in NAMES["role"] if name not in ELSEWHERE]


@dataclass(frozen=True)
class Documented:
    """A module, filter or role with its documentation."""

    kind: Kind
    name: str
    document: Mapping[str, Any]
    """Description, options and the like; of a role those of its entry point main."""
    examples: str
    """YAML: a list of tasks, of a role a list of plays."""
    returns: Mapping[str, Any]


@functools.cache
def documented(kind: Kind) -> Mapping[str, Documented]:
    """Everything of a kind by its name, as `ansible-doc --json` gives it."""
    program = str(Path(sys.executable).with_name("ansible-doc"))
    names = [f"llmd.tpu.{name}" for name in NAMES[kind]]
    done = subprocess.run(
        [program, "--json", f"--type={kind}", *names],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: Mapping[str, Any] = json.loads(done.stdout)
    return {name: _read(kind, name, told[f"llmd.tpu.{name}"]) for name in NAMES[kind]}


def _read(kind: Kind, name: str, told: Mapping[str, Any]) -> Documented:
    if kind == "role":
        main = told["entry_points"]["main"]
        return Documented(kind, name, main, main.get("examples") or "", {})
    return Documented(kind, name, told["doc"], told["examples"] or "", told["return"] or {})
