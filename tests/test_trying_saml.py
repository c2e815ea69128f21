"""The test of a login that speaks SAML: what is wrong with it is found, and said in plain words."""

import base64
import datetime as dt
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from flask import Flask
from sqlalchemy import select

from jit_portal.database import session, transaction
from jit_portal.identity import registry
from jit_portal.identity.models import IdentityProvider, ProviderTest, User
from tests import factories
from tests import hostile_saml as saml
from tests.hostile_saml import Liar, attribute, metadata
from tests.providers.simplesaml import LOA, certified
from tests.register import ada, french
from tests.saml_visitor import Visitor, liar
from tests.signing_in import UNCHECKED, ledger, logins
from tests.trying import plainly

FIXTURES = (ada, french, liar)
"""They are asked for by name."""


class Desk(Visitor):
    """An operator at the page of the test."""

    provider: IdentityProvider

    def at(self, what: str = "") -> str:
        return f"/providers/{self.provider.id}/test{what}"

    def onward(self, what: str) -> str:
        return str(self.post(self.at(what)).headers["Refresh"]).removeprefix("0; url=")

    def findings(self) -> dict[str, str]:
        session().expire_all()
        [test] = session().scalars(select(ProviderTest).execution_options(**UNCHECKED)).all()
        return {each["check"]: f"{each['result']} {each['why']}" for each in test.findings}

    def page(self) -> str:
        return plainly(self.portal.get(self.at()).text)


@pytest.fixture
def desk(app: Flask, ada: User, liar: Liar) -> Callable[..., Desk]:
    def at_the_page(**changes: Any) -> Desk:
        one = Desk(app)
        [one.provider] = registry.ensure_providers([replace(liar.row(), **changes)])
        one.portal.set_cookie(app.config["SETTINGS"].session_cookie, factories.login(ada), secure=True)
        one.post(one.at())
        return one

    return at_the_page


def test_a_sound_login_passes_every_check(desk: Callable[..., Desk], liar: Liar, app: Flask) -> None:
    one = desk()
    assert one.findings() == {
        "material": "passed own_rsa", "pinned": "passed pinned", "keys": "passed certificates",
        "sign_out": "passed sign_out",
    }  # fmt: skip
    before = len(logins())
    address = one.onward("/sign-in")
    assert saml.asked(address).get("ForceAuthn") == "true"
    attributes = "".join(attribute(*pair) for pair in (("given", "Xe"), ("office", "XX-1"), ("mail", "x@xx.test")))
    answer = one.arrive(liar.form(address, attributes=attributes))
    assert (answer.status_code, answer.headers["Location"]) == (303, one.at("#sign-in"))
    found = one.findings()
    assert {found[check] for check in ("sign_in", "claims", "level", "authority", "proved")} == {
        "passed sign_in", "passed claims", "passed level", "passed authority", "passed proved",
    }  # fmt: skip
    assert "Xe" in one.page()
    word = one.portal.get(f"/sign-in/xx/logout?{liar.logout()}")
    assert (saml.status(word.headers["Location"]), one.findings()["told"]) == (["Success"], "passed told")
    onward = one.onward("/sign-out")
    assert saml.asked(onward).findtext("{urn:oasis:names:tc:SAML:2.0:protocol}SessionIndex") == "session-1"
    assert one.findings()["left"] == "not_tried gone"
    assert "have http" in one.page()
    assert "/sign-in/xx/logout allowed there" in one.page()
    back = one.portal.get(f"/sign-in/xx/logout?{liar.parting(onward)}")
    assert back.headers["Location"] == one.at("#sign-in")
    assert one.findings()["left"] == "passed left_confirmed"
    assert ledger("provider.sign_out_tested")[-1]["result"] == "passed"
    assert len(logins()) == before
    assert ledger("provider.sign_in_tested")[-1]["wrong"] == []


BY_WORD = '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"/>'


PLAINLY = [
    ({"signature": ""}, "sign_in", "unsigned", "ask the login to sign assertions"),
    ({"signature_method": f"{saml.MORE}#rsa-sha512"}, "sign_in", "algorithm", "does not allow"),
    ({"audience": saml.AUDIENCE.format("https://other.test")}, "sign_in", "claim", "for somebody else"),
    ({"recipient": ' Recipient="https://other.test"'}, "sign_in", "claim", "for somebody else"),
    ({"until": "2020-01-01T00:00:00Z"}, "sign_in", "expired", "Check the clocks"),
    ({"begins": "2090-01-01T00:00:00Z"}, "sign_in", "clock", "from the future"),
    (
        {"format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"}, "sign_in", "no_lasting_name",
        "Ask for a persistent name",
    ),
    ({"name": "xx-1\u200b"}, "sign_in", "unfit_subject", "two people could look like one"),
    ({"acr": "urn:x"}, "level", "unknown_word", "which the row does not know"),
    ({"acr": f"{LOA}/low"}, "level", "weaker", "will need a passkey"),
    ({"proved": "2020-01-01T00:00:00Z"}, "proved", "not_asked_again", "asked to have the person prove it anew"),
    ({"status": BY_WORD}, "sign_in", "cancelled", "(NoAuthnContext)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "check", "why", "said"), PLAINLY, ids=[f"{each[2]}-{at}" for at, each in enumerate(PLAINLY)]
)
def test_what_is_wrong_with_an_answer_is_said_plainly(
    desk: Callable[..., Desk], liar: Liar, changes: dict[str, Any], check: str, why: str, said: str
) -> None:
    one = desk()
    one.arrive(liar.form(one.onward("/sign-in"), **changes))
    assert one.findings()[check] == f"wrong {why}"
    assert said in one.page()


PARTINGS = [
    (
        {"written": lambda query: query.partition("&Signature=")[0]}, "left_unsigned",
        "answer is not signed, so anybody could have made it", "n’est pas signée",
    ),
    ({"to": "_other"}, "left_unsound", "not sound (answer to another request)", "n’est pas saine"),
    ({"issuer": "https://login.yy.test/saml"}, "left_unsound", "not sound (logout response)", "n’est pas saine"),
    (
        {"status": BY_WORD.replace("NoAuthnContext", "RequestDenied")}, "left_failed",
        "the login says that it did not sign her out, or not everywhere (RequestDenied)", "dit qu’il ne l’a pas",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "why", "said", "in_french"), PARTINGS, ids=[f"{each[1]}-{at}" for at, each in enumerate(PARTINGS)]
)
def test_a_sign_out_that_the_login_does_not_confirm_is_said_plainly(
    desk: Callable[..., Desk], liar: Liar, ada: User, changes: dict[str, Any], why: str, said: str, in_french: str
) -> None:
    one = desk()
    one.arrive(liar.form(one.onward("/sign-in")))
    onward = one.onward("/sign-out")
    back = one.portal.get(f"/sign-in/xx/logout?{liar.parting(onward, **changes)}")
    assert back.headers["Location"] == one.at("#sign-in")
    assert one.findings()["left"] == f"wrong {why}"
    assert ledger("provider.sign_out_tested")[-1]["result"] == "wrong"
    assert said in one.page()
    with transaction():
        session().merge(ada).language = "fr"
    assert in_french in one.page()
    onward = one.onward("/sign-out")
    assert one.portal.get(f"/sign-in/xx/logout?{liar.parting(onward)}").status_code == 303
    assert one.findings()["left"] == "passed left_confirmed", "she can try again"


def test_that_the_browser_came_back_is_not_enough(desk: Callable[..., Desk], liar: Liar, app: Flask) -> None:
    """Neither where OpenID Connect would bring it, nor with the answer of another login, nor in another browser."""
    one = desk()
    other = liar.row()
    registry.ensure_providers([other, replace(other, slug="yy", country="YY", issuer="https://login.yy.test/saml",
        saml_metadata=liar.metadata(issuer="https://login.yy.test/saml"))])  # fmt: skip
    one.arrive(liar.form(one.onward("/sign-in")))
    onward = one.onward("/sign-out")
    (state,) = re.findall("RelayState=([^&]+)", onward)
    assert one.portal.get(f"/signed-out?state={state}").status_code == 200
    of_yy = {"issuer": "https://login.yy.test/saml", "destination": f' Destination="{liar.origin}/sign-in/yy/logout"'}
    one.portal.get(f"/sign-in/yy/logout?{liar.parting(onward, **of_yy)}")
    Visitor(app).portal.get(f"/sign-in/xx/logout?{liar.parting(onward)}")
    assert one.findings()["left"] == "not_tried gone"


def test_what_is_wrong_with_what_is_pinned_is_said_plainly(desk: Callable[..., Desk], liar: Liar, app: Flask) -> None:
    gone = metadata(more=' validUntil="2020-01-01T00:00:00Z"', certificate=liar.certificate)
    one = desk(saml_metadata=gone)
    assert one.findings()["pinned"] == "wrong metadata_over"
    assert "held until 2020-01-01" in one.page()
    assert Visitor(app).portal.get("/sign-in/xx").status_code == 503, "nobody is sent there any more"
    one = desk(saml_metadata=metadata(more=' validUntil="2090-01-01T00:00:00Z"'))
    assert one.findings()["pinned"] == "passed pinned_until"
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    ended = certified(liar.key, begins=yesterday - dt.timedelta(days=1), ends=yesterday)
    der = base64.b64encode(ended.public_bytes(serialization.Encoding.DER)).decode()
    one = desk(saml_metadata=metadata(certificate=der))
    assert one.findings()["keys"] == "wrong certificate_over"
    assert "A certificate is over" in one.page()
    one = desk(algorithms=("ES256",))
    assert one.findings()["keys"] == "wrong no_fitting_certificate"
    without = re.sub("<md:SingleLogoutService[^>]*>", "", liar.metadata())
    one = desk(saml_metadata=without)
    assert one.findings()["sign_out"] == "wrong no_sign_out_pinned"


def test_what_the_server_lacks_is_said_plainly(
    desk: Callable[..., Desk], app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = desk()
    monkeypatch.setenv("PATH", "/nowhere")
    one.post(one.at())
    assert one.findings()["material"] == "wrong lacks_program"
    assert "xmlsec1 is missing" in one.page()
