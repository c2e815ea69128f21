"""How people are signed in and have proved who they are, in which login they call verbs, and what waits in one."""

import datetime as dt
import hashlib
import secrets
import uuid

from sqlalchemy import Select, delete, select

from jit_portal.database import session, transaction
from jit_portal.identity import sessions, stepping
from jit_portal.identity.glass import accounts as glass
from jit_portal.identity.glass.models import GlassOpening
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession, Passkey, WaitingAct
from jit_portal.notices import service as notices
from jit_portal.vocabulary import Assurance, NoticeKind

OF_VERBS = "the test itself"
"""What stands in the place of a browser in the logins in which tests call verbs; no cookie opens them."""


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def login(someone: User, assurance: Assurance = Assurance.HIGH, *, minutes: float = 0, **more: object) -> str:
    """Sign this person in; answers the token that belongs into the login cookie.

    She has just proved who she is, as strongly as there is, unless ``assurance`` or so many ``minutes`` say otherwise.
    """
    token = secrets.token_urlsafe(32)
    with transaction():
        added_login(someone, token, assurance, minutes, **more)
    return token


def added_login(
    someone: User, token: str, assurance: Assurance = Assurance.HIGH, minutes: float = 0, **more: object
) -> LoginSession:
    """The login that this token opens, in the transaction of whoever asks for it."""
    made = new_login(someone, token, assurance, minutes, **more)
    session().add(made)
    session().flush()
    return made


def new_login(
    someone: User, token: str, assurance: Assurance = Assurance.HIGH, minutes: float = 0, **more: object
) -> LoginSession:
    """A login that is not in the database yet."""
    proved_at = now() - dt.timedelta(minutes=minutes)
    return LoginSession(
        token_hash=hashlib.sha256(token.encode()).digest(),
        user_id=someone.id,
        assurance=assurance,
        authenticated_at=proved_at,
        proved_at=proved_at,
        ends_at=now() + dt.timedelta(hours=12),
        **more,
    )


def step_up(token: str) -> str:
    """Whoever uses the login that this token opens has just proved who she is; gives its new token."""
    login = sessions.load(token)
    assert login is not None
    return stepping.renew(login, by="passkey", confirmed_at=now())


def logins_of(someone: User) -> Select[LoginSession]:
    """Her logins in browsers."""
    hers = select(LoginSession).where(LoginSession.user_id == someone.id, LoginSession.browser != OF_VERBS)
    return hers.execution_options(policy=True)


def forget_logins_of_verbs() -> None:
    """From now on nobody has a login but those in browsers; verbs that ask for a step-up are refused."""
    with transaction():
        session().execute(delete(LoginSession).where(LoginSession.browser == OF_VERBS))


def acts_in(someone: User, assurance: Assurance = Assurance.HIGH, *, minutes: float = 0) -> User:
    """From now on this person calls verbs in another login: by default one that has just been proved."""
    with transaction():
        someone.current_login = added_login(someone, secrets.token_urlsafe(32), assurance, minutes, browser=OF_VERBS).id
    return someone


def waiting_act(someone: User, address: str = "/rules/new", form: tuple[tuple[str, str], ...] = ()) -> WaitingAct:
    """Something she has sent in the login in which she calls verbs, and that waits for her to prove who she is."""
    assert someone.current_login is not None
    made = WaitingAct(
        user_id=someone.id,
        login_id=someone.current_login,
        endpoint="rules.create",
        address=address,
        sent_from="/",
        form=[list(pair) for pair in form],
        noun="party",
        object_id=uuid.uuid4(),
        expires_at=now() + dt.timedelta(minutes=10),
    )
    session().add(made)
    session().flush()
    return made


def passkey(someone: User, name: str = "Key on the desk") -> Passkey:
    """A passkey that no device has."""
    made = Passkey(user_id=someone.id, name=name, credential_id=secrets.token_bytes(16), public_key=b"", sign_count=1)
    session().add(made)
    session().flush()
    return made


def glass_account(name: str = "Nadia Brandt") -> User:
    """Somebody who may break the glass, whose keys no device has."""
    account, _ = glass.make(None, name)
    with transaction():
        account.enrolled_at = now()
        session().merge(account)
        for number in range(2):
            passkey(account.user, f"Security key {number + 1}")
    return account.user


def glass_opening(someone: User, *told: User) -> GlassOpening:
    """Somebody broke the glass, and these people were told of it."""
    at, login_id = now(), someone.current_login or acts_in(someone).current_login
    made = GlassOpening(
        user_id=someone.id, login_id=login_id, reason="Because.", opened_at=at, ends_at=at + dt.timedelta(hours=1)
    )
    with transaction():
        session().add(made)
        session().flush()
        notices.tell(NoticeKind.GLASS_BROKEN, made, [each.id for each in told], someone)
    return made
