"""Signing in with the demo's national logins, really running: people, browsers, invitations, live logins."""

import base64
import datetime as dt
import json
import re
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask
from sqlalchemy import event, func, select, text, update

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.background import enqueue
from jit_portal.database import session, transaction
from jit_portal.demo.case.people import BY_SUBJECT, PEOPLE
from jit_portal.demo.postgres import Postgres
from jit_portal.demo.providers.registration import rows
from jit_portal.errors import Invalid, NotAllowed
from jit_portal.identity import discovery, endings, invitations, registry, service, sessions
from jit_portal.identity.models import Authority, IdentityProvider, Invitation, LoginAttempt, LoginSession, User
from jit_portal.policy import Work
from jit_portal.vocabulary import Assurance, Duty, May, Outcome, Role
from jit_portal.workspaces import service as seating
from tests import factories
from tests.hostile import Hostile
from tests.signing_in import (
    SLUGS,
    Browser,
    National,
    again,
    away,
    count,
    known,
    ledger,
    liar,
    logins,
    national,
    of_xx,
    open_browser,
    refused,
    registered,
    say_goodbye,
    xenia,
)
from tests.vault import do_the_work
from tests.waiting import Statement, record_is_free_while_it_waits

FIXTURES = (away, liar, national, open_browser, registered)
"""They are asked for by name."""

# A person signs in


@pytest.mark.parametrize("slug", SLUGS)
def test_a_known_person_signs_in_with_each_national_login(open_browser: Callable[[], Browser], slug: str) -> None:
    person = next(each for each in PEOPLE if each.provider == slug)
    user, one = known(person.subject), open_browser()
    answer = one.sign_in(person.subject, next="/account")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    (set_cookie,) = (each for each in answer.headers.getlist("Set-Cookie") if "jit-test=" in each)
    for part in ("__Host-jit-test=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in set_cookie
    assert "Domain" not in set_cookie
    (login,) = logins(user)
    assert login.assurance == Assurance[person.assurance.upper()]
    assert (one.cookie() or "").encode() not in login.token_hash
    assert len(one.cookie() or "") == 43
    assert abs((login.authenticated_at - dt.datetime.now(dt.UTC)).total_seconds()) < 10
    page = one.portal.get("/account")
    assert person.name in page.text
    assert person.authority_name in page.text
    assert ledger("login.started") == [{"assurance": int(login.assurance), "provider": slug}]


def test_who_nobody_invited_is_refused_kindly_and_leaves_nothing(open_browser: Callable[[], Browser]) -> None:
    one = open_browser()
    assert refused(one.sign_in("ro-0009"), 403, "unknown")
    assert (count(User), logins(), one.cookie()) == (0, [], None)
    (details,) = ledger("login.refused")
    assert details == {"person": None, "why": "unknown"}
    assert "Nistor" not in json.dumps(details)


NOT_TO_BE_KEPT = "InvalidClaimError: invalid_claim: Invalid claim: 'sub'"
UNFIT = {
    "hidden": ("xx-1\u200b", NOT_TO_BE_KEPT),
    "line": ("xx-1\n", NOT_TO_BE_KEPT),
    "nothing": ("xx-1\x00", NOT_TO_BE_KEPT),
    "before": (" xx-1", "unfit subject"),
    "too long": ("x" * 257, "unfit subject"),
}


@pytest.mark.parametrize(("subject", "why"), UNFIT.values(), ids=UNFIT)
def test_who_could_be_mistaken_for_another_is_refused(
    open_browser: Callable[[], Browser], liar: Hostile, caplog: pytest.LogCaptureFixture, subject: str, why: str
) -> None:
    caplog.set_level("INFO", "jit_portal.identity.service")
    xenia()
    one, other = open_browser(), open_browser()
    liar.subject = subject
    assert refused(one.come_back("xx", liar.callback(one.begin("xx"))), 400, "unsound")
    assert [each.detail for each in caplog.records if hasattr(each, "detail")] == [why]
    liar.subject = "x" * 256
    assert refused(other.come_back("xx", liar.callback(other.begin("xx"))), 403, "unknown"), "so long it may be"


def test_the_same_subject_at_two_logins_is_two_people(open_browser: Callable[[], Browser], liar: Hostile) -> None:
    """And the same e-mail address; also where the issuer of the one was once the other's."""
    row, french = of_xx(liar), known("fr-0001")
    registry.ensure_providers([replace(row, claim_map={**row.claim_map, "email": "/email"})])
    with transaction():
        french.email, french.issuer = "camille@fr.test", liar.issuer
    liar.subject, liar.info = french.subject, {"email": french.email}
    one = open_browser()
    assert refused(one.come_back("xx", liar.callback(one.begin("xx"))), 403, "unknown")
    xenia()
    liar.subject = "xx-1"
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    with transaction():
        session().execute(update(User).where(User.subject == "xx-1").values(issuer="https://former.test"))
    other = open_browser()
    assert refused(other.come_back("xx", liar.callback(other.begin("xx"))), 403, "unknown")


def test_a_closed_account_stays_closed(open_browser: Callable[[], Browser]) -> None:
    user = known("fr-0001")
    with transaction():
        user.deactivated_at = dt.datetime.now(dt.UTC)
    assert refused(open_browser().sign_in("fr-0001"), 403, "deactivated")
    assert ledger("login.refused")[-1]["person"] == str(user.id)


def test_a_sign_in_that_was_stopped_at_the_provider_is_said_so(open_browser: Callable[[], Browser]) -> None:
    one = open_browser()
    query = one.choose(one.begin("fr"), cancel="1")
    assert refused(one.come_back("fr", query), 400, "cancelled")


def test_a_new_sign_in_takes_the_place_of_the_old_one_in_its_browser(open_browser: Callable[[], Browser]) -> None:
    user, one = known("fr-0001"), open_browser()
    one.sign_in("fr-0001")
    first = one.cookie()
    one.sign_in("fr-0001")
    assert first != one.cookie()
    assert [login.ended_because for login in logins(user)] == ["signed_in_again", None]
    assert sessions.load(first or "") is None


# The browser and the address


def test_a_callback_works_once(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    one = open_browser()
    query = one.choose(one.begin("fr"), subject="fr-0001")
    assert one.come_back("fr", query).status_code == 303
    assert refused(one.come_back("fr", query), 400, "over")
    assert len(logins()) == 1


def test_a_callback_works_in_the_browser_that_began_it_only(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    one, bare, other = open_browser(), open_browser(), open_browser()
    query = one.choose(one.begin("fr"), subject="fr-0001")
    other.begin("fr")
    assert refused(bare.come_back("fr", query), 400, "over")
    assert refused(other.come_back("fr", query), 400, "over")
    assert one.come_back("fr", query).status_code == 303


def test_ten_tabs_of_one_browser_can_sign_in_at_once(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    one = open_browser()
    addresses = [one.begin("fr") for _ in range(10)]
    answers = [one.come_back("fr", one.choose(address, subject="fr-0001")) for address in addresses]
    assert {answer.status_code for answer in answers} == {303}


def test_a_sign_in_is_over_after_ten_minutes(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    one = open_browser()
    query = one.choose(one.begin("fr"), subject="fr-0001")
    with transaction():
        session().execute(update(LoginAttempt).values(expires_at=LoginAttempt.expires_at - dt.timedelta(minutes=10)))
    assert refused(one.come_back("fr", query), 400, "over")


def test_what_a_browser_could_steal_is_not_stored_in_the_clear(
    open_browser: Callable[[], Browser], liar: Hostile
) -> None:
    one = open_browser()
    address = one.begin("xx")
    state = parse_qs(liar.callback(address))["state"][0]
    (asked,) = liar.heard("/par")
    kept = one.portal.get_cookie("__Host-jit-test-attempt")
    assert kept is not None
    assert (kept.secure, kept.http_only, kept.same_site, kept.path, kept.domain) == (
        True,
        True,
        "Lax",
        "/",
        "localhost",
    )
    xenia()
    assert one.come_back("xx", liar.callback(address)).status_code == 303
    (redeemed,) = liar.heard("/token")
    secrets = (state, kept.value, asked["nonce"], redeemed["code_verifier"])
    assert {len(each) for each in secrets} == {43}
    assert len(set(secrets)) == 4
    stored = session().execute(text("SELECT login_attempt::text FROM login_attempt")).scalars().all()
    assert len(stored) == 1
    forms = one.portal.get_cookie("__Host-form-test")
    readable = forms.value + base64.urlsafe_b64decode(forms.value.split(".")[0] + "==").decode() if forms else ""
    for secret in secrets:
        assert secret not in readable
        for row in stored:
            assert secret not in row
            assert secret.encode().hex() not in row
            assert base64.urlsafe_b64decode(secret + "=").hex() not in row


def test_a_code_of_one_country_is_worth_nothing_at_another(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    known("nl-0001")
    one = open_browser()
    query = one.choose(one.begin("fr"), subject="fr-0001")
    assert refused(one.come_back("nl", query), 400, "mixed_up")
    assert refused(one.come_back("fr", query), 400, "over")
    said = parse_qs(one.choose(one.begin("fr"), subject="fr-0001"))
    renamed = urlencode({"code": said["code"][0], "state": said["state"][0], "iss": registry.provider("nl").issuer})
    assert refused(one.come_back("nl", renamed), 400, "mixed_up")
    theirs = one.begin("nl")
    state = parse_qs(one.choose(theirs, subject="nl-0001"))["state"][0]
    code = parse_qs(one.choose(one.begin("fr"), subject="fr-0001"))["code"][0]
    swapped = urlencode({"code": code, "state": state, "iss": registry.provider("nl").issuer})
    assert refused(one.come_back("nl", swapped), 400, "unsound")
    assert logins() == []


@pytest.mark.parametrize("iss", ["http://127.0.0.1:1/fr", "", None])
def test_an_answer_must_say_from_whom_it_is(
    open_browser: Callable[[], Browser], liar: Hostile, iss: str | None
) -> None:
    xenia()
    one = open_browser()
    assert refused(one.come_back("xx", liar.callback(one.begin("xx"), iss=iss)), 400, "mixed_up")
    assert liar.heard("/token") == []


def test_an_issuer_that_never_signs_its_answers_may_leave_it_out(
    open_browser: Callable[[], Browser], liar: Hostile
) -> None:
    xenia()
    liar.metadata = {discovery.SIGNS_ANSWERS: None}
    one = open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx"), iss=None)).status_code == 303
    assert refused(one.come_back("xx", liar.callback(one.begin("xx"), iss="http://other")), 400, "mixed_up")


OUTSIDE = (
    "https://evil.test/", "//evil.test", "\\\\evil.test", "///evil.test", "javascript:alert(1)", "http:evil.test",
    "evil",
)  # fmt: skip


@pytest.mark.parametrize("wanted", OUTSIDE)
def test_a_link_that_leads_out_of_the_portal_is_refused(open_browser: Callable[[], Browser], wanted: str) -> None:
    answer = open_browser().portal.get("/sign-in/fr", query_string={"next": wanted})
    assert refused(answer, 400, "led_astray")
    assert "leads out of the portal" in answer.text
    assert count(LoginAttempt) == 0
    answer = open_browser().portal.get("/sign-in", query_string={"next": wanted})
    assert (answer.status_code, "leads out of the portal" in answer.text) == (400, True)
    assert [each["status"] for each in ledger("login.led_astray")] == [400]


def test_strangers_make_the_record_no_longer_than_twenty_a_minute(open_browser: Callable[[], Browser]) -> None:
    one = open_browser()
    answers = [one.portal.get("/sign-in", query_string={"next": "//evil.test"}) for _ in range(25)]
    assert [each.status_code for each in answers] == [400] * 25
    assert len(ledger("login.led_astray")) == 20
    assert one.portal.get("/sign-in").status_code == 200, "nobody else of the same network is kept out"


@pytest.mark.parametrize("wanted", ["/\\evil.test", "/\t/evil.test", "", "/sign-out", "/sign-in/fr", "/" + "a" * 3000])
def test_nobody_is_led_out_of_the_portal(open_browser: Callable[[], Browser], wanted: str) -> None:
    known("fr-0001")
    answer = open_browser().sign_in("fr-0001", next=wanted)
    where = answer.headers["Location"]
    assert where == "/" or where.startswith(("/%5C", "/%09"))
    assert urlsplit(where).netloc == ""


def test_after_signing_in_one_is_where_one_wanted_to_be(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    answer = open_browser().sign_in("fr-0001", next="/jits/1?tab=chat&q=a%20b")
    assert answer.headers["Location"] == "/jits/1?tab=chat&q=a%20b"


# What the provider says of the person


def test_a_changed_name_flags_the_account_and_changes_nothing(
    open_browser: Callable[[], Browser], liar: Hostile
) -> None:
    user = xenia()
    liar.info = {"name": "Xenia Married"}
    for _ in range(2):
        one = open_browser()
        assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    user = again(user)
    assert (user.name, user.flagged) == ("Xenia Xylander", "name")
    assert ledger("user.flagged") == [{"claims": ["name"]}]
    assert "another name or authority" in one.portal.get("/account").text


def test_another_listed_authority_flags_and_an_unlisted_one_is_refused(
    open_browser: Callable[[], Browser], liar: Hostile
) -> None:
    user = xenia()
    liar.info = {"office": {"code": "XX-2"}}
    one = open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    user = again(user)
    assert (user.authority.code, user.flagged) == ("XX-1", "authority")
    for office in ({"code": "XX-9"}, {}, "XX-1", None):
        liar.info = {"office": office}
        two = open_browser()
        assert refused(two.come_back("xx", liar.callback(two.begin("xx"))), 403, "authority")
    assert len(logins()) == 1


def test_names_are_taken_without_what_could_mislead(open_browser: Callable[[], Browser], liar: Hostile) -> None:
    row = of_xx(liar)
    registry.ensure_providers([replace(row, claim_map={**row.claim_map, "time_zone": "/zoneinfo"})])
    liar.info = {"name": "Xe\u202enia\n\x00 <b>X</b>" + "y" * 500, "zoneinfo": "Mars/Olympus"}
    _, token = invite("xx", "XX-1")
    one = open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx", invitation=token))).status_code == 303
    (user,) = session().scalars(select(User)).all()
    assert user.name.startswith("Xenia <b>X</b>yyy")
    assert len(user.name) == 200
    assert user.time_zone == "UTC"
    assert "<b>X</b>" not in one.portal.get("/account").text


# Invitations


def invite(slug: str, code: str, **more: Any) -> tuple[Invitation, str]:
    authority = next(each for each in registry.provider(slug).authorities if each.code == code)
    return invitations.invite(None, authority, "Vlad Nistor", **more)


def test_an_invitation_makes_a_person_once(
    open_browser: Callable[[], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, token = invite("ro", "RO-CRIM", membership_offer={"role": "member"})
    seen: list[tuple[str, Any]] = []

    def see(user: User, invitation: Invitation) -> None:
        seen.append((user.name, invitation.membership_offer))

    monkeypatch.setattr(invitations, "ON_ACCEPT", [see])
    one = open_browser()
    page = one.portal.get(f"/invitations/{token}").text
    assert f"/sign-in/ro?invitation={token}" in page
    answer = one.sign_in("ro-0009", invitation=token)
    assert answer.status_code == 303
    (user,) = session().scalars(select(User)).all()
    assert (user.subject, user.name, user.authority.code) == ("ro-0009", "Vlad Nistor", "RO-CRIM")
    assert (user.country, user.time_zone, user.duty) == ("RO", "Europe/Bucharest", None)
    assert seen == [("Vlad Nistor", {"role": "member"})]
    assert token.encode() not in sent.token_hash
    again = open_browser()
    assert again.portal.get(f"/invitations/{token}").status_code == 403
    assert again.portal.get("/sign-in/ro", query_string={"invitation": token}).status_code == 403
    assert one.sign_in("ro-0009").status_code == 303


def test_two_browsers_cannot_use_one_invitation(open_browser: Callable[[], Browser]) -> None:
    _, token = invite("ro", "RO-CRIM")
    one, two = open_browser(), open_browser()
    first, second = (each.begin("ro", invitation=token) for each in (one, two))
    assert one.come_back("ro", one.choose(first, subject="ro-0009")).status_code == 303
    assert refused(two.come_back("ro", two.choose(second, subject="ro-0003")), 403, "invitation")
    assert count(User) == 1


def test_newcomers_of_one_login_come_in_at_once(
    open_browser: Callable[[], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a team does with its links: none of them waits for one who waits for her."""
    comings = []
    for subject in ("ro-0009", "ro-0003"):
        _, token = invite("ro", "RO-CRIM")
        each = open_browser()
        comings.append((each, each.choose(each.begin("ro", invitation=token), subject=subject)))
    both, accept = threading.Barrier(2), invitations.accept

    def together(*said: Any) -> User:
        with suppress(threading.BrokenBarrierError):
            both.wait(1)
        return accept(*said)

    monkeypatch.setattr(invitations, "accept", together)
    with ThreadPoolExecutor(2) as beside:
        answers = list(beside.map(lambda coming: coming[0].come_back("ro", coming[1]).status_code, comings))
    assert answers == [303, 303]
    assert count(User) == 2


@pytest.mark.parametrize(
    ("slug", "code", "more", "subject"),
    [
        ("ro", "RO-PROS", {}, "ro-0009"),
        ("nl", "RO-CRIM", {}, "ro-0009"),
        ("ro", "RO-CRIM", {"subject": "ro-0003"}, "ro-0009"),
    ],
    ids=["authority", "login", "person"],
)
def test_an_invitation_is_for_its_own_login_authority_and_person(
    open_browser: Callable[[], Browser], slug: str, code: str, more: dict[str, Any], subject: str
) -> None:
    with transaction():
        registry.provider("nl").authorities.append(Authority(code="RO-CRIM", name="Of the same code"))
    _, token = invite(slug, code, **more)
    assert refused(open_browser().sign_in(subject, slug="ro", invitation=token), 403, "invitation")
    assert count(User) == 0


@pytest.mark.parametrize(
    "change",
    [{"expires_at": Invitation.expires_at - dt.timedelta(days=7)}, {"revoked_at": func.now()}],
    ids=["over", "revoked"],
)
def test_an_invitation_that_is_over_or_taken_back_lets_nobody_in(
    open_browser: Callable[[], Browser], change: dict[str, Any]
) -> None:
    _, token = invite("ro", "RO-CRIM")
    one = open_browser()
    address = one.begin("ro", invitation=token)
    with transaction():
        session().execute(update(Invitation).values(**change))
    assert refused(one.come_back("ro", one.choose(address, subject="ro-0009")), 403, "invitation")
    answer = one.portal.get(f"/invitations/{token}")
    assert answer.status_code == 403
    assert "cannot be used" in answer.text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"expires_at": func.now()}, "over"),
        ({"revoked_at": func.now()}, "taken_back"),
        ({"used_at": func.now()}, "used"),
        ({"token_hash": b""}, "unknown"),
    ],
    ids=["over", "taken back", "used", "none such"],
)
def test_whoever_opens_a_dead_invitation_is_refused_on_record(
    open_browser: Callable[[], Browser], change: dict[str, Any], why: str
) -> None:
    sent, token = invite("ro", "RO-CRIM")
    with transaction():
        session().execute(update(Invitation).values(**change))
    answer = open_browser().portal.get(f"/invitations/{token}")
    assert (answer.status_code, "cannot be used" in answer.text) == (403, True)
    assert "Vlad Nistor" not in answer.text
    newest = select(LedgerEntry).order_by(LedgerEntry.number.desc()).limit(1).execution_options(policy=True)
    entry = session().scalars(newest).one()
    assert (entry.act, entry.outcome, entry.actor_id) == ("invitation.open", Outcome.REFUSED, None)
    assert (entry.object_id, json.loads(entry.details)["may"]) == (None if why == "unknown" else sent.id, why)


def test_a_known_person_accepts_an_invitation_to_something_more(
    open_browser: Callable[[], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "ON_ACCEPT", [])
    user = known("ro-0003")
    sent, token = invite("ro", "RO-CRIM", membership_offer={"role": "member"})
    assert open_browser().sign_in("ro-0003", invitation=token).status_code == 303
    sent = again(sent)
    assert (sent.used_by_id, count(User)) == (user.id, 1)


def test_whoever_accepts_a_seat_and_waits_for_it_has_not_the_record(
    open_browser: Callable[[], Browser], cluster: Postgres
) -> None:
    """Or whoever invites others into that JIT, and has its seats, would wait for her."""
    rows = {slug: registry.provider(slug) for slug in ("fr", "nl")}
    world = factories.world("Lantern", ("fr", "nl"), providers=rows)
    code = BY_SUBJECT["fr-0005"].authority
    hers = next(each for each in registry.provider("fr").authorities if each.code == code)
    _, token = seating.invite(world["fr_leader"], world.workspace, hers, "Solène Vasseur", Role.MEMBER)
    one = open_browser()
    query = one.choose(one.begin("fr", invitation=token), subject="fr-0005")
    held: Statement = ("SELECT 1 FROM workspace WHERE id = %s FOR NO KEY UPDATE", [world.workspace.id])
    assert record_is_free_while_it_waits(cluster, lambda: one.come_back("fr", query), held)
    her = session().scalars(select(User).where(User.subject == "fr-0005")).one()
    assert policy.may(her, May.SEE, world.workspace)


def test_whoever_has_an_account_leaves_an_invitation_to_one_for_whom_it_is_meant(
    open_browser: Callable[[], Browser],
) -> None:
    known("ro-0003")
    sent, token = invite("ro", "RO-CRIM")
    assert open_browser().sign_in("ro-0003", invitation=token).status_code == 303
    assert again(sent).used_at is None
    _, to_a_duty = invite("ro", "RO-CRIM", duty=Duty.OPERATOR)
    assert refused(open_browser().sign_in("ro-0003", invitation=to_a_duty), 403, "invitation")
    assert open_browser().sign_in("ro-0009", invitation=token).status_code == 303
    session().expire_all()
    assert [again(sent).used_by_id] == session().scalars(select(User.id).where(User.subject == "ro-0009")).all()


def test_what_fails_on_acceptance_undoes_the_acceptance(
    open_browser: Callable[[], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(user: User, invitation: Invitation) -> None:
        raise Invalid("no such role")

    sent, token = invite("ro", "RO-CRIM")
    monkeypatch.setattr(invitations, "ON_ACCEPT", [fail])
    answer = open_browser().sign_in("ro-0009", invitation=token)
    assert answer.status_code == 422
    sent = again(sent)
    assert (sent.used_at, count(User), logins()) == (None, 0, [])


def test_people_invite_through_their_own_login_only() -> None:
    actor = known("fr-0001")
    french, dutch = (registry.provider(slug).authorities[0] for slug in ("fr", "nl"))
    offer = {"role": "member"}
    sent, _ = invitations.invite(actor, french, "A colleague", membership_offer=offer)
    assert sent.invited_by_id == actor.id
    with pytest.raises(NotAllowed):
        invitations.invite(actor, dutch, "A stranger", membership_offer=offer)
    with pytest.raises(NotAllowed):
        invitations.invite(actor, french, "An operator", duty=Duty.OPERATOR, membership_offer=offer)
    with pytest.raises(Invalid):
        invitations.invite(actor, french, "  ", membership_offer=offer)
    invitations.revoke(actor, sent)
    assert [sent.revoked_at is not None, len(ledger("invitation.revoked"))] == [True, 1]


# Live logins


def test_a_login_is_loaded_in_one_query_and_written_once_a_minute(app: Flask) -> None:
    token = factories.login(known("fr-0001"))
    session.remove()
    said: list[str] = []
    engine = app.extensions["database"]
    listen = ("before_cursor_execute", lambda c, cursor, text, *more: said.append(text))
    event.listen(engine, *listen)
    try:
        login = sessions.load(token)
        assert login
        assert (login.user.provider.slug, login.user.authority.name) == ("fr", "Parquet interrégional")
        assert login.user.current_login == login.id
        assert [text.split()[0] for text in said] == ["SELECT"]
        _age(last_seen_at=dt.timedelta(minutes=2))
        said.clear()
        for _ in range(3):
            sessions.load(token)
            session.remove()
        assert [text.split()[0] for text in said] == ["SELECT", "UPDATE", "SELECT", "SELECT"]
    finally:
        event.remove(engine, *listen)


def _age(**ages: dt.timedelta) -> None:
    with transaction():
        now = dt.datetime.now(dt.UTC)
        aged = update(LoginSession).values({name: now - age for name, age in ages.items()})
        session().execute(aged.execution_options(synchronize_session=False))


@pytest.mark.parametrize(
    "end",
    [
        lambda user: _age(last_seen_at=dt.timedelta(minutes=30)),
        lambda user: _age(ends_at=dt.timedelta(seconds=1)),
        lambda user: _age(ended_at=dt.timedelta()),
        lambda user: setattr(user, "deactivated_at", dt.datetime.now(dt.UTC)),
    ],
    ids=["idle", "twelve hours", "ended", "deactivated"],
)
def test_a_login_that_is_over_opens_nothing(open_browser: Callable[[], Browser], end: Callable[[User], None]) -> None:
    user, one = known("fr-0001"), open_browser()
    one.sign_in("fr-0001")
    assert one.is_signed_in()
    with transaction():
        end(session().get_one(User, user.id))
    answer = one.portal.get("/account?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in?next=/account?x%3D1")
    assert sessions.load(one.cookie() or "") is None


@pytest.mark.parametrize("token", ["", "a", "A" * 43, "A" * 10_000, "\x00" * 43, "é" * 43])
def test_a_made_up_token_opens_nothing(token: str) -> None:
    factories.login(known("fr-0001"))
    assert sessions.load(token) is None


def test_a_login_lasts_twelve_hours_at_most(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    open_browser().sign_in("fr-0001")
    (login,) = logins()
    assert abs(login.ends_at - login.started_at - dt.timedelta(hours=12)) < dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    "over",
    [{"last_seen_at": func.now() - sessions.IDLE}, {"ends_at": func.now()}],
    ids=["idle", "absolute"],
)
def test_of_a_sign_in_that_is_over_nothing_of_its_provider_stays(
    open_browser: Callable[[], Browser], environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, over: dict[str, Any]
) -> None:
    """Its ID token says who she is, at some logins by a national number; a few at a time means all of them."""
    monkeypatch.setattr(endings, "AT_A_TIME", 2)
    user = known("fr-0001")
    for _ in range(3):
        open_browser().sign_in("fr-0001")
    with transaction():
        session().execute(update(LoginSession).values(**over))
    still = open_browser()
    still.sign_in("fr-0001")
    assert all(login.id_token for login in logins(user))
    with transaction():
        enqueue("identity:forget", timestamp=0)
    do_the_work(environ)
    ended = [(login.ended_because, login.id_token, login.ended_at is not None) for login in logins(user)]
    assert sorted(ended[:3]) == [("over", None, True)] * 3
    assert ended[3][0] is None
    assert ended[3][1]
    assert still.is_signed_in()
    assert ledger("login.ended") == [{"because": "over"}] * 3
    assert endings.end_what_is_over() == 0


# What the portal knows about me


def test_my_sign_ins_are_mine_to_end(open_browser: Callable[[], Browser]) -> None:
    user, other = known("fr-0001"), known("nl-0001")
    one, two, three, dutch = open_browser(), open_browser(), open_browser(), open_browser()
    for each, system in ((one, "X11; Linux x86_64"), (two, "Windows NT 10.0"), (three, "Macintosh; Intel Mac OS X")):
        each.portal.environ_base["HTTP_USER_AGENT"] = f"Mozilla/5.0 ({system}) Gecko/1 Firefox/153.0"
        each.sign_in("fr-0001")
    dutch.sign_in("nl-0001")
    page = one.portal.get("/account").text
    assert page.count("Firefox, Linux") == 1
    (asked,) = re.findall('end-others" data-confirm="([^"]+)"', page)
    assert set(re.findall("Firefox, [a-zA-Z]+", asked)) == {"Firefox, Windows", "Firefox, macOS"}
    (theirs,) = logins(other)
    assert one.post(f"/account/sign-ins/{theirs.id}/end").status_code == 404
    assert one.post(f"/account/sign-ins/{uuid.uuid4()}/end").status_code == 404
    assert one.post(f"/account/sign-ins/{logins(user)[1].id}/end").headers["Location"] == "/account#sign-ins"
    assert [each.is_signed_in() for each in (one, two, three, dutch)] == [True, False, True, True]
    assert one.post("/account/sign-ins/end-others").headers["Location"] == "/account#sign-ins"
    assert [each.is_signed_in() for each in (one, two, three, dutch)] == [True, False, False, True]
    assert one.post(f"/account/sign-ins/{logins(user)[0].id}/end").headers["Location"] == "/signed-out"
    assert not one.is_signed_in()


def test_sign_ins_on_like_devices_are_counted_before_they_end(open_browser: Callable[[], Browser]) -> None:
    known("fr-0001")
    here = open_browser()
    for each, system in (
        (open_browser(), "X11"),
        (open_browser(), "Windows NT"),
        (open_browser(), "X11"),
        (here, "X11"),
    ):
        each.portal.environ_base["HTTP_USER_AGENT"] = f"Mozilla/5.0 ({system}; Linux) Firefox/153.0"
        each.sign_in("fr-0001")
    (asked,) = re.findall('end-others" data-confirm="([^"]+)"', here.portal.get("/account").text)
    assert "on Firefox, Linux (2); Firefox, Windows?" in asked


def test_all_logins_of_a_person_can_be_ended(open_browser: Callable[[], Browser]) -> None:
    user, one, two = known("fr-0001"), open_browser(), open_browser()
    one.sign_in("fr-0001")
    two.sign_in("fr-0001")
    assert endings.end_all(user) == 2
    assert endings.end_all(user) == 0
    assert not one.is_signed_in()


def test_language_and_zone_are_chosen_on_the_account_page(open_browser: Callable[[], Browser]) -> None:
    user, one = known("fr-0001"), open_browser()
    one.sign_in("fr-0001")
    assert one.post("/account", language="fr", time_zone="Europe/Tirane").status_code == 303
    user = again(user)
    assert (user.language, user.time_zone) == ("fr", "Europe/Tirane")
    for wrong in ({"language": "xx", "time_zone": "UTC"}, {"language": "en", "time_zone": "Mars/Olympus"}, {}):
        assert one.post("/account", **wrong).status_code == 422
    user = again(user)
    assert user.language == "fr"
    with pytest.raises(Invalid):
        service.prefer(user, "en", "Mars/Olympus")


def test_the_sign_in_page_names_every_country_in_the_readers_language(open_browser: Callable[[], Browser]) -> None:
    one = open_browser()
    page = one.portal.get("/sign-in?next=/account", headers={"Accept-Language": "fr"}).text
    assert all(name in page for name in ("Pays-Bas", "Roumanie", "Albanie", "France", "EU bodies"))
    assert 'href="/sign-in/nl?next=/account"' in page
    with transaction():
        registry.provider("nl").is_enabled = False
    assert "Pays-Bas" not in one.portal.get("/sign-in", headers={"Accept-Language": "fr"}).text
    assert one.portal.get("/sign-in/nl").status_code == 403
    assert one.portal.get("/sign-in/nowhere").status_code == 404
    known("fr-0001")
    one.sign_in("fr-0001")
    assert one.portal.get("/sign-in?next=/account").headers["Location"] == "/account"


def test_whoever_keeps_failing_must_wait(open_browser: Callable[[], Browser]) -> None:
    one = open_browser()
    answers = [one.come_back("fr", "state=x&code=y").status_code for _ in range(21)]
    assert answers == [400] * 20 + [429]


def test_whoever_keeps_beginning_must_wait(open_browser: Callable[[], Browser]) -> None:
    one = open_browser()
    assert [one.portal.get("/sign-in/nowhere").status_code for _ in range(121)] == [404] * 120 + [429]


def test_whoever_keeps_ending_what_is_no_sign_in_must_wait(away: Browser, liar: Hostile) -> None:
    said = [say_goodbye(away, "no token") for _ in range(21)]
    assert said == [400] * 20 + [429]
    assert away.is_signed_in()


# The register


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("algorithms", ("none",)),
        ("algorithms", ("ES256", "HS256")),
        ("algorithms", ()),
        ("issuer", "http://login.example"),
        ("issuer", "ftp://127.0.0.1/"),
        ("issuer", "https://user@login.example"),
        ("issuer", "https://login.example/?a=b"),
        ("authorities", {}),
        ("acr_levels", {}),
        ("claim_map", {"name": "/name"}),
    ],
)
def test_a_senseless_row_does_not_enter_the_register(national: National, name: str, value: Any) -> None:
    good = replace(rows(national.base)[0], slug="yy", issuer="https://login.example/yy")
    with pytest.raises(Invalid):
        registry.ensure_providers([replace(good, **{name: value})])
    assert session().scalar(select(IdentityProvider).where(IdentityProvider.slug == "yy")) is None


def test_entering_the_same_rows_again_changes_nothing(national: National) -> None:
    before = [(row.id, row.version) for row in registry.providers()]
    entered = len(ledger("provider.entered"))
    registry.ensure_providers(rows(national.base))
    assert [(row.id, row.version) for row in registry.providers()] == before
    assert (len(ledger("provider.entered")), ledger("provider.changed")) == (entered, [])
    assert count(Authority) == len({(each.provider, each.authority) for each in PEOPLE})
    registry.ensure_providers([replace(rows(national.base)[0], name="Renamed")])
    assert ledger("provider.changed") == [{"changed": ["name"]}]


def test_nothing_else_may_read_other_peoples_logins(open_browser: Callable[[], Browser]) -> None:
    user, other = known("fr-0001"), known("nl-0001")
    open_browser().sign_in("fr-0001")
    mine = session().scalars(policy.which(user, LoginSession)).all()
    assert [login.user_id for login in mine] == [user.id]
    assert session().scalars(policy.which(other, LoginSession)).all() == []
    assert len(session().scalars(policy.portal_which(Work.SIGN_IN, LoginSession)).all()) == 1
