# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the right address taken from a service, and the right place connected to?"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.address import (
    AddressError,
    address_from_gateway,
    address_from_status,
    connect_address,
    split_url,
)

PUBLIC = "http://203.0.113.10/ns/name"
PRIVATE = "http://10.1.2.3/ns/name"
INTERNAL = "http://inference-gateway-istio.opendatahub.svc.cluster.local/ns/name"


@pytest.mark.parametrize(
    ("status", "url", "origin"),
    [
        ({"url": PUBLIC, "addresses": [{"url": PRIVATE}]}, PUBLIC, "status.url"),
        (
            {
                "addresses": [
                    {"name": "gateway-internal", "url": INTERNAL},
                    {"name": "internal", "url": PRIVATE},
                ]
            },
            PRIVATE,
            "status.addresses (internal)",
        ),
        (
            {"addresses": [{"name": "gateway-internal", "url": INTERNAL}]},
            INTERNAL,
            "status.addresses (gateway-internal)",
        ),
    ],
)
def test_what_the_service_reports(status: dict[str, Any], url: str, origin: str) -> None:
    address = address_from_status({"status": status})
    assert address is not None
    assert (address.url, address.origin) == (url, origin)


@pytest.mark.parametrize(
    "service",
    [{}, {"status": None}, {"status": {}}, {"status": {"addresses": [{}, 1]}}, {"status": 1}],
)
def test_a_service_without_address(service: dict[str, Any]) -> None:
    assert address_from_status(service) is None


@pytest.mark.parametrize(
    ("listener", "value", "url"),
    [
        ({"protocol": "HTTP", "port": 80}, "203.0.113.10", "http://203.0.113.10/ns/n"),
        ({"protocol": "HTTPS", "port": 443}, "a.example", "https://a.example/ns/n"),
        ({"protocol": "HTTP", "port": 8080}, "2001:db8::1", "http://[2001:db8::1]:8080/ns/n"),
    ],
)
def test_built_from_the_gateway(listener: dict[str, Any], value: str, url: str) -> None:
    gateway = {"spec": {"listeners": [listener]}, "status": {"addresses": [{"value": value}]}}
    address = address_from_gateway(gateway, "ns", "n")
    assert address is not None
    assert address.url == url
    assert address_from_gateway({"spec": {}, "status": {}}, "ns", "n") is None


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ([], ("h", 80)),
        (["127.0.0.1:8080"], ("127.0.0.1", 8080)),
        (["[::1]:8080"], ("::1", 8080)),
        (["h:80:10.0.0.1:81"], ("10.0.0.1", 81)),
        (["other:80:10.0.0.1:81"], ("h", 80)),
        (["other:80:10.0.0.1:81", "10.0.0.2:82"], ("10.0.0.2", 82)),
        (["::10.0.0.1:"], ("10.0.0.1", 80)),
        (["h:::81"], ("h", 81)),
        ([":443:10.0.0.1:81"], ("h", 80)),
        (["h:80:[2001:db8::1]:81"], ("2001:db8::1", 81)),
    ],
)
def test_connect_to_as_curl_has_it(rules: list[str], place: tuple[str, int]) -> None:
    assert connect_address(rules, split_url("http://h/x")) == place


@pytest.mark.parametrize(
    "rule", ["", "host", "host:port", "host:0", "h:99999", "a:1:b", "2001:db8::1:80"]
)
def test_rules_that_are_none(rule: str) -> None:
    with pytest.raises(AddressError, match="Expected HOST:PORT"):
        connect_address([rule], split_url("http://h/x"))


def test_parts_of_a_url() -> None:
    target = split_url("https://[2001:db8::1]:8443/a/b?c=d")
    assert (target.scheme, target.host, target.port) == ("https", "2001:db8::1", 8443)
    assert target.path == "/a/b?c=d"
    assert split_url("http://h").path == "/"
