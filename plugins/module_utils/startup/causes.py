# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a run of the downloader or the model server ended, by the last lines of its log. Pure.

The first row that fits is the cause. Sources of the texts: vllm 0.11 to 0.18
(`engine/arg_utils.py`, `config/model.py`, `v1/core/kv_cache_utils.py`), tpu_inference
(`worker/tpu_worker.py`), jax and libtpu (public issues), huggingface_hub (`utils/_http.py`),
kserve-storage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.llmd.tpu.plugins.module_utils.serving.view import ADDITIONAL_ARGS

Row = tuple[str, str, str, str]
"""Pattern, code, message, fix."""

_DOWNLOAD: tuple[Row, ...] = (
    (
        r"No space left on device|Not enough (?:free )?disk space|Disk quota exceeded",
        "STARTUP-DISK-FULL",
        "the weights do not fit on the disk that they are downloaded to",
        "use nodes with a larger boot disk (gcloud container node-pools create --disk-size), or "
        "serve the weights from a volume (pvc://)",
    ),
    (
        r"gated repo for url|GatedRepoError|Invalid credentials|\b40[13] (?:Client Error: )?"
        r"(?:Forbidden|Unauthorized)|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch"
        r"|NoCredentialsError|Unable to locate credentials",
        "STARTUP-DOWNLOAD-REFUSED",
        "the download is refused: the token is missing or wrong, or has no access to the model",
        "put a token that may read the model into the Secret of the service's account (key "
        "HF_TOKEN) and ask for access on the model's page if it is gated",
    ),
    (
        r"Repository Not Found|Revision Not Found|RevisionNotFoundError|RepositoryNotFoundError"
        r"|404 Client Error|NoSuchBucket|NoSuchKey|No model found in|Cannot locate source uri",
        "STARTUP-DOWNLOAD-NOT-FOUND",
        "there is no such model, or it is hidden from whoever asks",
        "correct spec.model.uri; a private model also needs a token that may read it",
    ),
    (
        r"Invalid Hugging Face URI|URI must contain exactly one|cannot be empty in URI"
        r"|Cannot recognize storage type|not supported storage|Cannot parse (?:the )?URI",
        "STARTUP-URI-INVALID",
        "the downloader cannot read the model's URI",
        "write spec.model.uri as hf://OWNER/NAME, pvc://CLAIM/PATH, oci://IMAGE or "
        "s3://BUCKET/PATH",
    ),
)
# Another try may succeed, so these only name a crash loop.
_NETWORK: tuple[Row, ...] = (
    (
        r"Name or service not known|Temporary failure in name resolution|Connection refused"
        r"|Network is unreachable|No route to host|timed out|Max retries exceeded|ConnectError"
        r"|ConnectTimeout|check your internet connection|CERTIFICATE_VERIFY_FAILED",
        "STARTUP-DOWNLOAD-NETWORK",
        "the pod does not reach the place of the weights",
        "allow the way out (NetworkPolicy, DNS, proxy, Cloud NAT of private nodes)",
    ),
)
_SERVER: tuple[Row, ...] = (
    (
        r"bash: (?:line \d+: )?--?[\w-]*: invalid option|bash: -c: option requires an argument",
        "STARTUP-SCRIPT-DESTROYED",
        "the service's args took the place of the preset's start script",
        f"take args out of container main, and put vLLM's flags into {ADDITIONAL_ARGS}",
    ),
    (
        r"error: (?:unrecognized arguments|argument |ambiguous option|the following arguments"
        r"|invalid choice|expected)",
        "STARTUP-FLAGS-REFUSED",
        "vLLM refuses its command line",
        f"correct {ADDITIONAL_ARGS}; llmd.tpu.model_check knows the flags of each vLLM version",
    ),
    (
        r"must be divisible by tensor parallel size|assert (?:num_kv_heads|tp_size) %"
        r"|Number of devices \d+ must be >= the product of mesh_shape",
        "STARTUP-PARALLELISM-WRONG",
        "the model cannot be split over so many chips",
        "choose --tensor-parallel-size so that it divides the attention heads, fits the "
        "key-value heads and does not exceed the chips (llmd.tpu.model_check computes it)",
    ),
    (
        r"is greater than the derived max_model_len",
        "STARTUP-LENGTH-WRONG",
        "--max-model-len is more than the model was made for",
        "lower --max-model-len to the number that the message names",
    ),
    (
        r"larger than the available KV cache memory|No available memory for the cache blocks",
        "STARTUP-HBM-CACHE",
        "the chips' memory cannot hold one sequence of the greatest length beside the weights",
        "lower --max-model-len to the estimate in the message, or use more chips",
    ),
    (
        r"total_hbm_used_gb=\S+ exceeds|exceeds total_hbm_limit",
        "STARTUP-HBM-WEIGHTS",
        "the weights do not fit into the chips' memory",
        "use more chips with a larger --tensor-parallel-size, or a smaller model",
    ),
    (
        r"Ran out of memory (?:on|in memory space) H?BM|exceeds available HBM|RESOURCE_EXHAUSTED"
        r"|RuntimeProgramAllocationFailure|Attempting to allocate .* HBM",
        "STARTUP-HBM-COMPILE",
        "the chips' memory is too small for what is compiled",
        "lower --max-num-batched-tokens or --max-num-seqs, or use more chips",
    ),
    (
        r"No hardware is found|Failed to get global TPU topology|TPU initialization failed"
        r"|Unable to initialize backend 'tpu'",
        "STARTUP-TPU-FAILED",
        "the server cannot start the TPU",
        "take TPU_* variables out of the service (GKE sets them), ask for all chips of the node, "
        "and look at the node's TPU device plugin",
    ),
    (
        r"Insufficient space in /dev/shm|Bus error",
        "STARTUP-SHARED-MEMORY",
        "/dev/shm is too small",
        "mount an emptyDir with medium Memory and sizeLimit 1Gi at /dev/shm, as the preset does",
    ),
    (
        r"Invalid repository ID or local directory|Cannot find any .*safetensors"
        r"|does not appear to have a file named",
        "STARTUP-MODEL-FILES",
        "the server does not find the model's files, or cannot read them",
        "correct spec.model.uri: it must hold config.json and safetensors files",
    ),
    (
        # Python's ssl names no file.
        r"FileNotFoundError: \[Errno 2\] No such file or directory\s*$|load_cert_chain"
        r"|FileNotFoundError: .*tls\.(?:crt|key)|ssl\.SSLError|PEM lib",
        "STARTUP-SERVER-CERTIFICATE",
        "the server cannot load its TLS certificate",
        "let KServe own the volume tls-certs, and run phase kserve again if its Secret is broken",
    ),
)
_DEVICES: tuple[Row, ...] = (
    (
        r"TPU is already in use|multi-process lockfile|Device or resource busy",
        "STARTUP-TPU-BUSY",
        "another process holds the TPU",
        "end the other pod that runs on the node, or wait until it has ended",
    ),
    (
        r"Address already in use",
        "STARTUP-PORT-TAKEN",
        "the server's port is taken in its pod",
        "give sidecars other ports than 8000, and take --port out of the flags",
    ),
)


@dataclass(frozen=True)
class Cause:
    """Why a run ended; ``final``: another run ends in the same way."""

    code: str
    message: str
    fix: str
    line: str
    final: bool


def cause_of_download(text: str) -> Cause | None:
    """Why a download ended."""
    return _first(text, _DOWNLOAD, final=True) or _first(text, _NETWORK, final=False)


def cause_of_server(text: str) -> Cause | None:
    """Why a model server ended."""
    return _first(text, _DEVICES, final=False) or _first(text, _SERVER, final=True)


def _first(text: str, rows: Iterable[Row], *, final: bool) -> Cause | None:
    lines = text.splitlines()
    for pattern, code, message, fix in rows:
        wanted = re.compile(pattern)
        line = next((one for one in reversed(lines) if wanted.search(one)), None)
        if line is not None:
            return Cause(code, message, fix, line, final)
    return None
