"""Acts that move sight ask for a fresh proof of who acts (E10): a rule about the login, beside those about the person.

Whoever has no login has proved nothing: no act below is done for a person outside one, by whatever command.
"""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy import ColumnElement, func, or_, select

from jit_portal.database import Thing, session
from jit_portal.errors import StepUpNeeded
from jit_portal.exhibits.models import CountryRule, Entrustment, Exhibit
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.sign_in_models import LoginSession, Passkey
from jit_portal.jits.models import Party
from jit_portal.policy.person import NOW, Conditions
from jit_portal.vocabulary import Assurance, May
from jit_portal.workspaces.models import Workspace

FRESH = dt.timedelta(minutes=5)

DEMANDED: frozenset[tuple[type[Thing], May]] = frozenset(
    {
        (Exhibit, May.RELEASE),
        (Exhibit, May.WITHDRAW),
        (Exhibit, May.RECLASSIFY),
        (Party, May.SET_RULES),
        (CountryRule, May.WITHDRAW),
        (Party, May.ENTRUST),
        (Entrustment, May.WITHDRAW),
        (Workspace, May.EXPORT_RECORD),
        (Passkey, May.DELETE),
        (LoginSession, May.END_OWN_LOGIN),
    }
)
"""Where a named list, a use permission, verifying, lifting a hold, destroying and keys come to be, they belong here."""


def demand(user: User, what: May, thing: Thing) -> None:
    """Go on only if this act asks for no step-up, or her login has just had one."""
    if (type(thing), what) in DEMANDED and not is_met(user):
        raise StepUpNeeded(may=what, noun=str(thing.__tablename__), object_id=thing.id, thing=thing)


def highest(provider: IdentityProvider) -> Assurance:
    """The most that this provider can vouch for, of what a step-up asks."""
    return Assurance(min(Assurance.HIGH, max(provider.acr_levels.values(), default=Assurance.HIGH)))


def is_met(user: User) -> bool:
    """Whether her login is live and has been confirmed, by the provider or by a passkey, within five minutes."""
    return all(explain(user).values())


def explain(user: User) -> dict[str, bool]:
    """Each condition of a step-up, and whether her login meets it now; without a login none is met."""
    return _ask(user, _conditions(user))


def stands_in(user: User) -> bool:
    """Whether a passkey takes the provider's place: it knows no high assurance, or has nobody prove anything anew."""
    cannot = highest(user.provider) < Assurance.HIGH or not user.provider.proves_anew
    return all(_ask(user, {"cannot": sa.literal(cannot)}).values())


def may_enrol(user: User) -> bool:
    """Whether she has just signed in, as strongly as a step-up asks: a passkey is worth no more than that sign-in.

    A provider that has nobody prove anything anew, as its row says, is believed as of the sign-in itself. Whoever
    breaks the glass has the keys of that account, and adds none.
    """
    if user.breaks_glass:
        return False
    proved = LoginSession.proved_at if user.provider.proves_anew else LoginSession.started_at
    fresh = _fresh(proved)
    return all(_ask(user, {"strong": _strong(user), "fresh": fresh}).values())


def _conditions(user: User) -> Conditions:
    by_passkey = _fresh(LoginSession.confirmed_at)
    return {
        "strong": or_(_strong(user), by_passkey),
        "fresh": or_(_fresh(LoginSession.proved_at), by_passkey),
    }


def _strong(user: User) -> ColumnElement[bool]:
    return LoginSession.assurance >= highest(user.provider)


def _fresh(at: sa.SQLColumnExpression[dt.datetime | None]) -> ColumnElement[bool]:
    return at > NOW - FRESH


def _ask(user: User, conditions: Conditions) -> dict[str, bool]:
    columns = [func.coalesce(condition, sa.false()).label(name) for name, condition in conditions.items()]
    hers = (LoginSession.id == user.current_login, LoginSession.user_id == user.id)
    live = (LoginSession.ended_at.is_(None), LoginSession.ends_at > NOW)
    row = session().execute(select(*columns).where(*hers, *live).execution_options(policy=True)).one_or_none()
    return {name: row is not None and bool(getattr(row, name)) for name in conditions}
