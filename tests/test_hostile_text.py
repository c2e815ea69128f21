"""HTML, Markdown and template code in everything that people type: it is text on every page, and nothing else."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import TypeVar

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from psycopg import sql
from werkzeug.test import TestResponse

from jit_portal.custody import service as custody
from jit_portal.database import Model, session, transaction
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.identity.scim import tokens as scim_tokens
from jit_portal.messages import service as messages
from jit_portal.messages.models import Message
from jit_portal.tasks import assigning
from jit_portal.tasks import service as tasks
from jit_portal.tasks.models import Task
from jit_portal.vocabulary import Duty, Sight
from tests import factories
from tests.scim import CORE, Directory
from tests.test_routes import Doors, Visitor, make_doors, methods, rules

T = TypeVar("T", Exhibit, Task, Message)
TYPED = {
    "announced_person": {"user_name", "display_name"},
    "agreement": {"purpose", "document_name"},
    "agreement_party": {"signed_by", "signed_at_place"},
    "authority": {"name"},
    "board": {"name"},
    "channel": {"name", "purpose"},
    "country_rule": {"tag", "note"},
    "custody_event": {"reason"},
    "exhibit": {"title", "description", "place", "tags"},
    "glass_challenge": {"reason"},
    "glass_opening": {"reason"},
    "identity_provider": {"name", "withdrawn_by"},
    "invitation": {"name"},
    "jit": {"reference", "name"},
    "login_session": {"browser", "strayed_browser"},
    "membership": {"purpose", "ended_because"},
    "message": {"text"},
    "message_edition": {"text"},
    "party": {"name"},
    "passkey": {"name"},
    "release": {"conditions", "withdrawn_because"},
    "stored_file": {"name"},
    "task": {"title", "description", "asked_because", "declined_because"},
    "task_change": {"reason", "title", "description"},
    "user": {"name", "title", "email", "claimed_name", "vouched_name"},
}
"""Columns that hold what people, their browsers and their national logins say."""
OWN = {
    "announced_person": {"issuer", "subject"},
    "agreement": {"legal_bases", "states_of_operation", "time_zone", "document_sha256", "document_object"},
    "agreement_party": {"roles"},
    "authority": {"code"},
    "board": {"prefix"},
    "country_rule": {"handling"},
    "exhibit": {"reference", "handling"},
    "exhibit_tag": {"tag"},
    "identity_provider": {"slug", "country", "issuer", "client_id", "algorithms", "scope", "hosts", "saml_metadata"},
    "invitation": {"subject"},
    "ledger_entry": {
        *("zone", "actor_name", "actor_country", "actor_authority", "act", "noun", "reference", "details"),
    },
    "login_attempt": {"return_to"},
    "login_session": {"acr", "provider_session", "id_token", "ended_because", "address", "strayed_address"},
    "message_reference": {"word", "noun"},
    "notice": {"noun"},
    "party": {"country"},
    "provider_proposal": {"slug"},
    "provider_test": {"id_token", "subject", "provider_session"},
    "shelf": {"handling"},
    "stored_file": {"media_type", "object_name", "store_upload", "key_name", "sha256_declared", "sha256"},
    "task": {"rank"},
    "task_reference": {"word", "noun"},
    "user": {"issuer", "subject", "language", "time_zone", "flagged", "closed_because"},
    "waiting_act": {"endpoint", "address", "sent_from", "noun"},
}
"""Columns that hold the portal's own words, or a form's choice among them."""
SHOWN_TO_NOBODY = {
    "login_session.browser": "only what it is known as, such as Edge on Windows",
    "login_session.strayed_browser": "only what it is known as",
    "user.vouched_name": "compared with what the login says next",
    "task_change.title": "kept, for no page compares what a task was with what it is",
    "task_change.description": "kept, as the title is",
    "glass_challenge.reason": "becomes that of the opening",
}
PAGE_AND_PIECE: tuple[dict[str, str], ...] = ({}, {"HX-Request": "true"})
LONG = "<script>alert(1)</script>[l](javascript:alert(1)) ![p](https://evil.example/p.png)"
MARK = "\"'><b id=evil>{}</b>{{{{7919*104729}}}}"


def hostile(column: sa.Column[object]) -> str:
    """What is put into a column; short where the column is."""
    short = MARK.format(f"{column.table.name}.{column.name}")
    return short if isinstance(column.type, sa.String) and column.type.length else short + LONG


def text_columns() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for table in Model.metadata.sorted_tables:
        for column in table.columns:
            kind = column.type.item_type if isinstance(column.type, sa.ARRAY) else column.type
            if isinstance(kind, sa.String) and not isinstance(kind, sa.Enum):
                found.setdefault(table.name, set()).add(column.name)
    return found


def test_every_column_of_text_is_known_here() -> None:
    known = {table: TYPED.get(table, set()) | OWN.get(table, set()) for table in TYPED.keys() | OWN.keys()}
    assert text_columns() == known


class _Page(HTMLParser):
    """What of a page could run or reach out, and what it says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.dangers: list[str] = []
        self.says = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            said = (value or "").strip().casefold()
            leads_out = name in ("href", "src", "action", "formaction") and said.startswith(("javascript:", "data:"))
            reaches_out = name in ("src", "srcset") and "evil.example" in said
            if name.startswith("on") or leads_out or reaches_out or (name, said) == ("id", "evil"):
                self.dangers.append(f"<{tag} {name}={value!r}>")
            self.says += f"{value} "

    def handle_data(self, data: str) -> None:
        self.says += data
        if "alert(1)" in data and self.lasttag == "script":
            self.dangers.append(data)


def html_of(answer: TestResponse) -> str:
    """A page or fragment, also one that comes inside JSON."""
    said = answer.get_data(as_text=True)
    if answer.mimetype != "application/json":
        return said if answer.mimetype == "text/html" else ""
    values = json.loads(said)
    return str(values.get("html", "")) if isinstance(values, dict) else ""


def look(answer: TestResponse, where: str) -> str:
    """What an answer says, once nothing in it could run."""
    page = _Page(html_of(answer))
    assert page.dangers == [], where
    assert "829348951" not in page.says, f"{where}: a template was run"
    return page.says


@pytest.fixture
def doors(app: Flask, database: Postgres) -> Iterator[Doors]:
    made = make_doors()
    for name, duty in (("administrator", Duty.NATIONAL_ADMINISTRATOR), ("operator", Duty.OPERATOR)):
        made.world.people[name] = factories.administrator(made.world.providers["fr"], duty)
    _let_everything_happen(made)
    _let_countries_act(app, made)
    session.remove()
    with psycopg.connect(database.url(OWNER), autocommit=True) as owner:
        for table, columns in TYPED.items():
            for name in columns:
                column = Model.metadata.tables[table].columns[name]
                said = [hostile(column)] if isinstance(column.type, sa.ARRAY) else hostile(column)
                # A reference is its JIT's alone.
                value = sql.SQL("%s || id" if (table, name) == ("jit", "reference") else "%s")
                put = sql.SQL("UPDATE {} SET {} = {}").format(sql.Identifier(table), sql.Identifier(name), value)
                owner.execute(put, [said])
    yield made
    session.remove()


def _let_everything_happen(doors: Doors) -> None:
    """Rows in every table of ``TYPED``: custody, tasks asked for and declined, an edited message, releases."""
    world = doors.world
    leader, exhibit = world["fr_leader"], _known(Exhibit, doors.ids["exhibit_id"])
    task, message = _known(Task, doors.ids["task_id"]), _known(Message, doors.ids["message_id"])
    with transaction():
        custody.receive(world["fr_member"], exhibit)
    factories.release(world, exhibit, "nl", Sight.READ)
    custody.hand_over(world["fr_member"], exhibit, leader.id, "Reason")
    tasks.edit_task(leader, task.id, 1, "Anew", "Words", None)
    messages.edit(leader, message, "Anew", 1)
    open_board = factories.board(world)
    column = session().merge(open_board).columns[0].id
    for name in ("task_id", "declined"):
        asked = tasks.create_task(leader, open_board.id, column, "Asked")
        assigning.ask(leader, asked.id, 1, world.parties["nl"].id, "Because")
        doors.ids[name] = str(asked.id)
    assigning.decline(world["nl_leader"], asked.id, 2, "Because")
    factories.channel(world)
    factories.glass_opening(factories.glass_account(), leader)


def _let_countries_act(app: Flask, doors: Doors) -> None:
    """Somebody whom a directory has announced, somebody whose login gives another name now, a login that was closed."""
    operator = doors.world["operator"]
    factories.acts_in(operator)
    doors.ids["directory"] = scim_tokens.make(operator, "fr", dt.timedelta(days=1))[1]
    directory = Directory(app, doors.ids["directory"])
    assert directory.ask("POST", "", {"schemas": [CORE], "externalId": "new", "userName": "New"}).status_code == 201
    with transaction():
        closed = factories.provider("ro")
        closed.is_enabled = False
        session().execute(sa.update(User).where(User.id == doors.world["fr_member"].id).values(flagged="name"))
    doors.ids["closed"] = str(closed.id)


def _known(model: type[T], id: str) -> T:
    return session().scalars(sa.select(model).where(model.id == id).execution_options(policy=True)).unique().one()


MORE = {
    "fr_leader": ["/tasks/{declined}"],
    "nl_leader": ["/tasks/{declined}"],
    "administrator": [],
    "operator": ["/providers/{closed}"],
}
"""Who walks, and where else than behind every address."""


def test_what_people_typed_is_text_on_every_page_and_every_text_stands_on_one(
    app: Flask, doors: Doors, browse: Callable[[User], FlaskClient]
) -> None:
    says = _said_to_directory(app, doors)
    for name, more in MORE.items():
        visitor = Visitor(app, browse(doors.world[name]), is_signed_in=True)
        for rule in rules(app):
            for headers in PAGE_AND_PIECE if "GET" in methods(rule) else ():
                answer = visitor.asks(rule, "GET", doors.values(rule), None, **headers)
                says += look(answer, f"{name}: {rule.rule} {headers}")
        for path in more:
            says += look(visitor.client.get(path.format(**doors.ids)), f"{name}: {path}")
    labels = {f"{table}.{column}" for table, columns in TYPED.items() for column in columns}
    assert {label for label in labels if f"<b id=evil>{label}</b>" not in says} == SHOWN_TO_NOBODY.keys()


def _said_to_directory(app: Flask, doors: Doors) -> str:
    """What a country's directory is told of the people that it announced: no browser takes that for a page."""
    answer = Directory(app, doors.ids["directory"]).ask("GET")
    assert (answer.status_code, answer.mimetype) == (200, "application/scim+json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return str(answer.json)
