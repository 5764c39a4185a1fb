# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a refusal of Google's means, and what to do. Pure.

The texts were measured on GKE 1.36, read in GKE's cluster autoscaler, or seen in public issues of
terraform-provider-google and cluster-api-provider-gcp. The first rule that fits wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding


@dataclass(frozen=True)
class Refusal:
    """An answer that is none: HTTP status (0 for an operation's error), words, reason."""

    status: int
    message: str
    reason: str = ""
    """`reason` of google.rpc.ErrorInfo, where there is one."""


def explain(subject: str, refusal: Refusal) -> Finding:
    """Name the refusal; what is not known is told in Google's own words."""
    text = f"{refusal.reason} {refusal.message}"
    for pattern, told in _RULES:
        if pattern.search(text):
            return replace(told, subject=subject, found=refusal.message)
    where = f"HTTP {refusal.status}" if refusal.status else "the operation"
    return Finding(
        code="GOOGLE-REFUSED",
        severity="error",
        message=f"Google refused it ({where})",
        subject=subject,
        found=refusal.message,
        expected="success",
        fix="see what Google says; the run can be repeated, and goes on where it stopped",
        source="GKE API",
    )


def is_busy(refusal: Refusal) -> bool:
    """Whether another operation has the cluster: a matter of waiting."""
    return bool(_BUSY.search(f"{refusal.reason} {refusal.message}"))


def is_there(refusal: Refusal) -> bool:
    """Whether what should be made is there already: an earlier request arrived after all."""
    return refusal.status == 409


_BUSY = re.compile(
    r"CLUSTER_ALREADY_HAS_OPERATION|incompatible operation|is currently \w+ing .*cluster|"
    r"currently being created, deleted, updated or repaired"
)
_RULES = (
    (
        re.compile(r"SERVICE_DISABLED|has not been used in project"),
        Finding(
            code="GOOGLE-API-DISABLED",
            severity="error",
            message="an API that the phase uses is switched off in the project",
            expected="container.googleapis.com and compute.googleapis.com switched on",
            fix="switch it on (google.cloud.gcp_serviceusage_service, or the link above), wait a "
            "few minutes and run again",
            source="Service Usage",
        ),
    ),
    (
        re.compile(
            r"GCE_STOCKOUT|ZONE_RESOURCE_POOL_EXHAUSTED|does not have enough resources|"
            r"out of resources"
        ),
        Finding(
            code="GOOGLE-STOCKOUT",
            severity="error",
            message="the zone has no free machine of this type now; quota does not help",
            expected="free machines in the zone",
            fix="take another zone (llmd.tpu.tpu_capacity_info ranks them), another way to buy "
            "(cluster_tpu_mode: spot or flex-start), a reservation, or try again later; the pool "
            "that was not made is made anew by the next run",
            source="GKE, measured: a pool reports it after about 35 minutes",
        ),
    ),
    (
        re.compile(r"lack of capacity in your reservation|[Rr]eservation"),
        Finding(
            code="GOOGLE-RESERVATION",
            severity="error",
            message="the reservation cannot give these machines",
            expected="a reservation of this machine type and zone with room",
            fix="look at its use (llmd.tpu.tpu_capacity_info shows the room), or buy another way",
            source="GKE cluster autoscaler, events",
        ),
    ),
    (
        re.compile(r"QUOTA_EXCEEDED|Quota '.*' exceeded|quota exceeded|[Ii]nsufficient .*quota"),
        Finding(
            code="GOOGLE-QUOTA",
            severity="error",
            message="the project's quota of the region does not allow these machines",
            expected="a limit of at least the chips that are asked for",
            fix="ask for more (Compute Engine API: TPUs per TPU family for on demand, Preemptible "
            "TPU slices for Spot and flex-start), or take another region",
            source="GKE, Plan TPUs in GKE (quota is counted in chips)",
        ),
    ),
    (
        re.compile(r"TPU topology can't be specified"),
        Finding(
            code="GOOGLE-TOPOLOGY-REFUSED",
            severity="error",
            message="a pool whose machines are whole slices takes no topology",
            expected="no placementPolicy.tpuTopology for a single-host pool",
            fix="leave it out; this collection sends one for slices of several machines only",
            source="GKE, measured (HTTP 400)",
        ),
    ),
    (
        re.compile(r"Unsupported TPU configuration|GCE_NOT_FOUND"),
        Finding(
            code="GOOGLE-TPU-UNSUPPORTED",
            severity="error",
            message="the zone does not have this machine type for GKE",
            expected="a zone of GKE's table of TPU availability",
            fix="take another zone: llmd.tpu.tpu_capacity_info lists those that have it",
            source="GKE, About TPUs (availability)",
        ),
    ),
    (
        _BUSY,
        Finding(
            code="GOOGLE-BUSY",
            severity="error",
            message="another operation has the cluster, and did not end in time",
            expected="one operation at a time",
            fix="run again: the operation is joined, not repeated; or give cluster_wait_timeout "
            "more",
            source="GKE API (CLUSTER_ALREADY_HAS_OPERATION)",
        ),
    ),
    (
        re.compile(r"invalid authentication credentials|UNAUTHENTICATED"),
        Finding(
            code="GOOGLE-CREDENTIALS",
            severity="error",
            message="Google does not know who asks",
            expected="credentials as google.cloud's modules take them (auth_kind, GCP_*)",
            fix="renew the token or the key; for auth_kind application: gcloud auth "
            "application-default login",
            source="google-auth",
        ),
    ),
    (
        re.compile(r"Required [\"'].*[\"'] permission|PERMISSION_DENIED|IAM_"),
        Finding(
            code="GOOGLE-PERMISSION",
            severity="error",
            message="the account may not do this",
            expected="the roles that docs/cluster.md lists for the task",
            fix="give the account the role, e.g. roles/container.admin, or take another account",
            source="IAM, GKE roles",
        ),
    ),
    (
        re.compile(r"[Aa]lready exists"),
        Finding(
            code="GOOGLE-NAME-IN-USE",
            severity="error",
            message="the name is in use",
            expected="a free name",
            fix="take another name, or wait until the one that is being deleted has gone",
            source="GKE API (HTTP 409)",
        ),
    ),
    (
        re.compile(r"Unknown name|Invalid value at"),
        Finding(
            code="GOOGLE-FIELD-REFUSED",
            severity="error",
            message="the API has no such field, or not this value, in this request",
            expected="fields that the method can change",
            fix="what cannot be changed in place needs cluster_recreate: true",
            source="GKE API (HTTP 400)",
        ),
    ),
)
