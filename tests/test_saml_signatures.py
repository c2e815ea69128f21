"""What a SAML login signed and what it did not, and documents that do harm."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jit_portal.identity import registry
from tests import hostile_saml as saml
from tests.hostile_saml import Liar
from tests.saml_visitor import Visitor, is_refused, liar, open_browser, other, twisted
from tests.signing_in import refused, xenia

__all__ = ["liar", "open_browser", "other"]


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
