"""Every page of the URL map in a browser: no fault for anybody's senses, nothing untranslated, clipped or one-sided.

Two looks are examined, all four with ``--every-look``. A page that comes anew is walked without being
named; what answers no page stands in ``NOT_PAGES``.
"""

import datetime as dt
import io
import re
import uuid
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from babel import Locale
from flask import Flask
from playwright.sync_api import Browser, Page

from jit_portal.database import Model, session, transaction
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity import invitations
from jit_portal.identity.models import Authority, IdentityProvider, User
from jit_portal.identity.scim.models import ProposedClosing, ScimToken
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.jits import documents, signing
from jit_portal.jits import service as jits
from jit_portal.jits.models import Agreement
from jit_portal.jits.signing import Signature
from jit_portal.jits.terms import NamedParty, Terms
from jit_portal.messages import service as messages
from jit_portal.messages.models import Channel
from jit_portal.policy.closing import CONFIRMED_FOR
from jit_portal.tasks import assigning
from jit_portal.tasks import service as tasks
from jit_portal.vocabulary import Duty, Role, Sight
from tests import factories
from tests.browser.conftest import DESKTOP, LOUD, PHONE, Faults, OpenWindow, bring_axe, settled
from tests.delivery import png
from tests.drafting import PDF
from tests.factories import World
from tests.pseudo import BEGIN, END, LOCALE
from tests.test_routes import OPEN_TO_ALL, Doors, let_wait_in_newest_login, make_doors
from tests.vault import put
from tests.web import Web, running_web

NOT_PAGES = {
    *("delivery.content", "jits.document", "messages.source", "messages.suggestions", "providers.key"),
    *("providers.metadata", "uploads.token"),
}
OTHERS = ("/nowhere", "/workspaces/{other}", "/confirm/{other}", "/signed-out")
OF_STRANGERS = (
    *("/sign-in", "/sign-in?next=//evil.test", "/invitations/{open_invitation}", "/invitations/dead", "/signed-out"),
    *("/sign-in/fr/callback?state=x", "/break-glass", "/nowhere"),
)
LANGUAGELESS = {"JIT", "SHA", "EU", "PDF", "CSV", "JSON", "UTC"}
TODAY = dt.datetime.now(dt.UTC).date()

HERE = Path(__file__).parent
UNTRANSLATED = (HERE / "untranslated.js").read_text()
CLIPPED = (HERE / "clipped.js").read_text()


@dataclass
class Place:
    """A page or a fragment of one, and the address that leads to it."""

    endpoint: str
    path: str


@pytest.fixture(scope="session")
def abroad(environ: dict[str, str], folder: Path) -> Iterator[Web]:
    """One web process that speaks the pseudo-language."""
    with running_web(environ, folder, "tests.pseudo:make_app()") as web:
        yield web


@pytest.fixture
def doors(web: Web) -> Doors:
    return furnished()


def furnished() -> Doors:
    """A JIT with something on every page: what nobody fills is filled here."""
    made = make_doors()
    leader, world = made.world["fr_leader"], made.world
    photo = put(world, png(), "photo.png")
    factories.release(world, photo, "nl", Sight.READ)
    ledger = factories.exhibit(world, "nl", "Ledger of the harbour", tags=("harbour",))
    factories.release(world, ledger, "fr", Sight.DOWNLOAD)
    talk = session().get_one(Channel, uuid.UUID(made.ids["channel_id"]), execution_options={"policy": True})
    messages.post(leader, talk, f"See #{photo.reference}, **now**, and tell Albania", uuid.uuid4())
    administrator = factories.administrator(world.providers["fr"])
    made.world.people["fr_administrator"] = administrator
    made.world.people["fr_operator"] = factories.administrator(world.providers["fr"], Duty.OPERATOR)
    _fill_people(world, administrator)
    with transaction():
        session().execute(sa.update(Exhibit).where(Exhibit.id == photo.id).values(holder_id=leader.id))
        session().execute(sa.update(IdentityProvider).values(name="România, autentificare judiciară"))
    made.ids |= {"exhibit_id": str(photo.id), "agreement_id": str(_next_version(made).id)}
    _, made.ids["open_invitation"] = invitations.invite(administrator, leader.authority, "Ana Costa")
    made.ids["drafted_jit_id"] = str(_first_draft(made).jit_id)
    board = uuid.UUID(made.ids["board_id"])
    late = tasks.create_task(leader, board, uuid.UUID(made.ids["column_id"]), "Compare both", due_on=TODAY)
    assigning.assign(leader, late.id, late.edition, leader.id)
    made.ids["task_id"] = str(late.id)
    return made


def _fill_people(world: World, administrator: User) -> None:
    """Accounts of every kind: due, with other details, closed by itself, to be closed, with a membership that stands on
    another authority; and a sign-in that strayed."""
    long_ago = factories.now() - CONFIRMED_FOR
    customs = Authority(provider_id=administrator.provider_id, code="fr-customs", name="Customs FR")
    moved = Authority(provider_id=world.providers["nl"].id, code="nl-customs", name="Douane NL")
    closed = {"closed_because": "unused", "deactivated_at": factories.now()}
    flagged = {"flagged": "authority,name", "claimed_name": "Fr Married"}
    with transaction():
        session().add_all([customs, moved])
        session().flush()
        for person, values in (
            (administrator, {"opened_at": long_ago}),
            (world["fr_member"], {**flagged, "confirmed_at": long_ago, "claimed_authority_id": customs.id}),
            (factories.user(world.providers["fr"], "Fr Closed"), closed),
            (world["nl_member"], {"authority_id": moved.id}),
        ):
            session().execute(sa.update(User).where(User.id == person.id).values(**values))
        token = ScimToken(
            provider_id=administrator.provider_id, token_hash=b"", made_by_id=administrator.id, expires_at=long_ago
        )
        session().add(token)
        session().flush()
        session().add(ProposedClosing(user_id=world["fr_leader"].id, proposed_by_id=token.id))
    for someone in (world["fr_member"], world["fr_leader"]):
        factories.login(someone, browser="Windows Edg/156", is_new_device=True, strayed_at=factories.now())


def _next_version(doors: Doors) -> Agreement:
    """A draft that changes something, and waits for signatures."""
    leader = doors.world["fr_leader"]
    draft = jits.extend(leader, doors.world.jit)
    documents.attach(leader, draft, "agreement.pdf", io.BytesIO(PDF), draft.edition)
    with transaction():
        session().execute(sa.update(Agreement).where(Agreement.id == draft.id).values(purpose="Forged permits."))
    return draft


def _first_draft(doors: Doors) -> Agreement:
    """A draft that one of three parties has signed."""
    leader, world = doors.world["fr_leader"], doors.world
    roles = (Role.LEADER, Role.MEMBER)
    parties = [
        NamedParty(
            provider_id=world.providers[slug].id,
            roles=roles,
            leaders=(world[f"{slug}_leader"].id,),
            administrators=(leader.id,) if slug == "fr" else (),
        )
        for slug in ("fr", "nl", "al")
    ]
    terms = Terms(
        reference="JIT-2026-0900",
        name="Heron",
        purpose="Forged residence documents.",
        legal_bases=("EU-MLA2000-13",),
        states_of_operation=("FR", "NL"),
        starts_on=TODAY,
        ends_on=TODAY + dt.timedelta(days=300),
        time_zone="Europe/Paris",
        parties=tuple(parties),
    )
    draft = jits.begin(leader, terms)
    documents.attach(leader, draft, "agreement.pdf", io.BytesIO(PDF), draft.edition)
    (albania,) = (named.party_id for named in draft.named_parties if named.party.country == "AL")
    signature = Signature("Justice Minister", TODAY, "Tirana")
    return signing.record_signature(leader, draft, albania, signature, draft.edition)


def places(app: Flask, doors: Doors) -> list[Place]:
    """Every address that a browser can be sent to, and pages that no address is for."""
    found = []
    with app.test_request_context(base_url="https://localhost"):
        for rule in app.url_map.iter_rules():
            if "GET" in (rule.methods or ()) and rule.endpoint not in OPEN_TO_ALL | NOT_PAGES | {"static"}:
                found.append(Place(rule.endpoint, app.url_for(rule.endpoint, _external=False, **doors.values(rule))))
    found.append(Place("jits.agreement of a first draft", f"/jits/{doors.ids['drafted_jit_id']}/agreement"))
    return found + [Place(path, path.format(other=doors.other.workspace.id)) for path in OTHERS]


WALKERS = ("fr_leader", "fr_administrator", "fr_operator", "nobody")
DUTIES = {"fr_administrator": "people.", "fr_operator": "providers."}


def places_of(name: str, app: Flask, doors: Doors) -> list[Place]:
    """Where somebody goes: an administrator to people, an operator to the register, a leader to all else, and nobody
    signed in to what is open.
    """
    if name == "nobody":
        return [Place(path, path.format(**doors.ids)) for path in OF_STRANGERS]
    all_places = places(app, doors)
    if name not in DUTIES:
        return [place for place in all_places if not place.endpoint.startswith(tuple(DUTIES.values()))]
    found = [place for place in all_places if place.endpoint.startswith(DUTIES[name])]
    more = [Place(f"people.index {show}", f"/people?show={show}") for show in ("due", "flagged", "closed")]
    presets = [Place(f"providers.new {name}", f"/providers/new?preset={name}") for name in ("tara", "entra")]
    return found + (more if name == "fr_administrator" else presets)


def let_wait(someone: User | None) -> None:
    """What she has sent waits for her to prove who she is."""
    if someone is not None:
        let_wait_in_newest_login(someone)
        with transaction():
            session().execute(sa.update(LoginSession).values(proved_at=factories.now() - dt.timedelta(days=1)))


def is_page(page: Page) -> bool:
    return page.locator("html[lang]").count() == 1


def words_in_database() -> list[str]:
    """Every text that people have put in: what a page shows of it needs no translation."""
    found: set[str] = set()
    for table in Model.metadata.tables.values():
        for column in table.columns:
            if type(column.type) in (sa.Text, sa.String) and column.name not in ("act", "noun", "details"):
                asked = sa.select(column).distinct().execution_options(policy=True)
                found |= set(session().execute(asked).scalars()) - {None}
    found |= {person.initials for person in session().scalars(sa.select(User)).unique()}
    return sorted({text.strip() for text in found if len(text.strip()) > 1} | zoneinfo.available_timezones())


def words_of(locale: str) -> list[str]:
    """Every word by which the locale's own data names countries, days and zones; and those of no language."""
    known = Locale.parse(locale)
    calendar = [*known.months["format"].values(), *known.days["format"].values()]
    names = [*known.territories.values(), *(name for each in calendar for name in each.values())]
    names.append(str(known.display_name))
    zones = (*known.meta_zones.values(), *known.time_zones.values())
    names += [name for zone in zones for name in zone.get("long", {}).values()]
    return sorted({*LANGUAGELESS, *(word.strip(".") for name in names for word in re.split(r"[^\w.]+", name))})


def test_the_walk_knows_what_answers_no_page(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} >= NOT_PAGES


@pytest.mark.parametrize("name", WALKERS)
def test_nothing_stands_in_anybodys_way(
    app: Flask, doors: Doors, window: OpenWindow, faults: Faults, name: str
) -> None:
    someone = doors.world.people.get(name)
    page = window(someone, "/", forgives=("404", "409", "403", "400"))
    bring_axe(page)
    let_wait(someone)
    found: dict[str, Any] = {}
    seen = 0
    for place in places_of(name, app, doors):
        page.goto(place.path)
        if not is_page(page):
            continue
        seen += 1
        if wrong := faults(page):
            found[place.path] = wrong
    assert found == {}
    assert seen > (30 if name == "fr_leader" else 5)


@pytest.mark.parametrize("name", WALKERS)
def test_every_text_is_translated_and_has_room(
    app: Flask, doors: Doors, abroad: Web, browser: Browser, name: str
) -> None:
    someone = doors.world.people.get(name)
    page = _abroad(browser, abroad, someone)
    let_wait(someone)
    words = words_in_database(), words_of(LOCALE)
    found: dict[str, Any] = {}
    for place in places_of(name, app, doors):
        if wrong := _abroad_wrong(page, abroad.origin + place.path, *words):
            found[place.path] = wrong
    page.context.close()
    assert found == {}


EMPTY = ("", "/board", "/chat", "/vault", "/rules", "/entrustments", "/people", "/record")
"""Of a workspace: what its pages are before anything is in it."""


def test_where_nothing_is_yet_nothing_stands_in_anybodys_way(
    window: OpenWindow, abroad: Web, browser: Browser, faults: Faults
) -> None:
    world = factories.world()
    newcomer = factories.user(world.providers["fr"], "Fr Newcomer")
    of_nobody = [(newcomer, path) for path in ("/", "/tasks", "/notices")]
    of_a_jit = [(world["fr_leader"], f"/workspaces/{world.workspace.id}{path}") for path in EMPTY]
    here = {person.id: window(person) for person in (newcomer, world["fr_leader"])}
    there = {person.id: _abroad(browser, abroad, person) for person in (newcomer, world["fr_leader"])}
    words = words_in_database(), words_of(LOCALE)
    found, empty = {}, 0
    for person, path in of_nobody + of_a_jit:
        here[person.id].goto(path)
        wrong = faults(here[person.id]) | _abroad_wrong(there[person.id], abroad.origin + path, *words)
        empty += here[person.id].locator(".empty").count()
        if wrong:
            found[path] = wrong
    for page in there.values():
        page.context.close()
    assert found == {}
    assert empty > 5


ITSELF = re.compile(r"Failed to load resource: the server responded with a status of (4|5)\d\d ")
"""What a browser says of any page that answers with an error."""

SENDS = """([address, size]) => {
  const form = Object.assign(document.createElement("form"), { method: "post", action: address });
  form.append(Object.assign(document.createElement("textarea"), { name: "language", value: "x".repeat(size) }));
  document.body.append(form);
  form.submit();
}"""


def test_nothing_stands_in_anybodys_way_where_something_is_refused_or_fails(
    web: Web, abroad: Web, browser: Browser, faults: Faults
) -> None:
    world = factories.world()
    by_status = {405: "/language", 422: "/?q=%00"}
    by_status |= {status: f"/failing/{status}" for status in (415, 429, 500, 503, 507)}
    sent = {401: ("/jits", 1), 413: ("/language", 100_000)}
    hers, nobodys = _abroad(browser, abroad, world["fr_member"]), _abroad(browser, abroad, None)
    heard: list[str] = []
    for page in (hers, nobodys):
        page.on("console", lambda said: heard.append(said.text) if said.type in LOUD else None)
        page.on("pageerror", lambda error: heard.append(str(error)))
    words = words_in_database(), words_of(LOCALE)
    statuses, found = {}, {}
    for status, path in by_status.items():
        answer = hers.goto(abroad.origin + path)
        statuses[status] = answer and answer.status
        found[status] = faults(hers) | _wrong_here(hers, *words)
    for status, form in sent.items():
        nobodys.goto(abroad.origin + "/sign-in")
        with nobodys.expect_navigation() as arriving:
            nobodys.evaluate(SENDS, form)
        statuses[status] = arriving.value and arriving.value.status
        found[status] = faults(nobodys) | _wrong_here(nobodys, *words)
    for page in (hers, nobodys):
        page.context.close()
    assert statuses == {status: status for status in found}
    assert [said for said in heard if not ITSELF.match(said)] == []
    assert {status: wrong for status, wrong in found.items() if wrong} == {}


def _abroad_wrong(page: Page, address: str, known: list[str], words: list[str]) -> dict[str, Any]:
    """What of an address is said in no pseudo-language, and of a page, what has no room."""
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    page.goto(address)
    return _wrong_here(page, known, words)


def _wrong_here(page: Page, known: list[str], words: list[str]) -> dict[str, Any]:
    """The same of a page as it stands."""
    if is_page(page):
        settled(page)
    wrong = {"untranslated": page.evaluate(UNTRANSLATED, [BEGIN, END, known, words])}
    if is_page(page):
        assert page.evaluate("getComputedStyle(document.documentElement).direction") == "rtl"
        assert BEGIN in page.title()
        for direction, size in (("rtl", DESKTOP), ("rtl", PHONE), ("ltr", PHONE)):
            wrong |= {f"{what}, {direction} {size[0]}": each for what, each in _room(page, direction, size).items()}
    return {what: each for what, each in wrong.items() if each}


def _room(page: Page, direction: str, size: tuple[int, int]) -> dict[str, Any]:
    """What of the page's texts is cut off, and how much wider than its window it is, read in this direction."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
    width = page.evaluate("document.documentElement.scrollWidth")
    return {"clipped": page.evaluate(CLIPPED, BEGIN), "wider than the window": width - size[0]}


def _abroad(browser: Browser, web: Web, someone: User | None) -> Page:
    context = browser.new_context(locale=LOCALE)
    if someone is not None:
        cookie = {"name": web.cookie, "value": factories.login(someone), "url": "https://localhost/", "secure": True}
        context.add_cookies([cookie])  # type: ignore[list-item]
    return context.new_page()
