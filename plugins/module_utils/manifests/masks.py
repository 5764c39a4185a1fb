# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is secret in what is shown: values of Secrets, and of variables that are called so. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.manifests.compare import Change
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.fields import Item, Path

MASK = "********"
# HF_TOKEN and DBPASSWORD, but neither MAX_TOKENS nor TOKENIZER_MODE.
_TELLING = re.compile(
    r"(?:token|passw(?:or)?d|passphrase|secret|credentials?|(?:api|private|access)_?key)(?![a-z])",
    re.IGNORECASE,
)
_NAMES = r"(?:token|passw(?:or)?d|passphrase|secret|credentials?|(?:api|private|access)[-_]?key)"
# Bounded, as one word of a log may have a million characters, and each could begin a name.
_PART = r"[\w.-]{0,64}"
# How credentials stand in texts: the hub's and others' own tokens, headers, flags and settings with
# a telling name, URLs with a user or with a signature.
_SPELLED = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)", re.S), MASK),
    (
        re.compile(
            r"\b(?:hf_|sk-|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|nvapi-|ya29\.|AKIA|AIza)"
            r"[\w.-]{6,}"
        ),
        MASK,
    ),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]+"), MASK),
    (re.compile(r"\b(Bearer|Basic) +[\w.~+/=-]+"), rf"\1 {MASK}"),
    (re.compile(rf"(--?{_PART}{_NAMES}(?:=| +))(?!-)\S+", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(rf"({_NAMES}(?![a-z])['\"]?=)['\"]?[^\s'\",]+", re.IGNORECASE), rf"\1{MASK}"),
    # In JSON, whose strings may hold blanks; and in JSON that is itself a string, with \" for ".
    (
        re.compile(
            rf"(['\"]{_PART}{_NAMES}['\"] *: *)(['\"])(?:\\.|(?!\2)[^\\\n])*\2", re.IGNORECASE
        ),
        rf"\1\2{MASK}\2",
    ),
    (
        re.compile(rf"(\\+['\"]{_PART}{_NAMES}\\+['\"] *: *\\+['\"])[^\\'\"]*", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (re.compile(rf"(['\"]{_PART}{_NAMES}['\"] *: *)[^\s'\",{{\[]+", re.IGNORECASE), rf"\1{MASK}"),
    # Not every word before a colon: "failed to get secret: …" is no secret.
    # Nor what `kubectl describe` says of a variable that comes from a Secret: HF_TOKEN: <set to …>.
    (
        re.compile(
            rf"((?:(?<=\w[_-]){_NAMES}|\bpassword): *['\"]?)(?![<*\[{{|])[^\s'\",]+",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"(://)[^/\s@]{1,1024}@"), rf"\1{MASK}@"),
    (re.compile(r"(https?://[^\s?'\"]{1,4096}\?)[^\s'\"]+"), rf"\1{MASK}"),
)
# A copy of the whole object, with everything that is masked elsewhere.
_COPIES = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})


def masked(value: Any, mask: str = MASK) -> Any:
    """The value with the secrets in it masked: in entries of a name and a value, as of `env`."""
    if isinstance(value, Mapping):
        hidden = {"value"} if tells(value.get("name")) and _plain(value.get("value")) else set()
        return {
            name: mask if name in hidden or name in _COPIES else masked(item, mask)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [masked(item, mask) for item in value]
    return value


def masked_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """A whole object with every secret in it masked."""
    shown: dict[str, Any] = masked(body)
    if body.get("kind") == "Secret":
        for name in {"data", "stringData"} & shown.keys():
            shown[name] = _whole(shown[name], MASK)
    return shown


def masked_change(change: Change, body: Mapping[str, Any], changes: Iterable[Change]) -> Change:
    """A change of an object with its secrets masked; one sees that they differ, not how.

    `body` and the other `changes` tell what an item of a list is called that is known by number.
    """
    if _secret(change.path, body, changes):
        return Change(
            change.path,
            _whole(change.before, f"{MASK} (before)"),
            _whole(change.after, f"{MASK} (after)"),
        )
    return Change(
        change.path,
        masked(change.before, f"{MASK} (before)"),
        masked(change.after, f"{MASK} (after)"),
    )


def without_secrets(text: str, body: Mapping[str, Any]) -> str:
    """A message without the secret values of the object that it is about."""
    for value in secret_values(body):
        if len(value) > 3:
            text = text.replace(value, MASK)
    return text


def without_tokens(text: str) -> str:
    """A line of a log or message without what looks like a credential in it, whoever wrote it."""
    for pattern, shown in _SPELLED:
        text = pattern.sub(shown, text)
    return text


def _secret(path: Path, body: Mapping[str, Any], changes: Iterable[Change]) -> bool:
    if body.get("kind") == "Secret" and path[0] in ("data", "stringData"):
        return True
    if path[-1] in _COPIES:
        return True
    if path[-1] != "value" or len(path) < 2:
        return False
    place = path[-2]
    if isinstance(place, Item):
        return any(tells(value) for name, value in place.keys if name == "name")
    names = [_at(body, (*path[:-1], "name"))]
    for other in changes:
        if other.path == (*path[:-1], "name"):
            names += [other.before, other.after]
    return any(tells(name) for name in names)


def _at(body: Any, path: Path) -> Any:
    """What is there; an item that a list names by keys is looked for by them."""
    node = body
    for segment in path:
        if isinstance(segment, Item) and isinstance(node, list):
            keys = dict(segment.keys).items()
            node = next((i for i in node if isinstance(i, Mapping) and keys <= i.items()), None)
        elif isinstance(segment, int) and isinstance(node, list):
            node = node[segment] if segment < len(node) else None
        else:
            node = node.get(segment) if isinstance(node, Mapping) else None
    return node


def _whole(value: Any, mask: str) -> Any:
    if value is None:
        return None
    return dict.fromkeys(value, mask) if isinstance(value, Mapping) else mask


def tells(name: Any) -> bool:
    """Whether what is called so is a secret by its name."""
    return isinstance(name, str) and bool(_TELLING.search(name))


def _plain(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def secret_values(body: Mapping[str, Any]) -> Iterator[str]:
    """The secret values of an object, in each spelling that a message may quote."""
    if body.get("kind") == "Secret":
        for value in (body.get("data") or {}).values():
            yield str(value)
            yield _decoded(str(value))
        return
    nodes: list[Any] = [body]
    while nodes:
        node = nodes.pop()
        if isinstance(node, Mapping):
            if tells(node.get("name")) and _plain(node.get("value")):
                yield str(node["value"])
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, ValueError):
        return ""
