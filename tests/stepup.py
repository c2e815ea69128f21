"""What tests of step-ups share: each act that asks for one, as a verb and as a page sends it, and what waits."""

import datetime as dt
import html
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from jit_portal.audit import reading
from jit_portal.audit.models import LedgerEntry
from jit_portal.audit.reading import Wanted
from jit_portal.database import Thing, session, transaction
from jit_portal.exhibits import entrusting, releasing, rules, service
from jit_portal.exhibits.descriptions import read
from jit_portal.exhibits.models import CountryRule, Entrustment, Exhibit, Release
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.jits.models import Party
from jit_portal.vocabulary import Assurance, May, PrincipalKind, Purpose, Sight
from jit_portal.workspaces.models import Workspace
from jit_portal.workspaces.principals import principal
from tests import factories
from tests.factories import World, now
from tests.vault import token_in

UNCHECKED = {"policy": True}
TYPED = "Only for the court in Lille"


@dataclass
class Case:
    """A world in which each act that asks for a step-up can be done by France's leader."""

    world: World
    exhibit: Exhibit
    release: Release
    rule: CountryRule
    entrustment: Entrustment

    @property
    def leader(self) -> User:
        return self.world["fr_leader"]


@pytest.fixture
def case(app: Flask) -> Iterator[Case]:
    world = factories.world()
    with transaction():
        world.join("fr_other", "fr")
    exhibit = factories.exhibit(world)
    with transaction():
        meant = principal(world.workspace.id, PrincipalKind.PARTY, party_id=world.parties["nl"].id)
        rule = CountryRule(
            workspace_id=world.workspace.id,
            party_id=world.parties["fr"].id,
            is_forbid=False,
            principal_id=meant.id,
            sight=int(Sight.SEE),
            set_by_id=world["fr_leader"].id,
        )
        session().add(rule)
    release = factories.release(world, exhibit, "nl")
    yield Case(world, exhibit, release, rule, factories.entrustment(world, "fr_member"))
    session.remove()


@dataclass(frozen=True)
class Act:
    """One act of E10: the verb, what a page sends to it, and the rule it stands under."""

    under: tuple[type[Thing], May]
    verb: Callable[[Case, User], object]
    sent: Callable[[Case], tuple[str, dict[str, str]]]


def last_day() -> dt.date:
    return (now() + dt.timedelta(days=5)).date()


def nl(case: Case) -> str:
    return f"party:{case.world.parties['nl'].id}"


def rule_form(case: Case, is_forbid: str) -> tuple[str, dict[str, str]]:
    said = {"is_forbid": is_forbid, "to": nl(case), "sight": "3", "token": str(uuid.uuid4())}
    return f"/workspaces/{case.world.workspace.id}/rules/new", said


def set_rule(case: Case, actor: User, *, is_forbid: bool) -> object:
    said = RuleDescription(is_forbid=is_forbid, to=nl(case), sight=Sight.DOWNLOAD)
    return rules.set_rule(actor, case.world.workspace, case.world.parties["fr"], said)


def entrust(case: Case, actor: User) -> object:
    party, other = case.world.parties["fr"], case.world["fr_other"]
    return entrusting.entrust(actor, case.world.workspace, party, other.id, Sight.READ, last_day())


def sent_release(case: Case) -> tuple[str, dict[str, str]]:
    said = {"to": nl(case), "sight": "3", "purpose": "jit_purpose", "conditions": TYPED, "token": str(uuid.uuid4())}
    return f"/exhibits/{case.exhibit.id}/release", said


ACTS: dict[str, Act] = {
    "release": Act(
        (Exhibit, May.RELEASE),
        lambda case, actor: releasing.release(actor, case.exhibit, nl(case), Sight.USE, Purpose.JIT_PURPOSE),
        sent_release,
    ),
    "withdraw a release": Act(
        (Exhibit, May.WITHDRAW),
        lambda case, actor: releasing.withdraw(actor, case.release, "Enough."),
        lambda case: (f"/releases/{case.release.id}/withdraw", {"reason": "Enough."}),
    ),
    "reclassify": Act(
        (Exhibit, May.RECLASSIFY),
        lambda case, actor: service.reclassify(
            actor, case.exhibit, read({"kind": "image", "handling": "H0"}), case.exhibit.edition
        ),
        lambda case: (
            f"/exhibits/{case.exhibit.id}/reclassify",
            {"edition": str(case.exhibit.edition), "kind": "image", "handling": "H0"},
        ),
    ),
    "set a standing release": Act(
        (Party, May.SET_RULES),
        lambda case, actor: set_rule(case, actor, is_forbid=False),
        lambda case: rule_form(case, "0"),
    ),
    "set a forbid": Act(
        (Party, May.SET_RULES),
        lambda case, actor: set_rule(case, actor, is_forbid=True),
        lambda case: rule_form(case, "1"),
    ),
    "end a rule": Act(
        (CountryRule, May.WITHDRAW),
        lambda case, actor: rules.close_rule(actor, case.rule),
        lambda case: (f"/rules/{case.rule.id}/close", {}),
    ),
    "entrust": Act(
        (Party, May.ENTRUST),
        entrust,
        lambda case: (
            f"/workspaces/{case.world.workspace.id}/entrustments/new",
            {"person": str(case.world["fr_other"].id), "sight": "2", "last_day": last_day().isoformat()},
        ),
    ),
    "end entrusting": Act(
        (Entrustment, May.WITHDRAW),
        lambda case, actor: entrusting.end_entrustment(actor, case.entrustment),
        lambda case: (f"/entrustments/{case.entrustment.id}/end", {}),
    ),
    "export the record": Act(
        (Workspace, May.EXPORT_RECORD),
        lambda case, actor: list(reading.export(actor, case.world.workspace, Wanted(), "csv")),
        lambda case: (f"/workspaces/{case.world.workspace.id}/record/export?outcome=done", {"format": "json"}),
    ),
}
LESS: dict[str, dict[str, Any]] = {
    "not strong enough": {"assurance": Assurance.SUBSTANTIAL},
    "six minutes ago": {"minutes": 6},
}


def done(case: Case) -> int:
    """How much has been done in the JIT."""
    here = (LedgerEntry.chain == case.world.jit.id, LedgerEntry.outcome == "done")
    return (
        session().scalar(select(func.count()).select_from(LedgerEntry).where(*here).execution_options(policy=True)) or 0
    )


def entries(act: str) -> int:
    counted = select(func.count()).select_from(LedgerEntry).where(LedgerEntry.act == act)
    return session().scalar(counted.execution_options(policy=True)) or 0


Browse = Callable[..., FlaskClient]


@pytest.fixture
def browse(app: Flask, browse: Browse) -> Browse:
    """A client signed in as somebody, in a login that has proved so much: ``browse(someone, minutes=6)``."""

    def sign_in(someone: User, **proved: Any) -> FlaskClient:
        client = browse(someone)
        cookie = app.config["SETTINGS"].session_cookie
        client.set_cookie(cookie, factories.login(someone, **proved), secure=True)
        return client

    return sign_in


def send(client: FlaskClient, address: str, form: dict[str, str], **headers: str) -> TestResponse:
    token = token_in(client.get("/account").text)
    return client.post(address, data={"csrf_token": token, **form}, headers=headers)


def waits(answer: TestResponse) -> str:
    """The id of the act that waits at the page this answer leads to."""
    assert answer.status_code == 303, answer.text[-1500:]
    place = answer.headers["Location"]
    assert place.startswith("/confirm/"), place
    return place.removeprefix("/confirm/")


def prove(someone: User) -> None:
    """She has just come back from her provider."""
    newest = factories.logins_of(someone).order_by(LoginSession.started_at.desc()).limit(1)
    ids = newest.with_only_columns(LoginSession.id).scalar_subquery()
    with transaction():
        values = {"proved_at": now(), "assurance": Assurance.HIGH}
        proving = update(LoginSession).where(LoginSession.id == ids).values(**values)
        session().execute(proving.execution_options(synchronize_session=False))


def told(page: str) -> dict[str, str]:
    """What a page says in its lists of terms, as plain text."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page, re.DOTALL)
    return {term: html.unescape(re.sub(r"<[^>]*>", "", value)).strip() for term, value in pairs}
