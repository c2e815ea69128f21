"""Messages as their readers see them: each citation as the rules allow that reader, rendered once for readers alike."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flask import current_app
from markupsafe import Markup

from jit_portal import policy
from jit_portal.database import session
from jit_portal.exhibits.models import Exhibit
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import User
from jit_portal.messages import reading, references
from jit_portal.messages.models import Message, MessageReference
from jit_portal.policy import Work
from jit_portal.policy.person import person
from jit_portal.tasks.models import Task
from jit_portal.vocabulary import ExhibitKind, May, Sight
from jit_portal.web import markup
from jit_portal.wording import gettext


@dataclass(frozen=True)
class CitedExhibit:
    """As much of an exhibit as its reader sees; ``file`` only from ``read`` on."""

    reference: str
    title: str
    kind: ExhibitKind | None
    file: StoredFile | None
    address: str


@dataclass(frozen=True)
class CitedTask:
    key: str
    address: str


@dataclass(frozen=True)
class Kind:
    """What readers have in common who see a message alike; ``levels`` is how far they see each thing it cites."""

    language: str
    zone: str
    is_mine: bool
    levels: frozenset[tuple[uuid.UUID, Sight]]


Cited = CitedExhibit | CitedTask
Sights = Mapping[uuid.UUID, Cited]


@dataclass(frozen=True)
class Shown:
    """One message as one kind of reader sees it; ``cited`` holds the exhibits they see."""

    id: uuid.UUID
    number: int
    edition: int
    author: User
    html: Markup
    cited: tuple[CitedExhibit, ...]
    created_at: dt.datetime
    edited_at: dt.datetime | None
    withdrawn_at: dt.datetime | None
    day: dt.date
    is_mine: bool
    edit_address: str


def address(endpoint: str, **values: object) -> str:
    """The path of a page, also where no request is being answered."""
    return current_app.url_map.bind("localhost").build(endpoint, values)


def shown_to(someone: User, messages: list[Message]) -> list[Shown]:
    """These messages as this person sees them; she has fetched them through the policy."""
    pointed = references.of_messages(messages)
    sights = sights_of(someone, [reference for found in pointed.values() for reference in found])
    zone = ZoneInfo(someone.time_zone)
    return [show(message, pointed[message.id], sights, zone, message.author_id == someone.id) for message in messages]


def sights_of(someone: User, pointed: Iterable[MessageReference]) -> Sights:
    """What this person sees of what messages cite, in two or three queries."""
    ids: dict[str, set[uuid.UUID]] = {references.EXHIBIT: set(), references.TASK: set(), references.MENTION: set()}
    for reference in pointed:
        ids[reference.noun].add(reference.object_id)
    seen: dict[uuid.UUID, Cited] = {}
    if ids[references.EXHIBIT]:
        wanted = policy.which(someone, Exhibit).where(Exhibit.id.in_(ids[references.EXHIBIT]))
        exhibits = session().scalars(wanted).unique().all()
        sights = policy.sights(someone, exhibits)
        seen |= {exhibit.id: _exhibit(exhibit, sights.get(exhibit.id, Sight.SEE)) for exhibit in exhibits}
    if ids[references.TASK]:
        tasks = session().scalars(policy.which(someone, Task).where(Task.id.in_(ids[references.TASK]))).unique()
        seen |= {task.id: _task(task) for task in tasks}
    return seen


def kinds_of_readers(
    message: Message, pointed: list[MessageReference], readers: Mapping[uuid.UUID, tuple[str, str]]
) -> dict[Kind, list[uuid.UUID]]:
    """Those who hear the message, by what they see alike; ``readers`` says language and time zone of each."""
    levels: dict[uuid.UUID, set[tuple[uuid.UUID, Sight]]] = {id: set() for id in readers}
    for thing in _cited_things(pointed):
        mays = {Sight.SEE: May.SEE, Sight.READ: May.READ} if isinstance(thing, Exhibit) else {Sight.SEE: May.SEE}
        for sight, may in mays.items():
            for user_id in session().scalars(policy.who(thing, may).with_only_columns(person.id)):
                if user_id in levels:
                    levels[user_id].add((thing.id, sight))
    groups: dict[Kind, list[uuid.UUID]] = {}
    for user_id, (language, zone) in readers.items():
        kind = Kind(language, zone, user_id == message.author_id, frozenset(levels[user_id]))
        groups.setdefault(kind, []).append(user_id)
    return groups


def sights_at(pointed: list[MessageReference], levels: frozenset[tuple[uuid.UUID, Sight]]) -> Sights:
    """What readers at these levels see of what a message cites."""
    seen: dict[uuid.UUID, Cited] = {}
    for thing in _cited_things(pointed):
        if (thing.id, Sight.SEE) not in levels:
            continue
        if isinstance(thing, Exhibit):
            seen[thing.id] = _exhibit(thing, Sight.READ if (thing.id, Sight.READ) in levels else Sight.SEE)
        else:
            seen[thing.id] = _task(thing)
    return seen


def _cited_things(pointed: list[MessageReference]) -> list[Exhibit | Task]:
    models: dict[str, type[Exhibit] | type[Task]] = {references.EXHIBIT: Exhibit, references.TASK: Task}
    return [
        policy.portal_fetch(Work.PUSHING, models[reference.noun], reference.object_id)
        for reference in pointed
        if reference.noun in models
    ]


def show(message: Message, pointed: list[MessageReference], sights: Sights, zone: ZoneInfo, is_mine: bool) -> Shown:
    """One message for one kind of reader."""
    return Shown(
        id=message.id,
        number=message.number,
        edition=message.edition,
        author=message.author,
        html=text_as_seen(message.text, pointed, sights),
        cited=tuple(dict.fromkeys(_cards(pointed, sights))),
        created_at=message.created_at,
        edited_at=message.edited_at,
        withdrawn_at=message.withdrawn_at,
        day=message.created_at.astimezone(zone).date(),
        is_mine=is_mine,
        edit_address=address("messages.edit", message_id=message.id),
    )


def history_of(author: User, message: Message) -> list[tuple[dt.datetime, Markup]]:
    """What the message said before, oldest first, and when that was written: for its author alone."""
    policy.require(author, May.READ, message)
    kept = reading.editions(message)
    pointed = references.of_editions(message)
    sights = sights_of(author, [reference for found in pointed.values() for reference in found])
    return [(each.written_at, text_as_seen(each.text, pointed.get(each.edition, []), sights)) for each in kept]


def text_as_seen(text: str, pointed: list[MessageReference], sights: Sights) -> Markup:
    """The text with every word that points at something shown as its reader may see it."""
    pointers: dict[str, markup.Pointer] = {}
    for reference in pointed:
        for word in (reference.word, reference.word.removeprefix("#")):
            pointers[word] = _pointer(reference, word, sights.get(reference.object_id))
    return markup.render(text, pointers)


def _pointer(reference: MessageReference, word: str, cited: Cited | None) -> markup.Pointer:
    if reference.noun == references.MENTION:
        return markup.Pointer(word, person=str(reference.object_id))
    if cited is not None:
        return markup.Pointer(word, address=cited.address)
    if reference.noun == references.EXHIBIT:
        return markup.Pointer(gettext("an exhibit not released to you"), is_unseen=True)
    return markup.Pointer(gettext("a task not shown to you"), is_unseen=True)


def _cards(pointed: list[MessageReference], sights: Sights) -> Iterable[CitedExhibit]:
    for reference in pointed:
        cited = sights.get(reference.object_id)
        if isinstance(cited, CitedExhibit):
            yield cited


def _exhibit(exhibit: Exhibit, sight: Sight) -> CitedExhibit:
    file = exhibit.file if sight >= Sight.READ else None
    place = address("exhibits.show", exhibit_id=exhibit.id)
    return CitedExhibit(exhibit.reference, exhibit.title, exhibit.kind, file, place)


def _task(task: Task) -> CitedTask:
    return CitedTask(task.key, address("tasks.show", task_id=task.id))


def render(messages: list[Shown], zone: ZoneInfo, new_after: int | None = None) -> str:
    """The list items of these messages with their day lines, and a line before the first number above ``new_after``."""
    today = dt.datetime.now(zone).date()
    template = current_app.jinja_env.get_template("messages/_messages.html")
    return template.render(messages=messages, today=today, new_after=new_after)
