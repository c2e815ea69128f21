"""A person signs in by SAML, and proves anew who she is."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.x509 import load_der_x509_certificate
from flask import Flask

from jit_portal.database import transaction
from jit_portal.identity import registry
from jit_portal.identity.models import MOST_HOURS, User
from jit_portal.identity.saml import redirects
from jit_portal.identity.saml.assertion import moment
from jit_portal.identity.saml.own import own
from jit_portal.vocabulary import Assurance, AssuranceAsked
from tests import factories
from tests import hostile_saml as saml
from tests.hostile_saml import Liar, asked, attribute
from tests.providers.simplesaml import CLIENT_ID, LOA
from tests.saml_visitor import SAML, SAMLP, Visitor, is_refused, liar, open_browser
from tests.signing_in import again, ledger, logins, refused, xenia

__all__ = ["liar", "open_browser"]


def test_a_known_person_signs_in(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    user, one = xenia(), open_browser()
    answer = one.answered(liar, {"next": "/account"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    (login,) = logins(user)
    assert (login.assurance, login.acr, login.provider_session) == (Assurance.HIGH, f"{LOA}/high", "session-1")
    assert one.is_signed_in()
    assert again(user).flagged is None
    assert ledger("login.started") == [{"assurance": 3, "provider": "xx"}]


def test_what_is_asked_is_signed_and_names_this_portal(
    liar: Liar, open_browser: Callable[[], Visitor], app: Flask
) -> None:
    address = open_browser().begin("xx")
    assert address.startswith(f"{saml.SIGN_IN}?")
    request = asked(address)
    said = {name: request.get(name) for name in ("Destination", "AssertionConsumerServiceURL", "ForceAuthn")}
    here = f"{liar.origin}/sign-in/xx/acs"
    assert said == {"Destination": saml.SIGN_IN, "AssertionConsumerServiceURL": here, "ForceAuthn": None}
    assert request.findtext(f"{SAML}Issuer") == CLIENT_ID
    context = request.find(f"{SAMLP}RequestedAuthnContext")
    assert context.get("Comparison") == "minimum"
    assert [each.text for each in context] == [f"{LOA}/low"]
    certificate = own(app.config["SETTINGS"].saml_key).certificate
    query = urlsplit(address).query
    certificates = [load_der_x509_certificate(certificate)]
    assert redirects.taken(query, "SAMLRequest", ["RS256"], certificates)
    (state,) = parse_qs(query)["RelayState"]
    assert len(state) < 80, "SAML lets nobody send more"


def test_a_node_of_eidas_is_told_who_asks_and_for_what(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    spaces, person = "{http://eidas.europa.eu/saml-extensions}", "http://eidas.europa.eu/attributes/naturalperson"
    assert asked(open_browser().begin("xx")).find(f"{SAMLP}Extensions") is None, "nobody else is"
    names = {"subject": f"{person}/PersonIdentifier", "name": f"{person}/BirthName {person}/CurrentFamilyName"}
    registry.ensure_providers([replace(liar.row(), claim_map={**names, "authority": ""})])
    request = asked(open_browser().begin("xx"))
    parts = [each.tag.partition("}")[2] for each in request]
    assert parts == ["Issuer", "Extensions", "NameIDPolicy", "RequestedAuthnContext"], "in the order of the schema"
    assert request.findtext(f"{SAMLP}Extensions/{spaces}SPType") == "public"
    wanted = {each.get("Name"): each.get("isRequired") for each in request.iter(f"{spaces}RequestedAttribute")}
    least = ("PersonIdentifier", "CurrentFamilyName", "CurrentGivenName", "DateOfBirth")
    assert wanted == {f"{person}/{name}": "true" for name in least} | {f"{person}/BirthName": "false"}


def test_words_that_would_do_are_asked_for_exactly(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    row = liar.row()
    registry.ensure_providers([replace(row, asks_assurance=AssuranceAsked.ACR_VALUES)])
    context = asked(open_browser().begin("xx")).find(f"{SAMLP}RequestedAuthnContext")
    assert (context.get("Comparison"), [each.text for each in context]) == ("exact", list(row.acr_levels))
    registry.ensure_providers([replace(row, asks_assurance=AssuranceAsked.NOT_ASKED)])
    assert asked(open_browser().begin("xx")).find(f"{SAMLP}RequestedAuthnContext") is None


@pytest.mark.parametrize(("there", "here"), [(600, 660), (864_000, 43_200)], ids=["sooner", "later"])
def test_no_login_outlives_the_session_that_it_stands_on(
    liar: Liar, open_browser: Callable[[], Visitor], there: int, here: int
) -> None:
    """With the row's leeway; and what the portal allows is not made longer by it."""
    user, one = xenia(), open_browser()
    before = factories.now()
    one.answered(liar, session_ends=f' SessionNotOnOrAfter="{saml.at(there)}"')
    (login,) = logins(user)
    assert abs((login.ends_at - before).total_seconds() - here) < 60
    for again_there in (300, 3000):
        one.answered(liar, {"confirm": "1"}, session_ends=f' SessionNotOnOrAfter="{saml.at(again_there)}"')
        (login,) = logins(user)
        assert abs((login.ends_at - before).total_seconds() - 360) < 60, "a step-up makes it shorter, never longer"


def test_a_session_that_never_ends_ends_as_every_other(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    user, never = xenia(), "9999-12-31T23:59:59Z"
    answer = open_browser().answered(liar, session_ends=f' SessionNotOnOrAfter="{never}"')
    assert answer.status_code == 303
    (login,) = logins(user)
    assert abs(login.ends_at - factories.now() - dt.timedelta(hours=MOST_HOURS)) < dt.timedelta(minutes=1)


@pytest.mark.parametrize("said", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"], ids=["first", "last"])
def test_every_moment_can_be_added_to_and_taken_from(said: str) -> None:
    found = moment(said, "moment")
    assert found - dt.timedelta(days=1) < found < found + dt.timedelta(days=1)


def test_an_attribute_can_be_the_person(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    row = liar.row()
    registry.ensure_providers([replace(row, claim_map={**row.claim_map, "subject": "id"})])
    user, office = xenia(), attribute("office", "XX-1")
    passing = {"format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient", "name": "_for_today"}
    assert open_browser().answered(liar, **passing, attributes=office + attribute("id", "xx-1")).status_code == 303
    assert len(logins(user)) == 1
    for ids in ((), ("xx-1", "xx-2"), (" ",)):
        one = open_browser()
        assert refused(one.answered(liar, **passing, attributes=office + attribute("id", *ids)), 400, "unsound")
        assert told() == "subject"


UNFIT = {
    "hidden": "xx-1\u200b", "direction": "xx-1\u202e", "before": " xx-1", "after": "xx-1 ", "line": "xx-1\n",
    "inside": "xx \u00a0-1", "too long": "x" * 257,
}  # fmt: skip


@pytest.mark.parametrize("subject", UNFIT.values(), ids=UNFIT)
def test_who_could_be_mistaken_for_another_is_refused(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any, subject: str
) -> None:
    """As the name, and as an attribute; nothing is mended, for two people would become one by that."""
    xenia()
    is_refused(open_browser().answered(liar, name=subject), told, "unfit subject")
    row, office = liar.row(), attribute("office", "XX-1")
    registry.ensure_providers([replace(row, claim_map={**row.claim_map, "subject": "id"})])
    is_refused(open_browser().answered(liar, attributes=office + attribute("id", subject)), told, "unfit subject")
    longest = open_browser().answered(liar, attributes=office + attribute("id", "x" * 256))
    assert refused(longest, 403, "unknown"), "so long it may be"


def age(user: User) -> None:
    """Her one login, in which she proved who she is six minutes ago."""
    (login,) = logins(user)
    with transaction():
        login.proved_at = login.authenticated_at = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=6)


def test_she_proves_it_anew_and_her_login_goes_on(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    user, one = xenia(), open_browser()
    one.answered(liar, acr=f"{LOA}/low")
    before = one.cookie()
    age(user)
    address = one.begin("xx", confirm="1")
    request = asked(address)
    assert request.get("ForceAuthn") == "true"
    context = request.find(f"{SAMLP}RequestedAuthnContext")
    assert (context.get("Comparison"), [each.text for each in context]) == ("minimum", [f"{LOA}/high"])
    assert one.arrive(liar.form(address)).status_code == 303
    (login,) = logins(user)
    assert (login.assurance, one.cookie() != before) == (Assurance.HIGH, True)
    assert login.proved_at is not None
    assert dt.datetime.now(dt.UTC) - login.proved_at < dt.timedelta(seconds=30)


@pytest.mark.parametrize(
    ("why", "changes"),
    [
        ("other_person", lambda: {"name": "xx-2"}),
        ("too_weak", lambda: {"acr": f"{LOA}/substantial"}),
        ("not_asked_again", lambda: {"proved": saml.at(-301)}),
    ],
)
def test_less_than_a_new_and_strong_proof_by_her_is_none(
    liar: Liar, open_browser: Callable[[], Visitor], why: str, changes: Callable[[], dict[str, Any]]
) -> None:
    user, one = xenia(), open_browser()
    one.answered(liar)
    age(user)
    cookie = one.cookie()
    answer = one.arrive(liar.form(one.begin("xx", confirm="1"), **changes()))
    assert (answer.status_code, ledger("login.step_up_refused")[-1]["why"]) == (403, why)
    assert (one.cookie(), one.is_signed_in()) == (cookie, True)
    (login,) = logins(user)
    assert login.proved_at is not None
    assert login.proved_at < dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
