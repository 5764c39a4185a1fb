# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a role's variables and templates come to, for several sets of inputs.

Runs in a process of its own: to find filters and lookups, Ansible puts its own import machinery
in front of everything, which hides this checkout from tests that are imported later.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parents[3] / "roles"


def evaluate(role: str, cases: Mapping[str, Mapping[str, Any]], *expressions: str) -> Any:
    """The value of each Jinja expression, by case; a template's name ends with .j2."""
    question = {"role": role, "cases": cases, "expressions": expressions}
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.roles.evaluate"],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROLES.parent,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader
    from ansible.template import Templar, trust_as_template

    init_plugin_loader()
    folder = ROLES / question["role"]
    loader = DataLoader()
    loader.set_basedir(str(folder))

    def trusted(value: Any) -> Any:
        """Mark every text of our files as a template."""
        if isinstance(value, dict):
            return {name: trusted(part) for name, part in value.items()}
        if isinstance(value, list):
            return [trusted(part) for part in value]
        return trust_as_template(value) if isinstance(value, str) else value

    values: dict[str, Any] = {"ansible_search_path": [str(folder)]}
    for name in ("defaults", "vars"):
        values |= trusted(yaml.safe_load((folder / name / "main.yml").read_text()))
    found: dict[str, Any] = {}
    for case, inputs in question["cases"].items():
        templar = Templar(loader=loader, variables={**values, **inputs})
        found[case] = {}
        for one in question["expressions"]:
            template = one.endswith(".j2")
            wanted = f"lookup('ansible.builtin.template', '{one}')" if template else one
            value = templar.template(trust_as_template("{{ " + wanted + " }}"))
            found[case][one] = list(filter(None, yaml.safe_load_all(value))) if template else value
    return found


if __name__ == "__main__":
    json.dump(_answer(json.load(sys.stdin)), sys.stdout, default=str)
