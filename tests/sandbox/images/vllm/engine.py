# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands in for the engine: requests that queue, take time, fill the cache and give text.

Tokens: a token is up to eight characters of a word together with the white space before it
(`tokens_of`). Joined, the tokens are the text again.

Text: one sentence that says it comes from the stand-in and repeats the first words of the prompt
(`answer`), or JSON where a schema is asked for. The same prompt always gets the same text.

Time: a first token and every further one after the seconds that PACE_VARIABLES
set. Real v6e figures for a 3B model are about 0.02 and 0.01 (published GKE runs); the defaults
are shorter so that tests are quick.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .metrics import Metrics
from .release import Release
from .structured import smallest

PACE_VARIABLES = ("SANDBOX_VLLM_FIRST_TOKEN_SECONDS", "SANDBOX_VLLM_TOKEN_SECONDS")
_TOKEN = re.compile(r"\s*\S{1,8}|\s+$")


def tokens_of(text: str) -> list[str]:
    """Cut the text into tokens."""
    return _TOKEN.findall(text)


def answer(prompt: Sequence[str], version: str) -> list[str]:
    """Tokens of the reply to a prompt."""
    beginning = " ".join("".join(prompt).split()[:8])
    return tokens_of(
        f"This is the sandbox's stand-in for vLLM {version}; it has no model and knows nothing. "
        f"Your prompt has {len(prompt)} tokens and begins with: {beginning}"
    )


@dataclass(frozen=True)
class Limits:
    """Size and speed of the engine; times in seconds."""

    max_model_len: int
    max_num_seqs: int
    block_size: int
    blocks: int
    prefix_caching: bool
    first_token: float
    token: float

    @staticmethod
    def times(environment: Mapping[str, str]) -> tuple[float, float]:
        """Seconds to the first token and between tokens."""
        first_token, token = PACE_VARIABLES
        return float(environment.get(first_token, "0.005")), float(environment.get(token, "0.001"))


@dataclass(frozen=True)
class Request:
    """One choice to generate."""

    prompt: Sequence[str]
    max_tokens: int
    endless: bool
    """ignore_eos: the text is repeated until max_tokens."""

    min_tokens: int = 0
    n: int = 1
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    """The text is JSON that fits it."""


@dataclass(frozen=True)
class Plan:
    """What will be said: the shown text of each token, and why it ends there.

    A token inside a stop string counts, but shows nothing.
    """

    texts: tuple[str, ...]
    finish_reason: str
    stop_reason: str | None = None


def plan(request: Request, version: str) -> Plan:
    """Decide the whole reply; the pace of its tokens is the engine's matter."""
    if request.schema is None:
        whole = answer(request.prompt, version)
    else:
        whole = tokens_of(json.dumps(smallest(request.schema)))
    wanted = request.max_tokens if request.endless else max(len(whole), request.min_tokens)
    tokens: list[str] = []
    text = ""
    for token in itertools.islice(itertools.cycle(whole), min(wanted, request.max_tokens)):
        tokens.append(token)
        text += token
        if stop := next((stop for stop in request.stop if stop in text), None):
            return Plan(tuple(_shown(tokens, text.index(stop))), "stop", stop)
    cut = request.endless or len(tokens) < len(whole)
    return Plan(tuple(tokens), "length" if cut and len(tokens) == request.max_tokens else "stop")


def _shown(tokens: Sequence[str], length: int) -> Iterator[str]:
    """Yield the tokens' texts, cut after `length` characters in all."""
    for token in tokens:
        yield token[:length]
        length = max(0, length - len(token))


class Engine:
    """Runs requests one token at a time and keeps the metrics true."""

    def __init__(
        self,
        release: Release,
        limits: Limits,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin idle, with an empty cache."""
        self.release = release
        self.limits = limits
        self.metrics = metrics
        self._clock = clock
        self._sleep = sleep
        self._slots = threading.Semaphore(limits.max_num_seqs)
        self._lock = threading.Lock()
        self._cached: OrderedDict[int, None] = OrderedDict()
        self._used_blocks = 0

    @property
    def running(self) -> bool:
        """Whether any request holds cache blocks."""
        return self._used_blocks > 0

    def generate(self, request: Request, reply: Plan, paced: bool = True) -> Iterator[str]:
        """Yield the text of each token. Closing the iterator early counts as an abort.

        `paced` gives each token its time; otherwise the whole time passes before the first one,
        which costs one sleep instead of hundreds.
        """
        arrived = self._clock()
        gaps = len(reply.texts) - 1
        blocks = -(-(len(request.prompt) + len(reply.texts)) // self.limits.block_size)
        self.metrics.add({"num_requests_waiting": 1})
        with self._slots:
            started = self._clock()
            self.metrics.add({"num_requests_waiting": -1, "num_requests_running": 1})
            self._use(blocks)
            produced, reason = 0, "abort"
            try:
                self._count_prompt(request)
                self._sleep(self.limits.first_token + (0 if paced else self.limits.token * gaps))
                first = self._clock() if paced else started + self.limits.first_token
                for text in reply.texts:
                    if produced and paced:
                        self._sleep(self.limits.token)
                    produced += 1
                    yield text
                reason = reply.finish_reason
                self._observe(request, produced, arrived, started, first)
            finally:
                self._use(-blocks)
                self.metrics.add({"num_requests_running": -1, "generation_tokens": produced})
                self.metrics.finished(reason)

    def _use(self, blocks: int) -> None:
        with self._lock:
            self._used_blocks += blocks
            usage = min(1.0, self._used_blocks / self.limits.blocks)
        self.metrics.set("kv_cache_usage_perc", usage)
        self.metrics.set("gpu_cache_usage_perc", usage)

    def _count_prompt(self, request: Request) -> None:
        size = len(request.prompt)
        hits = self._prefix_hits(request.prompt) if self.limits.prefix_caching else 0
        queries = size if self.limits.prefix_caching else 0
        self.metrics.add(
            {
                "prompt_tokens": size,
                "prefix_cache_queries": queries,
                "prefix_cache_hits": hits,
                "gpu_prefix_cache_queries": queries,
                "gpu_prefix_cache_hits": hits,
                "prompt_tokens_cached": hits,
            }
        )

    def _prefix_hits(self, prompt: Sequence[str]) -> int:
        """Tokens found in the cache. The last token is always computed, so never all of them."""
        size, seen, chain, found = self.limits.block_size, 0, 0, True
        with self._lock:
            for start in range(0, len(prompt) - size + 1, size):
                chain = hash((chain, *prompt[start : start + size]))
                found = found and chain in self._cached
                seen += size if found and start + size < len(prompt) else 0
                self._cached[chain] = None
                self._cached.move_to_end(chain)
            while len(self._cached) > self.limits.blocks:
                self._cached.popitem(last=False)
        return seen

    def _observe(
        self, request: Request, produced: int, arrived: float, started: float, first: float
    ) -> None:
        ended = self._clock()
        gaps = produced - 1
        mean = (ended - first) / gaps if gaps else 0.0
        observed: list[tuple[str, float, int]] = [
            ("time_to_first_token_seconds", first - arrived, 1),
            ("inter_token_latency_seconds", mean, gaps),
            ("time_per_output_token_seconds", mean, gaps),
            ("request_time_per_output_token_seconds", mean, 1),
            ("e2e_request_latency_seconds", ended - arrived, 1),
            ("request_queue_time_seconds", started - arrived, 1),
            ("request_inference_time_seconds", ended - started, 1),
            ("request_prefill_time_seconds", first - started, 1),
            ("request_decode_time_seconds", ended - first, 1),
            ("request_prompt_tokens", len(request.prompt), 1),
            ("request_generation_tokens", produced, 1),
            ("request_max_num_generation_tokens", produced, 1),
            ("request_params_n", request.n, 1),
            ("request_params_max_tokens", request.max_tokens, 1),
            ("iteration_tokens_total", len(request.prompt), 1),
            ("iteration_tokens_total", 1, gaps),
        ]
        for name, value, times in observed:
            self.metrics.observe(name, value, times)
