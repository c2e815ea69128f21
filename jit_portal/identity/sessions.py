"""The live login behind a browser's cookie, for pages and sockets alike; it never costs more than one query."""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Double, Select, bindparam, func, update
from sqlalchemy.orm import InstrumentedAttribute, contains_eager

from jit_portal.audit import service as audit
from jit_portal.database import nothing_done_yet, session, transaction
from jit_portal.identity import devices, tokens
from jit_portal.identity.devices import Device
from jit_portal.identity.glass import switch
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.notices import service as notices
from jit_portal.policy import Work, people, portal_which
from jit_portal.policy.person import NOW
from jit_portal.vocabulary import NoticeKind

NOTICED_EVERY = dt.timedelta(minutes=1)
_TOKEN_LENGTH = len(tokens.make())


def load(token: str, *, is_use: bool = True, device: Device | None = None) -> LoginSession | None:
    """The login that ``token`` opens, with its person, if it is live now: one query, and at most one write a minute.

    Not live is what has ended, was idle or is older than its country allows, or belongs to a deactivated person. What a
    page asks by itself is no use (``is_use``): a screen that nobody looks at goes idle, however much happens on it.
    A token that comes from another device and network than it was given to is flagged, once.
    """
    if len(token) != _TOKEN_LENGTH:
        return None
    login = _live(_BY_TOKEN, tokens.digest(token))
    if login is None:
        return None
    if device is not None and login.strayed_at is None and devices.has_strayed(login, device):
        _flag(login, device)
    if is_use:
        _notice(login)
    nothing_done_yet()
    return login


def still(login_id: uuid.UUID) -> LoginSession | None:
    """This login if it is live now, by whichever token: for what began in it and goes on, which is use of it."""
    login = _live(_BY_ID, login_id)
    if login is not None:
        _notice(login)
    return login


def _live(statement: Select[LoginSession, float], key: uuid.UUID | bytes) -> LoginSession | None:
    row = session().execute(statement, {"key": key}).one_or_none()
    if row is None:
        return None
    login: LoginSession = row[0]
    if login.user.breaks_glass and not switch.is_on():
        return None
    login.user.current_login, login.user.as_of = login.id, row[1]
    return login


def live_among(login_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, bytes]:
    """Those of these logins that are live now, each with the hash of the token that opens it now."""
    columns = (LoginSession.id, LoginSession.token_hash)
    live = portal_which(Work.SIGN_IN, LoginSession).join(LoginSession.user).with_only_columns(*columns)
    wanted = LoginSession.id.in_(login_ids)
    rows = session().execute(
        live.where(wanted, User.deactivated_at.is_(None), people.may_be_signed_in(User), *is_live())
    )
    return {row.id: row.token_hash for row in rows}


def is_live() -> tuple[ColumnElement[bool], ...]:
    """What must hold of a login's own row for it to be live now."""
    return (
        LoginSession.ended_at.is_(None),
        LoginSession.ends_at > NOW,
        LoginSession.last_seen_at > NOW - func.make_interval(0, 0, 0, 0, 0, LoginSession.idle_minutes),
    )


def _live_with(key: InstrumentedAttribute[Any]) -> Select[LoginSession, float]:
    return (
        portal_which(Work.SIGN_IN, LoginSession)
        .join(LoginSession.user)
        .options(contains_eager(LoginSession.user))
        .where(key == bindparam("key"), User.deactivated_at.is_(None), people.may_be_signed_in(User), *is_live())
        .add_columns(func.extract("epoch", NOW).cast(Double))
        .execution_options(populate_existing=True)
    )


_BY_TOKEN, _BY_ID = _live_with(LoginSession.token_hash), _live_with(LoginSession.id)


def _notice(login: LoginSession) -> None:
    """Count the person as present now, unless that was done within the last minute."""
    if dt.datetime.now(dt.UTC) - login.last_seen_at < NOTICED_EVERY:
        return
    with transaction():
        session().execute(
            update(LoginSession)
            .where(LoginSession.id == login.id, LoginSession.last_seen_at < NOW - NOTICED_EVERY)
            .values(last_seen_at=NOW)
            .execution_options(synchronize_session=False)
        )


def _flag(login: LoginSession, device: Device) -> None:
    """Put on record, and tell the person, that her sign-in is used elsewhere than where she signed in."""
    with transaction():
        flagging = (
            update(LoginSession)
            .where(LoginSession.id == login.id, LoginSession.strayed_at.is_(None))
            .values(strayed_at=NOW, strayed_address=device.address, strayed_browser=device.browser)
            .returning(LoginSession.id)
            .execution_options(synchronize_session=False, policy=True)
        )
        if session().scalar(flagging) is not None:
            notices.tell(NoticeKind.STRAYED, login, [login.user_id], None)
            audit.record(None, "login.strayed", login, quietly=True)
