"""What each field of a national login's row does to a sign-in there, and what it never lets in."""

import base64
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey
from sqlalchemy import select
from werkzeug.test import TestResponse

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.demo.secrets import write_private
from jit_portal.identity import invitations, oidc, ourselves, registry
from jit_portal.identity.models import User
from jit_portal.vocabulary import Assurance, AssuranceAsked, ClientAuthentication, UserinfoForm
from tests import hostile
from tests.hostile import Hostile
from tests.signing_in import UNCHECKED, Browser, ledger, logins, of_xx, refused, xenia

SECRET = "a+b/c:d%e=f g"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    path = tmp_path / "provider-secrets.json"
    write_private(path, json.dumps({"xx": SECRET}))
    return path


@pytest.fixture
def liar(app: Flask, secrets: Path) -> Iterator[Hostile]:
    settings = app.config["SETTINGS"]
    ourselves.use(replace(settings, provider_secrets=secrets))
    with hostile.running() as issuer:
        yield issuer
    ourselves.use(settings)


@pytest.fixture
def row(liar: Hostile) -> Callable[..., None]:
    """Enter the login of country XX, with these fields changed."""

    def enter(**changes: Any) -> None:
        registry.ensure_providers([replace(of_xx(liar), **changes)])

    return enter


@pytest.fixture
def sign_in(app: Flask, liar: Hostile) -> Callable[[], TestResponse]:
    """Xenia's way to the provider and back, in a new browser."""

    def there_and_back() -> TestResponse:
        one = Browser(app)
        return one.come_back("xx", liar.callback(one.begin("xx")))

    return there_and_back


Row = Callable[..., None]
SignIn = Callable[[], TestResponse]


# How the portal proves itself


@pytest.mark.parametrize("uses_par", [True, False], ids=["pushed", "in the address"])
@pytest.mark.parametrize("how", list(ClientAuthentication))
def test_the_portal_proves_itself_as_the_row_says(
    liar: Hostile, row: Row, sign_in: SignIn, how: ClientAuthentication, uses_par: bool
) -> None:
    row(authenticates_by=how, uses_par=uses_par)
    xenia()
    assert sign_in().status_code == 303
    places = ["/par", "/token"] if uses_par else ["/token"]
    shown = dict(liar.proofs)
    for place in places:
        (form,) = liar.heard(place)
        found = {
            ClientAuthentication.PRIVATE_KEY_JWT: "client_assertion" in form,
            ClientAuthentication.CLIENT_SECRET_POST: form.get("client_secret") == SECRET,
            ClientAuthentication.CLIENT_SECRET_BASIC: shown[place].startswith("Basic "),
        }
        assert {each for each, is_so in found.items() if is_so} == {how}
    if how == ClientAuthentication.CLIENT_SECRET_BASIC:
        pair = base64.b64decode(shown["/token"].removeprefix("Basic ")).decode()
        assert pair == "jit-portal:a%2Bb%2Fc%3Ad%25e%3Df+g"


def _unreadable(path: Path) -> None:
    path.unlink()


def _readable_by_others(path: Path) -> None:
    path.chmod(0o640)


def _of_another(path: Path) -> None:
    write_private(path, json.dumps({"yy": SECRET}))


def _damaged(path: Path) -> None:
    write_private(path, SECRET)


def _elsewhere(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to(path.with_name("real"))


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """The whole log, with what stands beside its words."""
    return "".join(str(vars(each)) for each in caplog.records)


def _owned_by_another(path: Path) -> None:
    os.chown(path, 65534, -1)


_AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="nobody else gives a file away")


@pytest.mark.parametrize(
    "harm",
    [
        *(_unreadable, _readable_by_others, _of_another, _damaged, _elsewhere),
        pytest.param(_owned_by_another, marks=_AS_ROOT),
    ],
)
def test_without_its_secret_a_login_is_away_and_the_secret_is_said_nowhere(
    app: Flask, liar: Hostile, row: Row, secrets: Path, caplog: pytest.LogCaptureFixture, harm: Callable[[Path], None]
) -> None:
    row(authenticates_by=ClientAuthentication.CLIENT_SECRET_BASIC)
    harm(secrets)
    caplog.set_level(logging.DEBUG)
    answer = Browser(app).portal.get("/sign-in/xx")
    assert (answer.status_code, "waiting does not help" in answer.text) == (503, True)
    assert ledger("login.refused") == [{"person": None, "why": "not_as_agreed"}]
    assert SECRET not in logged(caplog) + answer.text
    assert liar.heard("/par") == []


def test_a_secret_is_neither_logged_nor_on_record(row: Row, sign_in: SignIn, caplog: pytest.LogCaptureFixture) -> None:
    row(authenticates_by=ClientAuthentication.CLIENT_SECRET_POST)
    xenia()
    caplog.set_level(logging.DEBUG)
    assert sign_in().status_code == 303
    details = session().scalars(select(LedgerEntry.details).execution_options(**UNCHECKED)).all()
    assert "provider" in "".join(details)
    for shown in (logged(caplog), *details, repr(registry.provider("xx").__dict__)):
        assert SECRET not in shown
        assert "a%2Bb" not in shown


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


@pytest.mark.parametrize("name", ["acr", "auth_time", "sid"])
def test_how_strong_and_when_counts_under_the_signature_only(
    liar: Hostile, row: Row, sign_in: SignIn, name: str
) -> None:
    row()
    xenia()
    liar.claims = {name: None}
    liar.info = {"acr": "high", "auth_time": int(time.time()) + 9999, "sid": "of-somebody"}
    answer = sign_in()
    if name == "acr":
        assert refused(answer, 403, "assurance")
        return
    assert answer.status_code == 303
    (login,) = logins()
    assert login.provider_session == (None if name == "sid" else "session-1")


# Userinfo under a signature


def test_signed_userinfo_is_read(liar: Hostile, row: Row, sign_in: SignIn) -> None:
    row(userinfo=UserinfoForm.JWT)
    xenia()
    liar.info_token = liar.signed_info
    assert sign_in().status_code == 303
    liar.info_token = lambda: liar.signed_info(office={"code": "XX-9"})
    assert refused(sign_in(), 403, "authority")


@pytest.mark.parametrize(
    ("lie", "detail"),
    [
        ({"iss": "https://other.test"}, "Invalid claim: 'iss'"),
        ({"iss": None}, "Missing claim: 'iss'"),
        ({"aud": "somebody-else"}, "Invalid claim: 'aud'"),
        ({"aud": ["somebody-else", "jit-portal"]}, "Invalid claim: 'aud'"),
        ({"aud": None}, "Invalid claim: 'aud'"),
        ({"exp": 1}, "The token is expired"),
        ({"iat": int(time.time()) + 3000}, "issued in the future"),
        ({"sub": "somebody-else"}, "userinfo is of another sub"),
        ({"sub": None}, "userinfo is of another sub"),
        ({"nonce": "that of an ID token"}, "another kind of token"),
    ],
)
def test_signed_userinfo_that_is_not_for_this_sign_in_is_none(
    liar: Hostile, row: Row, sign_in: SignIn, told: Callable[[], str], lie: dict[str, Any], detail: str
) -> None:
    row(userinfo=UserinfoForm.JWT)
    xenia()
    liar.info_token = lambda: liar.signed_info(**lie)
    assert refused(sign_in(), 400, "unsound")
    assert detail in told()


def by_another_key(liar: Hostile) -> str:
    other = ECKey.generate_key("P-256", {"kid": "one"})
    return hostile.sign({"alg": "ES256", "kid": "one"}, {"iss": liar.issuer, "aud": "jit-portal", "sub": "xx-1"}, other)


def unsigned(liar: Hostile) -> str:
    said = {"iss": liar.issuer, "aud": "jit-portal", "sub": "xx-1", "office": {"code": "XX-1"}}
    parts = (base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in ({"alg": "none"}, said))
    return ".".join(part.decode() for part in parts) + "."


def of_another_kind(liar: Hostile) -> str:
    liar.header = {"typ": "logout+jwt"}
    try:
        return liar.signed_info()
    finally:
        liar.header = {}


@pytest.mark.parametrize(
    ("lie", "detail"),
    [
        (by_another_key, "BadSignatureError"),
        (unsigned, "Algorithm of 'none' is not allowed"),
        (of_another_kind, "another kind of token"),
        (lambda liar: "not a token", "DecodeError"),
    ],
)
def test_userinfo_with_another_signature_or_none_is_none(
    liar: Hostile, row: Row, sign_in: SignIn, told: Callable[[], str], lie: Callable[[Hostile], str], detail: str
) -> None:
    row(userinfo=UserinfoForm.JWT)
    xenia()
    liar.info_token = lambda: lie(liar)
    assert refused(sign_in(), 400, "unsound")
    assert detail in told()


def test_each_row_takes_userinfo_in_its_own_form_only(
    liar: Hostile, row: Row, sign_in: SignIn, told: Callable[[], str]
) -> None:
    row(userinfo=UserinfoForm.JWT)
    xenia()
    assert refused(sign_in(), 400, "unsound")
    liar.replies["/userinfo"] = lambda: (200, "application/json", liar.signed_info().encode())
    assert refused(sign_in(), 400, "unsound")
    assert told() == "userinfo is not signed"
    row(userinfo=UserinfoForm.JSON)
    del liar.replies["/userinfo"]
    liar.info_token = liar.signed_info
    assert sign_in().status_code == 503
    assert (ledger("login.refused")[-1]["why"], logins()) == ("away", [])


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
