"""Every address of the portal, asked by everybody who may not: what they may not see is missing, and looks missing.

The walk goes over the whole URL map with real ids. An address with an argument that ``Doors`` cannot fill fails it, and
so does a view that is open to all and not listed here. Whatever is refused to a person on the way must be on record.
"""

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from jit_portal.audit.models import PORTAL_CHAIN, LedgerEntry
from jit_portal.database import Thing, session, transaction
from jit_portal.exhibits.models import CountryRule, Entrustment, Exhibit
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import Invitation, User
from jit_portal.identity.sign_in_models import LoginSession, WaitingAct
from jit_portal.messages.models import Channel, ChannelParty, Message
from jit_portal.notices.models import Notice
from jit_portal.tasks.models import Board, BoardParty, Task
from jit_portal.vocabulary import Audience, Duty, Integrity, NoticeKind, Outcome, PrincipalKind, Role, Sight
from jit_portal.workspaces.principals import principal
from tests import factories
from tests.factories import World, now
from tests.vault import token_in

OPEN_TO_ALL = {
    *("glass.ask_first", "glass.ask_key", "glass.ask_second", "glass.first", "glass.first_submit"),
    *("glass.keys", "glass.keys_submit", "glass.second", "glass.second_submit"),
    "health.alive",
    "health.ready",
    "identity.begin",
    "identity.callback",
    "identity.farewell",
    "identity.invitation",
    "identity.sign_in",
    "identity.sign_out",
    "identity.signed_out",
    "pages.language",
    *("saml.bring", "saml.callback", "saml.farewell"),
    *("scim.create", "scim.delete", "scim.index", "scim.offered", "scim.replace", "scim.resource_type"),
    *("scim.resource_types", "scim.schema", "scim.schemas", "scim.search", "scim.search_all", "scim.show"),
    "scim.update",
    "uploads.options",
}
"""What asks for no login; of ``scim`` each asks for a token instead (tests/test_scim.py)."""
FOR_A_DUTY = {
    *("people.index", "people.end_everybodys", "people.end_everybodys_submit"),
    *("people.invite", "people.invite_submit"),
    *("people.closings_waiting", "people.approve_closings", "people.refuse_closings"),
    *("providers.index", "providers.new", "providers.create", "providers.key"),
}
"""What is there only for whoever administers people, or runs the portal."""
SECRET = "Kingfisher"
"""Part of every title, name and text of what is restricted: it stands on no page of those who may not see it."""

OUTSIDE_JITS = {"user_id", "provider_id", "proposal_id"}
"""What belongs to no JIT: whatever is refused about it is on the portal's own record."""

OF_THE_JIT = {"workspace_id", "jit_id", "agreement_id", "membership_id", "party_id"}
"""What every member of the JIT sees; the rest is shown to its own people only."""

ENDINGS = (
    "end",
    "end_everybodys_submit",
    "end_submit",
    "delete",
    "withdraw",
    "withdraw_submit",
    "cancel",
    "close",
    "close_submit",
    "abandon",
    "revoke",
    "drop",
    "remove",
    "sign_out",
    "deactivate",
)
EVERY_MEMBER_MAY = {
    *("exhibits.index", "exhibits.show", "jits.agreement", "jits.document", "jits.show", "workspaces.people"),
    *("messages.index", "messages.list_channels", "messages.locate", "messages.page", "messages.post", "messages.read"),
    *("messages.show", "messages.suggestions", "rules.index", "tasks.card", "tasks.chat", "tasks.create_board"),
    *("tasks.create", "tasks.edit", "tasks.index", "tasks.latest", "tasks.move", "tasks.new", "tasks.new_board"),
    *("tasks.show", "tasks.update", "workspaces.show", "entrusting.index"),
}
"""Whoever of the JIT sees what it is about may do it too."""
SHOWN_TO_ITS_OWN_ONLY = {
    **dict.fromkeys(
        ("exhibits.withdraw", "exhibits.withdraw_submit", "rules.close", "rules.close_submit"), "fr_second"
    ),
    **dict.fromkeys(("messages.new_channel", "messages.open_channel"), "fr_auditor"),
}
"""Who sees, and may not, what another country's member does not see, or may."""
SEEN_BY_WHOEVER_MAY = {
    *("confirm.drop", "confirm.show", "entrusting.end", "identity.end_login", "notices.read", "passkeys.remove"),
    *("people.revoke", "uploads.append", "uploads.cancel", "uploads.declare_hash", "uploads.head", "workspaces.revoke"),
}
"""Nobody sees it who may not do it: it is missing to everybody else."""
FORM = {
    "edition": "1",
    "person": str(uuid.uuid4()),
    "party": str(uuid.uuid4()),
    "column": str(uuid.uuid4()),
    "token": str(uuid.uuid4()),
    "reason": "Because.",
    "because": "Because.",
    "text": "Something to say.",
    "title": "Something to do",
    "number": "1",
}
"""What forms ask for most, so that no form's own complaint stands before the question whether it may be sent."""
WITHOUT_BYTES = {"delivery.content", "uploads.append"}
"""What these need from the store is not there in this world: they go as far as to say so."""
TUS = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}


@dataclass
class Doors:
    """A world with something behind every address, and the real ids that lead there."""

    world: World
    other: World
    ids: dict[str, str]
    foreign: dict[str, str]
    drafter: str = "Drafter of Lantern"

    def values(self, rule: Rule, **instead: str) -> dict[str, Any]:
        known = self.ids | instead
        unknown = rule.arguments - known.keys()
        assert not unknown, f"{rule.rule}: nobody told this test how to fill {unknown}"
        return {name: known[name] for name in rule.arguments}


@pytest.fixture
def doors(app: Flask) -> Iterator[Doors]:
    yield make_doors()
    session.remove()


def make_doors() -> Doors:
    world = factories.world("Lantern", ("fr", "nl", "al", "eu"))
    other = factories.world("Harbour", ("nl", "eu"), providers=world.providers)
    with transaction():
        world.join("nl_gone", "nl")
    exhibit = factories.exhibit(world, "fr", f"{SECRET} ledger", tags=(f"{SECRET.lower()}-tag",))
    release = factories.release(world, exhibit, "al", Sight.USE)
    factories.release(world, exhibit, world["al_member"], Sight.USE)
    factories.release(world, exhibit, world["nl_gone"], Sight.USE)
    channel = factories.channel(world, f"{SECRET} talk", Audience.PARTIES)
    board = factories.board(world, f"{SECRET} plan", "KFR", Audience.PARTIES)
    with transaction():
        world.agreement.document_name, world.agreement.document_sha256 = "agreement.pdf", "0" * 64
        world.agreement.document_object = uuid.uuid4().hex
        session().merge(world.agreement)
        restricted = _restricted(world, exhibit, channel.id, board)
    factories.end_membership(world, "nl_gone")
    things: dict[str, Thing] = restricted | {
        "exhibit_id": exhibit,
        "release_id": release,
        "channel_id": channel,
        "board_id": board,
        "workspace_id": world.workspace,
        "jit_id": world.jit,
        "agreement_id": world.agreement,
        "membership_id": world.members["fr_member"],
        "party_id": world.parties["fr"],
        "user_id": world["fr_member"],
        "provider_id": world.providers["nl"],
        "proposal_id": factories.proposal(world.providers["fr"]),
    }
    ids = {name: str(thing.id) for name, thing in things.items()}
    own = {"workspace_id": str(other.workspace.id), "jit_id": str(other.jit.id)}
    return Doors(world, other, ids, own)


def _restricted(world: World, exhibit: Exhibit, channel_id: uuid.UUID, board: Board) -> dict[str, Thing]:
    """What France keeps for itself: a rule, a message, a task, and what is its leader's alone."""
    leader, france = world["fr_leader"], world.parties["fr"]
    session().add(ChannelParty(channel_id=channel_id, party_id=france.id))
    session().execute(update(Channel).where(Channel.id == channel_id).values(message_count=1))
    session().add(BoardParty(board_id=board.id, party_id=france.id))
    meant = principal(world.workspace.id, PrincipalKind.PARTY, party_id=world.parties["al"].id)
    rule = CountryRule(
        workspace_id=world.workspace.id,
        party_id=france.id,
        is_forbid=False,
        principal_id=meant.id,
        sight=int(Sight.USE),
        note=SECRET,
        set_by_id=leader.id,
    )
    message = Message(
        channel_id=channel_id,
        number=1,
        author_id=leader.id,
        party_id=france.id,
        text=f"{SECRET} at noon",
        token=uuid.uuid4(),
    )
    session().execute(update(Board).where(Board.id == board.id).values(last_number=1))
    session().refresh(board)
    task = Task(
        board_id=board.id,
        column_id=board.columns[0].id,
        party_id=france.id,
        number=1,
        rank="m",
        title=f"{SECRET} task",
        created_by_id=leader.id,
    )
    file = StoredFile(
        jit_id=world.jit.id,
        workspace_id=world.workspace.id,
        party_id=france.id,
        uploaded_by_id=leader.id,
        name=f"{SECRET}.bin",
        length=10,
        received=0,
        object_name=uuid.uuid4().hex,
        key_name="test",
        wrapped_key=b"",
        integrity=Integrity.RECEIVING,
        expires_at=now(),
    )
    entrustment = Entrustment(
        workspace_id=world.workspace.id,
        party_id=france.id,
        user_id=world["fr_member"].id,
        sight=int(Sight.READ),
        live_until=now() + dt.timedelta(days=1),
        entrusted_by_id=leader.id,
    )
    login = LoginSession(
        token_hash=uuid.uuid4().bytes, user_id=leader.id, assurance=3, authenticated_at=now(), ends_at=now()
    )
    invitation = Invitation(
        token_hash=uuid.uuid4().bytes,
        provider_id=leader.provider_id,
        authority_id=leader.authority_id,
        name=SECRET,
        invited_by_id=leader.id,
        membership_offer={"workspace": str(world.workspace.id), "role": "member"},
        expires_at=now() + timedelta(days=1),
    )
    newcomer = Invitation(
        token_hash=uuid.uuid4().bytes,
        provider_id=leader.provider_id,
        authority_id=leader.authority_id,
        name=SECRET,
        expires_at=now() + timedelta(days=1),
    )
    notice = Notice(user_id=leader.id, kind=NoticeKind.RELEASED, noun="exhibit", object_id=exhibit.id)
    made: dict[str, Thing] = {
        "act_id": factories.waiting_act(leader),
        "passkey_id": factories.passkey(leader, SECRET),
        "rule_id": rule,
        "entrustment_id": entrustment,
        "message_id": message,
        "task_id": task,
        "file_id": file,
        "login_id": login,
        "notice_id": notice,
        "invitation_id": invitation,
        "newcomer_id": newcomer,
    }
    session().add_all(made.values())
    session().flush()
    return made | {"column_id": board.columns[0]}


# --- walking


def rules(app: Flask) -> list[Rule]:
    """Every address that is not open to all; what ends something comes last."""
    closed = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in OPEN_TO_ALL | {"static"}]
    return sorted(closed, key=_later)


def _later(rule: Rule) -> tuple[bool, bool, str]:
    """What ends something comes last, and what ends a login after what ends only an act that waits in it."""
    is_ending = _is_ending(rule)
    return is_ending, is_ending and "act_id" not in rule.arguments, rule.rule


def _is_ending(rule: Rule) -> bool:
    return rule.endpoint.split(".")[-1] in ENDINGS


def methods(rule: Rule) -> list[str]:
    known = (rule.methods or set()) - {"OPTIONS"}
    return sorted(known - {"HEAD"} if "GET" in known else known)


class Visitor:
    """Somebody with a browser, who sends forms with a token and asks for fragments too."""

    def __init__(
        self, app: Flask, client: FlaskClient, refusals: "Refusals | None" = None, *, is_signed_in: bool
    ) -> None:
        self.app = app
        self.client = client
        self.is_signed_in = is_signed_in
        self.client.environ_base["REMOTE_ADDR"] = "127.0.0.1"
        page = client.get("/sign-in", base_url="https://localhost", follow_redirects=True)
        self.token = token_in(page.text)
        self.refusals = refusals or Refusals()

    def asks(
        self, rule: Rule, method: str, values: dict[str, Any], form: dict[str, str] | None = None, **headers: str
    ) -> TestResponse:
        with self.app.test_request_context(base_url="https://localhost"):
            address = self.app.url_for(rule.endpoint, **values)
        sent = {"X-CSRFToken": self.token} | (TUS if address.startswith("/vault/uploads") else {}) | headers
        kind = "application/offset+octet-stream" if method == "PATCH" else None
        body = b"x" if method == "PATCH" else urlencode(form or {}).encode()
        kind = "application/x-www-form-urlencoded" if method == "POST" else kind
        if method == "POST" and address.endswith("/hash"):
            kind, body = "application/json", b'{"sha256": "%s"}' % (b"0" * 64)
        answer = self.client.open(
            address, method=method, headers=sent, data=body, content_type=kind, base_url="https://localhost"
        )
        if self.is_signed_in:
            is_of_a_jit = bool(rule.arguments - OUTSIDE_JITS)
            self.refusals.heard(answer.status_code, f"{method} {rule.rule}", is_of_a_jit=is_of_a_jit)
        return answer


class Refusals:
    """What is refused to all who visit is on record once: on that of its JIT, unless it is missing to whoever asked.

    How many there were before is known from the answer before.
    """

    def __init__(self) -> None:
        self._before, _ = self._on_record()

    def _on_record(self) -> tuple[int, uuid.UUID | None]:
        """How many there are, and where the newest is."""
        refused = select(LedgerEntry.chain).where(LedgerEntry.outcome == Outcome.REFUSED)
        newest = refused.order_by(LedgerEntry.at.desc()).limit(1).scalar_subquery()
        counted = select(func.count(), newest).select_from(refused.subquery())
        number, chain = session().execute(counted.execution_options(policy=True)).one()
        return number, chain

    def heard(self, status: int, where: str, *, is_of_a_jit: bool) -> None:
        """Hold the record to what was answered last."""
        now, chain = self._on_record()
        more, self._before = now - self._before, now
        if status not in (403, 404, 409):
            return
        assert more == 1, f"{where}: {status} is on record {more} times"
        is_on_the_portals = chain == PORTAL_CHAIN
        assert is_on_the_portals == (status == 404 or not is_of_a_jit), f"{where}: {status} is not on its JIT's record"


Visit = Callable[[User | None], Visitor]


@pytest.fixture
def visit(app: Flask, browse: Callable[[User], FlaskClient]) -> Visit:
    refusals = Refusals()

    def come(someone: User | None) -> Visitor:
        client = app.test_client() if someone is None else browse(someone)
        return Visitor(app, client, refusals, is_signed_in=someone is not None)

    return come


_CHANGING = (
    (re.compile(r'(name="[\w-]*csrf[-_]token"[^>]*(?:content|value)=")[^"]+'), r"\1"),
    (re.compile(r'(name="token"[^>]*value=")[^"]+'), r"\1"),
    (re.compile(r"nonce[-=]\"?[A-Za-z0-9_-]+"), "nonce"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "request"),
    (re.compile(r'data-as-of="[\d.]+"'), "as of"),
)


def plain(answer: TestResponse, values: dict[str, Any]) -> tuple[int, str, list[tuple[str, str]]]:
    """Status, body and headers without what changes from request to request, and without the ids asked for."""
    hidden = [str(value) for value in values.values()]

    def without(text: str) -> str:
        for value in hidden:
            text = text.replace(value, "ID")
        for pattern, instead in _CHANGING:
            text = pattern.sub(instead, text)
        return text

    ignored = {"X-Request-ID", "Date", "Set-Cookie"}
    headers = sorted((name, without(value)) for name, value in answer.headers if name not in ignored)
    return answer.status_code, without(answer.get_data(as_text=True)), headers


def random_ids(values: dict[str, Any], known: dict[str, str] | None = None) -> dict[str, Any]:
    return {name: (known or {}).get(name) or str(uuid.uuid4()) for name in values}


def assert_missing(visitor: Visitor, rule: Rule, real: dict[str, Any], **known: str) -> None:
    """By every method the answer is 404 and that of ids that do not exist; of what is read, as page and as fragment."""
    fragment = {"HX-Request": "true"}
    for method in methods(rule):
        for headers in ({}, fragment) if method == "GET" else (fragment,):
            invented = random_ids(real, known)
            answers = [plain(visitor.asks(rule, method, each, FORM, **headers), each) for each in (real, invented)]
            where = f"{method} {rule.rule} {headers}"
            assert answers[0][0] == 404, f"{where}: {answers[0][:2]}"
            assert answers[0] == answers[1], f"{where}: what exists and what does not can be told apart"


def test_the_walk_knows_what_is_open_to_all(app: Flask) -> None:
    views = app.view_functions.items()
    assert {endpoint for endpoint, view in views if getattr(view, "open_to_all", False)} == OPEN_TO_ALL


def test_nobody_passes_without_signing_in(app: Flask, doors: Doors, visit: Visit) -> None:
    visitor = visit(None)
    for rule in rules(app):
        real = doors.values(rule)
        for method in methods(rule):
            answer = visitor.asks(rule, method, real)
            if method == "GET" and not rule.rule.startswith("/vault/"):
                assert answer.status_code == 302, f"{method} {rule.rule}"
                assert answer.headers["Location"].startswith("/sign-in?")
                answer = visitor.asks(rule, method, real, None, **{"HX-Request": "true"})
            assert answer.status_code == 401, f"{method} {rule.rule}: {answer.status_code}"
            assert SECRET not in answer.text


@pytest.mark.parametrize("stranger", ["member of another JIT", "ended membership"])
def test_a_jit_does_not_exist_for_strangers(app: Flask, doors: Doors, visit: Visit, stranger: str) -> None:
    someone = doors.other["nl_leader"] if stranger == "member of another JIT" else doors.world["nl_gone"]
    visitor = visit(someone)
    for rule in rules(app):
        real = doors.values(rule)
        if real or rule.endpoint in FOR_A_DUTY:
            assert_missing(visitor, rule, real)
        elif "GET" in methods(rule):
            page = visitor.asks(rule, "GET", real)
            assert page.status_code == 200, rule.rule
            assert SECRET not in page.text
            assert doors.ids["workspace_id"] not in page.text
            assert doors.world.jit.name not in page.text.replace(doors.drafter, "")


def test_ids_of_another_jit_do_not_pass_beside_ones_own(app: Flask, doors: Doors, visit: Visit) -> None:
    visitor = visit(doors.other["nl_leader"])
    mixed = 0
    for rule in rules(app):
        if rule.arguments & doors.foreign.keys() and rule.arguments - doors.foreign.keys():
            mixed += 1
            assert_missing(visitor, rule, doors.values(rule, **doors.foreign), **doors.foreign)
    assert mixed


@pytest.mark.parametrize("name", ["nl_member", "nl_leader", "al_member", "eu_participant"])
def test_what_is_not_shown_to_a_member_does_not_exist(app: Flask, doors: Doors, visit: Visit, name: str) -> None:
    """Of the same JIT: to Albania everything is released, which is never live; to the others nothing is."""
    visitor = visit(doors.world[name])
    for rule in rules(app):
        real = doors.values(rule)
        if rule.arguments - OF_THE_JIT:
            assert_missing(visitor, rule, real)
        elif "GET" in methods(rule):
            page = visitor.asks(rule, "GET", real)
            assert page.status_code in (200, 302, 303, 403, 404, 409), f"{rule.rule}: {page.status_code}"
            assert SECRET not in page.text, rule.rule


def test_who_sees_what_it_is_about_and_may_not_is_refused(app: Flask, doors: Doors, visit: Visit) -> None:
    """Once for every address of a JIT but those that are listed: by whoever sees, as the Dutch see all of this."""
    world = doors.world
    with transaction():
        world.join("fr_auditor", "fr", Role.AUDITOR)
        world.join("fr_second", "fr")
        dutch = world.parties["nl"].id
        session().add(ChannelParty(channel_id=uuid.UUID(doors.ids["channel_id"]), party_id=dutch))
        session().add(BoardParty(board_id=uuid.UUID(doors.ids["board_id"]), party_id=dutch))
    exhibit_id = uuid.UUID(doors.ids["exhibit_id"])
    exhibit = session().get_one(Exhibit, exhibit_id, execution_options={"policy": True})
    factories.release(world, exhibit, "nl", Sight.SEE)
    visitors = {name: visit(world[name]) for name in ("nl_member", *set(SHOWN_TO_ITS_OWN_ONLY.values()))}
    wrong, asked = [], set()
    for rule in rules(app):
        if not rule.arguments - OUTSIDE_JITS or rule.endpoint in EVERY_MEMBER_MAY | SEEN_BY_WHOEVER_MAY:
            continue
        name = SHOWN_TO_ITS_OWN_ONLY.get(rule.endpoint, "nl_member")
        for method in methods(rule):
            answer = visitors[name].asks(rule, method, doors.values(rule), FORM)
            wrong += [] if answer.status_code == 403 else [f"{method} {rule.rule} by {name}: {answer.status_code}"]
        asked.add(rule.endpoint)
    assert wrong == []
    assert {"audit.index", "exhibits.edit", "workspaces.end", *SHOWN_TO_ITS_OWN_ONLY} <= asked


@pytest.mark.parametrize("slug", ["nl", "al"])
def test_people_of_a_country_do_not_exist_for_another_countrys_administrator(
    app: Flask, doors: Doors, visit: Visit, slug: str
) -> None:
    visitor = visit(factories.administrator(doors.world.providers[slug]))
    asked = 0
    for rule in rules(app):
        real = doors.values(rule)
        if real:
            assert_missing(visitor, rule, real)
            asked += "user_id" in real
        elif "GET" in methods(rule):
            page = visitor.asks(rule, "GET", real)
            assert doors.world["fr_member"].name not in page.text, rule.rule
    assert asked > 4


def let_wait_in_newest_login(someone: User) -> None:
    """What waits does so in one login, ends with it, and every visit of this walk is another."""
    newest = factories.logins_of(someone).order_by(LoginSession.started_at.desc()).limit(1)
    with transaction():
        newest_id = newest.with_only_columns(LoginSession.id).scalar_subquery()
        moving = update(WaitingAct).where(WaitingAct.user_id == someone.id).values(login_id=newest_id)
        session().execute(moving.execution_options(synchronize_session=False))


def test_no_jit_exists_for_whoever_breaks_the_glass(app: Flask, doors: Doors, visit: Visit) -> None:
    visitor = visit(factories.glass_account())
    asked = 0
    for rule in rules(app):
        real = doors.values(rule)
        if rule.arguments - OUTSIDE_JITS:
            assert_missing(visitor, rule, real)
            asked += 1
        elif "GET" in methods(rule) and not real:
            page = visitor.asks(rule, "GET", real)
            assert page.status_code in (200, 403, 404, 422), f"{rule.rule}: {page.status_code}"
            assert SECRET not in page.text, rule.rule
            assert doors.ids["workspace_id"] not in page.text
            assert doors.world.jit.name not in page.text.replace(doors.drafter, ""), rule.rule
    assert asked > 80


def test_every_door_opens_for_its_own(app: Flask, doors: Doors, visit: Visit) -> None:
    """The leader of the seizing party passes everywhere, her country's administrator among its people, an operator in
    the register: the ids of this walk are right, and a 404 means something."""
    leader, administrator = doors.world["fr_leader"], factories.administrator(doors.world.providers["fr"])
    operator = factories.administrator(doors.world.providers["fr"], Duty.OPERATOR)
    whose = {"people": administrator, "providers": operator}
    visitors = {someone.id: visit(someone) for someone in (leader, administrator, operator)}
    closed = []
    seen = ""
    for rule in rules(app):
        someone = whose.get(rule.endpoint.split(".")[0], leader)
        for method in methods(rule):
            if _is_ending(rule):
                visitors[someone.id] = visit(someone)
            visitor = visitors[someone.id]
            let_wait_in_newest_login(someone)
            answer = visitor.asks(rule, method, doors.values(rule))
            seen += answer.text if method == "GET" else ""
            says_so = answer.status_code == 503 and rule.endpoint in WITHOUT_BYTES
            if answer.status_code in (401, 404) or (answer.status_code >= 500 and not says_so):
                closed.append(f"{method} {rule.rule}: {answer.status_code}")
    assert not closed, closed
    assert f"{SECRET} ledger" in seen
    assert f"{SECRET} task" in seen
    assert f"{SECRET} at noon" in seen
