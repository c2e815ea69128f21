"""Signing in and out by SAML at a login that lies: each way to be deceived, and none that works."""

import base64
import datetime as dt
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.x509 import load_der_x509_certificate
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from jit_portal.database import session, transaction
from jit_portal.extensions import limiter
from jit_portal.identity import registry, sessions
from jit_portal.identity.models import LoginAttempt, LoginSession, SpentToken, User
from jit_portal.identity.refusals import SignInRefused
from jit_portal.identity.saml import redirects
from jit_portal.identity.saml.assertion import moment
from jit_portal.identity.saml.own import own
from jit_portal.vocabulary import Assurance, AssuranceAsked
from tests import factories, hostile
from tests import hostile_saml as saml
from tests.hostile import Hostile
from tests.hostile_saml import AUDIENCE, ISSUER, SUCCESS, Liar, asked, attribute, first_key, sent_on, status
from tests.providers.simplesaml import CLIENT_ID, LOA, certified
from tests.signing_in import Browser, again, count, ledger, logins, of_xx, refused, xenia

SAMLP, SAML = "{urn:oasis:names:tc:SAML:2.0:protocol}", "{urn:oasis:names:tc:SAML:2.0:assertion}"


@pytest.fixture
def liar(app: Flask, tmp_path: Path) -> Liar:
    """The only login in the register."""
    limiter.reset()
    login = Liar(tmp_path, app.config["SETTINGS"].origin, first_key())
    registry.ensure_providers([login.row()])
    return login


class Visitor(Browser):
    """A browser that goes to the login and comes back with its answer, as browsers do."""

    def arrive(self, form: dict[str, str]) -> TestResponse:
        """The portal's page brings along what came from elsewhere."""
        brought = self.portal.post("/sign-in/xx/acs", data=form, headers={"Sec-Fetch-Site": "cross-site"})
        assert brought.status_code == 200, brought.text
        return self.portal.post("/sign-in/xx/callback", data=sent_on(brought.text))

    def answered(self, liar: Liar, query: Any = None, **changes: Any) -> TestResponse:
        """Sign in, with these parts of the answer changed."""
        return self.arrive(liar.form(self.begin("xx", **(query or {})), **changes))

    def changed(self, liar: Liar, change: Callable[[str], str], **changes: Any) -> TestResponse:
        """Sign in with an answer that somebody changed after it was signed."""
        address = self.begin("xx")
        document = liar.response(address, **changes)
        other = change(document)
        assert other != document, "nothing was changed"
        return self.arrive(liar.form(address, other))


@pytest.fixture
def open_browser(app: Flask) -> Callable[[], Visitor]:
    return lambda: Visitor(app)


def is_refused(answer: TestResponse, told: Callable[[], str], detail: str, why: str = "unsound") -> None:
    """It is said kindly and on record, nobody signed in, and this was the reason and no other."""
    status = 403 if why == "assurance" else 400
    assert refused(answer, status, why)
    assert (told(), logins()) == (detail, [])


# --- a person signs in


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
    assert abs(login.ends_at - factories.now() - sessions.ABSOLUTE) < dt.timedelta(minutes=1)


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


# --- what is not sound


BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
ELSEWHERE = "https://evil.test/acs"


@pytest.mark.parametrize(
    ("detail", "changes"),
    [
        ("answer to another request", lambda: {"answers_to": "_other"}),
        ("answer to another request", lambda: {"confirmed_to": "_other"}),
        ("destination", lambda: {"destination": f' Destination="{ELSEWHERE}"'}),
        ("recipient", lambda: {"recipient": f' Recipient="{ELSEWHERE}"'}),
        ("recipient", lambda: {"recipient": ""}),
        ("audience", lambda: {"audience": AUDIENCE.format("https://other.test/saml")}),
        ("audience", lambda: {"audience": ""}),
        ("audience", lambda: {"audience": AUDIENCE.format(CLIENT_ID) + AUDIENCE.format("https://other.test/saml")}),
        ("issuer", lambda: {"issuer": "https://login.yy.test/saml"}),
        ("issuer", lambda: {"response_issuer": "https://login.yy.test/saml"}),
        ("issuer", lambda: {"issued_by": ""}),
        ("issuer", lambda: {"response_issued_by": ""}),
        ("over: confirmation", lambda: {"until": saml.at(-61)}),
        ("over: conditions", lambda: {"ends": saml.at(-61)}),
        ("over: made long ago", lambda: {"made": saml.at(-361)}),
        ("over: made long ago", lambda: {"response_made": saml.at(-361)}),
        ("over: session", lambda: {"session_ends": f' SessionNotOnOrAfter="{saml.at(-61)}"'}),
        ("lies ahead", lambda: {"made": saml.at(90)}),
        ("lies ahead", lambda: {"response_made": saml.at(90)}),
        ("lies ahead: conditions", lambda: {"begins": saml.at(90)}),
        ("moment of proof lies ahead", lambda: {"proved": saml.at(90)}),
        ("moment of proof", lambda: {"proved": "2026-11-27T05:00:00+01:00"}),
        ("moment of proof", lambda: {"proved": "2026-02-30T05:00:00Z"}),
        ("confirmation", lambda: {"method": "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"}),
        ("confirmation", lambda: {"confirmation": ""}),
        ("confirmation", lambda: {"not_before": f' NotBefore="{saml.at(-60)}"'}),
        ("conditions", lambda: {"conditions": ""}),
        ("conditions", lambda: {"more_conditions": "<saml:Condition/>"}),
        ("conditions", lambda: {"ends": "tomorrow"}),
        ("statement", lambda: {"statement": ""}),
        ("version", lambda: {"version": "1.1"}),
        ("name", lambda: {"name": " "}),
        ("a name that is not for good", lambda: {"format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"}),
        ("a name that is not for good", lambda: {"format": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"}),
        ("a name that is not for good", lambda: {"qualifier": ' NameQualifier="https://login.yy.test/saml"'}),
        ("a name that is not for good", lambda: {"qualifier": ' SPNameQualifier="https://other.test/saml"'}),
        ("unsigned", lambda: {"signature": ""}),
        ("algorithm", lambda: {"signature_method": "http://www.w3.org/2000/09/xmldsig#rsa-sha1"}),
        ("algorithm", lambda: {"signature_method": f"{saml.MORE}#rsa-sha512"}),
        ("algorithm", lambda: {"digest": "http://www.w3.org/2000/09/xmldsig#sha1"}),
    ],
)  # fmt: skip
def test_what_is_not_sound_signs_nobody_in(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any, detail: str, changes: Callable[[], dict[str, Any]]
) -> None:
    xenia()
    is_refused(open_browser().answered(liar, **changes()), told, detail)


def test_leeway_is_the_rows(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    xenia()
    late = {"until": saml.at(-20), "ends": saml.at(-20)}
    assert open_browser().answered(liar, **late).status_code == 303
    registry.ensure_providers([replace(liar.row(), leeway=10)])
    assert refused(open_browser().answered(liar, **late), 400, "unsound")
    assert told() == "over: confirmation"


@pytest.mark.parametrize("acr", ["", "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", f"{LOA}/highest"])
def test_a_strength_that_the_row_does_not_name_is_none(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any, acr: str
) -> None:
    xenia()
    is_refused(open_browser().answered(liar, acr=acr), told, f"acr is missing or not in the row: {acr}", "assurance")


@pytest.mark.parametrize("offices", [("XX-9",), ("XX-1", "XX-2"), ()])
def test_of_several_authorities_none_counts(
    liar: Liar, open_browser: Callable[[], Visitor], offices: tuple[str, ...]
) -> None:
    xenia()
    answer = open_browser().answered(liar, attributes=attribute("given", "Xenia") + attribute("office", *offices))
    assert refused(answer, 403, "authority")


def failing(word: str) -> str:
    inner = f'<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{word}"/>'
    return f'<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder">{inner}</samlp:StatusCode>'


def test_what_was_stopped_at_the_login_is_said_so(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    xenia()
    nothing = {"status": failing("AuthnFailed"), "assertion": "", "signature": ""}
    is_refused(open_browser().answered(liar, **nothing), told, "AuthnFailed", "cancelled")
    is_refused(open_browser().answered(liar, status=failing("NoAuthnContext")), told, "NoAuthnContext", "cancelled")
    is_refused(open_browser().answered(liar, status=""), told, "no status", "cancelled")


# --- signatures


def test_another_key_is_nobodys(liar: Liar, open_browser: Callable[[], Visitor], told: Any, tmp_path: Path) -> None:
    """Whether it brings its own certificate along, or names the one that is pinned."""
    xenia()
    (tmp_path / "other").mkdir()
    other = Liar(tmp_path / "other", liar.origin)
    is_refused(open_browser().answered(other), told, "signature: SignatureError")
    is_refused(open_browser().answered(other, certificate=liar.certificate), told, "signature: SignatureError")


def test_a_key_that_the_row_no_longer_pins_is_refused(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any, tmp_path: Path
) -> None:
    xenia()
    assert open_browser().answered(liar).status_code == 303
    (tmp_path / "next").mkdir()
    after = Liar(tmp_path / "next", liar.origin, made=1)
    registry.ensure_providers([after.row()])
    one = open_browser()
    assert refused(one.answered(liar), 400, "unsound")
    assert told().startswith("signature: ")
    assert open_browser().answered(after).status_code == 303


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (">xx-1<", ">xx-2<"),
        (">XX-1<", ">XX-2<"),
        ("LoA/high<", "LoA/low<"),
        ('SessionIndex="session-1"', 'SessionIndex="session-2"'),
        ("<saml:AttributeStatement>", '<saml:AttributeStatement><saml:Attribute Name="more"/>'),
    ],
)
def test_what_was_changed_after_it_was_signed_is_refused(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any, before: str, after: str
) -> None:
    xenia()
    is_refused(
        open_browser().changed(liar, lambda text: text.replace(before, after)), told, "signature: SignatureError"
    )


def test_a_stripped_signature_is_none(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    xenia()
    strip = re.compile("<ds:Signature .*?</ds:Signature>", re.DOTALL)
    is_refused(open_browser().changed(liar, lambda text: strip.sub("", text)), told, "unsigned")


def test_a_signed_response_does_not_sign_the_assertion(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any
) -> None:
    xenia()
    one = open_browser()
    address = one.begin("xx")
    seal = {"method": saml.RSA_SHA256, "digest": saml.SHA256, "certificate": liar.certificate}
    sealed = saml.SIGNATURE.format(id="_r1", **seal)
    parts = liar.parts(address, signature="", response_signature=sealed, response_id="_r1")
    document = saml.RESPONSE.format(**parts)
    is_refused(one.arrive(liar.form(address, liar.sign(document, "_r1"))), told, "unsigned")


def part(text: str, pattern: str) -> str:
    found = re.search(pattern, text, re.DOTALL)
    assert found, pattern
    return found[0]


def twisted(text: str, shape: str) -> str:
    """The known ways to wrap a signed assertion, so that one reader checks it and another reads a forged one."""
    signed = part(text, "<saml:Assertion .*</saml:Assertion>")
    seal = part(signed, "<ds:Signature .*?</ds:Signature>")
    bare = signed.replace(seal, "")
    id, subject, end = part(signed, 'ID="[^"]+"'), "<saml:Subject>", "</saml:Assertion>"
    forged = bare.replace(id, 'ID="_forged"').replace(">xx-1<", ">xx-2<")
    twin = bare.replace(">xx-1<", ">xx-2<")

    def sealed(by: str, holding: str = "") -> str:
        """The forged one under the true one's signature, which holds something besides."""
        held = f"<ds:Object>{holding}</ds:Object></ds:Signature>" if holding else "</ds:Signature>"
        return by.replace(subject, seal.replace("</ds:Signature>", held) + subject)

    status = "<samlp:Status>"
    ways = {
        "before": {signed: forged + signed},
        "after": {signed: signed + forged},
        "inside": {signed: forged.replace(subject, signed + subject)},
        "bare in an object": {signed: sealed(forged, bare)},
        "signed in an object": {signed: sealed(forged, signed)},
        "in extensions": {signed: forged, status: f"<samlp:Extensions>{signed}</samlp:Extensions>{status}"},
        "elsewhere alone": {signed: "", status: f"<samlp:Extensions>{signed}</samlp:Extensions>{status}"},
        "twin": {signed: twin + signed},
        "twin with advice": {signed: sealed(twin).replace(end, f"<saml:Advice>{bare}</saml:Advice>{end}")},
        "whole in an object": {signed: f"{forged}<ds:Object>{text.partition('?>')[2]}</ds:Object>"},
        "seal beside": {signed: forged, status: seal + status},
    }
    for before, after in ways[shape].items():
        text = text.replace(before, after, 1)
    return text


@pytest.mark.parametrize(
    ("shape", "detail"),
    [
        ("before", "assertions"),
        ("after", "assertions"),
        ("inside", "assertions"),
        ("bare in an object", "assertions"),
        ("signed in an object", "assertions"),
        ("in extensions", "assertions"),
        ("elsewhere alone", "assertions"),
        ("twin", "the same id twice"),
        ("twin with advice", "the same id twice"),
        ("whole in an object", "the same id twice"),
        ("seal beside", "unsigned"),
    ],
)
def test_a_wrapped_assertion_is_refused(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any, shape: str, detail: str
) -> None:
    xenia()
    is_refused(open_browser().changed(liar, lambda text: twisted(text, shape)), told, detail)


CANONICAL = '<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"'
TRANSFORM = '<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"'


@pytest.mark.parametrize(
    ("detail", "before", "after"),
    [
        ("signature of another thing", r'URI="#_a1"', 'URI=""'),
        ("signature of another thing", r'URI="#_a1"', 'URI="#_r1"'),
        ("signature of several things", "</ds:SignedInfo>", '<ds:Reference URI="#_r1"/></ds:SignedInfo>'),
        ("signature of several things", "</ds:KeyInfo>", "</ds:KeyInfo><ds:Object/>"),
        ("signature of several things", "</ds:KeyInfo>", "</ds:KeyInfo><ds:Manifest/>"),
        (
            "signature of something transformed", r"</ds:Transforms>",
            '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/></ds:Transforms>',
        ),
        ("signature of something transformed", TRANSFORM, TRANSFORM.replace('#"', '#WithComments"')),
        ("signature of something transformed", CANONICAL, CANONICAL.replace('#"', '#WithComments"')),
        ("signatures", "<samlp:Status>", "<samlp:Status><ds:Signature/>"),
        ("signatures", "</ds:Signature>", "</ds:Signature><ds:Signature/>"),
        ("encrypted", "<samlp:Status>", "<saml:EncryptedAssertion/><samlp:Status>"),
        ("encrypted", "</saml:AttributeStatement>", "<saml:EncryptedAttribute/></saml:AttributeStatement>"),
        ("no response", "samlp:Response", "samlp:ArtifactResponse"),
    ],
)  # fmt: skip
def test_a_signature_that_is_not_made_as_agreed_is_refused_unread(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any, detail: str, before: str, after: str
) -> None:
    xenia()
    is_refused(open_browser().changed(liar, lambda text: text.replace(before, after)), told, detail)


# --- documents


BOMB = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("detail", "change"),
    [
        ("comment", lambda text: text.replace(">xx-1<", ">xx-1<!-- -->.evil<")),
        ("comment", lambda text: text.replace(">xx-1<", "><!---->xx-1<")),
        ("comment", lambda text: text + "<!-- the end -->"),
        ("instruction", lambda text: text.replace(">xx-1<", ">xx-1<?php ?><")),
        ("document type: DTDForbidden", lambda text: text.replace("<samlp:Response", "<!DOCTYPE r><samlp:Response")),
        (
            "document type: DTDForbidden",
            lambda text: text.replace("<samlp:Response", BOMB + "<samlp:Response").replace(">xx-1<", ">&b;<"),
        ),
        (
            "document type: DTDForbidden",
            lambda text: text.replace("<samlp:Response", OUTSIDE + "<samlp:Response").replace(">xx-1<", ">&a;<"),
        ),
        ("encoding", lambda text: '<?xml version="1.0" encoding="UTF-16"?>' + text.partition("?>")[2]),
        ("encoding", lambda text: '<?xml version="1.1"?>' + text.partition("?>")[2]),
        ("no document", lambda text: text.rstrip()[:-1]),
        ("no document", lambda text: text + "<more/>"),
        ("no document", lambda text: "Bonjour"),
        ("name", lambda text: text.replace(">xx-1<", ">xx-1<b/><")),
    ],
)
def test_a_document_that_could_be_read_in_two_ways_is_refused(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any, detail: str, change: Callable[[str], str]
) -> None:
    xenia()
    is_refused(open_browser().changed(liar, change), told, detail)


def test_a_comment_that_was_signed_is_refused_too(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    """A signature of what is canonical does not see it; readers part the text there."""
    xenia()
    is_refused(open_browser().answered(liar, name="xx-1<!-- -->.evil"), told, "comment")


def test_what_is_no_text_is_refused(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    xenia()
    for said in ("%%%", "", "é"):
        one = open_browser()
        form = {**liar.form(one.begin("xx")), "SAMLResponse": said}
        is_refused(one.arrive(form), told, "no document" if not said else "encoding")
    ways: tuple[tuple[Callable[[str], bytes], str], ...] = (
        (lambda _: b"\xff<a/>", "no document"),
        (lambda text: text.partition("?>")[2].encode("utf-16"), "encoding"),
        (lambda text: text.partition("?>")[2].encode("utf-16-le"), "encoding"),
        (lambda text: f'\ufeff<?xml version="1.0" encoding="latin-1"?>{text.partition("?>")[2]}'.encode(), "encoding"),
    )
    for written, detail in ways:
        one = open_browser()
        address = one.begin("xx")
        sent = liar.form(address) | {"SAMLResponse": base64.b64encode(written(liar.response(address))).decode()}
        is_refused(one.arrive(sent), told, detail)


def test_what_is_too_long_is_not_read(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    one = open_browser()
    form = {**liar.form(one.begin("xx")), "SAMLResponse": "A" * 70_000}
    assert one.portal.post("/sign-in/xx/acs", data=form).status_code == 413
    assert one.portal.post("/sign-in/xx/callback", data=form).status_code == 413


# --- once, and in its own browser


def test_an_answer_works_once(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    user, one = xenia(), open_browser()
    form = liar.form(one.begin("xx"))
    assert one.arrive(form).status_code == 303
    assert refused(one.arrive(form), 400, "over")
    one.begin("xx")
    assert refused(one.arrive(form), 400, "over")
    assert len(logins(user)) == 1


def test_an_answer_to_one_sign_in_is_none_to_the_next(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any
) -> None:
    xenia()
    one, victim = open_browser(), open_browser()
    stolen = liar.form(one.begin("xx"))
    form = {**liar.form(victim.begin("xx")), "SAMLResponse": stolen["SAMLResponse"]}
    is_refused(victim.arrive(form), told, "answer to another request")


def test_an_assertion_counts_once_whatever_it_answers(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any
) -> None:
    user = xenia()
    assert open_browser().answered(liar, assertion_id="_again").status_code == 303
    assert refused(open_browser().answered(liar, assertion_id="_again"), 400, "unsound")
    assert (told(), len(logins(user))) == ("played again", 1)
    assert count(SpentToken) == 1
    with transaction():
        session().execute(update(SpentToken).values(expires_at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)))
    assert open_browser().answered(liar).status_code == 303
    assert count(SpentToken) == 1, "those that are over are forgotten"


def test_an_assertion_that_is_just_over_counts_once_too(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any
) -> None:
    """Its id is kept as long as the row's leeway lets it count."""
    user, late = xenia(), {"assertion_id": "_late", "until": saml.at(-20), "ends": saml.at(-20)}
    assert open_browser().answered(liar, **late).status_code == 303
    assert refused(open_browser().answered(liar, **late), 400, "unsound")
    assert (told(), len(logins(user))) == ("played again", 1)


def test_an_answer_works_in_the_browser_that_asked_only(
    liar: Liar, open_browser: Callable[[], Visitor], told: Any
) -> None:
    """Nobody is signed in as somebody else by a form that another page sends (login CSRF)."""
    xenia()
    one, bare, other = open_browser(), open_browser(), open_browser()
    form = liar.form(one.begin("xx"))
    other.begin("xx")
    for somebody in (bare, other):
        is_refused(somebody.arrive(form), told, "no such attempt in this browser", "over")
    assert one.arrive(form).status_code == 303


def test_what_comes_from_elsewhere_is_never_read_there(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    xenia()
    one = open_browser()
    form = liar.form(one.begin("xx"))
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://login.xx.test"}):
        assert one.portal.post("/sign-in/xx/callback", data=form, headers=headers).status_code == 403
    page = open_browser().portal.post("/sign-in/xx/acs", data=form, headers={"Origin": "https://login.xx.test"})
    assert (page.status_code, logins()) == (200, [])
    assert page.headers.getlist("Set-Cookie") == [], "no cookie of the portal's is there, and none may be lost"
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    assert one.arrive(form).status_code == 303


def test_the_page_on_the_way_shows_what_came_as_text(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    hostile = '"><script>alert(1)</script>'
    page = open_browser().portal.post("/sign-in/xx/acs", data={"SAMLResponse": hostile, "RelayState": hostile})
    assert "<script>alert" not in page.text
    assert sent_on(page.text) == {"SAMLResponse": hostile, "RelayState": hostile}


@pytest.fixture
def other(liar: Liar) -> Iterator[Hostile]:
    """A login of country YY, which speaks OpenID Connect, beside that of XX."""
    with hostile.running() as issuer:
        row = replace(of_xx(issuer), slug="yy", country="YY", uses_par=False)
        registry.ensure_providers([liar.row(), row])
        yield issuer


def test_a_login_of_the_other_protocol_is_not_met_where_saml_is_spoken(
    liar: Liar, other: Hostile, open_browser: Callable[[], Visitor]
) -> None:
    xenia()
    one = open_browser()
    ours, theirs = one.begin("xx"), one.begin("yy")
    (state,) = parse_qs(urlsplit(theirs).query)["state"]
    for form in (liar.form(ours), {**liar.form(ours), "RelayState": state}):
        for slug in ("yy", "nowhere"):
            assert one.portal.post(f"/sign-in/{slug}/acs", data=form).status_code == 404
            assert one.portal.post(f"/sign-in/{slug}/callback", data=form).status_code == 404
    for query in (liar.logout(), liar.parting(ours)):
        assert one.portal.get(f"/sign-in/yy/logout?{query}").status_code == 404
    assert (logins(), ledger("login.refused"), ledger("login.end_refused")) == ([], [], [])
    assert refused(one.come_back("yy", other.callback(theirs)), 403, "unknown"), "her own answer is still waited for"


def test_a_login_that_speaks_saml_is_not_met_where_the_other_protocol_is_spoken(
    liar: Liar, other: Hostile, open_browser: Callable[[], Visitor]
) -> None:
    xenia()
    one, two = open_browser(), open_browser()
    one.answered(liar)
    for word in (liar.logout(), other.logout_token(), other.logout_token(iss=ISSUER, aud=CLIENT_ID, sub="xx-1"), ""):
        assert one.portal.post("/sign-in/xx/logout", data={"logout_token": word}).status_code == 404
    (state,) = parse_qs(urlsplit(two.begin("xx")).query)["RelayState"]
    for query in ({"code": "c"}, {"code": "c", "iss": ISSUER}, {"code": "c", "iss": other.issuer}, {"error": "e"}):
        answer = two.portal.get("/sign-in/xx/callback", query_string={"state": state, **query})
        assert answer.status_code == 400
    assert [each["why"] for each in ledger("login.refused")] == ["mixed_up", "over", "over", "over"]
    assert (one.is_signed_in(), two.is_signed_in(), ledger("login.end_refused")) == (True, False, [])


def test_whoever_keeps_bringing_answers_must_wait(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    one = open_browser()
    said = [one.portal.post("/sign-in/xx/acs", data={}).status_code for _ in range(121)]
    assert said == [200] * 120 + [429]


def test_whoever_keeps_failing_must_wait(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    """With answers, and with word of a sign-out."""
    one = open_browser()
    asking: tuple[Callable[[], TestResponse], ...] = (
        lambda: one.portal.post("/sign-in/xx/callback", data={}),
        lambda: one.portal.get("/sign-in/xx/logout?SAMLRequest=x"),
    )
    for ask in asking:
        assert [ask().status_code for _ in range(21)] == [400] * 20 + [429]


def test_a_code_is_no_answer_of_this_login(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    xenia()
    one = open_browser()
    form = liar.form(one.begin("xx"))
    answer = one.portal.get(
        "/sign-in/xx/callback", query_string={"state": form["RelayState"], "code": form["SAMLResponse"]}
    )
    is_refused(answer, told, "an answer of another kind", "mixed_up")


def test_an_answer_that_nobody_asked_for_is_refused(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    xenia()
    one = open_browser()
    form = {**liar.form(one.begin("xx")), "RelayState": "/exhibits"}
    is_refused(one.arrive(form), told, "no such attempt in this browser", "over")


def test_a_sign_in_is_over_after_ten_minutes(liar: Liar, open_browser: Callable[[], Visitor], told: Any) -> None:
    xenia()
    one = open_browser()
    form = liar.form(one.begin("xx"))
    with transaction():
        session().execute(update(LoginAttempt).values(expires_at=LoginAttempt.expires_at - dt.timedelta(minutes=10)))
    is_refused(one.arrive(form), told, "no such attempt in this browser", "over")


# --- proving it anew


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


# --- signing out


def test_signing_out_here_signs_out_there(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    xenia()
    one = open_browser()
    one.answered(liar, qualifier=f' NameQualifier="{ISSUER}"')
    onward = one.post("/sign-out").headers["Refresh"].removeprefix("0; url=")
    assert onward.startswith(f"{saml.SIGN_OUT}?")
    request = asked(onward)
    name = request.find(f"{SAML}NameID")
    assert (name.text, name.get("NameQualifier"), name.get("SPNameQualifier")) == ("xx-1", ISSUER, None)
    assert request.findtext(f"{SAMLP}SessionIndex") == "session-1"
    assert request.get("Destination") == saml.SIGN_OUT
    assert not one.is_signed_in()
    back = one.portal.get(f"/sign-in/xx/logout?{liar.parting(onward)}")
    assert (back.status_code, back.headers["Location"]) == (303, "/signed-out")
    assert "may still know you" not in one.portal.get("/signed-out").text
    assert ledger("login.end_unconfirmed") == []


PARTLY = SUCCESS.replace("/>", f">{SUCCESS.replace('Success', 'PartialLogout')}</samlp:StatusCode>")


def without(query: str) -> str:
    return query.partition("&Signature=")[0]


UNCONFIRMED: list[tuple[str, str, dict[str, Callable[[], Any]]]] = [
    ("unsigned", "unsound", {"written": lambda: without}),
    ("signature", "unsound", {"key": lambda: rsa.generate_private_key(65537, 2048)}),
    ("signature", "unsound", {"written": lambda: lambda query: query.replace("RelayState=", "RelayState=x")}),
    ("algorithm", "unsound", {"method": lambda: "http://www.w3.org/2000/09/xmldsig#rsa-sha1"}),
    ("logout response", "unsound", {"issuer": lambda: "https://login.yy.test/saml"}),
    ("logout response", "unsound", {"kind": lambda: "Response"}),
    ("answer to another request", "unsound", {"to": lambda: "_other"}),
    ("destination", "unsound", {"destination": lambda: f' Destination="{ELSEWHERE}"'}),
    ("destination", "unsound", {"destination": lambda: ""}),
    ("over: made long ago", "unsound", {"made": lambda: saml.at(-361)}),
    ("lies ahead", "unsound", {"made": lambda: saml.at(90)}),
    ("AuthnFailed", "cancelled", {"status": lambda: failing("AuthnFailed")}),
    ("PartialLogout", "cancelled", {"status": lambda: PARTLY}),
    ("no status", "cancelled", {"status": lambda: ""}),
]


@pytest.mark.parametrize(
    ("detail", "why", "changes"), UNCONFIRMED, ids=[f"{at} {each[0]}" for at, each in enumerate(UNCONFIRMED)]
)
def test_who_may_still_be_known_there_is_told_so(
    liar: Liar,
    open_browser: Callable[[], Visitor],
    caplog: pytest.LogCaptureFixture,
    detail: str,
    why: str,
    changes: dict[str, Callable[[], Any]],
) -> None:
    """Signed out here she is whatever the login answers, and who is signed in there is for it alone to say."""
    xenia()
    one = open_browser()
    one.answered(liar)
    onward = one.post("/sign-out").headers["Refresh"].removeprefix("0; url=")
    said = liar.parting(onward, **{name: make() for name, make in changes.items()})
    back = one.portal.get(f"/sign-in/xx/logout?{said}", follow_redirects=True)
    assert (back.status_code, back.request.path) == (200, "/signed-out")
    assert "may still know you in this browser." in back.text
    in_french = one.portal.get(f"/signed-out?{back.request.query_string.decode()}", headers={"Accept-Language": "fr"})
    assert "encore dans ce navigateur" in in_french.text
    assert ledger("login.end_unconfirmed") == [{"why": why}]
    assert [each.detail for each in caplog.records if hasattr(each, "detail")] == [detail]
    assert not one.is_signed_in()


def test_an_answer_to_a_logout_counts_once_and_in_its_own_browser(
    liar: Liar, open_browser: Callable[[], Visitor]
) -> None:
    xenia()
    one, other, fresh = open_browser(), open_browser(), open_browser()
    onwards = []
    for each in (one, other):
        each.answered(liar)
        onwards.append(each.post("/sign-out").headers["Refresh"].removeprefix("0; url="))
    said, unsure = liar.parting(onwards[0]), "/signed-out?unconfirmed=xx"
    for somebody in (other, fresh):
        assert somebody.portal.get(f"/sign-in/xx/logout?{said}").headers["Location"] == unsure
    assert one.portal.get(f"/sign-in/xx/logout?{said}").headers["Location"] == "/signed-out"
    assert one.portal.get(f"/sign-in/xx/logout?{said}").headers["Location"] == unsure
    assert len(ledger("login.end_unconfirmed")) == 1, "what nobody waits for is not on record"


def test_the_login_ends_what_it_says_is_over(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    user, one, other = xenia(), open_browser(), open_browser()
    one.answered(liar)
    other.answered(liar, session="session-2")
    answer = open_browser().portal.get(f"/sign-in/xx/logout?{liar.logout()}")
    assert answer.status_code == 303
    assert (one.is_signed_in(), other.is_signed_in()) == (False, True)
    assert [login.ended_because for login in logins(user)] == ["signed_out_at_provider", None]
    onward = answer.headers["Location"]
    assert onward.startswith(f"{saml.SIGN_OUT}/done?")
    response = asked(onward)
    assert (response.tag, response.get("InResponseTo")) == (f"{SAMLP}LogoutResponse", f"_l{liar.made}")
    assert parse_qs(urlsplit(onward).query)["RelayState"] == ["back"]
    assert "Signature" in parse_qs(urlsplit(onward).query)


ONE = "<samlp:SessionIndex>session-1</samlp:SessionIndex>"


@pytest.mark.parametrize("sessions", ["", ONE + ONE], ids=["none", "two"])
def test_without_one_session_all_of_hers_end_and_nobody_elses(
    liar: Liar, open_browser: Callable[[], Visitor], sessions: str
) -> None:
    user, one, other = xenia(), open_browser(), open_browser()
    one.answered(liar)
    other.answered(liar, session="session-2")
    of_another = liar.logout(name="xx-2", sessions=sessions)
    assert open_browser().portal.get(f"/sign-in/xx/logout?{of_another}").status_code == 303
    assert (one.is_signed_in(), other.is_signed_in()) == (True, True)
    assert open_browser().portal.get(f"/sign-in/xx/logout?{liar.logout(sessions=sessions)}").status_code == 303
    assert [login.ended_because for login in logins(user)] == ["signed_out_at_provider"] * 2


TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
OURS, THEIRS = ({"qualifier": f' {kind}NameQualifier="{of}"'} for kind, of in (("SP", CLIENT_ID), ("", ISSUER)))
BOTH = {"qualifier": OURS["qualifier"] + THEIRS["qualifier"]}
ELSE = {"qualifier": ' SPNameQualifier="https://other.test/saml"'}


@pytest.mark.parametrize(
    ("at_sign_in", "at_logout"),
    [
        pytest.param(THEIRS, {}, id="a qualifier at the sign-in"),
        pytest.param({}, THEIRS, id="a qualifier at the logout"),
        pytest.param(BOTH, {}, id="both at the sign-in"),
        pytest.param({}, BOTH, id="both at the logout"),
        pytest.param(OURS, THEIRS, id="one at each"),
        pytest.param({"format": ""}, {}, id="a form at the logout"),
        pytest.param({}, {"format": ""}, id="a form at the sign-in"),
        pytest.param({}, {"format": UNSPECIFIED}, id="no form in particular"),
        pytest.param({"session": ""}, {}, id="a session at the logout"),
    ],
)
def test_what_one_of_two_names_leaves_out_the_other_may_say(
    liar: Liar, open_browser: Callable[[], Visitor], at_sign_in: dict[str, str], at_logout: dict[str, str]
) -> None:
    xenia()
    one = open_browser()
    assert one.answered(liar, **at_sign_in).status_code == 303
    answer = open_browser().portal.get(f"/sign-in/xx/logout?{liar.logout(**at_logout)}")
    assert (one.is_signed_in(), status(answer.headers["Location"])) == (False, ["Success"])


@pytest.mark.parametrize(
    ("at_sign_in", "at_logout"),
    [
        pytest.param({}, {"name": "xx-2"}, id="somebody else"),
        pytest.param({}, {"name": "xx-1_"}, id="a longer name"),
        pytest.param({}, {"name": "xx-"}, id="a shorter name"),
        pytest.param({}, {"name": "xx%"}, id="a pattern"),
        pytest.param({}, {"format": TRANSIENT}, id="another form"),
        pytest.param(OURS, ELSE, id="a name at another portal"),
        pytest.param(BOTH, {"qualifier": ' NameQualifier="https://login.yy.test/saml"'}, id="a name of another login"),
        pytest.param({}, {"sessions": "<samlp:SessionIndex>session-2</samlp:SessionIndex>"}, id="another session"),
    ],
)
def test_of_whom_nobody_knows_the_login_is_told_so(
    liar: Liar, open_browser: Callable[[], Visitor], at_sign_in: dict[str, str], at_logout: dict[str, str]
) -> None:
    xenia()
    one = open_browser()
    assert one.answered(liar, **at_sign_in).status_code == 303
    answer = open_browser().portal.get(f"/sign-in/xx/logout?{liar.logout(**at_logout)}")
    assert (one.is_signed_in(), status(answer.headers["Location"])) == (True, ["Requester", "UnknownPrincipal"])


def test_who_idled_out_before_is_signed_out_as_was_asked(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    user, one = xenia(), open_browser()
    one.answered(liar)
    with transaction():
        session().execute(update(LoginSession).values(last_seen_at=factories.now() - dt.timedelta(minutes=31)))
    answer = open_browser().portal.get(f"/sign-in/xx/logout?{liar.logout()}")
    assert (status(answer.headers["Location"]), [login.ended_because for login in logins(user)]) == (
        ["Success"],
        [None],
    )


def unpacked(query: str, change: Callable[[str], str]) -> str:
    (packed,) = parse_qs(query)["SAMLRequest"]
    document = zlib.decompress(base64.b64decode(packed), -15).decode()
    assert change(document) != document
    packer = zlib.compressobj(wbits=-15)
    again = packer.compress(change(document).encode()) + packer.flush()
    return query.replace(quote_plus(packed), quote_plus(base64.b64encode(again).decode()))


@pytest.mark.parametrize(
    ("detail", "changes"),
    [
        ("unsigned", lambda: {"written": without}),
        ("signature", lambda: {"written": lambda query: unpacked(query, lambda text: text.replace("xx-1", "xx-2"))}),
        ("signature", lambda: {"written": lambda query: query.replace("RelayState=back", "RelayState=else")}),
        ("signature", lambda: {"key": rsa.generate_private_key(65537, 2048)}),
        ("algorithm", lambda: {"method": "http://www.w3.org/2000/09/xmldsig#rsa-sha1"}),
        ("the same parameter twice", lambda: {"written": lambda query: f"SAMLRequest=AAAA&{query}"}),
        ("encoding", lambda: {"written": lambda query: query + "%%"}),
        ("destination", lambda: {"destination": ELSEWHERE}),
        ("logout request", lambda: {"issuer": "https://login.yy.test/saml"}),
        ("over: logout request", lambda: {"made": saml.at(-361)}),
        ("over: logout request", lambda: {"made": saml.at(90)}),
        ("over: logout request", lambda: {"ends": f' NotOnOrAfter="{saml.at(-61)}"'}),
        ("comment", lambda: {"name": "xx-1<!-- -->"}),
        ("name", lambda: {"name": ""}),
        ("document type: DTDForbidden", lambda: {"document": "<!DOCTYPE r><r/>"}),
        ("too long", lambda: {"document": "<r>" + " " * 10_000_000 + "</r>"}),
        ("logout request", lambda: {"document": "<r/>"}),
        ("logout request", lambda: {"kind": "ManageNameIDRequest"}),
    ],
)
def test_what_is_no_sound_word_ends_nothing(
    liar: Liar,
    open_browser: Callable[[], Visitor],
    caplog: pytest.LogCaptureFixture,
    detail: str,
    changes: Callable[[], dict[str, Any]],
) -> None:
    xenia()
    one = open_browser()
    one.answered(liar)
    answer = open_browser().portal.get(f"/sign-in/xx/logout?{liar.logout(**changes())}")
    assert (answer.status_code, 'id="reason"' in answer.text) == (400, True)
    assert ledger("login.end_refused") == [{"why": "unsound"}]
    assert [each.detail for each in caplog.records if hasattr(each, "detail")][-1] == detail
    assert one.is_signed_in()


def test_a_word_is_heard_once_and_only_where_the_row_says(liar: Liar, open_browser: Callable[[], Visitor]) -> None:
    user, query = xenia(), liar.logout()
    one = open_browser()
    assert one.portal.get(f"/sign-in/xx/logout?{query}").status_code == 303
    one.answered(liar)
    assert one.portal.get(f"/sign-in/xx/logout?{query}").status_code == 400
    registry.ensure_providers([replace(liar.row(), has_back_channel_logout=False)])
    assert one.portal.get(f"/sign-in/xx/logout?{liar.logout()}").status_code == 400
    assert [login.ended_at for login in logins(user)] == [None]


def test_a_redirect_is_read_under_elliptic_curves_too() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = certified(key)
    query = f"SAMLRequest=S04tKgYA&SigAlg={quote_plus(saml.MORE + '#ecdsa-sha256')}"
    r, s = utils.decode_dss_signature(key.sign(query.encode(), ec.ECDSA(hashes.SHA256())))
    raw = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
    query += f"&Signature={quote_plus(raw)}"
    with pytest.raises(SignInRefused, match="unsound"):
        redirects.taken(query.replace("S04", "S05"), "SAMLRequest", ["ES256"], [certificate])
    assert redirects.taken(query, "SAMLRequest", ["ES256"], [certificate])
