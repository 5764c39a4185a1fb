# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose are Istio, cert-manager and the shared CRDs of a cluster, and may we install ours? Pure.

Two controllers of the same kind fight over the same objects for ever, so what others installed is
either used as it is (adopted: nothing of it is written) or the run stops with words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from ansible_collections.llmd.tpu.plugins.module_utils.findings import Finding
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.bundle import (
    BUNDLE_VERSIONS,
    managed_by_platform,
)
from ansible_collections.llmd.tpu.plugins.module_utils.operators.objects import (
    PHASE_LABEL,
    Document,
    annotated,
    environment,
    image,
    is_ours,
    labels,
    owner,
    title,
    version,
)
from ansible_collections.llmd.tpu.plugins.module_utils.operators.view import (
    CERT_MANAGER_OPERATOR,
    SAIL_OPERATORS,
    View,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.compatibility import (
    Answer,
    answer,
    minor_of,
)

Whose = Literal["none", "ours", "foreign", "platform"]
PARTS = ("istio", "cert-manager", "gateway-api", "inference-extension")
EXTRAS = ("lws", "monitoring-crds")
"""What is installed on request only, and by its input's name."""
_WORDS = {
    "istio": "Istio",
    "cert-manager": "cert-manager",
    "gateway-api": "CRDs of the Gateway API",
    "inference-extension": "CRDs of the inference extension",
}
_ADOPT_FIRST = (1, 0)
"""Gateway API v1.0 is the first that serves Gateway and HTTPRoute as v1."""


@dataclass(frozen=True)
class Install:
    """One part as it was found."""

    part: str
    whose: Whose
    where: str = ""
    version: str = ""
    by: str = ""

    def to_dict(self) -> dict[str, str]:
        """Plain data for a task's result."""
        return asdict(self)


@dataclass(frozen=True)
class Wanted:
    """What the run asks for."""

    distribution: str
    istio_version: str
    kserve_track: str
    adopt: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()

    def adopts(self, part: str) -> bool:
        """Whether an existing install of this part is to be used."""
        return part in self.adopt


def installs(view: View) -> dict[str, Install]:
    """Every part, by name."""
    found = (
        _of("istio", _foreign_istio(view), _our_istio(view)),
        _of("cert-manager", _foreign_cert_manager(view), _our_cert_manager(view)),
        _of_crd("gateway-api", view),
        _of_crd("inference-extension", view),
    )
    return {install.part: install for install in found}


def _of(part: str, foreign: Document | None, ours: Document | None) -> Install:
    """A foreign install counts although ours is there too: the two would fight."""
    item = foreign or ours
    if item is None:
        return Install(part, "none")
    said = version(item) if item.get("kind") == "Deployment" else _spec_version(item)
    return Install(part, "foreign" if foreign else "ours", title(item), said, owner(item))


def _spec_version(item: Document) -> str:
    return str((item.get("spec") or {}).get("version") or "")


def _our_istio(view: View) -> Document | None:
    return view.istio if is_ours(view.istio) else None


def _foreign_istio(view: View) -> Document | None:
    """An istiod that is not of our Istio object, or an Istio object or operator that is not ours.

    Our operator makes istiod with an owner: IstioRevision `default`.
    """
    ours = is_ours(view.istio)
    for istiod in view.istiods:
        owners = istiod["metadata"].get("ownerReferences") or ()
        made = any(one["kind"] == "IstioRevision" and one["name"] == "default" for one in owners)
        if not (ours and made):
            return istiod
    sails = (view.operator(name) for name in SAIL_OPERATORS.values())
    others = (item for item in (*view.istios, *sails) if item is not None and not is_ours(item))
    return next(others, None)


def _our_cert_manager(view: View) -> Document | None:
    ours = [one for one in view.cert_managers if one["metadata"]["namespace"] == "cert-manager"]
    operator = view.operator(CERT_MANAGER_OPERATOR)
    made = operator is not None and is_ours(operator)
    return next((one for one in ours if is_ours(one) or made), operator if made else None)


def _foreign_cert_manager(view: View) -> Document | None:
    """A controller that is neither ours nor our operator's, a foreign operator, or foreign CRDs."""
    operator = view.operator(CERT_MANAGER_OPERATOR)
    if operator is not None and not is_ours(operator):
        return operator
    ours = _our_cert_manager(view)
    for controller in view.cert_managers:
        if not (is_ours(controller) or (ours is not None and title(ours) == title(controller))):
            return controller
    crd = view.crds.get("cert-manager")
    return crd if crd is not None and not _of_any_phase(crd) else None


def _of_any_phase(crd: Document) -> bool:
    """Phases share CRDs: whichever of them installed it, it is ours."""
    return PHASE_LABEL in labels(crd)


def _of_crd(part: str, view: View) -> Install:
    crd = view.crds.get(part)
    if crd is None:
        return Install(part, "none")
    said = next((v for name in BUNDLE_VERSIONS if (v := annotated(crd).get(name))), "")
    whose: Whose = "foreign"
    if managed_by_platform(crd):
        whose = "platform"
    elif _of_any_phase(crd):
        whose = "ours"
    return Install(part, whose, title(crd), said, owner(crd))


def check_installs(view: View, wanted: Wanted) -> Iterator[Finding]:
    """Tell what stands in the way of installing what is wanted beside what is there."""
    found = installs(view)
    for install in found.values():
        yield from _check_part(install, wanted)
    yield from _check_extras(view, wanted)
    yield from _check_distribution(view, wanted)
    yield from _check_serving(view, wanted, found["istio"])


def _check_part(install: Install, wanted: Wanted) -> Iterator[Finding]:
    part, name = install.part, _WORDS[install.part]
    there = f"{install.where} {install.version} ({install.by})".replace("  ", " ")
    adopted = wanted.adopts(part)
    code = part.upper()
    if install.whose == "foreign" and not adopted:
        yield Finding(
            f"OPERATORS-FOREIGN-{code}",
            "error",
            f"{name} of somebody else is in the cluster; ours would fight with it or overwrite it",
            subject=there,
            expected=f"no {name}, or leave to use this one",
            fix=f"add {part} to operators_adopt to use it as it is (nothing of it is written), or "
            "remove it with what installed it",
        )
    elif install.whose == "none" and adopted:
        yield Finding(
            f"OPERATORS-NOTHING-TO-ADOPT-{code}",
            "error",
            f"operators_adopt names {part}, and there is none to use",
            expected=f"{name}, installed by somebody else",
            fix=f"install it, or take {part} out of operators_adopt so that this phase does",
        )
    elif install.whose == "ours" and adopted:
        yield Finding(
            f"OPERATORS-ADOPTS-OURS-{code}",
            "error",
            f"operators_adopt names {part}, which this phase installed itself",
            subject=there,
            fix=f"take {part} out of operators_adopt",
        )
    elif install.whose in ("foreign", "platform"):
        yield Finding(
            f"OPERATORS-ADOPTED-{code}", "info", f"{name} is used as it is", subject=there
        )
        if part == "gateway-api" and (minor_of(install.version) or _ADOPT_FIRST) < _ADOPT_FIRST:
            yield Finding(
                "OPERATORS-GATEWAY-API-OLD",
                "error",
                "these CRDs do not serve Gateway and HTTPRoute as v1, which Istio and KServe need",
                subject=there,
                expected="bundle v1.0.0 or newer; v1.4.0 is what was tried",
                fix="update them with what installed them",
            )


def _check_extras(view: View, wanted: Wanted) -> Iterator[Finding]:
    """Who asks for an extra that is there already would overwrite it."""
    for extra in wanted.extras:
        crd = view.crds.get(extra)
        if crd is not None and not _of_any_phase(crd):
            name = f"operators_{extra.replace('-', '_')}"
            yield Finding(
                f"OPERATORS-FOREIGN-{extra.upper()}",
                "error",
                f"{name} asks for what somebody else installed already",
                subject=f"{title(crd)} ({owner(crd)})",
                fix=f"set {name} to false: what is there is used",
            )
    if (
        "lws" in wanted.extras
        and wanted.distribution == "redhat"
        and not ("monitoring-crds" in wanted.extras or "monitoring-crds" in view.crds)
    ):
        yield Finding(
            "OPERATORS-LWS-NEEDS-MONITORING",
            "error",
            "the LWS operator writes a ServiceMonitor, a kind that this cluster does not have",
            path="operators_lws",
            fix="set operators_monitoring_crds to true",
            source="opendatahub-io/rhaii-on-xks pull request 39",
        )


def _check_distribution(view: View, wanted: Wanted) -> Iterator[Finding]:
    """Ours of the other distribution: its operator would go on beside the new one."""
    for distribution, name in SAIL_OPERATORS.items():
        operator = view.operator(name)
        if distribution != wanted.distribution and is_ours(operator) and operator is not None:
            yield Finding(
                "OPERATORS-OTHER-DISTRIBUTION",
                "error",
                f"this phase was installed as {distribution}, and is asked for as "
                f"{wanted.distribution}",
                subject=title(operator),
                fix="remove the phase first (operators_state: absent), or set "
                f"operators_distribution to {distribution}",
            )


def _check_serving(view: View, wanted: Wanted, istio: Install) -> Iterator[Finding]:
    """Does this Istio serve models of this KServe? For an adopted one, ask what it runs."""
    if istio.whose != "foreign":
        yield from _verdict(wanted.distribution, wanted.istio_version, wanted.kserve_track)
        return
    if not wanted.adopts("istio"):
        return
    istiod = next(iter(view.istiods), None)
    running = version(istiod)
    distribution = "redhat" if image(istiod).startswith("registry.redhat.io/") else "community"
    yield from _verdict(distribution, running, wanted.kserve_track)
    if environment(istiod).get("ENABLE_GATEWAY_API_INFERENCE_EXTENSION") != "true":
        yield Finding(
            "OPERATORS-ISTIO-WITHOUT-POOLS",
            "warning",
            "istiod was started without its support of InferencePools, which is off by default",
            subject=istio.where,
            path="spec.template.spec.containers[0].env",
            expected='ENABLE_GATEWAY_API_INFERENCE_EXTENSION: "true"',
            fix="set it with what installed Istio (pilot.env in its chart's values)",
            source="istio/istio pilot/pkg/features/experimental.go",
        )


def _verdict(distribution: str, istio_version: str, track: str) -> Iterator[Finding]:
    said: Answer = answer(distribution, istio_version, track)
    if said.level == "ok":
        return
    yield Finding(
        "OPERATORS-ISTIO-KSERVE",
        said.level,
        f"Istio {istio_version} ({distribution}) with KServe {track}: {said.reason}",
        path="operators_istio_version",
        found=istio_version,
        expected="a combination that docs/operators.md calls ok",
        fix="choose operators_istio_version or kserve_track from the table in docs/operators.md",
        source=said.source,
    )
