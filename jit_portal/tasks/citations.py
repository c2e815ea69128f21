"""What a task's description cites: resolved for whoever writes it, shown to each reader as the exhibit's rules allow.

A description is edited by others than its author, so words that a reader may not read are masked in the form, too:
``#cited-2`` stands for the second thing cited, and is put back when the form comes in.
"""

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Select, String, cast, delete, func, select

from jit_portal import policy
from jit_portal.database import session
from jit_portal.errors import Invalid
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.messages.text import place_of
from jit_portal.tasks.models import Board, Task, TaskReference
from jit_portal.vocabulary import Sight
from jit_portal.wording import gettext

MOST = 50
_WORD = re.compile(
    r"(?<![\w#/&])#[A-Za-z][A-Za-z0-9]{0,11}-\d{1,9}(?![\w-])|(?<![\w#@/.-])[A-Z][A-Z0-9]{0,7}-\d{1,9}(?![\w-])"
)
_MASK = re.compile(r"(?P<sign>&#?\w{1,32};)?(?P<hashes>#*)(?<!\w)cited-(?P<position>\d{1,3})(?!\w)(?=(?P<next>[&\\])?)")


@dataclass(frozen=True)
class Citation:
    """One thing cited, as one reader sees it: ``thing`` None is not released to, or not shown to, them."""

    position: int
    word: str
    noun: str
    thing: Exhibit | Task | None
    sight: Sight | None


def refer(author: User, task: Task) -> None:
    """Keep what the words of the description point at: what it cited before, and what its author sees now.

    Invalid above ``MOST``: what is not kept as cited would be shown to everybody. What it cited before is never too
    much, for whoever edits it may not see what that is.
    """
    cited = {_bare(each.word): (each.word, each.noun, each.object_id) for each in _kept(task)}
    cited = {bare: each for bare, each in cited.items() if place_of(bare, task.description) is not None}
    hashed_last = sorted(_WORD.findall(task.description), key=lambda word: word.startswith("#"))
    new = list({_bare(word): word for word in hashed_last if _bare(word) not in cited}.values())
    found = _exhibits(author, task, new) | _tasks(author, task, new)
    if found and len(cited) + len(found) > MOST:
        counted = {"most": MOST, "has": len(cited) + len(found)}
        said = gettext("A description cites at most %(most)s things; this one cites %(has)s.", **counted)
        raise Invalid(said, field="description")
    cited |= {_bare(word): (word, noun, id) for word, (noun, id) in found.items()}
    session().execute(delete(TaskReference).where(TaskReference.task_id == task.id))
    ordered = sorted(cited.values(), key=lambda each: place_of(each[0], task.description) or 0)
    session().add_all(
        TaskReference(task_id=task.id, position=position, word=word, noun=noun, object_id=id)
        for position, (word, noun, id) in enumerate(ordered, 1)
    )


def of(reader: User, task: Task) -> list[Citation]:
    """What the description cites, in order, as this reader sees it; three queries, whatever their number."""
    kept = _kept(task)
    exhibits = {each.id: each for each in session().scalars(_exhibits_seen(reader, kept))}
    tasks = {each.id: each for each in session().scalars(_tasks_seen(reader, kept))}
    sights = policy.sights(reader, exhibits.values()) if exhibits else {}
    things: Mapping[uuid.UUID, Exhibit | Task] = {**exhibits, **tasks}
    return [
        Citation(each.position, each.word, each.noun, things.get(each.object_id), sights.get(each.object_id))
        for each in kept
    ]


def masked(task: Task, citations: Iterable[Citation]) -> str:
    """The description as its reader may edit it."""
    hidden = {_bare(each.word): f"#cited-{each.position}" for each in citations if each.thing is None}
    if not hidden:
        return task.description
    words = "|".join(re.escape(word) for word in sorted(hidden, key=len, reverse=True))
    pattern = re.compile(rf"#?(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)
    return pattern.sub(lambda found: hidden[_bare(found.group())], task.description)


def unmask(task: Task, typed: str) -> str:
    """What was typed, with the masks put back to the words they stood for, each marked as cited.

    A word is kept apart from what Markdown may turn into a letter beside it, for it would not be hidden then.
    """
    words = {each.position: each.word.removeprefix("#") for each in _kept(task)}

    def word(found: re.Match[str]) -> str:
        known = words.get(int(found["position"]))
        if known is None:
            return found.group()
        before = f"{found['sign']} " if found["sign"] else ""
        return f"{before}{found['hashes'] or '#'}{known}{' ' if found['next'] else ''}"

    return _MASK.sub(word, typed)


def counts(board: Board) -> dict[uuid.UUID, int]:
    """How many exhibits each task of the board cites; the caller has fetched the board."""
    of_board = select(Task.id).where(Task.board_id == board.id).execution_options(policy=True)
    counted = (
        select(TaskReference.task_id, func.count())
        .where(TaskReference.task_id.in_(of_board))
        .where(TaskReference.noun == "exhibit")
        .group_by(TaskReference.task_id)
    )
    return {row[0]: row[1] for row in session().execute(counted)}


def _bare(word: str) -> str:
    return word.removeprefix("#").casefold()


def _kept(task: Task) -> list[TaskReference]:
    kept = select(TaskReference).where(TaskReference.task_id == task.id).order_by(TaskReference.position)
    return list(session().scalars(kept))


def _exhibits_seen(reader: User, kept: Iterable[TaskReference]) -> Select[Exhibit]:
    return policy.which(reader, Exhibit).where(Exhibit.id.in_(_ids(kept, "exhibit")))


def _tasks_seen(reader: User, kept: Iterable[TaskReference]) -> Select[Task]:
    return policy.which(reader, Task).where(Task.id.in_(_ids(kept, "task")))


def _ids(kept: Iterable[TaskReference], noun: str) -> list[uuid.UUID]:
    return [reference.object_id for reference in kept if reference.noun == noun]


def _exhibits(author: User, task: Task, words: list[str]) -> dict[str, tuple[str, uuid.UUID]]:
    wanted = {word[1:].upper(): word for word in words if word.startswith("#")}
    if not wanted:
        return {}
    seen = policy.which(author, Exhibit).where(
        Exhibit.workspace_id == task.workspace_id, func.upper(Exhibit.reference).in_(wanted)
    )
    rows = session().execute(seen.with_only_columns(func.upper(Exhibit.reference), Exhibit.id))
    return {wanted[reference]: ("exhibit", id) for reference, id in rows}


def _tasks(author: User, task: Task, words: list[str]) -> dict[str, tuple[str, uuid.UUID]]:
    wanted = {word.lstrip("#").upper(): word for word in words}
    if not wanted:
        return {}
    key = Board.prefix + "-" + cast(Task.number, String)
    seen = policy.which(author, Task).where(Board.workspace_id == task.workspace_id, key.in_(wanted))
    return {wanted[word]: ("task", id) for word, id in session().execute(seen.with_only_columns(key, Task.id))}
