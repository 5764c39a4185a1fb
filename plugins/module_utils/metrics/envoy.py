# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the gateway's Envoy counted, from the list of its clusters. Pure.

Source: Envoy's administration interface, ``/clusters?format=json``. It counts the requests to each
endpoint whatever statistics Istio lets Envoy keep. A question to the scheduler is one gRPC stream,
which counts as one request to the scheduler's cluster (Envoy, ext_proc).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import parse_json

Statistics = Mapping[str, float]


def statistics(clusters: str) -> Mapping[tuple[str, str], Statistics]:
    """Add up what the endpoints of each service counted, by the service's namespace and name.

    Raises ValueError when the text is not Envoy's list.
    """
    answer = parse_json(clusters)
    listed = answer.get("cluster_statuses") if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        raise ValueError("no list of clusters")
    found: dict[tuple[str, str], dict[str, float]] = {}
    for cluster in listed:
        # outbound|PORT|SUBSET|NAME.NAMESPACE.svc.DOMAIN
        host = str(cluster.get("name")) if isinstance(cluster, dict) else ""
        name, _dot, rest = host.rpartition("|")[2].partition(".")
        if not rest:
            continue
        counted = found.setdefault((rest.partition(".")[0], name), defaultdict(float))
        for endpoint in _objects(cluster, "host_statuses"):
            for one in _objects(endpoint, "stats"):
                counted[str(one.get("name"))] += float(one.get("value", 0))
    return found


def requests_to(clusters: str, namespace: str, name: str) -> float:
    """Count the requests to a service.

    Raises ValueError when the text is not Envoy's list, or the service not in it.
    """
    counted = statistics(clusters).get((namespace, name))
    if counted is None:
        raise ValueError(f"it knows no {name}.{namespace}.svc")
    return counted.get("rq_total", 0.0)


def _objects(parent: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    return (one for one in parent.get(key) or () if isinstance(one, Mapping))
