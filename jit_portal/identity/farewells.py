"""Which sign-ins a national login means when it says that one is over."""

from typing import TypeVar

from sqlalchemy import Select, or_

from jit_portal.database import session
from jit_portal.identity.models import ProviderTest
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.identity.vouching import Farewell

T = TypeVar("T", LoginSession, ProviderTest)


def meant(which: Select[T], kind: type[T], farewell: Farewell) -> list[T]:
    """Those of ``which`` that are of the session and the name that it gives.

    Of whom it names, a sign-in without a session of its own is meant too: more, never less, than was asked.
    """
    name = farewell.name
    if farewell.provider_session is not None:
        is_it = kind.provider_session == farewell.provider_session
        which = which.where(is_it if name is None else or_(is_it, kind.provider_session.is_(None)))
    if name is not None:
        which = which.where(kind.id_token.startswith(name.begins, autoescape=True))
    return [each for each in session().scalars(which) if name is None or name.is_of(each.id_token)]
