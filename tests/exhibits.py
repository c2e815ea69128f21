"""What tests of exhibits share: a form that is sent as a page sends it, and all that is on record."""

from collections.abc import Callable

from flask.testing import FlaskClient
from sqlalchemy import select

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.identity.models import User
from tests.vault import token_in

Browse = Callable[[User], FlaskClient]


def all_acts() -> list[str]:
    """What is on record of everything, in order."""
    entries = select(LedgerEntry.act).order_by(LedgerEntry.at)
    return list(session().scalars(entries.execution_options(policy=True)))


def post(client: FlaskClient, path: str, **fields: str) -> tuple[int, str]:
    answer = client.post(path, data={"csrf_token": token_in(client.get("/").text), **fields})
    return answer.status_code, answer.text
