"""The demo's national logins, driven over loopback by a client that shares no code with them."""

import os
import stat
import subprocess
import sys
import time

import pytest
import requests
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from jit_portal.demo.case.people import PEOPLE, PROVIDERS
from jit_portal.demo.providers.schemes import SCHEMES
from tests.demo_logins import Backdoor, Client, Running, backdoor, running

FIXTURES = (backdoor, running)
"""They are asked for by name."""

SLUGS = [provider.slug for provider in PROVIDERS]


@pytest.mark.parametrize("slug", SLUGS)
def test_a_person_signs_in_at_each_provider(running: Running, slug: str) -> None:
    client = Client(running, slug)
    person = next(person for person in PEOPLE if person.provider == slug)
    scheme = next(scheme for scheme in SCHEMES if scheme.slug == slug)

    answer = client.sign_in(person.subject)
    assert (answer["state"], answer["iss"]) == (client.state, client.issuer)
    token = client.redeem(answer["code"]).json()
    claims = client.decode(token["id_token"]).claims
    info = requests.get(
        client.metadata()["userinfo_endpoint"], headers={"Authorization": f"Bearer {token['access_token']}"}, timeout=20
    ).json()

    assert client.metadata()["issuer"] == claims["iss"] == client.issuer
    assert (claims["aud"], claims["sub"], claims["nonce"]) == ("jit-portal", person.subject, client.nonce)
    assert claims["acr"] == scheme.acr[person.assurance]
    assert "mfa" in claims["amr"]
    assert abs(claims["auth_time"] - time.time()) < 10
    assert claims["exp"] - claims["iat"] == 300
    assert "name" not in claims
    assert (info["sub"], info["name"]) == (person.subject, person.name)
    for step in scheme.authority_at.strip("/").split("/"):
        info = info[step]
    assert info == person.authority


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"nonce": None},
        {"redirect_uri": "http://127.0.0.1:1/elsewhere"},
        {"client_id": "somebody-else"},
        {"response_type": "token"},
        {"request_uri": "urn:ietf:params:oauth:request_uri:other"},
    ],
)
def test_a_request_that_says_less_than_it_must_is_refused(running: Running, changed: dict[str, str | None]) -> None:
    client = Client(running, "nl")
    assert client.push(client.asked(**changed)).status_code == 400


def test_who_is_not_the_portal_can_push_nothing(running: Running) -> None:
    client = Client(running, "nl")
    assert client.push(key=ECKey.generate_key("P-256", {"kid": str(running.key.kid)})).status_code == 400
    assert client.push(jti="once").status_code == 201
    assert client.push(jti="once").status_code == 400
    endpoint = client.metadata()["pushed_authorization_request_endpoint"]
    unsigned = requests.post(endpoint, data=client.asked(), timeout=20)
    assert unsigned.status_code == 400


def test_a_request_in_the_address_line_is_refused(running: Running) -> None:
    client = Client(running, "nl")
    answer = client.browser.get(client.metadata()["authorization_endpoint"], params=client.asked(), timeout=20)
    assert answer.status_code == 400
    assert "This sign-in is over" in answer.text


def test_a_code_works_once_with_its_own_verifier(running: Running) -> None:
    client = Client(running, "ro")
    code = client.sign_in("ro-0001")["code"]
    assert client.redeem(code).status_code == 200
    assert client.redeem(code).json()["error"] == "invalid_grant"
    other = Client(running, "ro").sign_in("ro-0001")["code"]
    assert Client(running, "ro").redeem(other).json()["error"] == "invalid_grant"
    third = Client(running, "ro")
    code = third.sign_in("ro-0001")["code"]
    assert Client(running, "al", verifier=third.verifier).redeem(code).json()["error"] == "invalid_grant"


def test_a_nonce_works_once(running: Running) -> None:
    client = Client(running, "fr")
    client.sign_in("fr-0001")
    assert client.push().status_code == 400


def test_a_sign_in_stays_in_the_browser_that_began_it(running: Running) -> None:
    client = Client(running, "fr")
    page = running.base + client.begin().headers["Location"]
    assert requests.get(page, timeout=20).status_code == 400
    assert requests.post(page, data={"subject": "fr-0001"}, timeout=20).status_code == 400
    assert "code" in client.choose(page, subject="fr-0001")
    assert client.browser.post(page, data={"subject": "fr-0001"}, timeout=20).status_code == 400


@pytest.mark.parametrize("form", [{"cancel": "1"}, {"subject": "nl-0001"}, {"go_on": "1"}, {}])
def test_without_a_person_of_this_login_access_is_denied(running: Running, form: dict[str, str]) -> None:
    client = Client(running, "fr")
    answer = client.choose(running.base + client.begin().headers["Location"], **form)
    assert (answer["error"], answer["iss"]) == ("access_denied", client.issuer)
    assert "code" not in answer


def test_people_are_found_by_typing_without_script(running: Running) -> None:
    client = Client(running, "fr")
    page = running.base + client.begin().headers["Location"]
    everybody = client.browser.get(page, timeout=20).text
    found = client.browser.get(page, params={"q": "aubertin"}, timeout=20).text
    assert everybody.count('name="subject"') == sum(person.provider == "fr" for person in PEOPLE)
    assert found.count('name="subject"') == 1
    assert "Camille Aubertin" in found
    assert "<script" not in everybody
    assert "style=" not in everybody
    nobody = client.browser.get(page, params={"q": "<b>x"}, timeout=20).text
    assert "<b>x" not in nobody
    assert "Show everybody" in nobody


def test_a_login_goes_on_until_the_portal_asks_for_a_fresh_one(running: Running) -> None:
    client = Client(running, "nl")
    client.sign_in("nl-0001")
    again = Client(running, "nl", browser=client.browser)
    assert "code" in again.choose(running.base + again.begin().headers["Location"], go_on="1")
    silent = Client(running, "nl", browser=client.browser)
    assert "code=" in silent.begin(prompt="none").headers["Location"]
    for wish in ({"prompt": "login"}, {"max_age": "0"}):
        fresh = Client(running, "nl", browser=client.browser)
        page = running.base + fresh.begin(**wish).headers["Location"]
        assert "Go on as" not in fresh.browser.get(page, timeout=20).text
        assert fresh.choose(page, go_on="1")["error"] == "access_denied"
    stale = Client(running, "nl", browser=client.browser)
    assert "error=login_required" in stale.begin(prompt="none", max_age="0").headers["Location"]
    assert "error=login_required" in Client(running, "nl").begin(prompt="none").headers["Location"]


def test_sign_out_by_the_portal_ends_the_login_and_tells_the_portal(running: Running, backdoor: Backdoor) -> None:
    client = Client(running, "eu")
    backdoor.posted.clear()
    token = client.redeem(client.sign_in("eu-0001")["code"]).json()["id_token"]
    query = {"id_token_hint": token, "post_logout_redirect_uri": f"{running.origin}/signed-out", "state": "s1"}
    where = client.metadata()["end_session_endpoint"]
    answer = client.browser.get(where, params=query, timeout=20, allow_redirects=False)
    assert answer.headers["Location"] == f"{running.origin}/signed-out?state=s1"

    path, form = backdoor.wait()
    said = client.decode(form["logout_token"][0])
    mine = client.decode(token).claims
    assert path == "/sign-in/eu/logout"
    assert said.header["typ"] == "logout+jwt"
    assert (said.claims["sub"], said.claims["sid"], said.claims["aud"]) == ("eu-0001", mine["sid"], "jit-portal")
    assert said.claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in said.claims
    assert said.claims["jti"]
    assert (
        "error=login_required" in Client(running, "eu", browser=client.browser).begin(prompt="none").headers["Location"]
    )


def test_sign_out_leads_only_back_to_the_portal_and_only_with_its_own_token(running: Running) -> None:
    client = Client(running, "eu")
    token = client.redeem(client.sign_in("eu-0001")["code"]).json()["id_token"]
    where = client.metadata()["end_session_endpoint"]
    for query in (
        {"id_token_hint": token, "post_logout_redirect_uri": "http://127.0.0.1:1/elsewhere"},
        {"post_logout_redirect_uri": f"{running.origin}/signed-out"},
        {"id_token_hint": token[:-8] + "AAAAAAAA", "post_logout_redirect_uri": f"{running.origin}/signed-out"},
    ):
        answer = requests.get(where, params=query, timeout=20, allow_redirects=False)
        assert "Location" not in answer.headers


def test_sign_out_at_the_provider_tells_the_portal(running: Running, backdoor: Backdoor) -> None:
    client = Client(running, "al")
    client.redeem(client.sign_in("al-0001")["code"])
    backdoor.posted.clear()
    foreign = client.browser.post(f"{client.issuer}/sign-out", headers={"Sec-Fetch-Site": "cross-site"}, timeout=20)
    assert foreign.status_code == 403
    assert not backdoor.posted
    assert "Arben Dervishi" in client.browser.get(f"{client.issuer}/", timeout=20).text
    client.browser.post(f"{client.issuer}/sign-out", timeout=20)
    assert backdoor.wait()[0] == "/sign-in/al/logout"
    assert "Nobody is signed in" in client.browser.get(f"{client.issuer}/", timeout=20).text


def test_user_info_wants_a_live_token(running: Running) -> None:
    client = Client(running, "fr")
    where = client.metadata()["userinfo_endpoint"]
    assert requests.get(where, timeout=20).status_code == 401
    assert requests.get(where, headers={"Authorization": "Bearer made-up"}, timeout=20).status_code == 401


def test_keys_are_private_and_never_served(running: Running) -> None:
    for slug in SLUGS:
        assert stat.S_IMODE((running.data / f"{slug}.json").stat().st_mode) == 0o600
        (key,) = requests.get(f"{running.base}/{slug}/jwks", timeout=20).json()["keys"]
        assert "d" not in key
        assert key["kid"].startswith(slug)
    with pytest.raises(JoseError):
        Client(running, "fr").decode(Client(running, "nl").assertion()["client_assertion"])


def test_every_page_carries_strict_headers(running: Running) -> None:
    for path in ("/healthz", "/fr/", "/fr/authorize", "/xx/", "/static/providers.css"):
        headers = requests.get(running.base + path, timeout=20).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'; form-action 'self'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_without_its_settings_the_process_refuses_to_start() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("JIT_")}
    command = [sys.executable, "-m", "jit_portal.demo.providers", "--port", "1"]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    assert "JIT_ORIGIN, JIT_SIGNING_KEY missing" in ended.stderr
