# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of `operators_info`, and the one call that its module and action plugin share."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.connection import (
    ConnectionLost,
    ConnectionProblem,
    Session,
    connect,
    connection_options,
)
from ansible_collections.llmd.tpu.plugins.module_utils.findings import (
    Finding,
    describe,
    failure_message,
    has_errors,
    sort_findings,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.client import (
    Api,
    ApiError,
    first_contact,
)
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.yaml_text import BadYaml, parse
from ansible_collections.llmd.tpu.plugins.module_utils.operators import versions
from ansible_collections.llmd.tpu.plugins.module_utils.operators.dependents import check_dependents
from ansible_collections.llmd.tpu.plugins.module_utils.operators.installs import (
    EXTRAS,
    PARTS,
    Wanted,
    check_installs,
    installs,
)
from ansible_collections.llmd.tpu.plugins.module_utils.operators.objects import image
from ansible_collections.llmd.tpu.plugins.module_utils.operators.pools import check_pools
from ansible_collections.llmd.tpu.plugins.module_utils.operators.reading import read
from ansible_collections.llmd.tpu.plugins.module_utils.operators.view import View
from ansible_collections.llmd.tpu.plugins.module_utils.serving.compatibility import (
    DISTRIBUTIONS,
    row_of,
)
from ansible_collections.llmd.tpu.plugins.module_utils.serving.tracks import DEFAULT_TRACK, TRACKS

QUESTIONS = ("install", "verify", "remove")


def argument_spec() -> dict[str, Any]:
    """The options of `operators_info`: its own and kubernetes.core's connection options."""
    return {
        **connection_options(),
        "question": {"type": "str", "default": "verify", "choices": list(QUESTIONS)},
        "distribution": {"type": "str", "default": "redhat", "choices": list(DISTRIBUTIONS)},
        "istio_version": {"type": "str"},
        "istio_crd": {"type": "path"},
        "kserve_track": {"type": "str", "default": DEFAULT_TRACK, "choices": list(TRACKS)},
        "adopt": {"type": "list", "elements": "str", "default": [], "choices": list(PARTS)},
        "extras": {"type": "list", "elements": "str", "default": [], "choices": list(EXTRAS)},
        "findings_only": {"type": "bool", "default": False},
    }


class UnreadableCrd(Exception):
    """The CRD that lists Istio's versions cannot be read; the text is for the user."""


def run(
    params: Mapping[str, Any],
    *,
    check: bool,
    open_session: Callable[[Mapping[str, Any]], Session] = connect,
) -> dict[str, Any]:
    """Look, judge, and give the task's result; never raises for bad input or a lost cluster."""
    question = params["question"]
    try:
        api = Api(open_session(params))
        first_contact(api)
        view = read(api, pools=question == "verify", dependents=question == "remove")
        findings = sort_findings(_findings(view, params, check))
    except (ConnectionProblem, UnreadableCrd) as problem:
        return {"failed": True, "changed": False, "msg": str(problem)}
    except (ApiError, ConnectionLost) as problem:
        words = f"the cluster {api.where} could not be read: {problem}. Nothing was changed."
        return {"failed": True, "changed": False, "msg": words}
    result: dict[str, Any] = {
        "changed": False,
        "ok": not has_errors(findings),
        "findings": [finding.to_dict() for finding in findings],
        "installs": [install.to_dict() for install in installs(view).values()],
        "istio_version": versions.running_istio(view),
        "istiod_image": image(next(iter(view.istiods), None)),
        "cert_manager_version": versions.running_cert_manager(view),
        "cert_manager_image": image(next(iter(view.cert_managers), None)),
        "requests": api.counts.requests,
    }
    if not params["findings_only"]:
        result["warnings"] = [describe(one) for one in findings if one.severity == "warning"]
        if not result["ok"]:
            result.update(failed=True, msg=failure_message(f"cluster {api.where}", findings))
    return result


def _findings(view: View, params: Mapping[str, Any], check: bool) -> Iterator[Finding]:
    if params["question"] == "install":
        yield from _before(view, params)
    elif params["question"] == "verify":
        yield from _after(view, params)
    else:
        yield from check_dependents(view.dependents, params["adopt"], check=check)


def _before(view: View, params: Mapping[str, Any]) -> Iterator[Finding]:
    wanted = Wanted(
        distribution=params["distribution"],
        istio_version=params["istio_version"] or "",
        kserve_track=params["kserve_track"],
        adopt=tuple(params["adopt"]),
        extras=tuple(params["extras"]),
    )
    asked, path = wanted.istio_version, params["istio_crd"]
    # The CRD is large, and there is nothing to ask when the operator took the version already.
    if path and not wanted.adopts("istio") and not versions.settled(view, asked):
        where, accepted = _accepted_versions(path)
        unknown = list(versions.check_asked(asked, accepted, where))
        yield from unknown
        if unknown:
            return
    yield from check_installs(view, wanted)


def _after(view: View, params: Mapping[str, Any]) -> Iterator[Finding]:
    adopt = params["adopt"]
    if "istio" not in adopt and params["istio_version"]:
        yield from versions.check_istio(view, params["istio_version"], params["distribution"])
    if "cert-manager" not in adopt:
        yield from versions.check_cert_manager(view)
    running = versions.running_istio(view)
    row = row_of(params["distribution"], running)
    yield from check_pools(view.pools, view.gateways, row.pool_groups if row else None, running)


def _accepted_versions(pattern: str) -> tuple[str, list[str]]:
    """The file that the path (or glob) names, and the versions in it."""
    found = sorted(glob.glob(os.path.expanduser(pattern)))
    if not found:
        raise UnreadableCrd(
            f"no file {pattern}: expected the CRD istios.sailoperator.io of the operator's chart, "
            "which lists the versions of Istio. Check operators_sail_chart. Nothing was changed."
        )
    try:
        with open(found[0], encoding="utf-8") as stream:
            crd = parse(stream.read())[0]
        return found[0], versions.istio_versions(crd)
    except (OSError, UnicodeError, BadYaml, IndexError, AttributeError) as problem:
        raise UnreadableCrd(
            f"{found[0]} is no CRD that can be read: {problem}. Check operators_sail_chart. "
            "Nothing was changed."
        ) from problem
