# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Do registries and hubs get the right questions, and secrets only their own host?"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.answers import (
    judge_images,
    judge_model,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.asking import (
    Look,
    look_for_file,
    look_for_image,
)
from ansible_collections.llmd.tpu.plugins.module_utils.preflight.credentials import (
    Account,
    Image,
)
from ansible_collections.llmd.tpu.plugins.module_utils.smoke.exchange import (
    Failure,
    Outcome,
    Reply,
    Request,
)

IMAGE = Image("registry.example", "team/app", "1")
ACCOUNT = Account("robot", "hunter2")
BASIC = "Basic " + base64.b64encode(b"robot:hunter2").decode()
TOKEN = '{"token": "t0ken"}'


class Web:
    """Answers by method and URL without its query; keeps what was sent."""

    def __init__(self, answers: dict[str, Outcome | Callable[[Request], Outcome]]) -> None:
        self._answers = answers
        self.sent: list[Request] = []

    def __call__(self, request: Request) -> Outcome:
        """Give the answer."""
        self.sent.append(request)
        answer = self._answers[f"{request.method} {request.url.partition('?')[0]}"]
        return answer(request) if callable(answer) else answer


def reply(status: int, body: str = "", **headers: str) -> Reply:
    """A reply; underscores in header names are dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, named, body.encode(), 0.1)


def with_login(realm: str) -> Callable[[Request], Outcome]:
    """A registry that wants a token of this login."""

    def answer(request: Request) -> Outcome:
        if request.headers.get("Authorization") == "Bearer t0ken":
            return reply(200)
        return reply(401, www_authenticate=f'Bearer realm="{realm}",service="s"')

    return answer


MANIFEST = "HEAD https://registry.example/v2/team/app/manifests/1"


def test_an_open_registry_is_asked_once() -> None:
    web = Web({MANIFEST: reply(200)})
    assert look_for_image(IMAGE, ACCOUNT, web).verdict == "readable"
    assert "Authorization" not in web.sent[0].headers


def test_the_account_goes_to_the_login_and_the_token_to_the_registry() -> None:
    realm = "https://registry.example/login"
    web = Web({MANIFEST: with_login(realm), f"GET {realm}": reply(200, TOKEN)})
    assert look_for_image(IMAGE, ACCOUNT, web).verdict == "readable"
    assert [one.headers.get("Authorization") for one in web.sent] == [
        None,
        BASIC,
        "Bearer t0ken",
    ]
    assert "scope=repository%3Ateam%2Fapp%3Apull" in web.sent[1].url


@pytest.mark.parametrize(
    "realm",
    [
        "https://login.elsewhere/token",
        "https://registry.example:8443/token",
        "https://registry.example.evil/token",
        "http://registry.example/token",
        "nothing",
    ],
)
def test_the_account_goes_nowhere_else(realm: str) -> None:
    web = Web({MANIFEST: with_login(realm), f"GET {realm}": reply(200, TOKEN)})
    assert look_for_image(IMAGE, ACCOUNT, web).verdict == "not asked"
    assert all("Authorization" not in one.headers for one in web.sent)


def test_docker_s_login_is_known_to_be_its_own() -> None:
    realm = "https://auth.docker.io/token"
    manifest = "HEAD https://registry-1.docker.io/v2/library/busybox/manifests/1"
    web = Web({manifest: with_login(realm), f"GET {realm}": reply(200, TOKEN)})
    assert look_for_image(Image("docker.io", "library/busybox", "1"), ACCOUNT, web).verdict == (
        "readable"
    )


def test_without_an_account_a_login_elsewhere_is_asked_without_one() -> None:
    realm = "https://login.elsewhere/token"
    web = Web({MANIFEST: with_login(realm), f"GET {realm}": reply(200, TOKEN)})
    assert look_for_image(IMAGE, None, web).verdict == "readable"
    assert "Authorization" not in web.sent[1].headers


def test_a_registry_that_wants_the_account_itself() -> None:
    def answer(request: Request) -> Outcome:
        granted = request.headers.get("Authorization") == BASIC
        return reply(200) if granted else reply(401, www_authenticate='Basic realm="r"')

    assert look_for_image(IMAGE, ACCOUNT, Web({MANIFEST: answer})).verdict == "readable"
    assert look_for_image(IMAGE, None, Web({MANIFEST: answer})).verdict == "refused"


@pytest.mark.parametrize(
    ("login", "verdict"),
    [
        (reply(401), "refused"),
        (reply(403), "refused"),
        (reply(200, "no json"), "not asked"),
        (reply(302, location="https://elsewhere/"), "not asked"),
        (Failure("dns", "not known", 0.1, "registry.example:443"), "not asked"),
    ],
)
def test_a_login_that_gives_no_token(login: Outcome, verdict: str) -> None:
    realm = "https://registry.example/login"
    web = Web({MANIFEST: with_login(realm), f"GET {realm}": login})
    assert look_for_image(IMAGE, ACCOUNT, web).verdict == verdict
    assert len(web.sent) == 2


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (reply(403), "refused"),
        (reply(404), "absent"),
        (reply(429), "not asked"),
        (reply(302, location="https://elsewhere/"), "not asked"),
        (reply(401), "not asked"),
        (Failure("unreachable", "no route", 0.1, "registry.example:443"), "not asked"),
    ],
)
def test_the_answer_of_a_registry(answer: Outcome, verdict: str) -> None:
    assert look_for_image(IMAGE, ACCOUNT, Web({MANIFEST: answer})).verdict == verdict


FILE = "HEAD https://hub.example/owner/name/resolve/main/config.json"


@pytest.mark.parametrize(
    ("answer", "look"),
    [
        (reply(200), Look("readable")),
        (reply(307, location="/api/resolve-cache/x"), Look("readable")),
        (reply(401, x_error_code="GatedRepo"), Look("refused", "HTTP 401", "GatedRepo")),
        (reply(404, x_error_code="RepoNotFound"), Look("absent", "HTTP 404", "RepoNotFound")),
        (reply(503), Look("not asked", "HTTP 503")),
    ],
)
def test_the_answer_of_the_hub(answer: Outcome, look: Look) -> None:
    web = Web({FILE: answer})
    assert look_for_file("https://hub.example/", "hf://owner/name", "config.json", "t", web) == look
    assert [one.headers["Authorization"] for one in web.sent] == ["Bearer t"]


def test_a_revision_is_asked_for() -> None:
    web = Web({"HEAD https://hub.example/owner/name/resolve/v2/config.json": reply(200)})
    look = look_for_file("https://hub.example", "hf://owner/name:v2", "config.json", "", web)
    assert look.verdict == "readable"
    assert web.sent[0].headers == {}


def test_a_token_is_never_sent_without_tls() -> None:
    web = Web({})
    look = look_for_file("http://hub.example", "hf://owner/name", "config.json", "t", web)
    assert look.verdict == "not asked"
    assert web.sent == []


def test_verdicts_on_images() -> None:
    looks = {
        ("model", "quay.io/a/app:1"): Look("refused", "HTTP 401"),
        ("model", "quay.io/a/none:1"): Look("absent", "HTTP 404"),
        ("model", "quay.io/a/good:1"): Look("readable"),
        ("operators", "far.example/a:1"): Look("not asked", "far.example:443: no route"),
        ("operators", "far.example/b:1"): Look("not asked", "far.example:443: no route"),
    }
    findings = judge_images(looks, [("model", "quay.io/a/app:1")])
    assert [(one.code, one.severity) for one in findings] == [
        ("IMAGE-REFUSED", "error"),
        ("IMAGE-NOT-FOUND", "error"),
        ("IMAGE-NOT-ASKED", "info"),
    ]
    assert "with the account" in findings[0].message
    assert "2 images" in findings[2].message


@pytest.mark.parametrize(
    ("look", "token", "code", "severity"),
    [
        (Look("not asked"), True, "HUB-NOT-ASKED", "info"),
        (Look("refused", "HTTP 403", "GatedRepo"), True, "HUB-MODEL-GATED", "error"),
        (Look("refused", "HTTP 401", "RepoNotFound"), False, "HUB-MODEL-NOT-FOUND", "error"),
        (Look("absent", "HTTP 404", "RepoNotFound"), True, "HUB-MODEL-NOT-FOUND", "error"),
        (Look("absent", "HTTP 404", "EntryNotFound"), True, "HUB-MODEL-WITHOUT-CONFIG", "warning"),
        (Look("refused", "HTTP 401", ""), True, "HUB-TOKEN-REFUSED", "error"),
    ],
)
def test_verdicts_on_a_model(look: Look, token: bool, code: str, severity: str) -> None:
    finding = judge_model("hf://owner/name", look, "https://hub.example", with_token=token)
    assert finding
    assert (finding.code, finding.severity) == (code, severity)


def test_a_readable_model_is_no_finding() -> None:
    assert judge_model("hf://a/b", Look("readable"), "https://hub", with_token=False) is None


def test_no_answer_holds_a_secret() -> None:
    realm = "https://registry.example/login"
    web = Web({MANIFEST: with_login(realm), f"GET {realm}": reply(401, "hunter2")})
    findings = judge_images({("m", "i"): look_for_image(IMAGE, ACCOUNT, web)}, [])
    assert "hunter2" not in json.dumps([one.to_dict() for one in findings])
    assert BASIC not in repr(web.sent)
