# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read many objects and lists at once, with patience for an API server in trouble. No opinion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import PARALLEL, Session
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import (
    Api,
    ApiError,
    first_contact,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.retry import patient

# The server sends names, labels and owners only: the values of Secrets never leave it.
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True)
class Question:
    """One thing to read. No name asks for the list; a kind of several versions, newest first."""

    kind: str
    api_versions: tuple[str, ...] = ("v1",)
    namespace: str | None = None
    name: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    metadata_only: bool = False
    optional: bool = False
    """Without the right to read it, it counts as not there."""


class Reader:
    """Asks the API server, in parallel. Raises ConnectionProblem, ApiError, ConnectionLost."""

    def __init__(self, session: Session) -> None:
        """Learn the server's kinds."""
        self.api = Api(session)
        first_contact(self.api)
        self._persist = patient(lambda: self.api.counts.add(retries=1))

    def ask(self, questions: Sequence[Question]) -> list[dict[str, Any] | None]:
        """The answers in order: an object or a list, None for what is not there."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            return list(pool.map(self._answer, questions))

    def _answer(self, question: Question) -> dict[str, Any] | None:
        kinds = (self.api.kind(version, question.kind) for version in question.api_versions)
        kind = next(filter(None, kinds), None)
        if kind is None:
            return None
        path = kind.path(question.name, question.namespace)
        accept = METADATA_LIST if question.metadata_only else "application/json"
        try:
            answer = self._persist(lambda: self.api.get(path, question.query, accept))
        except ApiError as problem:
            if problem.status == 403 and question.optional:
                return None
            raise
        # Objects of a list come without kind and version.
        for item in items(answer):
            item.update(apiVersion=kind.api_version, kind=kind.kind)
        return answer


def items(answer: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The objects of a list; none when the server does not know the kind."""
    return (answer or {}).get("items") or []
