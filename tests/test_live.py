"""What a page fetches again when something changes is a piece of that page, on every page of the portal."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.realtime.push import PUSHED
from jit_portal.tasks import assigning
from jit_portal.tasks import service as tasks
from jit_portal.tasks.models import Task
from jit_portal.vocabulary import Duty
from tests import factories
from tests.test_routes import Doors, Visitor, make_doors, methods, rules

NOUNS = {*PUSHED, "notice", "read_mark", "user"}
"""What can be said to be changed; of accounts and notices those hear whom the act names, of marks whoever reads."""
NO_PAGE = {"tasks.card"}
"""Asked for by id from the board, which says where it goes."""


@dataclass(frozen=True)
class Live:
    """One element that is fetched again: its id, what it listens to, and from where it comes."""

    id: str
    words: frozenset[str]
    source: str


class _Elements(HTMLParser):
    """Gathers the live elements of a page or fragment, and its outermost elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.live: list[dict[str, str]] = []
        self.outermost: list[dict[str, str]] = []
        self._depth = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if "data-live" in named:
            self.live.append(named)
        if self._depth == 0:
            self.outermost.append(named)
        self._depth += tag not in ("br", "hr", "img", "input", "link", "meta")

    def handle_endtag(self, tag: str) -> None:
        self._depth -= 1


def live_in(text: str) -> set[Live]:
    return {
        Live(named.get("id", ""), frozenset(named["data-live"].split()), named["data-src"])
        for named in _Elements(text).live
        if "data-src" in named
    }


@pytest.fixture
def doors(app: Flask) -> Iterator[Doors]:
    yield make_doors()
    session.remove()


@pytest.fixture
def pages(app: Flask, doors: Doors, browse: Callable[[User], FlaskClient]) -> dict[str, str]:
    """Every page that a leader opens, by address."""
    factories.channel(doors.world)
    return pages_of(app, doors, browse(doors.world["fr_leader"]))


def pages_of(app: Flask, doors: Doors, client: FlaskClient, *places: str) -> dict[str, str]:
    """Every page that somebody opens, by address; only ``places`` where they are named."""
    visitor = Visitor(app, client, is_signed_in=True)
    answers: dict[str, Any] = {
        rule.endpoint: visitor.asks(rule, "GET", doors.values(rule))
        for rule in rules(app)
        if "GET" in methods(rule) and rule.endpoint.startswith(places or "")
    }
    return {
        endpoint: answer.text
        for endpoint, answer in answers.items()
        if answer.status_code == 200 and answer.mimetype == "text/html" and endpoint not in NO_PAGE
    }


def test_every_live_element_fetches_itself_again(
    doors: Doors, pages: dict[str, str], browse: Callable[[User], FlaskClient]
) -> None:
    client = browse(doors.world["fr_leader"])
    found = {live for text in pages.values() for live in live_in(text)}
    assert {"exhibit", "vault-list", "rules", "channels", "task", "now", "home"} <= {live.id for live in found}
    for live in found:
        answer = client.get(live.source, headers={"HX-Request": "true"})
        assert answer.status_code == 200, live
        assert "<html" not in answer.text, f"{live} would be replaced by a whole page"
        [root] = _Elements(answer.text).outermost
        assert (root.get("id"), frozenset(root["data-live"].split())) == (live.id, live.words)
        assert root["data-src"] == live.source


def test_every_live_element_listens_to_what_is_said(pages: dict[str, str]) -> None:
    heard = {(word, endpoint) for endpoint, text in pages.items() for live in live_in(text) for word in live.words}
    assert {word.partition(":")[0] for word, _ in heard} <= NOUNS
    deaf = {live for text in pages.values() for live in live_in(text) if not {"membership", "workspace"} <= live.words}
    assert not deaf, "what ends with a membership stays on open screens"


def _asked_and_offered(doors: Doors) -> Task:
    """The Netherlands have an exhibit to accept or decline, and this task to answer."""
    world, leader = doors.world, doors.world["fr_leader"]
    exhibit_id = uuid.UUID(doors.ids["exhibit_id"])
    exhibit = session().get_one(Exhibit, exhibit_id, execution_options={"policy": True})
    factories.release(world, exhibit, "nl")
    with transaction():
        offered = update(Exhibit).where(Exhibit.id == exhibit_id)
        session().execute(offered.values(offered_to_id=world["nl_leader"].id))
    board = factories.board(world)
    task = tasks.create_task(leader, board.id, session().merge(board).columns[0].id, "Compare")
    return assigning.ask(leader, task.id, task.edition, world.parties["nl"].id, "Please")


class _Forms(HTMLParser):
    """Gathers the fields that are typed into, by form."""

    NOT_TYPED = frozenset({"hidden", "checkbox", "radio", "file", "submit", "button"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.typed: list[tuple[dict[str, str], str]] = []
        self._form: dict[str, str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = named
        is_typed = tag == "textarea" or (tag == "input" and named.get("type", "text") not in self.NOT_TYPED)
        if is_typed and self._form is not None and self._form.get("method") == "post":
            self.typed.append((self._form, named.get("name", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None


def test_every_form_that_is_typed_into_keeps_a_draft(
    app: Flask, doors: Doors, pages: dict[str, str], browse: Callable[[User], FlaskClient]
) -> None:
    world, task = doors.world, _asked_and_offered(doors)
    found = [*pages.items()]
    for duty in Duty:
        found += pages_of(
            app, doors, browse(factories.administrator(world.providers["fr"], duty)), "people.", "providers."
        ).items()
    doors.ids["task_id"] = str(task.id)
    found += pages_of(app, doors, browse(world["nl_leader"]), "exhibits.show", "tasks.show").items()
    typed = [(endpoint, *each) for endpoint, text in found for each in _Forms(text).typed]
    assert {
        *("exhibits.release", "tasks.edit", "rules.new", "workspaces.end", "providers.new", "providers.change"),
        *("people.invite", "exhibits.show", "tasks.show"),
    } <= {endpoint for endpoint, *_ in typed}
    assert [(endpoint, name) for endpoint, form, name in typed if not form.get("data-draft")] == []
