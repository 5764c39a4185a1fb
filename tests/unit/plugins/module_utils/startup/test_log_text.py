# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is progress read from lines as vLLM and the hub's client write them?"""

from __future__ import annotations

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.startup.log_text import (
    DownloadLog,
    ServerLog,
    download_of,
)

P = "(EngineCore_DP0 pid=7) INFO 01-01 00:00:00 [compilation_manager.py:57]"
START = [
    "(APIServer pid=1) INFO 01-01 00:00:00 [api_server.py:1873] vLLM API server version 0.11.1",
    f"{P} Init worker | rank=0 | is_driver_worker=True | hbm=[(0.0, 31.24)]GiB",
    f"{P} Precompile all the subgraphs with possible input shapes.",
    f"{P} Precompile backbone --> {{'num_tokens': 16}}",
    f"{P} Compilation finished in 1.00 [secs].",
    f"{P} Precompile sample --> {{'num_reqs': 8}}",
    f"{P} init engine (profile, create kv cache, warmup model) took 9.0 seconds",
    "(APIServer pid=1) INFO:     Application startup complete.",
]


@pytest.mark.parametrize(
    ("lines", "known"),
    [
        (1, ServerLog()),
        (2, ServerLog(loading=True)),
        (3, ServerLog(loading=True, compiling=True)),
        (4, ServerLog(loading=True, compiling=True, graphs=1, graph="backbone")),
        (6, ServerLog(loading=True, compiling=True, graphs=2, graph="sample")),
        (7, ServerLog(loading=True, graphs=2, graph="sample")),
        (8, ServerLog(loading=True, graphs=2, graph="sample", up=True)),
    ],
)
def test_a_server_start(lines: int, known: ServerLog) -> None:
    assert ServerLog().after(START[:lines]) == known
    one_by_one = ServerLog()
    for line in START[:lines]:
        one_by_one = one_by_one.after([line])
    assert one_by_one == known


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("", DownloadLog()),
        ("INFO Copying contents of hf://a/b to local", DownloadLog()),
        ("Fetching 5 files:  40%|####      | 2/5 [00:05<00:06]", DownloadLog("2 of 5 files")),
        (
            "\rmodel.safetensors:   1%|  | 10.5M/3.97G [00:01<05:10, 12.8MB/s]"
            "\rmodel.safetensors:  10%|# | 405M/3.97G [00:31<04:40, 12.8MB/s]",
            DownloadLog("", "405M of 3.97G"),
        ),
    ],
)
def test_a_download(text: str, known: DownloadLog) -> None:
    assert download_of(text) == known


def test_words_of_a_download() -> None:
    assert DownloadLog("2 of 5 files", "405M of 3.97G").words == "405M of 3.97G, 2 of 5 files"
