# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carry connections from the host's 127.0.0.1 into the world.

A socket keeps the network namespace it was made in: the launcher opened the listening ones on
the host, and connections made here start inside the world.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

CHUNK = 65536
# First byte of a TLS record that carries a ClientHello (RFC 8446, section 5.1).
TLS_HANDSHAKE = 0x16
# istiod gives every gateway Service this port for health checks of cloud load balancers.
GATEWAY_STATUS_PORT = 15021
GATEWAY_LABEL = "gateway.networking.k8s.io/gateway-name"

Target = Callable[[bytes], Awaitable[tuple[str, int] | None]]


@dataclass(frozen=True)
class Gateway:
    """The Service behind the gateway's load-balancer address."""

    namespace: str
    service: str
    address: str
    ports: tuple[int, ...]

    def port(self, first_bytes: bytes) -> int:
        """Choose the port that fits what the client speaks: 443 for TLS, else the lowest."""
        tls = first_bytes[:1] == bytes([TLS_HANDSHAKE])
        if tls and 443 in self.ports:
            return 443
        plain = [port for port in self.ports if port != 443]
        return min(plain or self.ports)


def find_gateway(services: dict[str, Any]) -> Gateway | None:
    """Return the first gateway Service that has a load-balancer address, from a ServiceList."""
    for service in services["items"]:
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
        ports = [each["port"] for each in service["spec"].get("ports", ())]
        ports = [port for port in ports if port != GATEWAY_STATUS_PORT]
        if service["spec"].get("type") == "LoadBalancer" and ingress and ports:
            metadata = service["metadata"]
            return Gateway(
                metadata["namespace"], metadata["name"], ingress[0]["ip"], tuple(sorted(ports))
            )
    return None


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _carry(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        first_bytes = await reader.read(CHUNK)
        place = await target(first_bytes) if first_bytes else None
        if place is None:
            return
        onward_reader, onward_writer = await asyncio.open_connection(*place)
        try:
            onward_writer.write(first_bytes)
            await asyncio.gather(_copy(reader, onward_writer), _copy(onward_reader, writer))
        finally:
            onward_writer.close()
    except OSError as error:
        print(f"forward: {error}", flush=True)
    finally:
        writer.close()


async def forward(descriptor: int, target: Target) -> None:
    """Accept connections on an inherited listening socket and carry each to its target.

    The target is asked with the client's first bytes; None closes the connection.
    """
    listener = socket.socket(fileno=descriptor)
    await asyncio.start_server(lambda reader, writer: _carry(target, reader, writer), sock=listener)
