# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which refusals heal by themselves, and how long they are waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from ansible_collections.llmd.tpu.plugins.module_utils.connection import ConnectionLost
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import ApiError

Result = TypeVar("Result")
TROUBLE_SECONDS = 30.0
"""Patience with an API server in trouble; what is still starting gets the task's wait_timeout."""


class Patience(Enum):
    """How long a refusal is worth waiting for."""

    NONE = "it stays refused"
    SHORT = "the API server is in trouble"
    LONG = "something is still starting"


NO_SUCH_PATH = "404 page not found"
"""A kind is known and its path is not served: not yet, or not there any more."""

# Words of kube-apiserver while a webhook's pod, Service or CA is not there yet.
_STARTING = (
    "failed calling webhook",
    "conversion webhook for",
    "no endpoints available for service",
    "connection refused",
    "x509: certificate signed by unknown authority",
    "the server could not find the requested resource",
    NO_SUCH_PATH,
    "because it is being terminated",
    "while custom resource definition is terminating",
    # An API server that serves before it has read what its admission needs answers 403 with it.
    "not yet ready to handle request",
    "no matches for kind",
    "failed to find api group",
)
# The admission webhook was reached and said no, the object does not fit the kind's schema, or it is
# another object by now.
_FINAL = (
    "denied the request",
    "failed to create typed patch object",
    "field not declared in schema",
    "UID in precondition",
    "UID in the precondition",
)


def patience(problem: Exception) -> Patience:
    """How long to wait for this to heal. Pure."""
    if isinstance(problem, ConnectionLost):
        return Patience.SHORT
    if not isinstance(problem, ApiError) or problem.conflicts:
        return Patience.NONE
    text = problem.message
    if any(words in text for words in _FINAL):
        return Patience.NONE
    if any(words in text for words in _STARTING):
        return Patience.LONG
    if problem.status in (409, 429) or problem.status >= 500:
        return Patience.SHORT
    return Patience.NONE


class Persistence:
    """The patience of one task: a server that went away is waited for once, not by every object."""

    def __init__(
        self,
        wait_seconds: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        retried: Callable[[], object],
    ) -> None:
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._sleep = sleep
        self._retried = retried
        self._lost = False

    def __call__(self, attempt: Callable[[], Result]) -> Result:
        """Try until it works, cannot heal, or its time is over; the last refusal is raised."""
        started, pause = self._clock(), 0.1
        while True:
            try:
                return attempt()
            except (ApiError, ConnectionLost) as problem:
                wait = max(pause, getattr(problem, "retry_after", 0.0))
                if self._clock() - started + wait > self._limit(patience(problem)):
                    self._lost = self._lost or isinstance(problem, ConnectionLost)
                    raise
            self._retried()
            self._sleep(wait)
            pause = min(pause * 2, 2.0)

    def _limit(self, kind: Patience) -> float:
        if kind is Patience.NONE or self._lost:
            return 0.0
        if kind is Patience.LONG:
            return self._wait_seconds
        return min(self._wait_seconds, TROUBLE_SECONDS)


def patient(retried: Callable[[], object] = lambda: None) -> Persistence:
    """The patience of a task that only reads; `retried` is told of each further attempt."""
    return Persistence(TROUBLE_SECONDS, time.monotonic, time.sleep, retried)
