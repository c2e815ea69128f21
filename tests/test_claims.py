"""What a login and a directory say of a person now: administrators hear of a change once, each takes back its own."""

import datetime as dt
from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from jit_portal.database import session
from jit_portal.identity import accounts, registry
from jit_portal.identity.models import User
from jit_portal.identity.scim import tokens as scim_tokens
from jit_portal.vocabulary import Duty, NoticeKind
from tests import factories
from tests.devices import browser, told
from tests.hostile import Hostile
from tests.scim import Directory
from tests.signing_in import again, liar, national, registered, xenia

FIXTURES = (liar, national, registered)
"""They are asked for by name."""


def test_administrators_are_told_of_changed_details_once(
    app: Flask, liar: Hostile, browse: Callable[[User], FlaskClient]
) -> None:
    person, stranger = xenia(), factories.administrator(registry.provider("fr"))
    administrator = factories.administrator(registry.provider("xx"))
    liar.info = {"name": "Xenia Married", "office": {"code": "XX-2"}}
    for _ in range(2):
        one = browser(app)
        assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    person = again(person)
    assert (person.name, person.claimed_name, person.flagged) == ("Xenia Xylander", "Xenia Married", "authority,name")
    assert person.claimed_authority is not None
    assert (person.authority.code, person.claimed_authority.code) == ("XX-1", "XX-2")
    assert [told(each, NoticeKind.FLAGGED) for each in (administrator, stranger, person)] == [1, 0, 0]
    notices = browse(administrator).get("/notices").text
    assert "login of Xenia Xylander gives another name or authority" in notices
    assert f'href="/people/{person.id}"' in notices
    liar.info = {"name": "Xenia Xylander"}
    one = browser(app)
    one.come_back("xx", liar.callback(one.begin("xx")))
    person = again(person)
    assert (person.claimed_name, person.claimed_authority_id, person.flagged) == (None, None, "authority,name")


def test_the_login_and_the_directory_each_propose_a_name_and_take_back_their_own(app: Flask, liar: Hostile) -> None:
    """What one has proposed stands until it is decided, however often the other says what it always has."""
    person, administrator = xenia(), factories.administrator(registry.provider("xx"))
    operator = factories.administrator(registry.provider("fr"), Duty.OPERATOR)
    directory = Directory(app, scim_tokens.make(operator, "xx", dt.timedelta(days=1))[1])

    def named() -> tuple[str, str | None, str | None]:
        session().rollback()
        held = again(person)
        return held.name.removeprefix("Xenia "), held.claimed_name, held.flagged

    def login_says(name: str) -> tuple[str, str | None, str | None]:
        liar.info = {"name": name}
        one = browser(app)
        assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
        return named()

    def directory_says(name: str) -> tuple[str, str | None, str | None]:
        said = {"op": "replace", "value": {"displayName": name}}
        assert directory.patch(person.id, said).status_code == 200
        return named()

    assert login_says("Xenia Xylander") == ("Xylander", None, None)
    assert directory_says("Xenia Married") == ("Xylander", "Xenia Married", "name")
    assert login_says("Xenia Xylander") == ("Xylander", "Xenia Married", "name"), "it says what it always has"
    accounts.accept_claims(again(administrator), again(person), "Xenia Married", "")
    assert login_says("Xenia Xylander") == ("Married", None, None), "that is decided"
    assert login_says("Xenia Widowed") == ("Married", "Xenia Widowed", "name"), "it gives another name"
    assert directory_says("Xenia Married") == ("Married", "Xenia Widowed", "name"), "it says what it always has"
    assert login_says("Xenia Married") == ("Married", None, "name"), "it takes back its own word"
    assert login_says("Xenia Divorced") == ("Married", "Xenia Divorced", "name")
    assert directory_says("Xenia Third") == ("Married", "Xenia Third", "name"), "the newest stands"
    assert login_says("Xenia Married") == ("Married", "Xenia Third", "name"), "that was not its own"
    assert directory_says("Xenia Married") == ("Married", None, "name"), "and so does the directory"
