"""The portal proves itself at a national login as its row says, and says nowhere what it proves itself by."""

import base64
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.demo.secrets import write_private
from jit_portal.identity import registry
from jit_portal.vocabulary import ClientAuthentication
from tests.hostile import Hostile
from tests.provider_rows import SECRET, Row, SignIn, liar, row, secrets, sign_in
from tests.signing_in import UNCHECKED, Browser, ledger, xenia

FIXTURES = (liar, row, secrets, sign_in)
"""They are asked for by name."""


@pytest.mark.parametrize("uses_par", [True, False], ids=["pushed", "in the address"])
@pytest.mark.parametrize("how", list(ClientAuthentication))
def test_the_portal_proves_itself_as_the_row_says(
    liar: Hostile, row: Row, sign_in: SignIn, how: ClientAuthentication, uses_par: bool
) -> None:
    row(authenticates_by=how, uses_par=uses_par)
    xenia()
    assert sign_in().status_code == 303
    places = ["/par", "/token"] if uses_par else ["/token"]
    shown = dict(liar.proofs)
    for place in places:
        (form,) = liar.heard(place)
        found = {
            ClientAuthentication.PRIVATE_KEY_JWT: "client_assertion" in form,
            ClientAuthentication.CLIENT_SECRET_POST: form.get("client_secret") == SECRET,
            ClientAuthentication.CLIENT_SECRET_BASIC: shown[place].startswith("Basic "),
        }
        assert {each for each, is_so in found.items() if is_so} == {how}
    if how == ClientAuthentication.CLIENT_SECRET_BASIC:
        pair = base64.b64decode(shown["/token"].removeprefix("Basic ")).decode()
        assert pair == "jit-portal:a%2Bb%2Fc%3Ad%25e%3Df+g"


def _unreadable(path: Path) -> None:
    path.unlink()


def _readable_by_others(path: Path) -> None:
    path.chmod(0o640)


def _of_another(path: Path) -> None:
    write_private(path, json.dumps({"yy": SECRET}))


def _damaged(path: Path) -> None:
    write_private(path, SECRET)


def _elsewhere(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to(path.with_name("real"))


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """The whole log, with what stands beside its words."""
    return "".join(str(vars(each)) for each in caplog.records)


def _owned_by_another(path: Path) -> None:
    os.chown(path, 65534, -1)


_AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="nobody else gives a file away")


@pytest.mark.parametrize(
    "harm",
    [
        *(_unreadable, _readable_by_others, _of_another, _damaged, _elsewhere),
        pytest.param(_owned_by_another, marks=_AS_ROOT),
    ],
)
def test_without_its_secret_a_login_is_away_and_the_secret_is_said_nowhere(
    app: Flask, liar: Hostile, row: Row, secrets: Path, caplog: pytest.LogCaptureFixture, harm: Callable[[Path], None]
) -> None:
    row(authenticates_by=ClientAuthentication.CLIENT_SECRET_BASIC)
    harm(secrets)
    caplog.set_level(logging.DEBUG)
    answer = Browser(app).portal.get("/sign-in/xx")
    assert (answer.status_code, "waiting does not help" in answer.text) == (503, True)
    assert ledger("login.refused") == [{"person": None, "why": "not_as_agreed"}]
    assert SECRET not in logged(caplog) + answer.text
    assert liar.heard("/par") == []


def test_a_secret_is_neither_logged_nor_on_record(row: Row, sign_in: SignIn, caplog: pytest.LogCaptureFixture) -> None:
    row(authenticates_by=ClientAuthentication.CLIENT_SECRET_POST)
    xenia()
    caplog.set_level(logging.DEBUG)
    assert sign_in().status_code == 303
    details = session().scalars(select(LedgerEntry.details).execution_options(**UNCHECKED)).all()
    assert "provider" in "".join(details)
    for shown in (logged(caplog), *details, repr(registry.provider("xx").__dict__)):
        assert SECRET not in shown
        assert "a%2Bb" not in shown
