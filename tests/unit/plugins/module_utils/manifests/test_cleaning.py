# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Planted secrets in every form, and what must stay readable."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.cleaning import Cleaner
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.masks import MASK

PLAIN = 'planted/pass+word "1"'
TOKEN = "hf_plantedtoken1234567"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def pod(env: list[dict[str, str]], **annotations: str) -> dict[str, Any]:
    container = {"name": "main", "env": env, "args": ["--port", "8000", "--api-key", PLAIN]}
    return {
        "kind": "Pod",
        "metadata": {"name": "p", "annotations": annotations},
        "spec": {"containers": [container]},
    }


@pytest.mark.parametrize(
    "text",
    [
        f"login with {PLAIN} failed",
        json.dumps({"message": f"it was {PLAIN}"}),
        f"GET https://hub/x/{quote(PLAIN)}/y",
        f"GET https://hub/x?{quote(PLAIN, safe='')}",
        f"sent {encoded(PLAIN)} there",
        f"auth {encoded('robot:' + PLAIN)} there",
        f"auth {encoded('bot:' + PLAIN + ':end')} there",
        f"auth {encoded('it:' + PLAIN)} there",
        base64.urlsafe_b64encode(f"x{PLAIN}".encode()).decode(),
    ],
)
def test_a_known_value_goes_in_every_spelling(text: str) -> None:
    shown = Cleaner([PLAIN + "\n"]).text(text)
    assert MASK in shown
    for start in range(0, 12, 3):
        assert encoded(PLAIN)[4 + start : 12 + start] not in shown
    assert "planted" not in shown


@pytest.mark.parametrize(
    "text",
    [
        f"token {TOKEN} refused",
        f"HF_TOKEN={TOKEN}",
        f"HF_TOKEN:       {TOKEN}\n",
        f"curl https://user:{TOKEN}@hub/x",
        f"curl https://hub/x?token={TOKEN}",
        f"Authorization: Bearer {encoded(TOKEN)}",
        f"data: {encoded(TOKEN)}",
        f"data: {encoded(encoded(TOKEN))}",
        f"env: {encoded('export HF_TOKEN=' + TOKEN)}",
        base64.b64encode(gzip.compress(TOKEN.encode() * 9, mtime=0)).decode(),
        encoded(base64.b64encode(gzip.compress(TOKEN.encode() * 9, mtime=0)).decode()),
        '{"db-password": "plantedtoken with blanks"}',
        '"{\\"password\\": \\"plantedtoken with blanks\\"}"',
        "-----BEGIN RSA PRIVATE KEY-----\nplantedtoken\n-----END RSA PRIVATE KEY-----\n",
        encoded("-----BEGIN PRIVATE KEY-----\nplantedtoken\n-----END PRIVATE KEY-----\n"),
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwbGFudGVkdG9rZW4ifQ.c2lnbmF0dXJl-plantedtoken",
    ],
)
def test_what_looks_like_a_credential_goes(text: str) -> None:
    shown = Cleaner().text(text)
    assert MASK in shown
    for piece in ("plantedtoken", "blanks", encoded(TOKEN)[:12], "H4sI", encoded("H4sI")[:5]):
        assert piece not in shown


@pytest.mark.parametrize(
    "text",
    [
        "namespaces/llm-d-inference-scheduling/qwen2-3b-pattern1-kserve-6d4b8c-x7x2k",
        "HF_TOKEN:  <set to the key 'token' in secret 'hub-token'>  Optional: false",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        encoded("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
        "Mounts: /var/run/secrets/kubernetes.io/serviceaccount from kube-api-access (ro)",
        "served 4096 tokens, secretName: hub-token",
        encoded("a sentence of no importance at all"),
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Cleaner().text(text) == text


def test_a_value_seen_in_one_place_is_known_in_all_others() -> None:
    cleaner = Cleaner()
    cleaner.learn(pod([{"name": "DB_PASSWORD", "value": "opensesame-1"}]))
    assert cleaner.text("trying opensesame-1 now") == f"trying {MASK} now"
    assert cleaner.text(f"the key is {PLAIN}.") == f"the key is {MASK}."


def test_a_copy_of_an_older_object_is_learnt_from() -> None:
    old = json.dumps(pod([{"name": "API_KEY", "value": "old-opensesame"}]))
    body = pod([], **{"kubectl.kubernetes.io/last-applied-configuration": old})
    cleaner = Cleaner()
    cleaner.learn(body)
    assert "opensesame" not in json.dumps(cleaner.object(body))
    assert cleaner.text("old-opensesame") == MASK


def test_objects_lose_their_secrets_by_where_they_stand() -> None:
    env = [{"name": "HF_TOKEN", "value": "planted1"}, {"name": "MODE", "value": "auto"}]
    body = pod(env, **{"example.com/api-token": "planted2", "note": "seen"})
    headers = [{"name": "Authorization", "value": "planted3"}]
    body["spec"]["containers"][0]["livenessProbe"] = {"httpGet": {"httpHeaders": headers}}
    shown = json.dumps(Cleaner().object(body))
    assert "planted" not in shown
    assert all(word in shown for word in ("auto", "seen", "8000", "HF_TOKEN", "Authorization"))


def test_settings_and_helm_releases_in_config_maps() -> None:
    release = {
        "kind": "ConfigMap",
        "metadata": {"name": "sh.helm.release.v1.x.v1", "labels": {"owner": "helm"}},
        "data": {"release": "planted"},
    }
    settings = {"kind": "ConfigMap", "metadata": {"name": "s"}, "data": {"password": "planted"}}
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"any": encoded("planted")}}
    for body in (release, settings, secret):
        shown = json.dumps(Cleaner().object(body))
        assert MASK in shown
        assert "planted" not in shown
        assert encoded("planted") not in shown


def test_plain_data_is_cleaned_by_names_and_looks() -> None:
    data = {"hub": {"token": "planted"}, "seen": [f"with {TOKEN}", 7, None, True]}
    assert Cleaner().data(data) == {
        "hub": {"token": MASK},
        "seen": [f"with {MASK}", 7, None, True],
    }


def test_short_values_and_paths_are_not_hunted_for() -> None:
    cleaner = Cleaner(["true", "/var/run/secrets/token"])
    assert cleaner.text("true: /var/run/secrets/token") == "true: /var/run/secrets/token"
