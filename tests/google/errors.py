# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The refusals of Google's APIs: their texts, their shape, and where each was seen.

Sources: (M) measured on GKE 1.36 or read in Google's code, as the facts of this project's docs
say; (I) public issues of terraform-provider-google (3650, 7638, 10366), cluster-api-provider-gcp
(1363) and keras-team/kinetic (305); (P) the JSON parser that all of Google's APIs share; (O) the
rule is documented, the words are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class ApiError(Exception):
    """A request that the API refuses."""

    def __init__(
        self,
        code: int,
        message: str,
        status: str = "",
        details: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or STATUS[code]
        self.details = list(details)

    def body(self) -> dict[str, Any]:
        """The answer's JSON."""
        error: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "status": self.status,
        }
        if self.details:
            error["details"] = self.details
        return {"error": error}


def _info(reason: str, domain: str, **metadata: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": domain,
        "metadata": metadata,
    }


def bad_payload(place: str, description: str) -> ApiError:
    """(P) A body that does not fit the API's message."""
    violation = (
        {"field": place, "description": description} if place else {"description": description}
    )
    return ApiError(
        400,
        description,
        details=[
            {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
        ],
    )


def unknown_field(name: str, place: str) -> ApiError:
    """(P) A field that the API does not have."""
    where = f" at '{place}'" if place else ""
    return bad_payload(
        place, f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
    )


def unknown_query(name: str) -> ApiError:
    """(P) A query parameter that the method does not have."""
    return bad_payload(
        "",
        f'Invalid JSON payload received. Unknown name "{name}": '
        "Cannot bind query parameter. Field '"
        f"{name}' could not be found in request message.",
    )


def unauthenticated() -> ApiError:
    """(P) No token, or one that nobody issued."""
    return ApiError(
        401,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project.",
    )


def permission_denied(permission: str, resource: str) -> ApiError:
    """(I) The account lacks a permission."""
    return ApiError(
        403,
        f'Required "{permission}" permission(s) for "{resource}".',
        details=[_info("IAM_PERMISSION_DENIED", "iam.googleapis.com", permission=permission)],
    )


def api_disabled(service: str, title: str, number: str) -> ApiError:
    """(I) The project has not switched the API on."""
    link = f"https://console.developers.google.com/apis/api/{service}/overview?project={number}"
    return ApiError(
        403,
        f"{title} has not been used in project {number} before or it is disabled. Enable it by "
        f"visiting {link} then retry. If you enabled this API recently, wait a few minutes for "
        "the action to propagate to our systems and retry.",
        details=[
            _info(
                "SERVICE_DISABLED",
                "googleapis.com",
                service=service,
                consumer=f"projects/{number}",
            )
        ],
    )


def not_found(name: str) -> ApiError:
    """(I) What was asked for is not there."""
    return ApiError(404, f"Not found: {name}.")


def already_exists(name: str) -> ApiError:
    """(I) The name is in use."""
    return ApiError(409, f"Already exists: {name}.")


def busy(operation: str) -> ApiError:
    """(I) Another operation has the cluster."""
    return ApiError(
        400,
        f"Cluster is running incompatible operation {operation}.",
        "FAILED_PRECONDITION",
        [_info("CLUSTER_ALREADY_HAS_OPERATION", "container.googleapis.com")],
    )


def topology_on_single_host() -> ApiError:
    """(M) A single-host TPU pool takes its topology from the machine type."""
    return ApiError(
        400,
        "TPU topology can't be specified with single-host TPU slice pool; please remove the "
        "tpu_topology from the node pool creation request",
    )


def machine_not_found(machine: str, zone: str) -> ApiError:
    """(I) The zone's catalogue does not have the machine type."""
    return ApiError(400, f'Invalid machine type "{machine}" in zone "{zone}": GCE_NOT_FOUND.')


def unsupported_tpu() -> ApiError:
    """(M) The catalogue has the machine type, GKE does not offer it there."""
    return ApiError(400, "Unsupported TPU configuration")


def stockout(instance: str, zone: str) -> str:
    """(M) The message of an operation that waited 35 minutes for a machine."""
    return (
        "Not all instances running in IGM after 35m7.9s. Expected 1, running 0, transitioning 1. "
        f"Current errors: [GCE_STOCKOUT]: Instance '{instance}' creation failed: The zone "
        f"'projects/PROJECT/zones/{zone}' does not have enough resources available to fulfill "
        "the request.  Try a different zone, or try again later."
    )


def quota_exceeded(instance: str, quota: str, limit: float, region: str) -> str:
    """(M) The message of an operation whose machines the quota does not allow."""
    return (
        "Not all instances running in IGM after 1m12.4s. Expected 1, running 0, transitioning 1. "
        f"Current errors: [GCE_QUOTA_EXCEEDED]: Instance '{instance}' creation failed: Quota "
        f"'{quota}' exceeded.  Limit: {limit:.1f} in region {region}."
    )


def rule(words: str) -> ApiError:
    """(O) A documented rule, in our words."""
    return ApiError(400, words)
