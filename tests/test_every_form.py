"""Every page and every form on it, walked once without a browser: nobody has to name one that comes anew.

The walk comes by every template. In every form an id of another JIT, or of what its sender may not see, is no better
than one that exists nowhere. What is typed comes back when the form is refused, as text.
"""

import difflib
import io
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import sqlalchemy as sa
import wtforms
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import Template
from psycopg import sql
from werkzeug.test import TestResponse
from wtforms.fields.core import UnboundField

import jit_portal
from jit_portal.custody import service as custody
from jit_portal.database import Model, session, transaction
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.exhibits.models import Exhibit
from jit_portal.extensions import limiter
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import User
from jit_portal.identity.scim.models import ProposedClosing, ScimToken
from jit_portal.jits import documents
from jit_portal.jits import service as jits
from jit_portal.jits.models import Agreement
from jit_portal.jits.terms import terms_of
from jit_portal.tasks import assigning, boards
from jit_portal.tasks import service as tasks
from jit_portal.tasks.models import Task
from jit_portal.vocabulary import Audience, Sight
from tests import factories, services
from tests.browser.test_pages import WALKERS, furnished, let_wait, places_of
from tests.conftest import ClientApart
from tests.drafting import PDF
from tests.factories import World
from tests.forms import ID, Field, Form, forms_in
from tests.test_hostile_text import LONG, MARK, look
from tests.test_routes import Doors, let_wait_in_newest_login, plain
from tests.vault import put, token_in

NOT_WALKED = {
    *("glass/keys.html", "glass/second.html", "identity/_one_time.html", "identity/bring.html", "people/invited.html"),
    *("providers/onward.html", "workspaces/invited.html"),
    *("errors/_fragment.html", "exhibits/_preview.html", "messages/_suggestions.html"),
    "audit/closed.html",
}
"""Templates of answers to what is sent, of parts that scripts ask for, and of who may not read the record."""

NOT_COME_BY = {
    *("glass.ask_first", "glass.ask_key", "glass.ask_second", "passkeys.ask", "passkeys.new", "uploads.declare_hash"),
    *("identity.farewell", "saml.bring", "saml.callback", "scim.create", "scim.search", "scim.search_all"),
    *("glass.keys_submit", "glass.second_submit", "passkeys.confirm", "messages.read"),
    *("jits.extend", "people.reactivate", "providers.reopen", "providers.test_sign_in"),
    *("providers.test_sign_out", "uploads.create"),
}
"""What scripts, national logins and directories send; forms with nothing but the answer of a key, or the number of a
message; and forms that are nothing but a button.
"""
NOT_IN_FORMS = {"RelayState", "SAMLResponse", "after", "before", "logout_token", "number", "unclassified"}
"""What the code reads, and no form on the walk has: words of national logins, the number of a message, an upload's word
that it is not classified, and the cards beside one that is dragged, which are sent here as well.
"""
NO_IDS = {"token", "next"}
"""A wish that is to be done once, and the page of the portal to go on with: neither leads to anything."""
BESIDE: dict[tuple[str, str], dict[str, list[str]]] = {
    ("tasks.create_board", "parties"): {"audience": ["parties"]},
    ("tasks.create_board", "people"): {"audience": ["people"]},
    ("messages.open_channel", "party_ids"): {"audience": ["parties"]},
    ("messages.open_channel", "user_ids"): {"audience": ["people"]},
}
"""Where a field counts only beside another."""
KEPT_BY_ITS_PAGE = {"custody.decline", "passkeys.create", "tasks.ask", "tasks.decline"}
"""Small forms, whose page is not shown again when one is refused: it has what was typed by itself
(tests/browser/test_drafts.py).
"""
ENDS_EVERY_SIGN_IN = "people.end_everybodys_submit"
CHOSEN = ("button", "checkbox", "radio", "select")
MOST = 10_001
"""One character more than a field takes that does not say how many it does."""
NOT_KEPT = ("ledger_entry", "login_session")
"""What a refusal leaves behind: that it was refused, and that its sender was here."""
Sent = dict[str, list[str]]
READS = re.compile(r"""request\.form(?:\.get\(|\.getlist\(|\[)"(\w+)"|"(\w+)" in request\.form""")


@dataclass
class Walk:
    """What somebody of every kind comes by: every template, and each kind of form once with who sees it."""

    app: Flask
    cluster: Postgres
    doors: Doors
    more: "More"
    templates: set[str] = field(default_factory=set)
    forms: dict[tuple[str, frozenset[str]], tuple[str, Form]] = field(default_factory=dict)
    clients: dict[str, tuple[FlaskClient, str]] = field(default_factory=dict)

    def visit(self, name: str) -> FlaskClient:
        client = ClientApart(self.app, self.app.response_class, use_cookies=True)
        client.environ_base["wsgi.url_scheme"] = "https"
        if name in self.doors.world.people:
            cookie = self.app.config["SETTINGS"].session_cookie
            client.set_cookie(cookie, factories.login(self.doors.world[name]), secure=True)
        return client

    def come_by(self, name: str, client: FlaskClient, path: str) -> None:
        addresses = self.app.url_map.bind("localhost")
        for form in forms_in(path, client.get(path).text):
            endpoint, _ = addresses.match(urlsplit(form.action).path, method="POST")
            self.forms.setdefault((endpoint, frozenset(form.fields)), (name, form))

    def visitor(self, name: str) -> tuple[FlaskClient, str]:
        """Somebody who has just signed in, and the token of her forms."""
        if name not in self.clients:
            client = self.visit(name)
            self.clients[name] = client, token_in(client.get("/signed-out").text)
        return self.clients[name]

    def send(self, name: str, action: str, said: Sent) -> TestResponse:
        client, token = self.visitor(name)
        return client.post(action, data={**said, "csrf_token": token})

    def standing(self) -> dict[str, str]:
        """What every table holds, in short."""
        said = "SELECT {} AS name, coalesce(md5(string_agg(each::text, '' ORDER BY each::text)), '') FROM {} AS each"
        tables = [table.name for table in Model.metadata.sorted_tables if table.name not in NOT_KEPT]
        asked = [sql.SQL(said).format(sql.Literal(name), sql.Identifier(name)) for name in tables]
        with psycopg.connect(self.cluster.url(OWNER), autocommit=True) as owner:
            return dict(owner.execute(sql.SQL(" UNION ALL ").join(asked)).fetchall())

    def tables(self) -> dict[str, str]:
        """The table of every id there is."""
        tables = [table.name for table in Model.metadata.sorted_tables if "id" in table.columns]
        asked = [
            sql.SQL("SELECT id::text, {} FROM {}").format(sql.Literal(name), sql.Identifier(name)) for name in tables
        ]
        with psycopg.connect(self.cluster.url(OWNER), autocommit=True) as owner:
            return dict(owner.execute(sql.SQL(" UNION ALL ").join(asked)).fetchall())


@pytest.fixture(scope="module")
def walk(portal: Flask, cluster: Postgres) -> Iterator[Walk]:
    """The walk itself, on a database of its own for all of this file."""
    services.forget_everything(cluster)
    limiter.reset()
    with portal.test_request_context():
        doors = furnished()
        more = _furnish_more(doors)
    made = Walk(portal, cluster, doors, more)
    portal.jinja_env.cache.clear()  # type: ignore[union-attr]  # what was imported once is not asked for again
    get = portal.jinja_env.get_template

    def note(name: Any, *others: Any) -> Template:
        made.templates.add(name)
        return get(name, *others)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(portal.jinja_env, "get_template", note)
        for name in (*WALKERS, "nl_leader"):
            client = made.visit(name)
            if name == "fr_leader":
                let_wait_in_newest_login(doors.world[name])
            for path in more.pages.get(name, ()):
                made.come_by(name, client, path)
            let_wait(doors.world.people.get(name))
            for place in places_of(name, portal, doors) if name in WALKERS else ():
                made.come_by(name, client, place.path)
    yield made
    session.remove()


@dataclass
class More:
    """What the walk over pages leaves out: pages by who sees them; and what none of them sees, by its table."""

    pages: dict[str, list[str]]
    strangers: dict[str, list[list[str]]]
    slugs: list[str]


def _furnish_more(doors: Doors) -> More:
    world, leader, dutch = doors.world, doors.world["fr_leader"], doors.world["nl_leader"]
    far = factories.world("Heron", ("ro", "nl", "eu"), providers=world.providers)
    with transaction():
        world.join("fr_other", "fr")
        for slug, someone in (("fr", world["fr_other"]), ("ro", far["ro_leader"])):
            _let_closing_wait(far.providers[slug].id, someone)
        mine, theirs = (
            factories.waiting_act(each, f"/workspaces/{world.workspace.id}/rules/new") for each in (leader, dutch)
        )
    hidden = boards.open_board(
        dutch, world.workspace.id, "Dutch plan", "DUT", Audience.PARTIES, party_ids=[world.parties["nl"].id]
    )
    away = boards.open_board(far["ro_leader"], far.workspace.id, "Far plan", "FAR", Audience.EVERYONE)
    unseen = [
        tasks.create_task(who, at.id, at.columns[0].id, "Unseen")
        for who, at in ((dutch, hidden), (far["ro_leader"], away))
    ]
    strangers: dict[str, list[list[Any]]] = {
        "user": [[far["ro_leader"], far["nl_leader"], far["eu_participant"]]],
        "party": [[far.parties["ro"]]],
        "authority": [[far.providers["ro"].authorities[0]]],
        "board_column": [[hidden.columns[0]], [away.columns[0]]],
        "task": [[each] for each in unseen],
        "waiting_act": [[theirs]],
    }
    free, asked = _tasks(world)
    exhibit, signable, unsaid = _handed_over(world), _signable(leader, doors.ids["drafted_jit_id"]), _unsaid(world)
    pages = {
        "fr_leader": [
            *("/account", f"/confirm/{mine.id}", f"/jits/{signable.jit_id}/agreement"),
            *(f"/tasks/{free.id}", f"/tasks/{asked.id}", f"/exhibits/{exhibit.id}", f"/exhibits/{unsaid.id}"),
        ],
        "fr_operator": ["/providers/new?preset=saml", "/people/end-logins"],
        "nl_leader": [f"/tasks/{asked.id}", f"/exhibits/{exhibit.id}"],
    }
    ids = {name: [[str(each.id) for each in group] for group in groups] for name, groups in strangers.items()}
    return More(pages, ids, list(far.providers))


def _let_closing_wait(provider_id: uuid.UUID, someone: User) -> None:
    by = {"made_by_id": someone.id, "expires_at": factories.now()}
    token = ScimToken(provider_id=provider_id, token_hash=uuid.uuid4().bytes, **by)
    session().add(token)
    session().flush()
    session().add(ProposedClosing(user_id=someone.id, proposed_by_id=token.id))


def _tasks(world: World) -> tuple[Task, Task]:
    """One that nobody has, and one that the Dutch are asked to take."""
    leader, board = world["fr_leader"], factories.board(world)
    column = session().merge(board).columns[0].id
    free, asked = (tasks.create_task(leader, board.id, column, title) for title in ("Free", "Asked"))
    return free, assigning.ask(leader, asked.id, 1, world.parties["nl"].id, "Because")


def _handed_over(world: World) -> Exhibit:
    leader = world["fr_leader"]
    exhibit = factories.exhibit(world, "fr", "Handed over", by=leader)
    factories.release(world, exhibit, "nl", Sight.READ)
    with transaction():
        custody.receive(leader, exhibit)
    custody.hand_over(leader, exhibit, world["nl_leader"].id, "Because")
    return exhibit


def _unsaid(world: World) -> Exhibit:
    """One whose file was read back, and whose sender never said what it should be."""
    exhibit = put(world, b"sent", "sent.txt", by="fr_leader", is_declared=False)
    with transaction():
        session().execute(sa.update(StoredFile).where(StoredFile.id == exhibit.file_id).values(sha256="0" * 64))
    return exhibit


def _signable(leader: User, jit_id: str) -> Agreement:
    """A draft like that of this JIT, which nobody has signed."""
    like = sa.select(Agreement).where(Agreement.jit_id == uuid.UUID(jit_id)).execution_options(policy=True)
    terms = terms_of(session().scalars(like).one())
    draft = jits.begin(leader, replace(terms, reference="JIT-2026-0901"))
    documents.attach(leader, draft, "agreement.pdf", io.BytesIO(PDF), draft.edition)
    return draft


def test_the_walk_comes_by_every_template(walk: Walk) -> None:
    assert set(walk.app.jinja_env.list_templates(extensions=["html"])) - walk.templates == NOT_WALKED


def test_the_walk_comes_by_every_form(walk: Walk) -> None:
    """Whatever an address is sent, a form on the walk has it; what does not stands here by name."""
    posted = {rule.endpoint for rule in walk.app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert posted - {endpoint for endpoint, _ in walk.forms} == NOT_COME_BY
    seen = {name.rsplit("-", 1)[-1] for _, form in walk.forms.values() for name in form.fields}
    assert names_read() - seen == NOT_IN_FORMS
    chosen = {
        (endpoint, at): each for (endpoint, _), (_, form) in walk.forms.items() for at, each in form.fields.items()
    }
    assert [what for what, each in chosen.items() if each.kind in CHOSEN and not any(each.offers)] == []


def names_read() -> set[str]:
    """Every name by which the code reads something out of a form."""
    found: set[str] = set()
    kinds = [wtforms.Form]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__module__.startswith("jit_portal."):
            found |= {name for name in dir(kind) if isinstance(getattr(kind, name), UnboundField)}
    for path in Path(jit_portal.__file__).parent.rglob("*.py"):
        if "demo" not in path.parts:
            found |= {one or other for one, other in READS.findall(path.read_text())}
    return found


@dataclass
class IdSent:
    """A field in which a form sends an id: whose form, of which address, and one such value, ``of`` which is its id."""

    endpoint: str
    name: str
    form: Form
    at: str
    value: str
    offers: list[str]

    @property
    def of(self) -> str:
        return str(ID.findall(self.value)[0])

    def saying(self, other: str) -> Sent:
        beside = BESIDE.get((self.endpoint, self.at), {})
        return self.form.filled() | beside | {self.at: [self.value.replace(self.of, other)]}


def ids_sent(walk: Walk) -> Iterator[IdSent]:
    """Each once, and of blocks that are alike, one for each national login, the first."""
    slugs, done = re.compile(f"^({'|'.join(walk.more.slugs)})-"), set()
    dragged = {name: Field("script", offers=[walk.doors.ids["task_id"]]) for name in ("before", "after")}
    for (endpoint, _), (name, form) in walk.forms.items():
        for at, each in (form.fields | (dragged if endpoint == "tasks.move" else {})).items():
            what = (endpoint, slugs.sub("", at))
            if at not in NO_IDS and each.ids and what not in done:
                done.add(what)
                yield from (IdSent(endpoint, name, form, at, value, each.offers) for value in each.ids)


def test_no_token_of_a_form_is_among_what_is_compared(walk: Walk) -> None:
    """It says in which second it was made; where a page has two forms, its name is another in each."""
    space, client = walk.doors.world.workspace.id, walk.visitor("fr_leader")[0]
    page = client.get(f"/workspaces/{space}/people/{walk.doors.world.parties['fr'].id}/invite")
    assert page.text.count(token_in(page.text)) > 2
    assert token_in(page.text) not in plain(page, {})[1]


def test_an_id_of_another_jit_in_a_form_is_as_good_as_none(walk: Walk) -> None:
    """And so is that of what another country keeps for itself: each alone, in a form that is right but for it."""
    tables, before = walk.tables(), walk.standing()
    wrong = []
    for each in ids_sent(walk):
        where = f"{each.endpoint} {each.at} {each.value}"
        groups = walk.more.strangers.get(tables.get(each.of, ""))
        assert groups, f"{where}: nobody told this test of another {tables.get(each.of)}"
        nowhere = str(uuid.uuid4())
        expected = walk.send(each.name, each.form.action, each.saying(nowhere))
        for group in groups:
            stranger = next(other for other in group if other not in str(each.offers))
            found = walk.send(each.name, each.form.action, each.saying(stranger))
            if expected.status_code < 400 or not alike(found, stranger, expected, nowhere):
                lines = difflib.unified_diff(found.text.splitlines(), expected.text.splitlines(), lineterm="", n=0)
                told = [line[:200] for line in lines if "csrf" not in line]
                wrong.append(f"{where}: {found.status_code}, and {expected.status_code} of nothing: {told[:8]}")
    assert not wrong
    assert {name for name, said in walk.standing().items() if said != before[name]} == set()


def alike(found: TestResponse, stranger: str, expected: TestResponse, nowhere: str) -> bool:
    """Whether two answers are one but for the id that was sent, where they repeat it; beside, it may be offered."""
    shapes = ("", "&#39;{}&#39;", "{}")
    return any(
        plain(found, {"": shape.format(stranger)}) == plain(expected, {"": shape.format(nowhere)}) for shape in shapes
    )


def test_what_is_typed_comes_back_as_text(walk: Walk) -> None:
    """More is typed than any field takes, so that every form is refused."""
    lost = set()
    for (endpoint, _), (name, form) in walk.forms.items():
        typed = {at: [hostile(at, each.most or MOST)] for at, each in form.fields.items() if each.is_typed}
        if not typed:
            continue
        answer = walk.send(name, form.action, form.filled() | typed)
        look(answer, endpoint)
        assert answer.status_code in (403, 422), f"{endpoint}: {answer.status_code}"
        shown = [{at: each.holds for at, each in again.fields.items()} for again in forms_in("", answer.text)]
        if not any(all(held.get(at) == said for at, said in typed.items()) for held in shown):
            lost.add(endpoint)
            assert form.keeps, f"{endpoint}: what is typed is lost"
    assert lost == KEPT_BY_ITS_PAGE


def hostile(name: str, most: int = 0) -> str:
    return MARK.format(name) + LONG + "x" * most


def test_nothing_that_a_form_holds_is_more_than_text(walk: Walk) -> None:
    """Wherever it comes in, also where nobody can type."""
    asked = 0
    for (endpoint, _), (name, form) in walk.forms.items():
        held = {at: each for at, each in form.fields.items() if at != "csrf_token"}
        if held and endpoint != ENDS_EVERY_SIGN_IN:
            sent = {at: [hostile(at, (each.most or MOST) if each.is_typed else 0)] for at, each in held.items()}
            look(walk.send(name, form.action, sent), endpoint)
            asked += 1
    assert asked > 40


def test_every_form_in_which_an_id_is_sent_is_taken_when_it_is_right(walk: Walk) -> None:
    """What was refused above was so for its id alone. It stands last, for what is taken is used up."""
    taken, wrong = set(), []
    for each in ids_sent(walk):
        if (each.form.path, *each.form.fields) in taken or "waiting-act" in each.form.fields:
            continue
        taken.add((each.form.path, *each.form.fields))
        said = again(walk, each.name, each.form).filled()
        answer = walk.send(each.name, each.form.action, said)
        wrong += [] if answer.status_code in (201, 303) else [f"{each.endpoint}: {answer.status_code}"]
    assert not wrong
    assert len(taken) > 15


def again(walk: Walk, name: str, form: Form) -> Form:
    """The form as it stands on its page now."""
    client, _ = walk.visitor(name)
    found = forms_in(form.path, client.get(form.path).text)
    return next(each for each in found if (each.action, *each.fields) == (form.action, *form.fields))
