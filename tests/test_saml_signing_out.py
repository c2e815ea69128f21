"""Signing out by SAML, here and at the login."""

import base64
import datetime as dt
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.identity import registry
from jit_portal.identity.refusals import SignInRefused
from jit_portal.identity.saml import redirects
from jit_portal.identity.sign_in_models import LoginSession
from tests import factories
from tests import hostile_saml as saml
from tests.hostile_saml import ISSUER, SUCCESS, Liar, asked, status
from tests.providers.simplesaml import CLIENT_ID, certified
from tests.saml_visitor import ELSEWHERE, SAML, SAMLP, Visitor, failing, liar, open_browser, other
from tests.signing_in import ledger, logins, xenia

__all__ = ["liar", "open_browser", "other"]


def test_signing_out_here_signs_out_there(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    xenia()
    one = open_browser()
    one.answered(liar, qualifier=f' NameQualifier="{ISSUER}"')
    onward = one.post("/sign-out").headers["Refresh"].removeprefix("0; url=")
    assert onward.startswith(f"{saml.SIGN_OUT}?")
    request = asked(onward)
    name = request.find(f"{SAML}NameID")
    assert (name.text, name.get("NameQualifier"), name.get("SPNameQualifier")) == ("xx-1", ISSUER, None)
    assert request.findtext(f"{SAMLP}SessionIndex") == "session-1"
    assert request.get("Destination") == saml.SIGN_OUT
    assert not one.is_signed_in()
    back = one.portal.get(f"/sign-in/xx/logout?{liar.parting(onward)}")
    assert (back.status_code, back.headers["Location"]) == (303, "/signed-out")
    assert "may still know you" not in one.portal.get("/signed-out").text
    assert ledger("login.end_unconfirmed") == []


PARTLY = SUCCESS.replace("/>", f">{SUCCESS.replace('Success', 'PartialLogout')}</samlp:StatusCode>")


def without(query: str) -> str:
    return query.partition("&Signature=")[0]


UNCONFIRMED: list[tuple[str, str, dict[str, Callable[[], Any]]]] = [
    ("unsigned", "unsound", {"written": lambda: without}),
    ("signature", "unsound", {"key": lambda: rsa.generate_private_key(65537, 2048)}),
    ("signature", "unsound", {"written": lambda: lambda query: query.replace("RelayState=", "RelayState=x")}),
    ("algorithm", "unsound", {"method": lambda: "http://www.w3.org/2000/09/xmldsig#rsa-sha1"}),
    ("logout response", "unsound", {"issuer": lambda: "https://login.yy.test/saml"}),
    ("logout response", "unsound", {"kind": lambda: "Response"}),
    ("answer to another request", "unsound", {"to": lambda: "_other"}),
    ("destination", "unsound", {"destination": lambda: f' Destination="{ELSEWHERE}"'}),
    ("destination", "unsound", {"destination": lambda: ""}),
    ("over: made long ago", "unsound", {"made": lambda: saml.at(-361)}),
    ("lies ahead", "unsound", {"made": lambda: saml.at(90)}),
    ("AuthnFailed", "cancelled", {"status": lambda: failing("AuthnFailed")}),
    ("PartialLogout", "cancelled", {"status": lambda: PARTLY}),
    ("no status", "cancelled", {"status": lambda: ""}),
]


@pytest.mark.parametrize(
    ("detail", "why", "changes"), UNCONFIRMED, ids=[f"{at} {each[0]}" for at, each in enumerate(UNCONFIRMED)]
)
def test_who_may_still_be_known_there_is_told_so(
    liar: Liar,
    open_browser: Callable[[], Visitor],
    caplog: pytest.LogCaptureFixture,
    detail: str,
    why: str,
    changes: dict[str, Callable[[], Any]],
) -> None:
    """Signed out here she is whatever the login answers, and who is signed in there is for it alone to say."""
    xenia()
    one = open_browser()
    one.answered(liar)
    onward = one.post("/sign-out").headers["Refresh"].removeprefix("0; url=")
    said = liar.parting(onward, **{name: make() for name, make in changes.items()})
    back = one.portal.get(f"/sign-in/xx/logout?{said}", follow_redirects=True)
    assert (back.status_code, back.request.path) == (200, "/signed-out")
    assert "may still know you in this browser." in back.text
    in_french = one.portal.get(f"/signed-out?{back.request.query_string.decode()}", headers={"Accept-Language": "fr"})
    assert "encore dans ce navigateur" in in_french.text
    assert ledger("login.end_unconfirmed") == [{"why": why}]
    assert [each.detail for each in caplog.records if hasattr(each, "detail")] == [detail]
    assert not one.is_signed_in()


def test_an_answer_to_a_logout_counts_once_and_in_its_own_browser(
    liar: Liar, open_browser: Callable[[], Visitor]
) -> None:
    xenia()
    one, other, fresh = open_browser(), open_browser(), open_browser()
    onwards = []
    for each in (one, other):
        each.answered(liar)
        onwards.append(each.post("/sign-out").headers["Refresh"].removeprefix("0; url="))
    said, unsure = liar.parting(onwards[0]), "/signed-out?unconfirmed=xx"
    for somebody in (other, fresh):
        assert somebody.portal.get(f"/sign-in/xx/logout?{said}").headers["Location"] == unsure
    assert one.portal.get(f"/sign-in/xx/logout?{said}").headers["Location"] == "/signed-out"
    assert one.portal.get(f"/sign-in/xx/logout?{said}").headers["Location"] == unsure
    assert len(ledger("login.end_unconfirmed")) == 1, "what nobody waits for is not on record"


def test_the_login_ends_what_it_says_is_over(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    user, one, other = xenia(), open_browser(), open_browser()
    one.answered(liar)
    other.answered(liar, session="session-2")
    answer = open_browser().portal.get(f"/sign-in/xx/logout?{liar.logout()}")
    assert answer.status_code == 303
    assert (one.is_signed_in(), other.is_signed_in()) == (False, True)
    assert [login.ended_because for login in logins(user)] == ["signed_out_at_provider", None]
    onward = answer.headers["Location"]
    assert onward.startswith(f"{saml.SIGN_OUT}/done?")
    response = asked(onward)
    assert (response.tag, response.get("InResponseTo")) == (f"{SAMLP}LogoutResponse", f"_l{liar.made}")
    assert parse_qs(urlsplit(onward).query)["RelayState"] == ["back"]
    assert "Signature" in parse_qs(urlsplit(onward).query)


ONE = "<samlp:SessionIndex>session-1</samlp:SessionIndex>"


@pytest.mark.parametrize("sessions", ["", ONE + ONE], ids=["none", "two"])
def test_without_one_session_all_of_hers_end_and_nobody_elses(
    liar: Liar, open_browser: Callable[[], Visitor], sessions: str
) -> None:
    user, one, other = xenia(), open_browser(), open_browser()
    one.answered(liar)
    other.answered(liar, session="session-2")
    of_another = liar.logout(name="xx-2", sessions=sessions)
    assert open_browser().portal.get(f"/sign-in/xx/logout?{of_another}").status_code == 303
    assert (one.is_signed_in(), other.is_signed_in()) == (True, True)
    assert open_browser().portal.get(f"/sign-in/xx/logout?{liar.logout(sessions=sessions)}").status_code == 303
    assert [login.ended_because for login in logins(user)] == ["signed_out_at_provider"] * 2


TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
OURS, THEIRS = ({"qualifier": f' {kind}NameQualifier="{of}"'} for kind, of in (("SP", CLIENT_ID), ("", ISSUER)))
BOTH = {"qualifier": OURS["qualifier"] + THEIRS["qualifier"]}
ELSE = {"qualifier": ' SPNameQualifier="https://other.test/saml"'}


@pytest.mark.parametrize(
    ("at_sign_in", "at_logout"),
    [
        pytest.param(THEIRS, {}, id="a qualifier at the sign-in"),
        pytest.param({}, THEIRS, id="a qualifier at the logout"),
        pytest.param(BOTH, {}, id="both at the sign-in"),
        pytest.param({}, BOTH, id="both at the logout"),
        pytest.param(OURS, THEIRS, id="one at each"),
        pytest.param({"format": ""}, {}, id="a form at the logout"),
        pytest.param({}, {"format": ""}, id="a form at the sign-in"),
        pytest.param({}, {"format": UNSPECIFIED}, id="no form in particular"),
        pytest.param({"session": ""}, {}, id="a session at the logout"),
    ],
)
def test_what_one_of_two_names_leaves_out_the_other_may_say(
    liar: Liar, open_browser: Callable[[], Visitor], at_sign_in: dict[str, str], at_logout: dict[str, str]
) -> None:
    xenia()
    one = open_browser()
    assert one.answered(liar, **at_sign_in).status_code == 303
    answer = open_browser().portal.get(f"/sign-in/xx/logout?{liar.logout(**at_logout)}")
    assert (one.is_signed_in(), status(answer.headers["Location"])) == (False, ["Success"])


@pytest.mark.parametrize(
    ("at_sign_in", "at_logout"),
    [
        pytest.param({}, {"name": "xx-2"}, id="somebody else"),
        pytest.param({}, {"name": "xx-1_"}, id="a longer name"),
        pytest.param({}, {"name": "xx-"}, id="a shorter name"),
        pytest.param({}, {"name": "xx%"}, id="a pattern"),
        pytest.param({}, {"format": TRANSIENT}, id="another form"),
        pytest.param(OURS, ELSE, id="a name at another portal"),
        pytest.param(BOTH, {"qualifier": ' NameQualifier="https://login.yy.test/saml"'}, id="a name of another login"),
        pytest.param({}, {"sessions": "<samlp:SessionIndex>session-2</samlp:SessionIndex>"}, id="another session"),
    ],
)
def test_of_whom_nobody_knows_the_login_is_told_so(
    liar: Liar, open_browser: Callable[[], Visitor], at_sign_in: dict[str, str], at_logout: dict[str, str]
) -> None:
    xenia()
    one = open_browser()
    assert one.answered(liar, **at_sign_in).status_code == 303
    answer = open_browser().portal.get(f"/sign-in/xx/logout?{liar.logout(**at_logout)}")
    assert (one.is_signed_in(), status(answer.headers["Location"])) == (True, ["Requester", "UnknownPrincipal"])


def test_who_idled_out_before_is_signed_out_as_was_asked(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    user, one = xenia(), open_browser()
    one.answered(liar)
    with transaction():
        session().execute(update(LoginSession).values(last_seen_at=factories.now() - dt.timedelta(minutes=31)))
    answer = open_browser().portal.get(f"/sign-in/xx/logout?{liar.logout()}")
    assert (status(answer.headers["Location"]), [login.ended_because for login in logins(user)]) == (
        ["Success"],
        [None],
    )


def unpacked(query: str, change: Callable[[str], str]) -> str:
    (packed,) = parse_qs(query)["SAMLRequest"]
    document = zlib.decompress(base64.b64decode(packed), -15).decode()
    assert change(document) != document
    packer = zlib.compressobj(wbits=-15)
    again = packer.compress(change(document).encode()) + packer.flush()
    return query.replace(quote_plus(packed), quote_plus(base64.b64encode(again).decode()))


@pytest.mark.parametrize(
    ("detail", "changes"),
    [
        ("unsigned", lambda: {"written": without}),
        ("signature", lambda: {"written": lambda query: unpacked(query, lambda text: text.replace("xx-1", "xx-2"))}),
        ("signature", lambda: {"written": lambda query: query.replace("RelayState=back", "RelayState=else")}),
        ("signature", lambda: {"key": rsa.generate_private_key(65537, 2048)}),
        ("algorithm", lambda: {"method": "http://www.w3.org/2000/09/xmldsig#rsa-sha1"}),
        ("the same parameter twice", lambda: {"written": lambda query: f"SAMLRequest=AAAA&{query}"}),
        ("encoding", lambda: {"written": lambda query: query + "%%"}),
        ("destination", lambda: {"destination": ELSEWHERE}),
        ("logout request", lambda: {"issuer": "https://login.yy.test/saml"}),
        ("over: logout request", lambda: {"made": saml.at(-361)}),
        ("over: logout request", lambda: {"made": saml.at(90)}),
        ("over: logout request", lambda: {"ends": f' NotOnOrAfter="{saml.at(-61)}"'}),
        ("comment", lambda: {"name": "xx-1<!-- -->"}),
        ("name", lambda: {"name": ""}),
        ("document type: DTDForbidden", lambda: {"document": "<!DOCTYPE r><r/>"}),
        ("too long", lambda: {"document": "<r>" + " " * 10_000_000 + "</r>"}),
        ("logout request", lambda: {"document": "<r/>"}),
        ("logout request", lambda: {"kind": "ManageNameIDRequest"}),
    ],
)
def test_what_is_no_sound_word_ends_nothing(
    liar: Liar,
    open_browser: Callable[[], Visitor],
    caplog: pytest.LogCaptureFixture,
    detail: str,
    changes: Callable[[], dict[str, Any]],
) -> None:
    xenia()
    one = open_browser()
    one.answered(liar)
    answer = open_browser().portal.get(f"/sign-in/xx/logout?{liar.logout(**changes())}")
    assert (answer.status_code, 'id="reason"' in answer.text) == (400, True)
    assert ledger("login.end_refused") == [{"why": "unsound"}]
    assert [each.detail for each in caplog.records if hasattr(each, "detail")][-1] == detail
    assert one.is_signed_in()


def test_a_word_is_heard_once_and_only_where_the_row_says(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    user, query = xenia(), liar.logout()
    one = open_browser()
    assert one.portal.get(f"/sign-in/xx/logout?{query}").status_code == 303
    one.answered(liar)
    assert one.portal.get(f"/sign-in/xx/logout?{query}").status_code == 400
    registry.ensure_providers([replace(liar.row(), has_back_channel_logout=False)])
    assert one.portal.get(f"/sign-in/xx/logout?{liar.logout()}").status_code == 400
    assert [login.ended_at for login in logins(user)] == [None]


def test_a_redirect_is_read_under_elliptic_curves_too() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = certified(key)
    query = f"SAMLRequest=S04tKgYA&SigAlg={quote_plus(saml.MORE + '#ecdsa-sha256')}"
    r, s = utils.decode_dss_signature(key.sign(query.encode(), ec.ECDSA(hashes.SHA256())))
    raw = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
    query += f"&Signature={quote_plus(raw)}"
    with pytest.raises(SignInRefused, match="unsound"):
        redirects.taken(query.replace("S04", "S05"), "SAMLRequest", ["ES256"], [certificate])
    assert redirects.taken(query, "SAMLRequest", ["ES256"], [certificate])
