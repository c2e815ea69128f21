"""Acts that wait until the person has proved anew who she is: kept as they were sent, and taken up once."""

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Delete, delete, select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import Thing, session, transaction
from jit_portal.errors import NotFound, Refused, StepUpNeeded
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession, PasskeyChallenge, WaitingAct
from jit_portal.policy.person import NOW
from jit_portal.wording import gettext

LASTS = dt.timedelta(minutes=10)
LARGEST = 64 << 10
"""Bytes of a form that can wait; every form of an act that asks for a step-up is far smaller."""
MOST = 20
"""Acts that wait in one login; the oldest makes room."""

_UNDER_WAY: tuple[type[WaitingAct] | type[PasskeyChallenge], ...] = (WaitingAct, PasskeyChallenge)
"""What one person has under way in one login, until a moment."""

Fields = Sequence[tuple[str, str]]


def keep(actor: User, demanded: StepUpNeeded, endpoint: str, address: str, form: Fields, sent_from: str) -> WaitingAct:
    """Keep what was sent to ``address`` until she has proved who she is; that she was asked to is on record."""
    said = [list(pair) for pair in form]
    if len(json.dumps(said)) > LARGEST or actor.current_login is None:
        raise Refused(gettext("This is too long to wait until you have confirmed that it is you. Confirm it first."))
    act = WaitingAct(
        user_id=actor.id,
        login_id=actor.current_login,
        endpoint=endpoint,
        address=address,
        sent_from=sent_from,
        form=said,
        noun=demanded.noun,
        object_id=demanded.object_id,
        expires_at=dt.datetime.now(dt.UTC) + LASTS,
    )
    others = select(WaitingAct.id).where(WaitingAct.login_id == actor.current_login)
    surplus = others.order_by(WaitingAct.created_at.desc()).offset(MOST - 1)
    clearing = delete(WaitingAct).where(WaitingAct.id.in_(surplus))
    with transaction():
        _delete(clearing)
        session().add(act)
        _record_asked(actor, act, demanded, endpoint)
    return act


def turn_away(actor: User, demanded: StepUpNeeded, endpoint: str) -> None:
    """Put on record that she was asked to prove who she is for an act that cannot wait; nothing of it is kept."""
    with transaction():
        login = session().scalars(policy.which(actor, LoginSession).where(LoginSession.id == actor.current_login)).one()
        _record_asked(actor, login, demanded, endpoint)


def _record_asked(actor: User, thing: Thing, demanded: StepUpNeeded, endpoint: str) -> None:
    said: dict[str, Any] = {"of": endpoint, "noun": demanded.noun, "object": demanded.object_id}
    audit.record(actor, "login.step_up_asked", thing, quietly=True, **said)


def forget(login: LoginSession) -> None:
    """Forget what was under way in a login that ends; part of the verb that ends it."""
    for model in _UNDER_WAY:
        _delete(delete(model).where(model.login_id == login.id))


def forget_what_is_over() -> None:
    """Forget what has waited too long, whoever left it."""
    with transaction():
        for model in _UNDER_WAY:
            _delete(delete(model).where(model.expires_at <= NOW))


def _delete(clearing: Delete) -> None:
    session().execute(clearing.execution_options(synchronize_session=False))


def find(actor: User, act_id: uuid.UUID) -> WaitingAct:
    """An act of hers that still waits in the login she uses."""
    statement = policy.which(actor, WaitingAct).where(WaitingAct.id == act_id, *_waits(actor))
    act = session().scalar(statement)
    if act is None:
        raise NotFound(may="see", noun=policy.noun(WaitingAct), object_id=act_id)
    return act


def came_from(actor: User, act_id: uuid.UUID) -> str | None:
    """The page from which she sent an act that waits, or did until its time was over; None where nobody knows it."""
    hers = policy.which(actor, WaitingAct).where(WaitingAct.id == act_id, WaitingAct.login_id == actor.current_login)
    return session().scalar(hers.with_only_columns(WaitingAct.sent_from))


def take_up(actor: User, act_id: uuid.UUID, address: str) -> tuple[list[tuple[str, str]], str]:
    """The form that waits, for the address it was sent to, and for the last time; and the page it came from."""
    taking = (
        delete(WaitingAct)
        .where(WaitingAct.id == act_id, WaitingAct.user_id == actor.id, WaitingAct.address == address, *_waits(actor))
        .returning(WaitingAct.form, WaitingAct.sent_from)
        .execution_options(synchronize_session=False, policy=True)
    )
    with transaction():
        taken = session().execute(taking).one_or_none()
    if taken is None:
        raise Refused(
            gettext(
                "This no longer waits: it was done already, ten minutes are over, or you have signed in anew. Look at "
                "what it did; if you mean it again, send it again."
            )
        )
    return [(name, value) for name, value in taken.form], taken.sent_from


def drop(actor: User, act_id: uuid.UUID) -> WaitingAct:
    """Leave an act undone that waits."""
    with transaction():
        act = find(actor, act_id)
        session().delete(act)
    return act


def _waits(actor: User) -> tuple[ColumnElement[bool], ...]:
    return WaitingAct.login_id == actor.current_login, WaitingAct.expires_at > NOW
