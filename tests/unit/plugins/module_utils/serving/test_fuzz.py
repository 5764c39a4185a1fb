# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever a file holds, most of it the good manifest with something wrong: never a traceback.

Here are some hundreds of inputs; `tests/long` asks ten thousand.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import yaml
from ansible_collections.llmd.tpu.plugins.module_utils.serving.model_check import run

from tests.unit.plugins.module_utils.serving.manifests import GOOD, good
from tests.unit.plugins.modules.test_model_check import parameters

MUTATED, BROKEN = 400, 100
# A neighbour generation's value, another type, nothing, and what YAML makes of careless spelling.
VALUES: list[Any] = [
    None, True, 0, -1, 4, 4.5, "", "x", "4", [], {}, [None], [1, "2"], {"name": "main"},
    "tpu-v5p-slice", "tpu-v5-lite-podslice", "tpu7x", "nvidia-l4", "2x2x1", "4x4", "16x16x24",
    "2x4", "hf://a/b/c", "gs://bucket", "{{ messages }}", "{{", "é\u2028", "-", "--", "'", '"open',
    "x" * 300, {"httpGet": None}, {"exec": {}}, [{"name": "HF_TOKEN"}], 10**30, float("inf"),
]  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(child, dict | list):
            yield from _places(child, (*path, key))


def _parent(manifest: Any, place: tuple[Any, ...]) -> Any:
    for step in place[:-1]:
        manifest = manifest[step]
    return manifest


def _mutated(chance: random.Random) -> dict[str, Any]:
    """Change a type, drop a field, or move it somewhere else, one to three times."""
    manifest = good()
    for _time in range(chance.randint(1, 3)):
        places = list(_places(manifest))
        place = chance.choice(places)
        parent = _parent(manifest, place)
        what = chance.randrange(3)
        if what == 0:
            parent[place[-1]] = copy.deepcopy(chance.choice(VALUES))
        else:
            value = parent.pop(place[-1])
            if what == 2:
                other = chance.choice([one for one in places if one[: len(place)] != place] or [()])
                try:
                    _parent(manifest, other)[other[-1]] = value
                except (LookupError, TypeError):
                    manifest[str(place[-1])] = value
    return manifest


def _broken(chance: random.Random) -> str:
    """Cut the text, change characters, or double a part of it."""
    text = GOOD
    for _time in range(chance.randint(1, 5)):
        at = chance.randrange(len(text))
        piece = chance.choice(
            ["", "\t", "&a ", "*a ", "{", "}", "[", "- ", ": ", "\0", "é", "|", "!"]
        )
        text = chance.choice([text[:at] + piece + text[at + 1 :], text[at:] + text[:at], text[:at]])
        text = text or "x"
    return text


def _answered(definition: Any) -> None:
    result = run(parameters(definition=definition, findings_only=True))
    if result.get("failed"):
        assert result["msg"]
        assert "Traceback" not in result["msg"]
        return
    for finding in result["findings"]:
        assert all(isinstance(text, str) for text in finding.values())
    for corrected in result["corrected"]:
        assert isinstance(corrected["definition"], dict)


def ask_mutated(count: int) -> None:
    """Ask about mutations of the good manifest, each of which is valid YAML."""
    chance = random.Random(20261125)
    for _one in range(count):
        manifest = _mutated(chance)
        assert yaml.safe_dump(manifest)
        _answered(manifest)


def ask_broken(count: int) -> None:
    """Ask about texts that are mostly no YAML any more."""
    chance = random.Random(20261126)
    for _one in range(count):
        _answered(_broken(chance))


def test_a_good_manifest_with_something_wrong_is_answered() -> None:
    ask_mutated(MUTATED)


def test_a_broken_text_is_answered() -> None:
    ask_broken(BROKEN)
