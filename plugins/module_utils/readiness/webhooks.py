# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does a webhook answer? Its CA is there, its Service has an endpoint, its server replies. Pure.

Whether the control plane reaches the server is asked where it matters, at the API server: its
service proxy opens the same connection that a webhook call does, on GKE's private clusters too.
Sources: Kubernetes API reference, WebhookClientConfig; documentation, "Access services running on
clusters"; `k8s.io/apimachinery/pkg/util/proxy/transport.go` (503 and its text).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from ansible_collections.llmd.tpu.plugins.module_utils.readiness.verdicts import (
    READY,
    Answer,
    Object,
    Sight,
    Verdict,
    not_yet,
    worst,
)

_UNREACHED = (502, 503, 504)


@dataclass(frozen=True)
class Client:
    """Where the API server finds one webhook; without a Service it is called by its URL."""

    name: str
    ca_bundle: bool
    namespace: str = ""
    service: str = ""
    port: int = 443
    path: str = "/"

    @property
    def place(self) -> str:
        """Its Service."""
        return f"{self.namespace}/{self.service}"

    @property
    def proxy(self) -> str:
        """The path at the API server that leads to the webhook's server."""
        name = quote(f"https:{self.service}:{self.port}", safe=":")
        return f"/api/v1/namespaces/{quote(self.namespace)}/services/{name}/proxy{self.path}"


def clients(live: Object) -> list[Client]:
    """The webhooks of a configuration, or the one that converts a CRD's objects."""
    if "webhooks" in live:
        return [
            _client(str(webhook.get("name")), webhook.get("clientConfig") or {})
            for webhook in live["webhooks"] or ()
        ]
    conversion = (live.get("spec") or {}).get("conversion") or {}
    if conversion.get("strategy") != "Webhook":
        return []
    return [_client("conversion", (conversion.get("webhook") or {}).get("clientConfig") or {})]


def _client(name: str, config: Object) -> Client:
    service = config.get("service") or {}
    bundle = bool(config.get("caBundle"))
    if not service:
        return Client(name, bundle or "url" in config)
    return Client(
        name,
        bundle,
        str(service.get("namespace", "")),
        str(service.get("name", "")),
        int(service.get("port") or 443),
        "/" + str(service.get("path") or "").lstrip("/"),
    )


def ready_endpoint(slices: Iterable[Object]) -> bool:
    """Whether one of the endpoints is ready."""
    return any(
        (endpoint.get("conditions") or {}).get("ready") is not False
        for slice_ in slices
        for endpoint in slice_.get("endpoints") or ()
    )


def stopped(place: str, service: Object, deployments: Iterable[Object]) -> Verdict | None:
    """Hopeless where all Deployments behind a Service are scaled to 0; None for what may come."""
    selector = (service.get("spec") or {}).get("selector") or {}
    behind = [one for one in deployments if selector and _selected(selector, one)]
    if not behind or any((one.get("spec") or {}).get("replicas") != 0 for one in behind):
        return None
    name = behind[0]["metadata"].get("name")
    namespace = place.partition("/")[0]
    return Verdict(
        False,
        f"Deployment {namespace}/{name}, which answers for Service {place}, is scaled to 0 "
        f"(kubectl scale -n {namespace} deployment/{name} --replicas=1)",
        hopeless=True,
    )


def _selected(selector: Object, deployment: Object) -> bool:
    template = (deployment.get("spec") or {}).get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    return selector.items() <= labels.items()


def to_ask(live: Object, sight: Sight) -> list[str]:
    """The proxy paths worth asking: all that is left to know of the webhooks is their answer."""
    found = [client for client in clients(live) if client.service]
    if not all(c.ca_bundle and ready_endpoint(sight.slices.get(c.place, ())) for c in found):
        return []
    return sorted({client.proxy for client in found})


def judge(sight: Sight) -> Verdict:
    """The verdict on all webhooks of a configuration or CRD."""
    found = clients(sight.live)
    bare = [client.name for client in found if not client.ca_bundle]
    if bare:
        return not_yet(f"no caBundle is injected yet into webhook {', '.join(bare)}")
    behind = [client for client in found if client.service]
    verdict = worst(_reached(client, sight) for client in behind)
    unasked = [sight.answers[c.proxy] for c in behind if c.proxy in sight.answers]
    if verdict.ready and any(answer.forbidden for answer in unasked):
        return Verdict(
            True,
            "ready (judged by its endpoints alone: this account may not get services/proxy, which "
            "would tell whether the control plane reaches the webhook)",
        )
    return verdict


def _reached(client: Client, sight: Sight) -> Verdict:
    if not ready_endpoint(sight.slices.get(client.place, ())):
        return not_yet(f"Service {client.place} of webhook {client.name} has no ready endpoint")
    answer = sight.answers.get(client.proxy)
    if answer is None:
        return not_yet(f"webhook {client.name} was not asked yet")
    if answer.reached or answer.forbidden:
        return READY
    return not_yet(
        f"the control plane does not reach webhook {client.name} at Service {client.place}, port "
        f"{client.port}: {answer.words}"
    )


def answer_of(code: int, body: bytes) -> Answer:
    """What a reply through the service proxy says: the webhook's own words, or the API server's."""
    words = body[:300].decode(errors="replace").strip()
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if isinstance(told, dict) and told.get("kind") == "Status":
        words = str(told.get("message", ""))
        if (told.get("details") or {}).get("kind") == "services":
            return Answer(False, words, forbidden=code == 403)
    return Answer(code not in _UNREACHED, f"HTTP {code}: {words}")
