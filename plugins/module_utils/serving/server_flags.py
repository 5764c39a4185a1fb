# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which command-line flags which vLLM release knows, as data.

Source: the argument parsers of the packages vllm 0.11.1, 0.13.0 and 0.18.0
(``vllm/engine/arg_utils.py``, ``vllm/entrypoints/openai/cli_args.py``). Releases between them
are not told apart, so what is not in all three is certain for those three only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Release = tuple[int, int]
READ: tuple[Release, ...] = ((0, 11), (0, 13), (0, 18))
NEWEST: Release = (0, 19)
"""The newest release that has the flags of 0.18, as far as they were looked at."""

# Names without the leading dashes; "!" marks a switch, which has a --no- form too.
_FLAGS: dict[tuple[Release, Release | None], str] = {
    ((0, 11), None): """
    additional-config aggregate-engine-logging all2all-backend allow-credentials!
    allowed-headers allowed-local-media-path allowed-media-domains allowed-methods
    allowed-origins api-key api-server-count async-scheduling! block-size calculate-kv-scales!
    chat-template chat-template-content-format code-revision collect-detailed-traces
    compilation-config config config-format convert cpu-offload-gb data-parallel-address
    data-parallel-backend data-parallel-hybrid-lb! data-parallel-rank data-parallel-rpc-port
    data-parallel-size data-parallel-size-local data-parallel-start-rank
    dbo-decode-token-threshold dbo-prefill-token-threshold decode-context-parallel-size
    default-mm-loras disable-cascade-attn! disable-chunked-mm-input! disable-custom-all-reduce!
    disable-fastapi-docs! disable-hybrid-kv-cache-manager! disable-log-stats
    disable-nccl-for-dp-synchronization! disable-sliding-window! disable-uvicorn-access-log!
    distributed-executor-backend download-dir dtype enable-auto-tool-choice!
    enable-chunked-prefill! enable-dbo! enable-eplb! enable-expert-parallel!
    enable-force-include-usage! enable-log-outputs! enable-log-requests! enable-lora!
    enable-prefix-caching! enable-prompt-embeds! enable-prompt-tokens-details!
    enable-request-id-headers! enable-server-load-tracking! enable-sleep-mode!
    enable-ssl-refresh! enable-tokenizer-info-endpoint! enforce-eager! eplb-config
    exclude-tools-when-tool-choice-none! expert-placement-strategy fully-sharded-loras!
    generation-config gpu-memory-utilization h11-max-header-count h11-max-incomplete-event-size
    headless hf-config-path hf-overrides hf-token host ignore-patterns interleave-mm-strings!
    io-processor-plugin kv-cache-dtype kv-cache-memory-bytes kv-events-config
    kv-sharing-fast-prefill! kv-transfer-config limit-mm-per-prompt load-format log-config-file
    log-error-stack! logits-processors logprobs-mode long-prefill-token-threshold lora-dtype
    lora-modules mamba-cache-dtype mamba-ssm-cache-dtype max-cpu-loras max-log-len max-logprobs
    max-long-partial-prefills max-lora-rank max-loras max-model-len max-num-batched-tokens
    max-num-partial-prefills max-num-seqs max-parallel-loading-workers media-io-kwargs
    middleware mm-encoder-tp-mode mm-processor-cache-gb mm-processor-cache-type
    mm-processor-kwargs mm-shm-cache-max-object-size-mb model model-impl
    model-loader-extra-config num-gpu-blocks-override otlp-traces-endpoint
    override-attention-dtype override-generation-config pipeline-parallel-size pooler-config
    port prefix-caching-hash-algo pt-load-map-location quantization ray-workers-use-nsight!
    reasoning-parser response-role return-tokens-as-token-ids! revision root-path runner
    safetensors-load-strategy scheduler-cls scheduling-policy seed served-model-name
    show-hidden-metrics-for-version skip-mm-profiling! skip-tokenizer-init! speculative-config
    ssl-ca-certs ssl-cert-reqs ssl-certfile ssl-keyfile structured-outputs-config
    tensor-parallel-size tokenizer tokenizer-mode tokenizer-revision tool-call-parser
    tool-parser-plugin tool-server trust-remote-code! trust-request-chat-template! uds
    use-tqdm-on-load! uvicorn-log-level video-pruning-rate worker-cls worker-extension-cls
    """,
    ((0, 13), None): """
    attention-backend attention-config cp-kv-cache-interleave-size cudagraph-capture-sizes
    cudagraph-metrics! data-parallel-external-lb! dcp-kv-cache-interleave-size
    ec-transfer-config enable-layerwise-nvtx-tracing! enable-mm-embeds! kv-cache-metrics!
    kv-cache-metrics-sample kv-offloading-backend kv-offloading-size mamba-block-size
    master-addr master-port max-cudagraph-capture-size mm-encoder-attn-backend nnodes node-rank
    optimization-level prefill-context-parallel-size profiler-config reasoning-parser-plugin
    stream-interval tokens-only!
    """,
    ((0, 18), None): """
    allow-deprecated-quantization! cpu-offload-params dcp-comm-backend
    default-chat-template-kwargs disable-access-log-for-endpoints distributed-timeout-seconds
    enable-elastic-ep! enable-ep-weight-filter! enable-flashinfer-autotune! enable-log-deltas!
    enable-logging-iteration-details! enable-mamba-cache-stochastic-rounding!
    enable-mfu-metrics! enable-offline-docs! enable-return-routed-experts!
    enable-tower-connector-lora! fail-on-environ-validation! gdn-prefill-backend grpc
    ir-op-priority kernel-config kv-cache-dtype-skip-layers language-model-only!
    lora-target-modules mamba-cache-mode mamba-cache-philox-rounds mm-encoder-only!
    mm-tensor-ipc moe-backend offload-backend offload-group-size offload-num-in-group
    offload-params offload-prefetch-step performance-mode reasoning-config renderer-num-workers
    scheduler-reserve-full-isl! shutdown-timeout specialize-active-lora! ssl-ciphers ubatch-size
    weight-transfer-config
    """,
    ((0, 11), (0, 18)): """
    disable-frontend-multiprocessing! disable-log-requests! logits-processor-pattern swap-space
    """,
    ((0, 11), (0, 13)): """
    cuda-graph-sizes disable-mm-preprocessor-cache enable-multimodal-encoder-data-parallel
    eplb-log-balancedness! eplb-step-interval eplb-window-size lora-extra-vocab-size
    num-lookahead-slots num-redundant-experts override-pooler-config rope-scaling rope-theta
    task
    """,
}

_SHORT = frozenset(
    {"ac", "asc", "cc", "dcp", "dp", "dpa", "dpb", "dpe", "dph", "dpl", "dpn",
     "dpp", "dpr", "ep", "n", "pcp", "pp", "q", "r", "sc", "tp"}
)  # fmt: skip

# Product images whose tag is not vLLM's own version (Red Hat, component versions of RHAIIS;
# 3.2.5 lies between its neighbours, so its version is likely and not certain).
_PRODUCTS: dict[str, tuple[Release, bool]] = {
    "3.2.1": ((0, 10), True),
    "3.2.2": ((0, 10), True),
    "3.2.5": ((0, 11), False),
    "3.3": ((0, 13), True),
}


@dataclass(frozen=True)
class Version:
    """The vLLM in an image; ``certain`` when the tag or the user says so."""

    release: Release
    certain: bool

    def __str__(self) -> str:
        """As people write it."""
        return ".".join(map(str, self.release)) + ("" if self.certain else " (probably)")


@dataclass(frozen=True)
class Flag:
    """From which release on a flag is known, and from which on no more."""

    since: Release
    until: Release | None
    switch: bool

    def known_to(self, release: Release) -> bool:
        """Whether the release has the flag."""
        return self.since <= _read(release) and (self.until is None or _read(release) < self.until)


def _read(release: Release) -> Release:
    """The release that was read and is nearest below."""
    return max((one for one in READ if one <= release), default=READ[0])


FLAGS = {
    name.rstrip("!"): Flag(since, until, name.endswith("!"))
    for (since, until), names in _FLAGS.items()
    for name in names.split()
}


def find_flag(written: str) -> Flag | None:
    """Find a flag as argparse does: its name, its negation, its short form, or a clear beginning.

    ``--compilation-config.level`` sets one field of a JSON flag.
    """
    if not written.startswith("--"):
        return Flag(READ[0], None, False) if written.lstrip("-") in _SHORT else None
    name = written[2:].split(".", 1)[0]
    if name in FLAGS:
        return FLAGS[name]
    positive = FLAGS.get(name.removeprefix("no-"))
    if name.startswith("no-") and positive and positive.switch:
        return positive
    beginnings = [flag for known, flag in FLAGS.items() if known.startswith(name)]
    return beginnings[0] if len(beginnings) == 1 else None


def split_image(image: str) -> tuple[str, str, str]:
    """Split an image into repository, tag and digest; the last two may be empty."""
    name, _at, digest = image.partition("@")
    head, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:  # the colon of a registry's port
        return name, "", digest
    return head, tag, digest


def version_of_image(image: str) -> Version | None:
    """Read vLLM's version from an image's tag; None when the tag does not tell."""
    repository, tag, _digest = split_image(image)
    if "rhaiis/" in repository:
        product = next((p for p in _PRODUCTS if tag == p or tag.startswith((f"{p}.", f"{p}-"))), "")
        return Version(*_PRODUCTS[product]) if product else None
    return version_of_text(tag) if "vllm" in repository else None


def version_of_text(text: str) -> Version | None:
    """Read a version such as v0.12.0."""
    found = re.match(r"v?(\d{1,3})\.(\d{1,3})(\.\d|$|-)", text)
    return Version((int(found[1]), int(found[2])), True) if found else None
