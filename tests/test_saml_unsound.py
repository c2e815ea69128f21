"""An answer by SAML that is not sound, not of this browser or not of now signs nobody in."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from jit_portal.database import session, transaction
from jit_portal.identity import registry
from jit_portal.identity.sign_in_models import LoginAttempt, SpentToken
from tests import hostile_saml as saml
from tests.hostile import Hostile
from tests.hostile_saml import AUDIENCE, ISSUER, Liar, attribute, sent_on
from tests.providers.simplesaml import CLIENT_ID, LOA
from tests.saml_visitor import ELSEWHERE, Visitor, failing, is_refused, liar, open_browser, other
from tests.signing_in import count, ledger, logins, refused, xenia

__all__ = ["liar", "open_browser", "other"]


@pytest.mark.parametrize(
    ("detail", "changes"),
    [
        ("answer to another request", lambda: {"answers_to": "_other"}),
        ("answer to another request", lambda: {"confirmed_to": "_other"}),
        ("destination", lambda: {"destination": f' Destination="{ELSEWHERE}"'}),
        ("recipient", lambda: {"recipient": f' Recipient="{ELSEWHERE}"'}),
        ("recipient", lambda: {"recipient": ""}),
        ("audience", lambda: {"audience": AUDIENCE.format("https://other.test/saml")}),
        ("audience", lambda: {"audience": ""}),
        ("audience", lambda: {"audience": AUDIENCE.format(CLIENT_ID) + AUDIENCE.format("https://other.test/saml")}),
        ("issuer", lambda: {"issuer": "https://login.yy.test/saml"}),
        ("issuer", lambda: {"response_issuer": "https://login.yy.test/saml"}),
        ("issuer", lambda: {"issued_by": ""}),
        ("issuer", lambda: {"response_issued_by": ""}),
        ("over: confirmation", lambda: {"until": saml.at(-61)}),
        ("over: conditions", lambda: {"ends": saml.at(-61)}),
        ("over: made long ago", lambda: {"made": saml.at(-361)}),
        ("over: made long ago", lambda: {"response_made": saml.at(-361)}),
        ("over: session", lambda: {"session_ends": f' SessionNotOnOrAfter="{saml.at(-61)}"'}),
        ("lies ahead", lambda: {"made": saml.at(90)}),
        ("lies ahead", lambda: {"response_made": saml.at(90)}),
        ("lies ahead: conditions", lambda: {"begins": saml.at(90)}),
        ("moment of proof lies ahead", lambda: {"proved": saml.at(90)}),
        ("moment of proof", lambda: {"proved": "2026-11-27T05:00:00+01:00"}),
        ("moment of proof", lambda: {"proved": "2026-02-30T05:00:00Z"}),
        ("confirmation", lambda: {"method": "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"}),
        ("confirmation", lambda: {"confirmation": ""}),
        ("confirmation", lambda: {"not_before": f' NotBefore="{saml.at(-60)}"'}),
        ("conditions", lambda: {"conditions": ""}),
        ("conditions", lambda: {"more_conditions": "<saml:Condition/>"}),
        ("conditions", lambda: {"ends": "tomorrow"}),
        ("statement", lambda: {"statement": ""}),
        ("version", lambda: {"version": "1.1"}),
        ("name", lambda: {"name": " "}),
        ("a name that is not for good", lambda: {"format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"}),
        ("a name that is not for good", lambda: {"format": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"}),
        ("a name that is not for good", lambda: {"qualifier": ' NameQualifier="https://login.yy.test/saml"'}),
        ("a name that is not for good", lambda: {"qualifier": ' SPNameQualifier="https://other.test/saml"'}),
        ("unsigned", lambda: {"signature": ""}),
        ("algorithm", lambda: {"signature_method": "http://www.w3.org/2000/09/xmldsig#rsa-sha1"}),
        ("algorithm", lambda: {"signature_method": f"{saml.MORE}#rsa-sha512"}),
        ("algorithm", lambda: {"digest": "http://www.w3.org/2000/09/xmldsig#sha1"}),
    ],
)  # fmt: skip
def test_what_is_not_sound_signs_nobody_in(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any, detail: str, changes: Callable[[], dict[str, Any]]
) -> None:
    xenia()
    is_refused(open_browser().answered(liar, **changes()), told, detail)


def test_leeway_is_the_rows(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    xenia()
    late = {"until": saml.at(-20), "ends": saml.at(-20)}
    assert open_browser().answered(liar, **late).status_code == 303
    registry.ensure_providers([replace(liar.row(), leeway=10)])
    assert refused(open_browser().answered(liar, **late), 400, "unsound")
    assert told() == "over: confirmation"


@pytest.mark.parametrize("acr", ["", "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", f"{LOA}/highest"])
def test_a_strength_that_the_row_does_not_name_is_none(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any, acr: str
) -> None:
    xenia()
    is_refused(open_browser().answered(liar, acr=acr), told, f"acr is missing or not in the row: {acr}", "assurance")


@pytest.mark.parametrize("offices", [("XX-9",), ("XX-1", "XX-2"), ()])
def test_of_several_authorities_none_counts(
    liar: Liar, open_browser: Callable[[], Visitor], offices: tuple[str, ...]
) -> None:
    xenia()
    answer = open_browser().answered(liar, attributes=attribute("given", "Xenia") + attribute("office", *offices))
    assert refused(answer, 403, "authority")


def test_what_was_stopped_at_the_login_is_said_so(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    xenia()
    nothing = {"status": failing("AuthnFailed"), "assertion": "", "signature": ""}
    is_refused(open_browser().answered(liar, **nothing), told, "AuthnFailed", "cancelled")
    is_refused(open_browser().answered(liar, status=failing("NoAuthnContext")), told, "NoAuthnContext", "cancelled")
    is_refused(open_browser().answered(liar, status=""), told, "no status", "cancelled")


def test_an_answer_works_once(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    user, one = xenia(), open_browser()
    form = liar.form(one.begin("xx"))
    assert one.arrive(form).status_code == 303
    assert refused(one.arrive(form), 400, "over")
    one.begin("xx")
    assert refused(one.arrive(form), 400, "over")
    assert len(logins(user)) == 1


def test_an_answer_to_one_sign_in_is_none_to_the_next(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any
) -> None:
    xenia()
    one, victim = open_browser(), open_browser()
    stolen = liar.form(one.begin("xx"))
    form = {**liar.form(victim.begin("xx")), "SAMLResponse": stolen["SAMLResponse"]}
    is_refused(victim.arrive(form), told, "answer to another request")


def test_an_assertion_counts_once_whatever_it_answers(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any
) -> None:
    user = xenia()
    assert open_browser().answered(liar, assertion_id="_again").status_code == 303
    assert refused(open_browser().answered(liar, assertion_id="_again"), 400, "unsound")
    assert (told(), len(logins(user))) == ("played again", 1)
    assert count(SpentToken) == 1
    with transaction():
        session().execute(update(SpentToken).values(expires_at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)))
    assert open_browser().answered(liar).status_code == 303
    assert count(SpentToken) == 1, "those that are over are forgotten"


def test_an_assertion_that_is_just_over_counts_once_too(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any
) -> None:
    """Its id is kept as long as the row's leeway lets it count."""
    user, late = xenia(), {"assertion_id": "_late", "until": saml.at(-20), "ends": saml.at(-20)}
    assert open_browser().answered(liar, **late).status_code == 303
    assert refused(open_browser().answered(liar, **late), 400, "unsound")
    assert (told(), len(logins(user))) == ("played again", 1)


def test_an_answer_works_in_the_browser_that_asked_only(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any
) -> None:
    """Nobody is signed in as somebody else by a form that another page sends (login CSRF)."""
    xenia()
    one, bare, other = open_browser(), open_browser(), open_browser()
    form = liar.form(one.begin("xx"))
    other.begin("xx")
    for somebody in (bare, other):
        is_refused(somebody.arrive(form), told, "no such attempt in this browser", "over")
    assert one.arrive(form).status_code == 303


def test_what_comes_from_elsewhere_is_never_read_there(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    xenia()
    one = open_browser()
    form = liar.form(one.begin("xx"))
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://login.xx.test"}):
        assert one.portal.post("/sign-in/xx/callback", data=form, headers=headers).status_code == 403
    page = open_browser().portal.post("/sign-in/xx/acs", data=form, headers={"Origin": "https://login.xx.test"})
    assert (page.status_code, logins()) == (200, [])
    assert page.headers.getlist("Set-Cookie") == [], "no cookie of the portal's is there, and none may be lost"
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    assert one.arrive(form).status_code == 303


def test_the_page_on_the_way_shows_what_came_as_text(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    hostile = '"><script>alert(1)</script>'
    page = open_browser().portal.post("/sign-in/xx/acs", data={"SAMLResponse": hostile, "RelayState": hostile})
    assert "<script>alert" not in page.text
    assert sent_on(page.text) == {"SAMLResponse": hostile, "RelayState": hostile}


def test_a_login_of_the_other_protocol_is_not_met_where_saml_is_spoken(
    liar: Liar, other: Hostile, open_browser: Callable[[], Visitor]
) -> None:
    xenia()
    one = open_browser()
    ours, theirs = one.begin("xx"), one.begin("yy")
    (state,) = parse_qs(urlsplit(theirs).query)["state"]
    for form in (liar.form(ours), {**liar.form(ours), "RelayState": state}):
        for slug in ("yy", "nowhere"):
            assert one.portal.post(f"/sign-in/{slug}/acs", data=form).status_code == 404
            assert one.portal.post(f"/sign-in/{slug}/callback", data=form).status_code == 404
    for query in (liar.logout(), liar.parting(ours)):
        assert one.portal.get(f"/sign-in/yy/logout?{query}").status_code == 404
    assert (logins(), ledger("login.refused"), ledger("login.end_refused")) == ([], [], [])
    assert refused(one.come_back("yy", other.callback(theirs)), 403, "unknown"), "her own answer is still waited for"


def test_a_login_that_speaks_saml_is_not_met_where_the_other_protocol_is_spoken(
    liar: Liar, other: Hostile, open_browser: Callable[[], Visitor]
) -> None:
    xenia()
    one, two = open_browser(), open_browser()
    one.answered(liar)
    for word in (liar.logout(), other.logout_token(), other.logout_token(iss=ISSUER, aud=CLIENT_ID, sub="xx-1"), ""):
        assert one.portal.post("/sign-in/xx/logout", data={"logout_token": word}).status_code == 404
    (state,) = parse_qs(urlsplit(two.begin("xx")).query)["RelayState"]
    for query in ({"code": "c"}, {"code": "c", "iss": ISSUER}, {"code": "c", "iss": other.issuer}, {"error": "e"}):
        answer = two.portal.get("/sign-in/xx/callback", query_string={"state": state, **query})
        assert answer.status_code == 400
    assert [each["why"] for each in ledger("login.refused")] == ["mixed_up", "over", "over", "over"]
    assert (one.is_signed_in(), two.is_signed_in(), ledger("login.end_refused")) == (True, False, [])


def test_whoever_keeps_bringing_answers_must_wait(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    one = open_browser()
    said = [one.portal.post("/sign-in/xx/acs", data={}).status_code for _ in range(121)]
    assert said == [200] * 120 + [429]


def test_whoever_keeps_failing_must_wait(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    """With answers, and with word of a sign-out."""
    one = open_browser()
    asking: tuple[Callable[[], TestResponse], ...] = (
        lambda: one.portal.post("/sign-in/xx/callback", data={}),
        lambda: one.portal.get("/sign-in/xx/logout?SAMLRequest=x"),
    )
    for ask in asking:
        assert [ask().status_code for _ in range(21)] == [400] * 20 + [429]


def test_a_code_is_no_answer_of_this_login(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    xenia()
    one = open_browser()
    form = liar.form(one.begin("xx"))
    answer = one.portal.get(
        "/sign-in/xx/callback", query_string={"state": form["RelayState"], "code": form["SAMLResponse"]}
    )
    is_refused(answer, told, "an answer of another kind", "mixed_up")


def test_an_answer_that_nobody_asked_for_is_refused(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    xenia()
    one = open_browser()
    form = {**liar.form(one.begin("xx")), "RelayState": "/exhibits"}
    is_refused(one.arrive(form), told, "no such attempt in this browser", "over")


def test_a_sign_in_is_over_after_ten_minutes(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    xenia()
    one = open_browser()
    form = liar.form(one.begin("xx"))
    with transaction():
        session().execute(update(LoginAttempt).values(expires_at=LoginAttempt.expires_at - dt.timedelta(minutes=10)))
    is_refused(one.arrive(form), told, "no such attempt in this browser", "over")
