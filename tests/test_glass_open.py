"""What broken glass opens: one hour, operator's rights and no case."""

import datetime as dt
import json

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.errors import NotAllowed, Refused
from jit_portal.identity import passkeys
from jit_portal.identity.glass.models import GlassAccount, GlassOpening
from jit_portal.identity.sign_in_models import LoginSession, Passkey
from jit_portal.policy import stepup
from jit_portal.vocabulary import Role
from jit_portal.workspaces import service as workspaces
from tests import factories
from tests.factories import World, now
from tests.glass import Keys, Window, account, count, enrolled, keys, link, made, user_of, window, world
from tests.signing_in import UNCHECKED
from tests.vault import token_in
from tests.waiting import held_login, record_is_free_while_it_waits

FIXTURES = (account, enrolled, keys, link, made, window, world)
"""They are asked for by name."""


def test_after_an_hour_it_is_over_and_nothing_prolongs_it(
    window: Window, account: GlassAccount, enrolled: Keys
) -> None:
    window.open(enrolled)
    login = select(LoginSession).where(LoginSession.user_id == account.user_id)
    ends_at = session().scalars(login.execution_options(**UNCHECKED)).one().ends_at
    with transaction():
        session().execute(update(LoginSession).values(last_seen_at=now() - dt.timedelta(minutes=10), confirmed_at=None))
    for _ in range(2):
        assert window.is_in()
    said = enrolled[0].get(json.loads(_with_form(window, "/account/passkeys/ask").text))
    assert _with_form(window, "/account/passkeys/confirm", credential=said).status_code == 303
    held = session().scalars(login.execution_options(populate_existing=True, **UNCHECKED)).one()
    assert (held.ends_at, held.last_seen_at > now() - dt.timedelta(minutes=1)) == (ends_at, True)
    with transaction():
        session().execute(update(LoginSession).values(ends_at=now()))
    assert not window.is_in()


def _with_form(window: Window, path: str, **form: str) -> TestResponse:
    token = token_in(window.client.get("/account").text)
    return window.client.post(path, data={"csrf_token": token, **form})


def test_the_database_keeps_no_opening_longer_than_an_hour(world: World, account: GlassAccount) -> None:
    user, at = account.user, now()
    longer = GlassOpening(
        user_id=user.id,
        login_id=factories.acts_in(user).current_login,
        reason="x",
        opened_at=at,
        ends_at=at + dt.timedelta(minutes=60, seconds=1),
    )
    with pytest.raises(IntegrityError, match="an_hour"), transaction():
        session().add(longer)


def test_it_has_one_login_at_once_and_ends_by_its_button(
    app: Flask, window: Window, account: GlassAccount, enrolled: Keys
) -> None:
    window.open(enrolled)
    again = Window(app)
    again.open(enrolled)
    assert (window.is_in(), again.is_in()) == (False, True)
    page = _with_form(again, "/sign-out")
    assert page.status_code == 200
    assert "may still know you" not in page.text
    assert not again.is_in()


def test_whoever_breaks_the_glass_and_waits_has_not_the_record(
    app: Flask, window: Window, account: GlassAccount, enrolled: Keys, cluster: Postgres
) -> None:
    """For whoever ends what she has open already."""
    window.open(enrolled)
    id = session().scalars(factories.logins_of(account.user).with_only_columns(LoginSession.id)).one()
    again = Window(app)
    again.first(enrolled[0])
    said = enrolled[1].get(again.ask("/break-glass/second/ask"))

    def open_it() -> None:
        again.send("/break-glass/second", credential=said)

    assert record_is_free_while_it_waits(cluster, open_it, held_login(id), told=account.user_id)
    assert (window.is_in(), again.is_in()) == (False, True)


def test_it_takes_the_place_of_the_login_of_its_browser(
    app: Flask, window: Window, world: World, enrolled: Keys
) -> None:
    token = factories.login(world["operator"])
    window.client.set_cookie("__Host-jit-test", token, secure=True)
    window.open(enrolled)
    assert "Break-glass: operator" in window.client.get("/").text
    hers = session().scalars(factories.logins_of(world["operator"])).one()
    assert hers.ended_because == "signed_in_again"


def test_a_fresh_proof_is_given_by_its_keys_and_none_are_added_or_removed(
    window: Window, account: GlassAccount, enrolled: Keys
) -> None:
    window.open(enrolled)
    user = user_of(account)
    user.current_login = session().scalars(factories.logins_of(user)).one().id
    assert stepup.is_met(user), "by having just been opened"
    with transaction():
        session().execute(update(LoginSession).values(confirmed_at=now() - dt.timedelta(minutes=6)))
    assert not stepup.is_met(user)
    said = enrolled[1].get(json.loads(_with_form(window, "/account/passkeys/ask").text))
    assert _with_form(window, "/account/passkeys/confirm", credential=said).status_code == 303
    assert stepup.is_met(user)
    assert not stepup.may_enrol(user)
    with pytest.raises(NotAllowed):
        passkeys.offer_enrolment(user)
    with pytest.raises(NotAllowed):
        passkeys.remove(user, passkeys.mine(user)[0].id)
    assert count(Passkey) == 2
    page = window.client.get("/account").text
    assert "none is added here" in page
    assert "Name of the new passkey" not in page
    assert f"/account/passkeys/{passkeys.mine(user)[0].id}/remove" not in page


def test_nobody_makes_it_a_member(world: World, account: GlassAccount) -> None:
    """As an expert somebody of another login may be one: not with a duty."""
    leader, party = world["fr_leader"], world.parties["fr"]
    with pytest.raises(Refused, match="has a duty"):
        workspaces.enrol(leader, world.workspace, account.user, party, Role.EXPERT, purpose="Interpreting")


def test_breaking_the_glass_is_not_tried_without_end(window: Window, enrolled: Keys) -> None:
    token = token_in(window.client.get("/break-glass").text)
    answers = [window.client.post("/break-glass", data={"csrf_token": token}).status_code for _ in range(25)]
    assert set(answers) == {422, 429}
    for path in ("ask", "second", "second/ask", "keys/x", "keys/x/ask"):
        assert window.client.post(f"/break-glass/{path}", data={"csrf_token": token}).status_code == 429, path
    assert window.client.get("/break-glass").status_code == 200
