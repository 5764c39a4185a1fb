# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Clean what leaves the cluster for somebody else's eyes: objects, logs, any text. Pure.

`masks` knows secrets by where they stand. Here a value that was seen in such a place is known from
then on, and is removed wherever else it stands, in each of its spellings: plain, as JSON or a URL
write it, and within base64 at any of its three alignments. Base64 is looked into, twice if need be,
for what looks like a credential; what is packed by gzip in it is masked as a whole.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.masks import (
    MASK,
    masked_body,
    secret_values,
    tells,
    without_tokens,
)

SHORTEST = 6
"""A shorter value stands in too many other words."""
LONGEST = 2**14
"""A longer one is no password but a file, such as a release of Helm."""
_ENCODED = (re.compile(r"[A-Za-z0-9+/]{16,}={0,2}"), re.compile(r"[A-Za-z0-9_-]{16,}={0,2}"))
_GZIP = b"\x1f\x8b\x08"
_DEPTH = 2
_FLAG = re.compile(r"--?[\w-]+")
# Headers of a probe, and the like: their names are no words for a secret elsewhere.
_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "auth"})
# TOKEN_FILE names no secret, only where it is.
_PATH = re.compile(r"(/[\w.@-]+){2,}/?")
_PUBLIC = "-----BEGIN CERTIFICATE"
# Helm may keep its releases, with all values in them, in ConfigMaps.
_HELM = "owner", "helm"
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Cleaner:
    """Removes what it knows, and what looks like a secret."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Know these values from the start."""
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.know(secrets)

    def know(self, secrets: Iterable[str]) -> None:
        """Remember values, for every text from now on."""
        for value in secrets:
            if value.startswith(_PUBLIC) or len(value) > LONGEST:
                continue
            # A file's last line break is no part of what is secret.
            for spelled in (value, value.strip()):
                if len(spelled) >= SHORTEST and spelled != MASK and not _PATH.fullmatch(spelled):
                    self._values.add(spelled)
        self._pattern = None

    def learn(self, body: Mapping[str, Any]) -> None:
        """Remember the values of an object that are secret by where they stand."""
        for value in secret_values(body):
            self.know([value])
            self.know(_values_in_json(value))
        self.know(_values_by_name(body))
        annotations = (body.get("metadata") or {}).get("annotations") or {}
        try:
            applied = json.loads(annotations.get(_APPLIED, "{}"))
        except ValueError:
            return
        if isinstance(applied, dict) and applied:
            self.learn(applied)

    def object(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """An object with its secrets masked, by where they stand."""
        shown = masked_body(body)
        labels = (body.get("metadata") or {}).get("labels") or {}
        if body.get("kind") == "ConfigMap" and labels.get(_HELM[0]) == _HELM[1]:
            shown["data"] = dict.fromkeys(body.get("data") or {}, MASK)
        result: dict[str, Any] = _by_name(shown)
        return result

    def text(self, text: str) -> str:
        """A text without known values, tokens, and what hides them."""
        return self._clean(text, _DEPTH)

    def data(self, value: Any) -> Any:
        """Plain data with every text in it cleaned, by names and by looks."""
        if isinstance(value, Mapping):
            return _by_name({str(name): self.data(item) for name, item in value.items()})
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def _clean(self, text: str, depth: int) -> str:
        known = self._known()
        if known:
            text = known.sub(MASK, text)
        for alphabet in _ENCODED if depth else ():
            text = alphabet.sub(lambda run: self._looked_into(run[0], depth), text)
        return without_tokens(text)

    def _looked_into(self, run: str, depth: int) -> str:
        """A run of base64, or a mask when what it encodes is not to be seen."""
        content = _decoded(run)
        if content is None:
            return run
        if content.startswith(_GZIP):
            return MASK
        try:
            inner = content.decode()
        except UnicodeDecodeError:
            return run
        if not _is_text(inner):
            return run
        return run if self._clean(inner, depth - 1) == inner else MASK

    def _known(self) -> re.Pattern[str] | None:
        if self._pattern is None and self._values:
            spelled = {each for value in self._values for each in _spellings(value)}
            longest_first = sorted(spelled, key=lambda one: (-len(one), one))
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern


def _spellings(value: str) -> Iterator[str]:
    """A value as texts may write it."""
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield quote(value)
    yield quote(value, safe="")
    content = value.encode()
    for shift in range(3):
        # Of the first and last character some bits belong to the neighbours.
        first = (8 * shift + 5) // 6
        last = (8 * (shift + len(content))) // 6
        run = base64.b64encode(b"\0" * shift + content).decode()[first:last]
        if len(run) >= SHORTEST:
            yield run
            yield run.translate(str.maketrans("+/", "-_"))


def _decoded(run: str) -> bytes | None:
    plain = run.rstrip("=").translate(str.maketrans("-_", "+/"))
    # The last characters may belong to something else.
    plain = plain[: len(plain) - 1] if len(plain) % 4 == 1 else plain
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    except (binascii.Error, ValueError):
        return None


def _is_text(text: str) -> bool:
    return all(letter.isprintable() or letter in "\n\r\t" for letter in text)


def _names_secret(name: Any) -> bool:
    if not isinstance(name, str):
        return False
    return tells(name.replace("-", "_")) or name.lower() in _HEADERS


def _entries(value: Any) -> Iterator[tuple[Any, str]]:
    """Where in a container a text stands that is a secret by the name beside it: key and text."""
    if isinstance(value, Mapping):
        if _names_secret(value.get("name")) and isinstance(value.get("value"), str):
            yield "value", value["value"]
        for name, item in value.items():
            if isinstance(item, str) and item and _names_secret(name):
                yield name, item
    elif isinstance(value, list):
        for number, (flag, item) in enumerate(pairwise(value)):
            if not (isinstance(flag, str) and isinstance(item, str)):
                continue
            if _FLAG.fullmatch(flag) and _names_secret(flag) and not item.startswith("-"):
                yield number + 1, item


def _by_name(value: Any) -> Any:
    """The value with texts masked that are secret by their name: settings, headers, flags."""
    hidden = {key for key, _text in _entries(value)}
    if isinstance(value, Mapping):
        return {key: MASK if key in hidden else _by_name(item) for key, item in value.items()}
    if isinstance(value, list):
        return [MASK if key in hidden else _by_name(item) for key, item in enumerate(value)]
    return value


def _values_in_json(text: str) -> Iterator[str]:
    """Of a pull secret, which is JSON, the passwords in it."""
    try:
        yield from _values_by_name(json.loads(text))
    except ValueError:
        return


def _values_by_name(value: Any) -> Iterator[str]:
    for _key, text in _entries(value):
        yield text
    below = value.values() if isinstance(value, Mapping) else value
    for item in below if isinstance(value, Mapping | list) else ():
        yield from _values_by_name(item)
