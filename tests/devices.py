"""What tests of devices share: browsers that are somewhere, on some system, and what became of the logins in them."""

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import select, update

from jit_portal.database import session, transaction
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.notices.models import Notice
from jit_portal.vocabulary import NoticeKind
from tests import factories
from tests.signing_in import Browser, known

LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
NEWER = LINUX.replace("153.0", "154.0")
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0"
HERE, NEXT_DOOR, AWAY = "192.0.2.7", "192.0.2.99", "198.51.100.7"


@pytest.fixture
def someone(app: Flask) -> User:
    return known("fr-0001")


def browser(app: Flask, address: str = HERE, system: str = LINUX) -> Browser:
    made = Browser(app)
    move(made, address, system)
    return made


def move(one: Browser, address: str, system: str) -> None:
    one.portal.environ_base |= {"REMOTE_ADDR": address, "HTTP_USER_AGENT": system}


def told(person: User, kind: NoticeKind) -> int:
    found = select(Notice).where(Notice.user_id == person.id, Notice.kind == kind)
    return len(session().scalars(found.execution_options(policy=True)).unique().all())


def age(**ages: dt.timedelta) -> None:
    with transaction():
        values = {name: factories.now() - before for name, before in ages.items()}
        session().execute(update(LoginSession).values(values).execution_options(synchronize_session=False))
