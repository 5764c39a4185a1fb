# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the rule found that takes a path, and told whether it leads to the scheduler?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.routes import listener_of, path_of

PATH = "/ns/name/v1/completions"
ACCEPTED = {"parents": [{"conditions": [{"type": "Accepted", "status": "True"}]}]}


def route(name: str, *rules: tuple[str, str, str], **spec: Any) -> dict[str, Any]:
    """A route as KServe makes it, of rules (kind of match, path, kind of backend)."""
    return {
        "metadata": {"name": name, "namespace": "ns"},
        "status": ACCEPTED,
        "spec": {
            "parentRefs": [{"name": "inference-gateway", "namespace": "opendatahub", **spec}],
            "rules": [
                {
                    "matches": [{"path": {"type": match, "value": value}}],
                    "backendRefs": [{"kind": kind, "name": "b"}],
                }
                for match, value, kind in rules
            ],
        },
    }


KSERVE = route(
    "kserve",
    ("PathPrefix", PATH, "InferencePool"),
    ("PathPrefix", "/ns/name/v1/chat/completions", "InferencePool"),
    ("PathPrefix", "/ns/name", "Service"),
)


EVERYTHING = {
    "metadata": {"name": "all", "namespace": "ns"},
    "status": ACCEPTED,
    "spec": {"rules": [{}]},
}


@pytest.mark.parametrize(
    ("routes", "name", "pooled"),
    [
        ([KSERVE], "ns/kserve", True),
        ([route("a", ("PathPrefix", "/ns/name", "Service"))], "ns/a", False),
        ([KSERVE, route("longer", ("Exact", PATH, "Service"))], "ns/longer", False),
        ([route("short", ("PathPrefix", "/", "Service")), KSERVE], "ns/kserve", True),
        ([route("re", ("RegularExpression", "/ns/.*", "Service")), KSERVE], "ns/kserve", True),
        ([KSERVE, route("later", ("PathPrefix", PATH, "Service"))], "ns/kserve", True),
        (
            [EVERYTHING],
            "ns/all",
            False,
        ),
    ],
)
def test_the_rule_that_takes_a_completion(
    routes: list[dict[str, Any]], name: str, pooled: bool
) -> None:
    found = path_of(routes, PATH)
    assert found is not None
    assert (found.route, found.pooled) == (name, pooled)


@pytest.mark.parametrize(
    "routes",
    [
        [],
        [
            {
                **KSERVE,
                "status": {"parents": [{"conditions": [{"type": "Accepted", "status": "False"}]}]},
            }
        ],
        [{**KSERVE, "status": {}}],
        [route("other", ("PathPrefix", "/ns/nam", "Service"))],
        [route("bad", ("RegularExpression", "(", "Service"))],
        [{}, {"spec": None}, {"spec": {"rules": [1]}}],
    ],
)
def test_no_rule(routes: list[dict[str, Any]]) -> None:
    assert path_of(routes, PATH) is None


def test_a_rule_for_another_method_or_header_is_not_ours() -> None:
    other = route("a", ("PathPrefix", "/", "Service"))
    for condition in ({"method": "GET"}, {"headers": [{"name": "x", "value": "y"}]}):
        other["spec"]["rules"][0]["matches"][0].update(condition)
        assert path_of([other], PATH) is None
        other["spec"]["rules"][0]["matches"] = [{"path": {"type": "PathPrefix", "value": "/"}}]


def test_backends_without_weight_do_not_count() -> None:
    mixed = route("a", ("PathPrefix", "/", "InferencePool"))
    backends = mixed["spec"]["rules"][0]["backendRefs"]
    backends.append({"name": "s", "weight": 0})
    assert path_of([mixed], PATH).pooled  # type: ignore[union-attr]
    backends[-1]["weight"] = 1
    found = path_of([mixed], PATH)
    assert found is not None
    assert (found.pooled, found.backends) == (False, ("InferencePool b", "Service s"))
    assert found.gateway == ("opendatahub", "inference-gateway")


LISTENERS = {
    "spec": {
        "listeners": [
            {"name": "http", "port": 80, "protocol": "HTTP"},
            {
                "name": "https",
                "port": 443,
                "protocol": "HTTPS",
                "tls": {"certificateRefs": [{"name": "gateway-tls"}]},
            },
        ]
    }
}


@pytest.mark.parametrize(
    ("section", "scheme", "name"),
    [
        ("", "http", "http"),
        ("", "https", "https"),
        ("https", "http", "https"),
        ("none", "http", ""),
    ],
)
def test_the_listener(section: str, scheme: str, name: str) -> None:
    listener = listener_of(LISTENERS, section, scheme)
    assert listener.name == name
    assert listener.certificates == (("gateway-tls",) if name == "https" else ())
