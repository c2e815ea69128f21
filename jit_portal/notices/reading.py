"""Reading notices: each is phrased from the thing it points at, as its reader may see that thing now, or not shown."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from flask import url_for
from sqlalchemy import ColumnElement, Select, and_, func, or_, true
from sqlalchemy.orm import contains_eager

from jit_portal import policy
from jit_portal.database import Thing, session
from jit_portal.exhibits.models import Entrustment, Exhibit
from jit_portal.exhibits.words import SIGHT_WORDS
from jit_portal.identity.glass.models import GlassOpening
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.messages.models import Message
from jit_portal.messages.words import channel_name
from jit_portal.notices.models import Notice
from jit_portal.notices.topics import popping_up
from jit_portal.policy.person import NOW
from jit_portal.tasks.models import Task
from jit_portal.vocabulary import NoticeKind, Sight
from jit_portal.wording import gettext, moment
from jit_portal.workspaces.models import Membership

PAGE = 50
JUST_NOW = dt.timedelta(minutes=1)
"""As long as a page may be on its way, or its line be down for a moment."""


@dataclass(frozen=True)
class Shown:
    """A notice as its reader sees it: a sentence, what it is about, where in the portal, and in which JIT."""

    notice: Notice
    says: str
    about: str
    url: str
    jit_name: str


Phrase = Callable[[Notice, Any], Shown]


def shown(
    person: User,
    *,
    limit: int = PAGE,
    unread: bool = False,
    kinds: Collection[NoticeKind] | None = None,
    since: dt.timedelta | None = None,
) -> list[Shown]:
    """Her newest notices whose things she sees now, in as many queries as there are kinds of thing.

    Only those that are ``unread``, of these ``kinds``, or not older than ``since`` where that is asked.
    """
    found = SEEN.params(asker=person.id).order_by(Notice.created_at.desc(), Notice.id).limit(limit)
    if unread:
        found = found.where(Notice.read_at.is_(None))
    if kinds is not None:
        found = found.where(Notice.kind.in_(kinds))
    if since is not None:
        found = found.where(Notice.created_at > NOW - since)
    notices = session().scalars(found).all()
    things = _things(person, notices)
    return [
        _PHRASES[notice.noun][1](notice, things[notice.object_id]) for notice in notices if notice.object_id in things
    ]


def unread(person: User, kinds: Collection[NoticeKind]) -> int:
    """How many notices of these kinds, of what she sees now, she has not read."""
    counted = SEEN.where(Notice.read_at.is_(None), Notice.kind.in_(kinds)).with_only_columns(func.count(Notice.id))
    return session().scalar(counted, {"asker": person.id}) or 0


def arrived(person: User) -> list[Shown]:
    """What she has just been told and wants to see on the page she is on."""
    kinds = popping_up(person)
    return shown(person, unread=True, kinds=kinds, since=JUST_NOW) if kinds else []


def _things(person: User, notices: Iterable[Notice]) -> dict[uuid.UUID, Thing]:
    wanted: dict[str, set[uuid.UUID]] = defaultdict(set)
    for notice in notices:
        wanted[notice.noun].add(notice.object_id)
    found: dict[uuid.UUID, Thing] = {}
    for noun, (model, _phrase) in _PHRASES.items():
        if noun in wanted:
            things = policy.which(person, model).where(model.id.in_(wanted[noun]))
            if model is Message:
                things = things.options(contains_eager(Message.channel))
            found |= {thing.id: thing for thing in session().scalars(things).unique()}
    return found


def _by(notice: Notice) -> str:
    return notice.by.name if notice.by else gettext("The portal")


def _message(notice: Notice, message: Message) -> Shown:
    says = gettext(
        "%(person)s mentioned you in #%(channel)s", person=_by(notice), channel=channel_name(message.channel)
    )
    place = url_for("messages.locate", message_id=message.id)
    return Shown(notice, says, "", place, message.channel.workspace.name)


def _task(notice: Notice, task: Task) -> Shown:
    said = {
        NoticeKind.ASSIGNED: gettext("%(person)s assigned you %(key)s", person=_by(notice), key=task.key),
        NoticeKind.ASKED: gettext("%(person)s asks your party to take on %(key)s", person=_by(notice), key=task.key),
        NoticeKind.ASK_ACCEPTED: gettext(
            "%(person)s takes on %(key)s, which you asked for", person=_by(notice), key=task.key
        ),
        NoticeKind.ASK_DECLINED: gettext(
            "%(person)s does not take on %(key)s, which you asked for", person=_by(notice), key=task.key
        ),
    }
    place = url_for("tasks.show", task_id=task.id)
    return Shown(notice, said[notice.kind], task.title, place, task.board.workspace.name)


def _exhibit(notice: Notice, exhibit: Exhibit) -> Shown:
    names = {"person": _by(notice), "reference": exhibit.reference}
    said = {
        NoticeKind.RELEASED: gettext("%(person)s released %(reference)s to you", **names),
        NoticeKind.HANDED_OVER: gettext("%(person)s hands over %(reference)s to you: accept or decline it", **names),
        NoticeKind.TAKEN_BACK: gettext("%(person)s took %(reference)s back: it is no longer offered to you", **names),
        NoticeKind.ACCEPTED: gettext("%(person)s accepted %(reference)s, which you handed over", **names),
        NoticeKind.DECLINED: gettext("%(person)s declined %(reference)s: it stays with you", **names),
    }
    place = url_for("exhibits.show", exhibit_id=exhibit.id)
    return Shown(notice, said[notice.kind], exhibit.title, place, exhibit.workspace.name)


def _entrustment(notice: Notice, entrustment: Entrustment) -> Shown:
    names = {"person": _by(notice), "sight": SIGHT_WORDS[Sight(entrustment.sight)], "name": entrustment.user.name}
    said = {
        NoticeKind.ENTRUSTED: gettext("%(person)s entrusted you with releases up to “%(sight)s”", **names),
        NoticeKind.ENTRUSTING_ENDED: gettext("%(person)s ended the entrusting of %(name)s with releases", **names),
    }
    place = url_for("rules.index", workspace_id=entrustment.workspace_id, _anchor="entrusted")
    return Shown(notice, said[notice.kind], "", place, entrustment.workspace.name)


def _membership(notice: Notice, member: Membership) -> Shown:
    if notice.kind == NoticeKind.FLAGGED:
        return _former_authority(notice, member)
    says = gettext("%(person)s invited you into %(jit)s", person=_by(notice), jit=member.workspace.name)
    place = url_for("workspaces.show", workspace_id=member.workspace_id)
    return Shown(notice, says, "", place, member.workspace.name)


def _former_authority(notice: Notice, member: Membership) -> Shown:
    names = {"person": member.user.name, "authority": member.user.authority.name, "before": member.authority.name}
    says = gettext("%(person)s is of another authority now: %(authority)s", **names)
    is_over = member.live_until is not None and member.live_until <= dt.datetime.now(dt.UTC)
    asks = gettext("The membership still stands on %(before)s. End it if it should not.", **names)
    place = url_for("workspaces.people", workspace_id=member.workspace_id, _anchor=f"member-{member.id}")
    stands = not is_over and member.authority_id != member.user.authority_id
    return Shown(notice, says, asks if stands else "", place, member.workspace.name)


def _login(notice: Notice, login: LoginSession) -> Shown:
    device = login.device or gettext("Unknown device")
    says = gettext("You signed in from a device or network that you never used before: %(device)s", device=device)
    if notice.kind == NoticeKind.STRAYED:
        other = login.strayed_device or gettext("Unknown device")
        says = gettext("Your sign-in on %(device)s is used elsewhere: %(other)s", device=device, other=other)
    asks = gettext("If that was not you, end the sign-in and tell your country's administrator.")
    place = "sign-ins"
    if notice.kind == NoticeKind.PASSKEY_ADDED:
        says = gettext("A passkey was added to your account on %(device)s", device=device)
        asks = gettext("If that was not you, remove it, end the sign-in and tell your country's administrator.")
        place = "passkeys"
    if notice.kind == NoticeKind.PASSKEY_COPIED:
        says = gettext("A copy of your passkey seems to have been used on %(device)s: it was refused", device=device)
        asks = gettext("Remove that passkey and add another. If it was not you, tell your country's administrator.")
        place = "passkeys"
    return Shown(notice, says, asks, url_for("identity.account", _anchor=place), "")


def _account(notice: Notice, person: User) -> Shown:
    if notice.kind == NoticeKind.CLOSINGS_WAIT:
        says = gettext("The directory of %(login)s would close many accounts at once", login=person.provider.name)
        asks = gettext("They stay open until somebody has decided.")
        return Shown(notice, says, asks, url_for("people.closings_waiting"), "")
    says = gettext("The national login of %(person)s gives another name or authority", person=person.name)
    return Shown(notice, says, "", url_for("people.show", user_id=person.id), "")


def _glass_opening(notice: Notice, opening: GlassOpening) -> Shown:
    names = {"person": opening.user.name, "until": moment(opening.ends_at)}
    says = gettext("%(person)s has broken the glass: operator's rights, and no case, until %(until)s at most", **names)
    about = gettext("Reason given: %(reason)s", reason=opening.reason)
    return Shown(notice, says, about, url_for("notices.index"), "")


_PHRASES: dict[str, tuple[type[Thing], Phrase]] = {
    "message": (Message, _message),
    "task": (Task, _task),
    "exhibit": (Exhibit, _exhibit),
    "entrustment": (Entrustment, _entrustment),
    "membership": (Membership, _membership),
    "login_session": (LoginSession, _login),
    "user": (User, _account),
    "glass_opening": (GlassOpening, _glass_opening),
}


def _seen() -> Select[Notice]:
    things = [and_(Notice.noun == noun, _is_seen(model)) for noun, (model, _phrase) in _PHRASES.items()]
    return policy.asked(Notice).where(or_(*things))


def _is_seen(model: type[Thing]) -> ColumnElement[bool]:
    # A scalar is asked for notice by notice; EXISTS under OR would gather every thing that she sees.
    thing = policy.asked(model).where(model.id == Notice.object_id).with_only_columns(true()).limit(1)
    return thing.correlate(Notice).scalar_subquery().is_(True)


SEEN = _seen()
"""The ``asker``'s notices whose things she sees now; narrow, order and page it further."""
