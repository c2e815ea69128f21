"""People who sign in with the demo's national logins, really running, what these say of them, and the register."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from jit_portal import policy
from jit_portal.database import session, transaction
from jit_portal.demo.case.people import PEOPLE
from jit_portal.demo.providers.registration import rows
from jit_portal.errors import Invalid
from jit_portal.identity import registry, sessions
from jit_portal.identity.models import Authority, IdentityProvider, User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.policy import Work
from jit_portal.vocabulary import Assurance
from tests.hostile import Hostile
from tests.signing_in import (
    SLUGS,
    Browser,
    National,
    again,
    count,
    invite,
    known,
    ledger,
    liar,
    logins,
    national,
    of_xx,
    open_browser,
    refused,
    registered,
    xenia,
)

FIXTURES = (liar, national, open_browser, registered)
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
