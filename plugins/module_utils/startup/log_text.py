# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the logs of a start that is under way tell of its progress. Pure.

Lines are those of vLLM on TPU (tpu_inference `runner/compilation_manager.py`, vllm
`v1/engine/core.py`, `entrypoints/openai/api_server.py`, `launcher.py`) and of the progress bars
that huggingface_hub writes (tqdm).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

_LOADING = re.compile(r"Loading (?:model|weights|safetensors)|Init worker \|")
_GRAPH = re.compile(r"Precompile (\S+) -->")
_COMPILING = re.compile(r"Precompile all the subgraphs")
_COMPILED = re.compile(r"init engine \(profile, create kv cache, warmup model\) took")
_UP = re.compile(r"Starting vLLM API server|Application startup complete")

_BYTES = re.compile(r"(\d+(?:\.\d+)?[kMGT]?B?)/(\d+(?:\.\d+)?[kMGT]B?) ?\[")
_FILES = re.compile(r"Fetching (\d+) files:[^|]*\|[^|]*\| *(\d+)/\d+")


@dataclass(frozen=True)
class ServerLog:
    """How far a model server has come; ``graphs`` counts the compilations that have begun."""

    loading: bool = False
    compiling: bool = False
    graphs: int = 0
    graph: str = ""
    up: bool = False

    def after(self, lines: Iterable[str]) -> ServerLog:
        """What is known after these lines, which follow those read before."""
        known = self
        for line in lines:
            graph = _GRAPH.search(line)
            if graph:
                graphs = known.graphs + 1
                known = replace(known, compiling=True, graphs=graphs, graph=graph[1])
            elif _COMPILING.search(line):
                known = replace(known, compiling=True)
            elif _COMPILED.search(line):
                known = replace(known, compiling=False)
            elif _UP.search(line):
                known = replace(known, compiling=False, up=True)
            elif _LOADING.search(line):
                known = replace(known, loading=True)
        return known


@dataclass(frozen=True)
class DownloadLog:
    """How much of the weights is there, in the words of the downloader; empty when it says none."""

    files: str = ""
    size: str = ""

    @property
    def words(self) -> str:
        """Both, for a progress line."""
        return ", ".join(filter(None, (self.size, self.files)))


def download_of(text: str) -> DownloadLog:
    """Read the latest numbers; bars overwrite each other within one line."""
    files = [f"{done} of {total} files" for total, done in _FILES.findall(text)]
    sizes = [f"{done} of {total}" for done, total in _BYTES.findall(text)]
    return DownloadLog(files[-1] if files else "", sizes[-1] if sizes else "")
