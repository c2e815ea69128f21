"""What each field of a national login's row does to a sign-in there, and what it never lets in."""

import base64
import json
import time
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey
from sqlalchemy import select
from werkzeug.test import TestResponse

from jit_portal.database import session
from jit_portal.identity import invitations, oidc, registry
from jit_portal.identity.models import User
from jit_portal.vocabulary import Assurance, AssuranceAsked
from tests.hostile import Hostile
from tests.provider_rows import Row, SignIn, liar, row, secrets, sign_in
from tests.signing_in import Browser, ledger, logins, refused, xenia

FIXTURES = (liar, row, secrets, sign_in)
"""They are asked for by name."""


def test_a_row_without_pkce_sends_neither_challenge_nor_verifier(liar: Hostile, row: Row, sign_in: SignIn) -> None:
    row(uses_pkce=False)
    xenia()
    assert sign_in().status_code == 303
    sent = {name for place in ("/par", "/token") for form in liar.heard(place) for name in form}
    assert not {"code_challenge", "code_challenge_method", "code_verifier"} & sent
    assert {"nonce", "state"} <= sent


# How strength is asked


@pytest.mark.parametrize(
    ("asks", "acr_values", "acr"),
    [
        (AssuranceAsked.ACR_VALUES, "medium high", None),
        (AssuranceAsked.ACR_MINIMUM, "medium", "nothing"),
        (AssuranceAsked.CLAIMS, None, {"essential": True, "values": ["medium", "high"]}),
        (AssuranceAsked.NOT_ASKED, None, "nothing"),
    ],
)
def test_strength_is_asked_as_the_row_says(
    liar: Hostile, row: Row, asks: AssuranceAsked, acr_values: str | None, acr: Any
) -> None:
    row(asks_assurance=asks, acr_levels={"high": Assurance.HIGH, "medium": Assurance.SUBSTANTIAL, "low": Assurance.LOW})
    given = {"state": "s", "nonce": "n", "code_verifier": "v" * 43}
    login = oidc.client(registry.provider("xx"))
    login.address("http://localhost/x", **given, assurance=Assurance.SUBSTANTIAL)  # type: ignore[arg-type]
    (form,) = liar.heard("/par")
    claims = json.loads(form.get("claims", "{}")).get("id_token", {})
    assert form.get("acr_values") == acr_values
    assert claims.get("acr", "nothing") == acr
    assert set(claims) <= {"acr"}, "nothing is asked for that nobody reads"


# Clocks, keys, headers, hosts


def test_how_far_clocks_may_differ_is_the_rows(liar: Hostile, row: Row, sign_in: SignIn) -> None:
    row(leeway=60)
    xenia()
    liar.claims = {"exp": int(time.time()) - 30}
    assert sign_in().status_code == 303
    row(leeway=10)
    assert refused(sign_in(), 400, "unsound")
    liar.claims = {"auth_time": int(time.time()) + 30}
    assert refused(sign_in(), 400, "unsound")
    row(leeway=60)
    assert sign_in().status_code == 303


def test_how_long_a_key_is_believed_is_the_rows(
    liar: Hostile, row: Row, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    row(keys_seconds=120)
    xenia()
    assert sign_in().status_code == 303
    liar.published = [ECKey.generate_key("P-256", {"kid": "two"})]
    assert sign_in().status_code == 303
    clock = time.monotonic
    monkeypatch.setattr("jit_portal.identity.discovery.time.monotonic", lambda: clock() + 121)
    assert refused(sign_in(), 400, "unsound")


def test_how_long_a_header_may_be_is_the_rows(liar: Hostile, row: Row, sign_in: SignIn) -> None:
    row()
    xenia()
    liar.header = {"x5c": ["A" * 3000]}
    assert refused(sign_in(), 400, "unsound")
    row(header_limit=8192)
    assert sign_in().status_code == 303
    liar.header = {"x5c": ["A" * 9000]}
    assert refused(sign_in(), 400, "unsound")


def test_a_provider_is_reached_at_hosts_of_its_row_only(app: Flask, liar: Hostile, row: Row, sign_in: SignIn) -> None:
    elsewhere = liar.issuer.replace("127.0.0.1", "localhost").removesuffix("/xx")
    liar.metadata = {"userinfo_endpoint": f"{elsewhere}/xx/userinfo"}
    row()
    xenia()
    assert Browser(app).portal.get("/sign-in/xx").status_code == 503
    row(hosts=(elsewhere,))
    assert sign_in().status_code == 303
    liar.metadata |= {"jwks_uri": "http://127.0.0.1:1/jwks"}
    row(hosts=(elsewhere,), leeway=59)
    assert Browser(app).portal.get("/sign-in/xx").status_code == 503


# Logout


def say_goodbye(app: Flask, token: str) -> int:
    return app.test_client().post("/sign-in/xx/logout", data={"logout_token": token}).status_code


@pytest.mark.parametrize("typ", [None, "JWT"])
def test_an_older_logout_token_is_heard_where_the_row_says_so(
    app: Flask, liar: Hostile, row: Row, sign_in: SignIn, typ: str | None
) -> None:
    row()
    xenia()
    assert sign_in().status_code == 303
    liar.header = {"typ": typ}
    assert say_goodbye(app, liar.logout_token()) == 400
    row(takes_untyped_logout=True)
    for lie in ({"nonce": "n"}, {"events": None}, {"aud": "somebody-else"}, {"jti": None}):
        assert say_goodbye(app, liar.logout_token(**lie)) == 400
    assert say_goodbye(app, liar.id_token("n")) == 400
    liar.header = {"typ": "at+jwt"}
    assert say_goodbye(app, liar.logout_token()) == 400
    liar.header = {"typ": typ}
    assert logins()[0].ended_at is None
    assert say_goodbye(app, liar.logout_token()) == 200
    assert logins()[0].ended_because == "signed_out_at_provider"


def test_a_header_that_nests_without_end_is_none(app: Flask, liar: Hostile, row: Row) -> None:
    row(header_limit=8192)
    header = base64.urlsafe_b64encode(b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}").decode()
    assert say_goodbye(app, f"{header}.e30.e30") == 400
    assert ledger("login.end_refused") == [{"why": "unsound"}]


def test_a_login_without_a_logout_of_its_own_ends_nothing(app: Flask, liar: Hostile, row: Row, sign_in: SignIn) -> None:
    row(has_back_channel_logout=False)
    xenia()
    assert sign_in().status_code == 303
    assert say_goodbye(app, liar.logout_token()) == 400
    assert ledger("login.end_refused") == [{"why": "unsound"}]
    assert logins()[0].ended_at is None


@pytest.mark.parametrize("is_offered", [True, False])
def test_signing_out_leads_on_where_the_row_says_so(app: Flask, liar: Hostile, row: Row, is_offered: bool) -> None:
    row(has_rp_logout=is_offered)
    xenia()
    one = Browser(app)
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    answer = one.post("/sign-out")
    assert ("Refresh" in answer.headers) == is_offered
    assert logins()[0].ended_because == "signed_out"


# Whose authority


def test_where_a_login_knows_no_agencies_the_invitation_alone_says_whose_one_is(
    app: Flask, liar: Hostile, row: Row, sign_in: SignIn
) -> None:
    row(claim_map={"name": "/name", "authority": ""})
    liar.info = {"office": {"code": "XX-9"}}
    assert refused(sign_in(), 403, "unknown")
    customs = next(each for each in registry.provider("xx").authorities if each.code == "XX-2")
    _, token = invitations.invite(None, customs, "Xenia Xylander")
    one = Browser(app)
    assert one.come_back("xx", liar.callback(one.begin("xx", invitation=token))).status_code == 303
    assert sign_in().status_code == 303
    (user,) = session().scalars(select(User)).all()
    assert (user.authority.code, user.flagged) == ("XX-2", None)


@pytest.mark.parametrize("pointer", ["/office/code", ""], ids=["said by the login", "kept by the portal"])
def test_nobody_of_a_closed_authority_gets_in(
    app: Flask, liar: Hostile, row: Row, sign_in: SignIn, pointer: str
) -> None:
    """Known or asked in before; and both do once it is open again."""
    claim_map = {"name": "/name", "authority": pointer}
    row(claim_map=claim_map)
    xenia()
    police = next(each for each in registry.provider("xx").authorities if each.code == "XX-1")
    _, token = invitations.invite(None, police, "Yann Yew")

    def newcomer() -> TestResponse:
        liar.subject, one = "xx-2", Browser(app)
        answer = one.come_back("xx", liar.callback(one.begin("xx", invitation=token)))
        liar.subject = "xx-1"
        return answer

    row(claim_map=claim_map, authorities={"XX-2": "Customs XX"})
    assert refused(sign_in(), 403, "authority")
    assert refused(newcomer(), 403, "authority")
    assert logins() == []
    row(claim_map=claim_map)
    assert [sign_in().status_code, newcomer().status_code] == [303, 303]


def test_a_name_can_stand_in_two_places(liar: Hostile, row: Row, sign_in: SignIn) -> None:
    row(claim_map={"name": "/given_name /names/1 /nothing", "authority": "/office/code"})
    xenia()
    liar.info = {"given_name": "Xenia", "names": {"1": "Xylander"}}
    assert sign_in().status_code == 303
    liar.info = {"given_name": "Xenia", "names": {"1": "Other"}}
    assert sign_in().status_code == 303
    assert ledger("user.flagged") == [{"claims": ["name"]}]
