"""Accounts for breaking the glass: switched off they are not there, and they are made and closed on the server only."""

import datetime as dt
import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from flask import Flask
from sqlalchemy import func, select

from jit_portal import cli, policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.config import Settings
from jit_portal.database import factory, session, transaction
from jit_portal.demo import plan
from jit_portal.demo.folders import make_private
from jit_portal.errors import NotFound
from jit_portal.identity import invitations, proposals, registry
from jit_portal.identity.glass.models import GlassAccount
from jit_portal.identity.models import GLASS, IdentityProvider
from jit_portal.vocabulary import Duty
from tests import factories
from tests.factories import World, now
from tests.glass import NAME, Window, account, made, world
from tests.signing_in import UNCHECKED
from tests.web import running_web

FIXTURES = (account, made, world)
"""They are asked for by name."""


def test_switched_off_it_is_not_there_and_opens_nothing(world: World, environ: dict[str, str], folder: Path) -> None:
    glass = factories.glass_account()
    with running_web(environ | {"JIT_BREAK_GLASS": "0"}, folder) as web:
        somebody, opened = web.sign_in(world["operator"]), web.sign_in(glass)
        for path in ("", "/second/ask", "/keys/x"):
            for method in ("GET", "POST", "PUT"):
                for headers in ({}, somebody.headers):
                    answers = [
                        requests.request(method, f"{web.origin}/{place}{path}", headers=headers, timeout=20)
                        for place in ("break-glass", "break-glasz")
                    ]
                    assert answers[0].status_code == 404, (method, path)
                    pages = [
                        re.sub(r"\b[0-9a-f]{16}\b|(nonce|content|value|data-as-of)=\"[^\"]+\"|glas[sz]", "", a.text)
                        for a in answers
                    ]
                    assert pages[0] == pages[1], (method, path)
        assert somebody.get("/account", allow_redirects=False).status_code == 200
        assert opened.get("/account", allow_redirects=False).status_code == 302, "nor does what was opened before"


Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(
    app: Flask, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command itself: its exit code, and what it said."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str]:
        session.remove()
        code = cli.main(["break-glass", *arguments])
        # The command connects the sessions of its process, which here is also the portal's.
        factory.configure(bind=app.extensions["database"])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_an_account_is_made_listed_and_closed_on_the_server(world: World, command: Command, app: Flask) -> None:
    code, said = command("make", f"  {NAME} ", "--by", f"fr:{world['operator'].subject}")
    assert code == 0, said
    made = re.match(rf"([0-9a-f-]{{36}}): {NAME}, of no use", said)
    shown = re.search(r"^http://localhost(/break-glass/keys/([\w-]{43}))$", said, re.MULTILINE)
    assert made
    assert shown
    account = session().scalars(select(GlassAccount)).one()
    assert shown[2].encode() not in account.link_hash
    assert account.link_expires_at - now() < dt.timedelta(minutes=31)
    assert shown[2] not in command("list")[1]
    assert f"{made[1]}: {NAME}, waits for its keys until" in command("list")[1]
    made_by = select(LedgerEntry).where(LedgerEntry.act == "break_glass.made")
    entry = session().scalars(made_by.execution_options(**UNCHECKED)).one()
    assert (entry.actor_id, entry.object_id) == (world["operator"].id, account.user_id)
    assert command("close", made[1])[0] == 0
    assert f"{NAME}, closed" in command("list")[1]
    assert command("close", made[1]) == (1, "Not done: it is closed already\n")
    assert command("close", str(uuid.uuid4()))[0] == 1
    assert command("make", " ")[0] == 1
    assert Window(app).client.get(shown[1]).status_code == 404


@pytest.mark.parametrize("what", ["list", "make", "close"])
def test_switched_off_the_commands_say_so(
    world: World, command: Command, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.delenv("JIT_BREAK_GLASS")
    more = {"list": [], "make": [NAME], "close": [str(uuid.uuid4())]}[what]
    code, said = command(what, *more)
    monkeypatch.setenv("JIT_BREAK_GLASS", "1")
    command("list")
    assert (code, "break-glass is off here" in said) == (1, True)
    assert session().scalar(select(func.count()).select_from(GlassAccount)) == 0


def test_the_demo_has_it_switched_off_unless_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = plan.of_folder(make_private(tmp_path / "data", 0o711), 8800)
    for told, is_on in ((None, False), ("0", False), ("1", True)):
        if told is not None:
            monkeypatch.setenv("JIT_BREAK_GLASS", told)
        assert Settings.read(demo.environ("web")).break_glass is is_on


def test_it_is_no_login_and_no_operator_for_commands(world: World, account: GlassAccount) -> None:
    """Its row stands in no register, and nothing is done in its name without its keys."""
    row = session().scalars(select(IdentityProvider).where(IdentityProvider.slug == GLASS)).one()
    assert registry.known(GLASS) is None
    assert GLASS not in [each.slug for each in (*registry.every_one(), *registry.providers())]
    with pytest.raises(NotFound):
        policy.fetch(world["operator"], IdentityProvider, row.id)
    with pytest.raises(NotFound):
        proposals.reopen(world["operator"], GLASS)
    with pytest.raises(NotFound):
        proposals.operator(GLASS, account.user.subject)


def test_it_does_not_stand_in_the_way_of_the_first_login_and_the_first_operator(app: Flask) -> None:
    factories.glass_account()
    assert registry.is_empty()
    with transaction():
        authority = factories.provider("fr").authorities[0]
    made, _ = invitations.appoint(None, authority, "Ana Costa", Duty.OPERATOR)
    assert made.duty == Duty.OPERATOR
    session.remove()
