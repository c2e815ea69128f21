"""Assertions that come encrypted: to the portal's key, by what is sound; believed no more than those in the clear."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import load_der_x509_certificate
from defusedxml.ElementTree import fromstring
from flask import Flask
from werkzeug.test import TestResponse

from jit_portal.identity import protocols, registry
from jit_portal.identity.saml.own import own
from tests import hostile_saml as saml
from tests.hostile_saml import OLD, SEALED_KEY, XENC, XENC11, Liar, encrypted, encrypted_by_xmlsec
from tests.saml_visitor import Visitor, is_refused, liar, open_browser, part, twisted
from tests.signing_in import logins, xenia

__all__ = ["liar", "open_browser"]

Open = Callable[[], Visitor]
ASSERTION = "<saml:Assertion .*</saml:Assertion>"
SECRET = b"k" * 32


@pytest.fixture
def certificate(app: Flask) -> x509.Certificate:
    """That of the portal."""
    return load_der_x509_certificate(own(app.config["SETTINGS"].saml_key).certificate)


@pytest.fixture
def key(certificate: x509.Certificate) -> rsa.RSAPublicKey:
    found = certificate.public_key()
    assert isinstance(found, rsa.RSAPublicKey)
    return found


def arrive(
    open_browser: Open, liar: Liar, change: Callable[[str], str], seal: Callable[[str], str], **parts: str
) -> TestResponse:
    """Sign in by an answer whose assertion was changed, and then encrypted."""
    one = open_browser()
    address = one.begin("xx")
    document = change(liar.response(address, **parts))
    assertion = part(document, ASSERTION)
    return one.arrive(liar.form(address, document.replace(assertion, seal(assertion))))


def unchanged(text: str) -> str:
    return text


@pytest.mark.parametrize("bits", [128, 192, 256])
@pytest.mark.parametrize("digest", ["", "sha1"], ids=["digest unsaid", "digest said"])
def test_what_another_program_has_encrypted_is_opened(
    liar: Liar, open_browser: Open, certificate: x509.Certificate, tmp_path: Path, bits: int, digest: str
) -> None:
    user, one = xenia(), open_browser()
    path = tmp_path / "portal.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    address = one.begin("xx")
    said = f'<ds:DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#{digest}"/>' if digest else ""
    document = encrypted_by_xmlsec(liar.response(address), path, tmp_path, bits, said)
    assert "saml:NameID" not in document
    assert one.arrive(liar.form(address, document)).status_code == 303
    assert len(logins(user)) == 1


def test_the_metadata_of_the_portal_offer_its_key(liar: Liar, certificate: x509.Certificate) -> None:
    metadata = "{urn:oasis:names:tc:SAML:2.0:metadata}"
    ours = fromstring(protocols.saml(registry.provider("xx")).ours())
    (offered,) = [each for each in ours.iter(f"{metadata}KeyDescriptor") if each.get("use") == "encryption"]
    (text,) = [str(each.text) for each in offered.iter("{http://www.w3.org/2000/09/xmldsig#}X509Certificate")]
    assert load_der_x509_certificate(base64.b64decode(text)) == certificate
    methods = [each.get("Algorithm") for each in offered.iter(f"{metadata}EncryptionMethod")]
    assert methods == [*(f"{XENC11}aes{bits}-gcm" for bits in (256, 192, 128)), f"{XENC}rsa-oaep-mgf1p"]


def oaep(key: rsa.RSAPublicKey, mask: Any, digest: Any, secret: bytes) -> str:
    return base64.b64encode(key.encrypt(secret, padding.OAEP(padding.MGF1(mask), digest, None))).decode()


def older(key: rsa.RSAPublicKey) -> str:
    return base64.b64encode(key.encrypt(SECRET, padding.PKCS1v15())).decode()


def damaged(sealed: str) -> str:
    """With another letter in the middle of what was encrypted."""
    middle = sealed.rindex("<xenc:CipherValue>") + 200
    return sealed[:middle] + ("B" if sealed[middle] == "A" else "A") + sealed[middle + 1 :]


KEY_ENDS = "</xenc:EncryptedKey>"
ANOTHER_KEY = SEALED_KEY.format(carrier=f"{XENC}rsa-oaep-mgf1p", carried="", key_value="AAAA")
WAYS: dict[str, Callable[[str, rsa.RSAPublicKey], str]] = {
    "cbc": lambda text, key: encrypted(text, key, cipher=f"{XENC}aes256-cbc"),
    "no cipher": lambda text, key: encrypted(text, key, cipher=""),
    "rsa 1.5": lambda text, key: encrypted(text, key, secret=SECRET, carrier=f"{XENC}rsa-1_5", key_value=older(key)),
    "oaep called rsa 1.5": lambda text, key: encrypted(text, key, carrier=f"{XENC}rsa-1_5"),
    "rsa 1.5 called oaep": lambda text, key: encrypted(text, key, secret=SECRET, key_value=older(key)),
    "key of another length": lambda text, key: encrypted(text, key, bits=128, cipher=f"{XENC11}aes256-gcm"),
    "another key": lambda text, key: encrypted(text, rsa.generate_private_key(65537, 3072).public_key()),
    "unknown digest": lambda text, key: encrypted(text, key, carried='<ds:DigestMethod Algorithm="urn:md5"/>'),
    "another digest": lambda text, key: encrypted(text, key, carried=f'<ds:DigestMethod Algorithm="{XENC}sha256"/>'),
    "unknown mask": lambda text, key: encrypted(
        text, key, carrier=f"{XENC11}rsa-oaep", carried=f'<x:MGF xmlns:x="{XENC11}" Algorithm="urn:md5"/>'
    ),
    "label": lambda text, key: encrypted(text, key, carried="<xenc:OAEPparams>eA==</xenc:OAEPparams>"),
    "by reference": lambda text, key: encrypted(
        text, key, data='<xenc:CipherReference URI="https://login.xx.test/x"/>'
    ),
    "changed": lambda text, key: damaged(encrypted(text, key)),
    "not base64": lambda text, key: encrypted(text, key, value="%"),
    "too short": lambda text, key: encrypted(text, key, value="AAAA"),
    "only its content": lambda text, key: encrypted(text, key, type=f"{XENC}Content"),
    "no key": lambda text, key: encrypted(text, key, key=""),
    "two keys": lambda text, key: encrypted(text, key).replace(KEY_ENDS, KEY_ENDS + ANOTHER_KEY),
    "two": lambda text, key: encrypted(text, key) + encrypted(text.replace("_a1", "_a9"), key),
    "beside one in the clear": lambda text, key: text + encrypted(text, key),
    "nothing": lambda text, key: "<saml:EncryptedAssertion/>",
    "encrypted twice": lambda text, key: encrypted(encrypted(text, key), key),
    "a whole response": lambda text, key: encrypted(f"<samlp:Response {saml.NAMES}>{text}</samlp:Response>", key),
    "two in one": lambda text, key: encrypted(text + text.replace("_a1", "_a9"), key),
    "declared": lambda text, key: encrypted("<?xml version='1.0'?>" + text, key),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_encrypted_as_agreed_is_refused(
    liar: Liar, open_browser: Open, told: Any, key: rsa.RSAPublicKey, way: str
) -> None:
    xenia()
    answer = arrive(open_browser, liar, unchanged, lambda text: WAYS[way](text, key))
    is_refused(answer, told, "no document" if way == "two in one" else "encrypted")


@pytest.mark.parametrize("mask", [OLD, hashes.SHA256(), hashes.SHA512()], ids=["sha1", "sha256", "sha512"])
def test_newer_ways_to_carry_the_key_are_understood(
    liar: Liar, open_browser: Open, key: rsa.RSAPublicKey, mask: hashes.HashAlgorithm
) -> None:
    xenia()
    said = f'<x:MGF xmlns:x="{XENC11}" Algorithm="{XENC11}mgf1{mask.name}"/>'
    said += f'<ds:DigestMethod Algorithm="{XENC}sha256"/>'
    value = oaep(key, mask, hashes.SHA256(), SECRET)

    def seal(text: str) -> str:
        return encrypted(text, key, secret=SECRET, carrier=f"{XENC11}rsa-oaep", carried=said, key_value=value)

    assert arrive(open_browser, liar, unchanged, seal).status_code == 303


@pytest.mark.parametrize(
    ("before", "after", "detail"),
    [
        (">xx-1<", ">xx-2<", "signature: SignatureError"),
        ("<ds:Signature .*?</ds:Signature>", "", "unsigned"),
        (">xx-1<", "><!---->xx-1<", "comment"),
        (">xx-1<", "><?x y?>xx-1<", "instruction"),
        ("<saml:NameID.*?</saml:NameID>", "<saml:EncryptedID/>", "encrypted"),
        ("</saml:Assertion>", "<saml:Advice><saml:EncryptedAssertion/></saml:Advice></saml:Assertion>", "encrypted"),
        ("(<saml:Assertion .*?)<saml:Subject>", r"\g<0><saml:Assertion/>", "assertions"),
        ("<saml:AttributeStatement>", '<saml:AttributeStatement id="_r1">', "the same id twice"),
        ("^", '<!DOCTYPE x [<!ENTITY y "z">]>', "document type: DTDForbidden"),
    ],
    ids=["changed", "unsigned", "comment", "instruction", "name", "advice", "inside", "twin", "dtd"],
)
def test_what_was_encrypted_is_read_as_strictly_as_what_was_not(
    liar: Liar, open_browser: Open, told: Any, key: rsa.RSAPublicKey, before: str, after: str, detail: str
) -> None:
    """Anybody can encrypt to the portal."""
    xenia()

    def seal(text: str) -> str:
        other = re.sub(before, after, text, count=1, flags=re.DOTALL)
        assert other != text
        return encrypted(other, key)

    is_refused(arrive(open_browser, liar, unchanged, seal, response_id="_r1"), told, detail)


@pytest.mark.parametrize(
    ("shape", "detail"),
    [
        ("inside", "assertions"),
        ("bare in an object", "assertions"),
        ("signed in an object", "assertions"),
        ("twin with advice", "the same id twice"),
    ],
)
def test_a_wrapped_assertion_is_refused_inside_too(
    liar: Liar, open_browser: Open, told: Any, key: rsa.RSAPublicKey, shape: str, detail: str
) -> None:
    xenia()
    answer = arrive(open_browser, liar, lambda text: twisted(text, shape), lambda text: encrypted(text, key))
    is_refused(answer, told, detail)


@pytest.mark.parametrize("where", ["status", "extensions"])
def test_an_encrypted_assertion_has_its_place(
    liar: Liar, open_browser: Open, told: Any, key: rsa.RSAPublicKey, where: str
) -> None:
    xenia()
    one = open_browser()
    address = one.begin("xx")
    document = liar.response(address)
    assertion = part(document, ASSERTION)
    sealed = encrypted(assertion, key)
    inside = {
        "status": f"<samlp:Status>{sealed}",
        "extensions": f"<samlp:Extensions>{sealed}</samlp:Extensions><samlp:Status>",
    }
    moved = document.replace(assertion, "").replace("<samlp:Status>", inside[where])
    is_refused(one.arrive(liar.form(address, moved)), told, "encrypted")


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (None, ""),
        (('Version="2.0" IssueInstant', 'Consent="x" Version="2.0" IssueInstant'), "signature: SignatureError"),
        (("<ds:Signature ", "<samlp:Extensions/><ds:Signature "), "signature: SignatureError"),
        (("</samlp:Status>", "</samlp:Status><ds:Signature/>"), "signatures"),
        (("rsa-sha256", "rsa-sha1"), "algorithm"),
        (("<xenc:EncryptedData ", '<xenc:EncryptedData Id="_r1" '), "the same id twice"),
    ],
    ids=["true", "changed", "added", "stray", "weak", "twin"],
)
def test_a_signature_around_it_is_verified_before_it_is_opened(
    liar: Liar, open_browser: Open, told: Any, key: rsa.RSAPublicKey, change: tuple[str, str] | None, detail: str
) -> None:
    user, one = xenia(), open_browser()
    address = one.begin("xx")
    document = liar.response(address, response_id="_r1")
    assertion = part(document, ASSERTION)
    seal = {"method": saml.RSA_SHA256, "digest": saml.SHA256, "certificate": liar.certificate}
    outside = saml.SIGNATURE.format(id="_r1", **seal)
    sealed = document.replace(assertion, encrypted(assertion, key)).replace(
        "<samlp:Status>", f"{outside}<samlp:Status>"
    )
    signed = liar.sign(sealed, "_r1")
    said = signed.replace(*change, 1) if change else signed
    assert (said == signed) == (change is None)
    answer = one.arrive(liar.form(address, said))
    if change is None:
        assert (answer.status_code, len(logins(user))) == (303, 1)
    else:
        is_refused(answer, told, detail)
