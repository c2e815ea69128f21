"""Invitations, on the way of a sign-in: whom they let in, to what, and how often."""

import datetime as dt
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import func, select, update

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.demo.case.people import BY_SUBJECT
from jit_portal.demo.postgres import Postgres
from jit_portal.errors import Invalid, NotAllowed
from jit_portal.identity import invitations, registry
from jit_portal.identity.models import Authority, Invitation, User
from jit_portal.vocabulary import Duty, May, Outcome, Role
from jit_portal.workspaces import service as seating
from tests import factories
from tests.signing_in import (
    Browser,
    again,
    count,
    invite,
    known,
    ledger,
    liar,
    logins,
    national,
    open_browser,
    refused,
    registered,
)
from tests.waiting import Statement, record_is_free_while_it_waits

FIXTURES = (liar, national, open_browser, registered)
"""They are asked for by name."""


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
