"""Whom a country's administrator asks in, to an account and no further."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from jit_portal import cli
from jit_portal.database import session, transaction
from jit_portal.errors import NotAllowed, NotFound, Refused
from jit_portal.identity import invitations
from jit_portal.identity.models import Authority, IdentityProvider, User
from jit_portal.identity.refusals import SignInRefused
from jit_portal.vocabulary import Duty, Role
from jit_portal.web.requests import public_address
from jit_portal.workspaces import service as workspaces
from jit_portal.workspaces.models import Membership
from tests import factories
from tests.accounts import names, post, put
from tests.factories import World, now
from tests.inviting import NAME, Browse, authority, sent, signs_in, world
from tests.signing_in import UNCHECKED, again, count, ledger

FIXTURES = (world,)
"""They are asked for by name."""


def test_an_administrator_asks_somebody_in_and_leaders_find_her(world: World, browse: Browse) -> None:
    administrator, leader = world["fr_administrator"], world["fr_leader"]
    client = browse(administrator)
    assert 'href="/people/invite"' in client.get("/people").text
    proposed = re.search(r'<select[^>]*name="authority"[^>]*>\s*<option([^>]*)>', client.get("/people/invite").text)
    assert proposed is not None
    assert 'value=""' in proposed[1], "the first authority is nobody's usual choice"
    assert post(client, "/people/invite", name=NAME, authority="").status_code == 422
    answer = post(client, "/people/invite", name=f" {NAME} ", authority=str(authority(world).id))
    assert answer.status_code == 201
    token = re.search(r'value="http://localhost/invitations/([\w-]+)"', answer.text)
    assert token is not None
    made = invitations.find(token[1])
    assert (made.name, made.provider_id, made.authority_id) == (NAME, administrator.provider_id, authority(world).id)
    assert (made.invited_by_id, made.duty, made.membership_offer, made.subject) == (administrator.id, None, None, None)
    assert token[1] not in client.get("/people").text
    memberships = count(Membership)
    person = signs_in(made)
    assert (person.name, person.duty, person.authority_id) == ("Ana Costa-Lima", None, authority(world).id)
    assert count(Membership) == memberships
    assert person.name in names(administrator)
    france = world.parties["fr"]
    assert person.id in {each.id for each in workspaces.known_people(leader, world.workspace, france)}
    workspaces.enrol(leader, world.workspace, person, france, Role.MEMBER)
    assert ledger("invitation.sent") == [{"authority": "fr-police", "duty": None}]
    assert ledger("user.created") == [{"invitation": str(made.id)}]
    with pytest.raises(SignInRefused):
        signs_in(made, "fr-another")


def test_the_address_of_an_invitation_is_the_portals_whatever_was_asked(app: Flask) -> None:
    with app.test_request_context(base_url="https://elsewhere.example"):
        assert public_address("identity.invitation", token="t") == "http://localhost/invitations/t"
    sources = [path.read_text() for path in Path(cli.__file__).parent.rglob("*.py")]
    assert len(sources) > 100
    assert not [source for source in sources if "_external" in source]


@pytest.mark.parametrize("who", ["fr_leader", "fr_member", "eu_participant", "operator"])
def test_nobody_else_asks_anybody_in(world: World, browse: Browse, who: str) -> None:
    client = browse(world[who])
    assert client.get("/people/invite").status_code == 404
    form = {"name": NAME, "authority": str(authority(world).id)}
    assert post(client, "/people/invite", **form).status_code == 404
    for verb in (invitations.ask_in, invitations.invite):
        with pytest.raises((NotFound, NotAllowed)):
            verb(world[who], authority(world), NAME)
    assert sent() == []


@pytest.mark.parametrize("who", ["fr_administrator", "nl_administrator", "fr_leader"])
def test_only_an_operator_gives_a_duty(world: World, who: str) -> None:
    with pytest.raises((NotFound, NotAllowed)):
        invitations.appoint(world[who], authority(world), NAME, Duty.NATIONAL_ADMINISTRATOR)
    with pytest.raises(Refused, match="say which one you are"):
        invitations.appoint(None, authority(world), NAME, Duty.OPERATOR)
    assert sent() == []


def test_a_country_is_every_login_of_it_that_is_open_and_a_body_its_own(world: World, browse: Browse) -> None:
    with transaction():
        agency, shut, europol = (factories.provider(slug) for slug in ("fr-agency", "fr-shut", "europol"))
        agency.country = shut.country = "FR"
        shut.is_enabled = False
        europol.kind, europol.country = world.providers["eu"].kind, world.providers["eu"].country
    for who, may in (
        ("fr_administrator", {"fr", "fr-agency"}),
        ("nl_administrator", {"nl"}),
        ("eu_administrator", {"eu"}),
    ):
        page = browse(world[who]).get("/people/invite").text
        for at in session().scalars(select(IdentityProvider)):
            assert (str(at.authorities[0].id) in page) == (at.slug in may), (who, at.slug)
            if at.slug not in may:
                with pytest.raises((NotFound, NotAllowed)):
                    invitations.ask_in(world[who], at.authorities[0], NAME)
    answer = post(browse(world["nl_administrator"]), "/people/invite", name=NAME, authority=str(authority(world).id))
    assert answer.status_code == 422
    assert sent() == []


def test_nobody_is_asked_in_for_a_closed_authority(world: World, browse: Browse) -> None:
    shut = Authority(provider_id=authority(world).provider_id, code="fr-customs", name="Douane", closed_at=now())
    with transaction():
        session().add(shut)
    party, at = world.parties["fr"], f"/workspaces/{world.workspace.id}/people"
    for who, page in (("fr_administrator", "/people/invite"), ("fr_leader", f"{at}/{party.id}/invite")):
        shown = browse(world[who]).get(page)
        assert (shown.status_code, str(shut.id) in shown.text) == (200, False), who
    asking: tuple[Callable[[], object], ...] = (
        lambda: invitations.ask_in(world["fr_administrator"], shut, NAME),
        lambda: invitations.appoint(world["operator"], shut, NAME, Duty.NATIONAL_ADMINISTRATOR),
        lambda: workspaces.invite(world["fr_leader"], world.workspace, shut, NAME, Role.MEMBER),
        lambda: invitations.invite(None, shut, NAME),
    )
    for ask in asking:
        with pytest.raises((NotAllowed, Refused)):
            ask()
    assert sent() == []


def test_nobody_is_asked_in_twice(world: World, browse: Browse) -> None:
    administrator, other = world["fr_administrator"], factories.administrator(world.providers["fr"])
    first, _ = invitations.ask_in(administrator, authority(world), NAME)
    for by in (administrator, other):
        with pytest.raises(Refused, match="is open already"):
            invitations.ask_in(by, authority(world), f" {NAME.upper()}")
    form = {"name": NAME, "authority": str(authority(world).id)}
    answer = post(browse(administrator), "/people/invite", **form)
    assert (answer.status_code, "is open already" in answer.text, f'value="{NAME}"' in answer.text) == (409, True, True)
    invitations.revoke(administrator, first)
    invitations.ask_in(administrator, authority(world), NAME)
    with pytest.raises(Refused, match="Fr_Member has an account already"):
        invitations.ask_in(administrator, authority(world), "Somebody", subject=world["fr_member"].subject)
    invitations.ask_in(administrator, authority(world), "Somebody", subject=world["nl_member"].subject)


def test_of_two_clicks_at_once_one_makes_an_invitation(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator, at = world["fr_administrator"].id, authority(world).id
    monkeypatch.setattr(invitations, "_refuse_known", lambda *_: time.sleep(0.5))

    def click(_: int) -> bool:
        with app.app_context():
            try:
                invitations.ask_in(session().get_one(User, administrator), session().get_one(Authority, at), NAME)
            except Refused:
                return False
            return True

    with ThreadPoolExecutor(2) as clicks:
        assert sorted(clicks.map(click, range(2))) == [False, True]
    assert len(sent()) == 1


def test_open_invitations_are_listed_and_taken_back(world: World, browse: Browse) -> None:
    administrator, colleague = world["fr_administrator"], factories.administrator(world.providers["fr"])
    made, token = invitations.ask_in(administrator, authority(world), NAME)
    into_jit, _ = workspaces.invite(
        world["fr_leader"], world.workspace, authority(world), "Asked into a JIT", Role.MEMBER
    )
    to_duty, _ = invitations.appoint(
        world["operator"], authority(world), "Asked to a duty", Duty.NATIONAL_ADMINISTRATOR
    )
    for who, listed in ((administrator, NAME), (colleague, NAME), (world["operator"], "Asked to a duty")):
        assert [each.name for each in invitations.open_ones(who)] == [listed]
        assert listed in browse(who).get("/people").text
    path = f"/people/invitations/{made.id}/revoke"
    for name in ("nl_administrator", "fr_leader", "fr_member", "operator"):
        assert post(browse(world[name]), path).status_code == 404
    for asked, name in ((into_jit, "fr_administrator"), (into_jit, "operator"), (to_duty, "fr_administrator")):
        assert post(browse(world[name]), f"/people/invitations/{asked.id}/revoke").status_code == 404
    assert invitations.find(token)
    assert post(browse(colleague), path).status_code == 303
    assert invitations.open_ones(administrator) == []
    with pytest.raises(SignInRefused):
        invitations.find(token)
    with pytest.raises(SignInRefused):
        signs_in(made)
    assert len(ledger("invitation.revoked")) == 1


def test_what_is_accepted_is_not_taken_back(world: World) -> None:
    made, _ = invitations.ask_in(world["fr_administrator"], authority(world), NAME)
    signs_in(made)
    assert invitations.open_ones(world["fr_administrator"]) == []
    with pytest.raises(Refused, match="accepted already"):
        invitations.revoke(world["fr_administrator"], made)


@pytest.mark.parametrize("change", ["closed", "without the duty"])
def test_an_invitation_ends_with_the_right_of_whoever_sent_it(world: World, change: str) -> None:
    by_administrator, _ = invitations.ask_in(world["fr_administrator"], authority(world), NAME)
    by_operator, _ = invitations.appoint(world["operator"], authority(world), NAME, Duty.OPERATOR)
    values: dict[str, object] = {"deactivated_at": now()} if change == "closed" else {"duty": None}
    put(world["fr_administrator"], **values)
    put(world["operator"], **values)
    for made in (by_administrator, by_operator):
        with pytest.raises(SignInRefused) as caught:
            signs_in(made)
        assert caught.value.detail == "who sent it may not invite any more"


def test_a_duty_comes_with_a_new_account_only(world: World) -> None:
    """Whoever has a duty is in no JIT: a member cannot be made an operator beside that."""
    member = world["fr_member"]
    made, _ = invitations.appoint(world["operator"], authority(world), member.name, Duty.OPERATOR)
    with pytest.raises(SignInRefused):
        signs_in(made, member.subject, member)
    assert again(member).duty is None
    assert again(made).used_at is None


@pytest.mark.parametrize("names_authority", [True, False])
def test_an_invitation_seats_nobody_of_another_authority(world: World, names_authority: bool) -> None:
    """Also where the login names none: her account says of which she is."""
    with transaction():
        customs = Authority(provider_id=world.providers["fr"].id, code="fr-customs", name="Customs FR")
        session().add(customs)
    someone = factories.user(world.providers["fr"], "Of the police")
    made, _ = workspaces.invite(world["fr_leader"], world.workspace, customs, NAME, Role.MEMBER)
    with pytest.raises(SignInRefused) as caught:
        signs_in(made, someone.subject, someone, names_authority=names_authority)
    assert caught.value.detail == "of another authority"
    assert again(made).used_at is None
    seats = select(Membership).where(Membership.user_id == someone.id).execution_options(**UNCHECKED)
    assert session().scalars(seats).all() == []
    theirs, _ = workspaces.invite(world["fr_leader"], world.workspace, someone.authority, NAME, Role.MEMBER)
    signs_in(theirs, someone.subject, someone, names_authority=names_authority)
    assert [each.authority_id for each in session().scalars(seats)] == [someone.authority_id]
