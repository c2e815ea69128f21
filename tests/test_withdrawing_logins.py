"""A login is withdrawn by one operator at once, which ends its sign-ins, and opened again by two."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest

from jit_portal.database import session
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.identity import endings, proposals, sessions
from jit_portal.identity.models import IdentityProvider, User
from tests.drafting import submit
from tests.register import ROW, Browse, ada, belgian, bo, french, newest, operator
from tests.signing_in import again, ledger

FIXTURES = (ada, belgian, bo, french)
"""They are asked for by name."""


def test_one_operator_withdraws_a_login_at_once_and_two_open_it_again(
    belgian: IdentityProvider, ada: User, bo: User, browse: Browse
) -> None:
    hers, his, address = browse(ada), browse(bo), f"/providers/{belgian.id}/withdraw"
    theirs = [browse(operator(belgian, name, None)) for name in ("Cy", "Di")]
    live, began = endings.live_logins(belgian), belgian.stands_since
    proposals.propose(bo, replace(ROW, leeway=1))
    assert address in hers.get(f"/providers/{belgian.id}").text, "a change that waits does not stand in the way"
    page = hers.get(address).text
    assert f"{live} sign-ins by this login are live now" in page
    assert "your own sign-in ends" not in page
    answer = submit(hers, address, address, {})
    assert (answer.status_code, again(belgian).is_enabled) == (303, False)
    assert (closed := again(belgian).stands_since) > began
    assert [each.get("/account").status_code for each in (*theirs, his)] == [302, 302, 200]
    page = hers.get(f"/providers/{belgian.id}").text
    assert f"{live} sign-ins have ended" in page
    decided = page[page.index('<ol class="timeline">') :]
    assert f"<p>Withdrawn by <bdi>{ada.name}</bdi></p>" in decided
    assert f'datetime="{closed.isoformat()}"' in decided
    assert len(ledger("provider.withdrawn")) == 1
    assert [each["because"] for each in ledger("login.ended")] == ["login_withdrawn"] * live
    assert ">Closed<" in his.get("/providers").text
    assert submit(hers, "/providers", address, {}).status_code == 409
    assert submit(hers, "/providers", f"/providers/proposals/{newest().id}/approve", {}).status_code == 409
    proposals.refuse(bo, "be")
    assert submit(hers, "/providers", f"/providers/{belgian.id}/reopen", {}).status_code == 303
    assert not again(belgian).is_enabled
    assert submit(his, "/providers", f"/providers/proposals/{newest().id}/approve", {}).status_code == 303
    assert again(belgian).is_enabled
    assert again(belgian).stands_since > closed
    assert ">Closed<" not in his.get("/providers").text
    assert again(belgian).withdrawn_by is None


@pytest.fixture
def failing(cluster: Postgres) -> Iterator[Callable[[str, str], None]]:
    """Lets every change of a table fail in the database, with an error of this code."""
    with psycopg.connect(cluster.url(OWNER), autocommit=True) as connection:

        def fail(table: str, code: str) -> None:
            session.remove()
            connection.execute(
                "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION 'broken on purpose' USING ERRCODE = '{code}'; END $$"
            )
            connection.execute(f"CREATE TRIGGER fails BEFORE UPDATE ON {table} EXECUTE FUNCTION fails()")

        yield fail
        session.remove()
        connection.execute("DROP FUNCTION fails CASCADE")


@pytest.mark.parametrize(("code", "status"), [("57P01", 503), ("P0001", 500)], ids=["away", "broken"])
@pytest.mark.parametrize(("table", "is_done"), [("identity_provider", False), ("login_session", True)])
def test_where_a_part_is_done_already_nobody_is_told_that_nothing_was_changed(
    belgian: IdentityProvider,
    ada: User,
    browse: Browse,
    failing: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    status: int,
    table: str,
    is_done: bool,
) -> None:
    hers, theirs, address = browse(ada), browse(operator(belgian, "Cy", None)), f"/providers/{belgian.id}/withdraw"
    hers.get(address)
    if not is_done:
        # That she is there is put down at once, and is no part of what she does.
        monkeypatch.setattr(sessions, "NOTICED_EVERY", dt.timedelta())
    failing(table, code)
    answer = submit(hers, address, address, {})
    said = ("may be done already" in answer.text, "Nothing was changed" in answer.text)
    assert (answer.status_code, *said) == (status, is_done, not is_done)
    assert again(belgian).is_enabled != is_done
    assert theirs.get("/account").status_code == (302 if is_done else 200)


def test_whoever_withdraws_her_own_login_is_signed_out_too_and_told_before(
    french: IdentityProvider, ada: User, browse: Browse
) -> None:
    client, address = browse(ada), f"/providers/{french.id}/withdraw"
    page = client.get(address).text
    assert "your own sign-in ends, too" in page
    assert "only break-glass could open it again" in page
    assert submit(client, address, address, {}).status_code == 303
    assert "your national login was withdrawn" in client.get("/sign-in").text


def test_a_login_that_two_close_by_its_row_ends_its_sign_ins_too(
    belgian: IdentityProvider, ada: User, bo: User, browse: Browse
) -> None:
    theirs = browse(operator(belgian, "Cy", None))
    proposals.propose(ada, replace(ROW, is_enabled=False))
    assert theirs.get("/account").status_code == 200
    proposals.approve(bo, "be")
    assert theirs.get("/account").status_code == 302
    assert "<p>Closed</p>" in browse(ada).get(f"/providers/{belgian.id}").text, "two decided; they stand below it"
