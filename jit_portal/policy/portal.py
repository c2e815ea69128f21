"""The portal's own reading, where no person asks: each kind of work has its own few rules."""

import uuid
from enum import StrEnum
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, select

from jit_portal.custody.models import CustodyEvent
from jit_portal.database import Thing, session
from jit_portal.errors import NotFound
from jit_portal.exhibits.models import CountryRule, Entrustment, Exhibit, Release
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import Invitation, ProviderTest, User
from jit_portal.identity.sign_in_models import LoginSession, Passkey
from jit_portal.messages.models import Channel, Message
from jit_portal.notices.models import Notice
from jit_portal.policy.asking import noun
from jit_portal.policy.closing import closes_by_itself
from jit_portal.policy.person import NOW
from jit_portal.tasks.models import Board, Task
from jit_portal.vocabulary import Integrity
from jit_portal.workspaces.models import Membership, Workspace

T = TypeVar("T", bound=Thing)


class Work(StrEnum):
    """What the portal does on its own account."""

    VERIFICATION = "verification"
    EXPIRY = "expiry"
    PUSHING = "pushing"
    SIGN_IN = "sign_in"
    SEATING = "seating"
    CLOSING = "closing"
    TELLING = "telling"


_ALL = sa.true()
_RULES: dict[tuple[Work, type[Thing]], ColumnElement[bool]] = {
    (Work.VERIFICATION, StoredFile): StoredFile.integrity == Integrity.CHECKING,
    (Work.EXPIRY, StoredFile): sa.and_(StoredFile.integrity == Integrity.RECEIVING, StoredFile.expires_at < NOW),
    (Work.VERIFICATION, Exhibit): _ALL,
    **{
        (Work.PUSHING, model): _ALL
        for model in (
            *(Exhibit, Release, CountryRule, Entrustment, CustodyEvent),
            *(Message, Channel, Board, Task, Membership, Workspace),
        )
    },
    (Work.SEATING, Workspace): _ALL,
    (Work.SEATING, Membership): _ALL,
    (Work.SIGN_IN, LoginSession): _ALL,
    (Work.SIGN_IN, Invitation): _ALL,
    (Work.SIGN_IN, ProviderTest): _ALL,
    (Work.SIGN_IN, Passkey): _ALL,
    (Work.CLOSING, User): closes_by_itself,
    (Work.TELLING, User): _ALL,
    (Work.TELLING, Notice): _ALL,
}


def portal_which(work: Work, model: type[T]) -> Select[T]:
    """Every thing of this kind that the portal reads for this work; nothing where no rule says so."""
    return select(model).where(_RULES.get((work, model), sa.false())).execution_options(policy=True)


def portal_fetch(work: Work, model: type[T], id: uuid.UUID, *, lock: bool = False) -> T:
    """One such thing, or NotFound."""
    statement = portal_which(work, model).where(model.id == id)
    if lock:
        statement = statement.with_for_update(of=model).execution_options(populate_existing=True)
    thing = session().scalar(statement)
    if thing is None:
        raise NotFound(noun=noun(model), object_id=id)
    return thing
