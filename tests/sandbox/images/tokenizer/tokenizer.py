#!/usr/bin/env python3
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stand-in for llm-d's tokenizer service, the second container of KServe's scheduler preset.

The real one (llm-d-kv-cache, services/uds_tokenizer) tokenizes prompts over a Unix socket for the
precise-prefix-cache scorer and answers `GET /healthz` on port 8082. The preset's default profile
does not use that scorer, so nothing calls the socket; this stand-in only answers the probes. It
refuses to be healthy where the real one could not start: without its folder of tokenizers.
Source: config/llmisvcconfig/config-llm-scheduler.yaml of opendatahub-io/kserve, odh-v3.4.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """`/healthz`."""
        folder = os.environ.get("TOKENIZERS_DIR", "")
        healthy = self.path == "/healthz" and (not folder or os.path.isdir(folder))
        body = json.dumps({"status": "healthy" if healthy else "unhealthy"}).encode()
        self.send_response(200 if healthy else 404 if self.path != "/healthz" else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Probes are not worth a line."""


def main() -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    port = int(os.environ.get("PROBE_PORT", "8082"))
    print("sandbox stand-in for llm-d's UDS tokenizer: answers /healthz, tokenizes nothing")
    with ThreadingHTTPServer(("0.0.0.0", port), Handler) as server:
        print(f"listening on port {port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
