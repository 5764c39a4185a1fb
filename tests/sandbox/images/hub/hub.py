#!/usr/bin/env python3
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stand-in for the Hugging Face hub, for the storage initializers of the sandbox.

Routes, headers and refusals are those that `huggingface_hub.snapshot_download` (2.4) uses:

    GET  /api/models/ID/revision/REV   sha and file names
    GET  /api/models/ID/tree/REV       files with size and object id
    HEAD, GET  /ID/resolve/REV/FILE    ETag, X-Repo-Commit, Content-Length and the file

As on the real hub a gated model can be looked at by anybody, but its files need a token (401,
X-Error-Code: GatedRepo), a wrong token is refused everywhere, and a model that does not exist is
401 to strangers and 404 to those who show a token (X-Error-Code: RepoNotFound either way).
A good token of somebody without access to a gated model gets 403 (X-Error-Code: GatedRepo).
Source: error handling in huggingface_hub/utils/_http.py.

`GET /requests`, which the hub does not have, tells tests what was asked: method, path, status and
whether a token came (never the token).

The models have the dimensions of their public config.json and a weights file without tensors.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import threading
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "sandbox-hub-token"
STRANGERS_TOKEN = "sandbox-hub-token-of-a-stranger"
"""A good token of somebody who may not see the gated models."""


@dataclass(frozen=True)
class Model:
    """One model of the hub: dimensions as in its config.json."""

    name: str
    architecture: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_size: int
    feed_forward: int
    vocabulary: int
    positions: int
    tied: bool = False
    gated: bool = False

    @cached_property
    def files(self) -> dict[str, bytes]:
        """File name -> content."""
        header = json.dumps({"__metadata__": {"format": "pt"}}).encode()
        config = {
            "architectures": [self.architecture],
            "head_dim": self.head_size,
            "hidden_size": self.hidden,
            "intermediate_size": self.feed_forward,
            "max_position_embeddings": self.positions,
            "model_type": self.architecture.removesuffix("ForCausalLM").lower(),
            "num_attention_heads": self.heads,
            "num_hidden_layers": self.layers,
            "num_key_value_heads": self.kv_heads,
            "tie_word_embeddings": self.tied,
            "torch_dtype": "bfloat16",
            "vocab_size": self.vocabulary,
        }
        return {
            "README.md": f"# {self.name}\nThe sandbox's copy: dimensions only.\n".encode(),
            "config.json": json.dumps(config, indent=2).encode(),
            "generation_config.json": b"{}",
            "model.safetensors": len(header).to_bytes(8, "little") + header,
            "tokenizer_config.json": b"{}",
        }

    @cached_property
    def commit(self) -> str:
        """The only revision."""
        return _object_id(self.name.encode())


def _models() -> dict[str, Model]:
    qwen2, qwen3, llama = "Qwen2ForCausalLM", "Qwen3ForCausalLM", "LlamaForCausalLM"
    rows = [
        Model("Qwen/Qwen2.5-3B-Instruct", qwen2, 36, 2048, 16, 2, 128, 11008, 151936, 32768, True),
        Model("Qwen/Qwen2.5-7B-Instruct", qwen2, 28, 3584, 28, 4, 128, 18944, 152064, 32768),
        Model("Qwen/Qwen2.5-14B-Instruct", qwen2, 48, 5120, 40, 8, 128, 13824, 152064, 32768),
        Model("Qwen/Qwen2.5-72B-Instruct", qwen2, 80, 8192, 64, 8, 128, 29568, 152064, 32768),
        Model("Qwen/Qwen3-8B", qwen3, 36, 4096, 32, 8, 128, 12288, 151936, 40960),
        Model("Qwen/Qwen3-32B", qwen3, 64, 5120, 64, 8, 128, 25600, 151936, 40960),
        Model(
            "meta-llama/Llama-3.1-8B-Instruct",
            llama, 32, 4096, 32, 8, 128, 14336, 128256, 131072, gated=True,
        ),
        Model(
            "meta-llama/Llama-3.1-70B-Instruct",
            llama, 80, 8192, 64, 8, 128, 28672, 128256, 131072, gated=True,
        ),
    ]  # fmt: skip
    return {row.name: row for row in rows}


MODELS = _models()
_API = re.compile(
    r"/api/models/(?P<name>[^/]+/[^/]+)(?:/(?P<what>revision|tree)/(?P<revision>[^/]+))?"
)
_FILE = re.compile(r"/(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")


_STRANGER = f"Bearer {STRANGERS_TOKEN}"


class RefusedError(Exception):
    """An error reply with the hub's code and message headers."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        """Name the hub's code and message."""
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Code": code, "X-Error-Message": message}


class Hub(ThreadingHTTPServer):
    """The server and what it was asked."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], token: str = TOKEN) -> None:
        """Listen on an address; `token` opens the gated models."""
        super().__init__(address, Handler)
        self.token = token
        self.lock = threading.Lock()
        self.asked: list[dict[str, Any]] = []

    def find(self, name: str, revision: str | None, authenticated: bool) -> Model:
        """Return the model of that name and revision; raises RefusedError."""
        model = MODELS.get(name)
        if model is None:
            status = HTTPStatus.NOT_FOUND if authenticated else HTTPStatus.UNAUTHORIZED
            raise RefusedError(status, "RepoNotFound", "Repository not found")
        if revision not in (None, "main", model.commit):
            message = f"Invalid rev id: {revision}"
            raise RefusedError(HTTPStatus.NOT_FOUND, "RevisionNotFound", message)
        return model


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Hub
    _stranger = False

    def do_HEAD(self) -> None:
        """As GET, without the body."""
        self._answer()

    def do_GET(self) -> None:
        """All routes."""
        self._answer()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/requests":
            with self.server.lock:
                self._reply(HTTPStatus.OK, json.dumps(self.server.asked).encode())
            return
        credentials = self.headers.get("Authorization")
        status = HTTPStatus.OK
        try:
            if credentials not in (None, f"Bearer {self.server.token}", _STRANGER):
                message = "Invalid credentials in Authorization header"
                raise RefusedError(HTTPStatus.UNAUTHORIZED, "Unauthorized", message)
            self._stranger = credentials == _STRANGER
            body, headers = self._find(path, credentials is not None)
            self._reply(status, body, headers)
        except RefusedError as refused:
            status = refused.status
            body = json.dumps({"error": str(refused)}).encode()
            self._reply(status, body, refused.headers)
        with self.server.lock:
            self.server.asked.append(
                {
                    "method": self.command,
                    "path": path,
                    "token": credentials is not None,
                    "status": int(status),
                }
            )

    def _find(self, path: str, authenticated: bool) -> tuple[bytes, dict[str, str]]:
        if match := _API.fullmatch(path):
            model = self.server.find(match["name"], match["revision"], authenticated)
            reply: Any = _tree(model) if match["what"] == "tree" else _information(model)
            return json.dumps(reply).encode(), {"Content-Type": "application/json"}
        if match := _FILE.fullmatch(path):
            model = self.server.find(match["name"], match["revision"], authenticated)
            return self._file(model, match["file"], authenticated)
        raise RefusedError(HTTPStatus.NOT_FOUND, "RepoNotFound", f"No such route: {path}")

    def _file(self, model: Model, file: str, authenticated: bool) -> tuple[bytes, dict[str, str]]:
        if model.gated and not authenticated:
            message = (
                f"Access to model {model.name} is restricted. You must have access to it and be "
                "authenticated to access it. Please log in."
            )
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "GatedRepo", message)
        if model.gated and self._stranger:
            message = (
                f"Access to model {model.name} is restricted and you are not in the authorized "
                "list. Visit its page to ask for access."
            )
            raise RefusedError(HTTPStatus.FORBIDDEN, "GatedRepo", message)
        content = model.files.get(file)
        if content is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "EntryNotFound", "Entry not found")
        headers = {"ETag": f'"{_object_id(content)}"', "X-Repo-Commit": model.commit}
        return content, headers

    def _reply(
        self, status: HTTPStatus, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _object_id(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def _information(model: Model) -> dict[str, Any]:
    return {
        "_id": model.commit[:24],
        "id": model.name,
        "modelId": model.name,
        "sha": model.commit,
        "private": False,
        "gated": "manual" if model.gated else False,
        "siblings": [{"rfilename": name} for name in model.files],
    }


def _tree(model: Model) -> list[dict[str, Any]]:
    return [
        {"type": "file", "path": name, "size": len(content), "oid": _object_id(content)}
        for name, content in model.files.items()
    ]


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="The sandbox's model hub")
    parser.add_argument("--listen", default="127.0.0.1:8080", metavar="ADDRESS:PORT")
    address, _, port = parser.parse_args().listen.rpartition(":")
    with Hub((address, int(port))) as hub:
        print(f"model hub: {len(MODELS)} models on http://{address}:{hub.server_port}", flush=True)
        hub.serve_forever()


if __name__ == "__main__":
    main()
