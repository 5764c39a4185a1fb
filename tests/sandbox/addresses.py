# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The addresses inside the world. They never leave its network namespace."""

from __future__ import annotations

CONTROL_PLANE = "10.250.0.1"
CPU_NODES = "10.250.0.11"
TPU_NODES = "10.250.0.21"
API_SERVER_PORT = 6443
HUB_PORT = 8080
SERVICES = "10.96.0.0/16"
API_SERVER_SERVICE = "10.96.0.1"
DNS = "10.96.0.10"
PODS = "10.244.0.0/16"
POD_GATEWAY = "10.244.0.1/16"
# TEST-NET-3 of RFC 5737. Go's net.IP.IsPrivate calls it public, so controllers take it for an
# address that clients can reach, as they would a cloud load balancer's.
LOAD_BALANCERS = "203.0.113.0/24"
API_SERVER_URL = f"https://{CONTROL_PLANE}:{API_SERVER_PORT}"
