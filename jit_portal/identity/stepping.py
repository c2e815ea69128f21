"""Stepping up: in the login she has a person proves anew who she is; it goes on, stronger, under a new token."""

import datetime as dt
from typing import Any

from sqlalchemy import select, update

from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.identity import tokens
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.refusals import SignInRefused, Why
from jit_portal.identity.sign_in_models import LoginAttempt, LoginSession
from jit_portal.identity.vouching import Vouched
from jit_portal.policy import Work, portal_which, stepup


def asked_of(provider: IdentityProvider, login: LoginSession | None) -> dict[str, Any]:
    """What to ask of the provider beyond who somebody is: nothing at a sign-in; at a step-up, proof, strong and new."""
    if login is None:
        return {}
    if login.user.provider_id != provider.id:
        raise SignInRefused(Why.OTHER_LOGIN, "stepping up at another login", person_id=login.user_id)
    return {"assurance": stepup.highest(provider), "max_age": 0}


def proof(vouched: Vouched) -> dict[str, Any]:
    """What a login keeps of the proof that a provider vouched for."""
    return {
        "assurance": vouched.assurance,
        "acr": vouched.acr,
        "authenticated_at": dt.datetime.fromtimestamp(vouched.authenticated_at, dt.UTC),
        "proved_at": None if vouched.proved_at is None else dt.datetime.fromtimestamp(vouched.proved_at, dt.UTC),
        "provider_session": vouched.provider_session,
        "id_token": vouched.id_token,
    }


def until(vouched: Vouched, latest: dt.datetime) -> dt.datetime:
    """When a login ends: it outlives no session of the provider on which it stands."""
    return latest if vouched.ends_at is None else min(latest, dt.datetime.fromtimestamp(vouched.ends_at, dt.UTC))


def login_of(attempt: LoginAttempt, login: LoginSession | None) -> LoginSession:
    """The login in which this step-up began, if this browser is still in it."""
    if login is None or login.id != attempt.login_id:
        raise SignInRefused(Why.OTHER_LOGIN, "the login of the step-up is not that of the browser")
    return login


def refuse_less(login: LoginSession, vouched: Vouched) -> None:
    """Go on only if the provider vouches for the same person, as strongly as it can, and for a proof just given."""
    person = login.user
    if (vouched.issuer, vouched.subject) != (person.issuer, person.subject):
        raise SignInRefused(Why.OTHER_PERSON, "sub changed", person_id=person.id)
    if vouched.assurance < stepup.highest(person.provider):
        raise SignInRefused(Why.TOO_WEAK, "acr", person_id=person.id)
    oldest = dt.datetime.now(dt.UTC) - stepup.FRESH
    if vouched.proved_at is None or vouched.proved_at <= oldest.timestamp():
        raise SignInRefused(Why.NOT_ASKED_AGAIN, "auth_time", person_id=person.id)


def hold(login: LoginSession) -> None:
    """Lock its person and it, in the order of all who end a login, before what is said of her is put on record."""
    session().execute(select(User.id).where(User.id == login.user_id).with_for_update(key_share=True))
    it = portal_which(Work.SIGN_IN, LoginSession).where(LoginSession.id == login.id)
    session().execute(it.with_only_columns(LoginSession.id).with_for_update(of=LoginSession))


def strengthen(login: LoginSession, vouched: Vouched) -> str:
    """Put the provider's new proof into the login; gives its new token."""
    return renew(login, by="provider", ends_at=until(vouched, login.ends_at), **proof(vouched))


def renew(login: LoginSession, *, by: str, **values: Any) -> str:
    """Change a login that has just been confirmed, and its token with it: the one before opens nothing from now on.

    Its open sockets are told to come again with the new one; bytes that are under way go on while the login lives.
    """
    token = tokens.make()
    renewing = (
        update(LoginSession)
        .where(
            LoginSession.id == login.id,
            LoginSession.token_hash == login.token_hash,
            LoginSession.ended_at.is_(None),
        )
        .values(token_hash=tokens.digest(token), renewed_hash=login.token_hash, **values)
        .returning(LoginSession.id)
        .execution_options(synchronize_session=False, policy=True)
    )
    with transaction():
        if session().scalar(renewing) is None:
            raise SignInRefused(Why.OTHER_LOGIN, "the login was renewed or ended meanwhile")
        session().refresh(login)
        audit.record(login.user, "login.stepped_up", login, by=by, assurance=int(login.assurance))
    return token
