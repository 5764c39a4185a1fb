# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the gateway's Envoy counted, from the list of its clusters. Pure.

Source: Envoy's administration interface, ``/clusters?format=json``. It counts the requests to each
endpoint whatever statistics Istio lets Envoy keep. A question to the scheduler is one gRPC stream,
which counts as one request to the scheduler's cluster (Envoy, ext_proc).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import parse_json

ADMIN_PORT = 15000
CLUSTERS = "/clusters?format=json"


def requests_to(clusters: str, host: str) -> float:
    """Add up the requests to the endpoints of a service, named as ``name.namespace.svc``.

    Raises ValueError when the text is not Envoy's list, or the service not in it.
    """
    answer = parse_json(clusters)
    statuses = answer.get("cluster_statuses") if isinstance(answer, dict) else None
    if not isinstance(statuses, list):
        raise ValueError("no list of clusters")
    named = [
        cluster
        for cluster in statuses
        if isinstance(cluster, dict) and f"||{host}." in f"{cluster.get('name')}."
    ]
    if not named:
        raise ValueError(f"it knows no {host}")
    return sum(
        _requests(endpoint) for cluster in named for endpoint in _objects(cluster, "host_statuses")
    )


def _requests(endpoint: Mapping[str, Any]) -> float:
    for stat in _objects(endpoint, "stats"):
        if stat.get("name") == "rq_total":
            return float(stat.get("value", 0))
    return 0.0


def _objects(parent: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    return (one for one in parent.get(key) or () if isinstance(one, Mapping))
