"""What a login that speaks SAML sends, opened strictly: whatever could be read in two ways is refused unread.

A signature is of one element, and what is read afterwards must be that one. So there is a single assertion, where it
belongs, signed itself; nothing is there twice, and nothing that one reader heeds and another skips.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Collection, Iterator
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from jit_portal.identity.refusals import SignInRefused, Why

SAMLP = "{urn:oasis:names:tc:SAML:2.0:protocol}"
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"

_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_TRANSFORMS = [f"{DS[1:-1]}enveloped-signature", _EXCLUSIVE]
_MORE = "http://www.w3.org/2001/04/xmldsig-more"
SIGNATURES = {
    **{f"RS{bits}": f"{_MORE}#rsa-sha{bits}" for bits in (256, 384, 512)},
    **{f"ES{bits}": f"{_MORE}#ecdsa-sha{bits}" for bits in (256, 384, 512)},
}
"""What the register calls a signature, and what SAML does."""
_DIGESTS = {"http://www.w3.org/2001/04/xmlenc#sha256", f"{_MORE}#sha384", "http://www.w3.org/2001/04/xmlenc#sha512"}

_DECLARED = re.compile(rb"<\?xml version=.1\.0.(?: encoding=.(?:UTF|utf)-8.)?(?: standalone=\S+)?\s*\?>")


class _Plain(TreeBuilder):
    """Builds a tree of what has neither comments nor instructions, at which readers part a text differently."""

    def comment(self, text: str | None) -> Element:
        raise SignInRefused(Why.UNSOUND, "comment")

    def pi(self, target: str, text: str | None = None) -> Element:
        raise SignInRefused(Why.UNSOUND, "instruction")


def decoded(said: str) -> bytes:
    """The document that a form's field or an address carries."""
    try:
        return base64.b64decode("".join(said.split()), validate=True)
    except (binascii.Error, ValueError):
        raise SignInRefused(Why.UNSOUND, "encoding") from None


def parsed(document: bytes) -> Element:
    """The document's root: UTF-8, without a DTD, entities, comments and instructions."""
    begins = document.removeprefix(codecs.BOM_UTF8)
    is_declared = begins.startswith(b"<?xml")
    # What stands in two bytes or four the parser knows by its first ones, whatever it was told; only that holds NUL.
    if b"\0" in document or (is_declared and not _DECLARED.fullmatch(begins.partition(b"?>")[0] + b"?>")):
        raise SignInRefused(Why.UNSOUND, "encoding")
    parser = DefusedXMLParser(target=_Plain(), forbid_dtd=True)
    try:
        parser.feed(document)
        root: Element = parser.close()
    except DefusedXmlException as error:
        raise SignInRefused(Why.UNSOUND, f"document type: {type(error).__name__}") from error
    except ParseError as error:
        raise SignInRefused(Why.UNSOUND, "no document") from error
    return root


def opened(root: Element, algorithms: Collection[str]) -> Element:
    """The one assertion of a response, in its place and said to be signed, and only as the row allows.

    That the signature is true is not known yet.
    """
    if root.tag != f"{SAMLP}Response":
        raise SignInRefused(Why.UNSOUND, "no response")
    parents = {child: parent for parent in root.iter() for child in parent}
    _refuse_twins(root)
    if any(element.tag.rpartition("}")[2].startswith("Encrypted") for element in root.iter()):
        raise SignInRefused(Why.UNSOUND, "encrypted")
    assertions = list(root.iter(f"{SAML}Assertion"))
    if len(assertions) != 1 or parents[assertions[0]] is not root:
        raise SignInRefused(Why.UNSOUND, "assertions")
    (assertion,) = assertions
    signed = [parents.get(signature) for signature in root.iter(f"{DS}Signature")]
    if assertion not in signed:
        raise SignInRefused(Why.UNSOUND, "unsigned")
    if len(set(signed)) != len(signed) or not {*signed} <= {root, assertion}:
        raise SignInRefused(Why.UNSOUND, "signatures")
    for element in (root, assertion):
        if element in signed:
            _check_signature(element, {SIGNATURES[word] for word in algorithms if word in SIGNATURES})
    return assertion


def is_signed(response: Element, algorithms: Collection[str]) -> bool:
    """Whether the response itself is said to be signed, and then only as the row allows; whether truly is not known."""
    _refuse_twins(response)
    signatures = list(response.iter(f"{DS}Signature"))
    if not signatures:
        return False
    if signatures != response.findall(f"{DS}Signature")[:1]:
        raise SignInRefused(Why.UNSOUND, "signatures")
    _check_signature(response, {SIGNATURES[word] for word in algorithms if word in SIGNATURES})
    return True


def _refuse_twins(root: Element) -> None:
    named = (pair for element in root.iter() for pair in element.items())
    ids = [value for name, value in named if name.rpartition("}")[2].lower() == "id"]
    if len(set(ids)) != len(ids):
        raise SignInRefused(Why.UNSOUND, "the same id twice")


def _check_signature(element: Element, allowed: Collection[str]) -> None:
    """That it is of this element and of nothing else, made of what the portal knows."""
    signature = element.find(f"{DS}Signature")
    assert signature is not None
    counted = [f"{DS}{name}" for name in ("SignedInfo", "Reference", "Manifest", "Object")]
    found = [each for each in signature.iter() if each.tag in counted]
    if [each.tag for each in found] != counted[:2]:
        raise SignInRefused(Why.UNSOUND, "signature of several things")
    if found[1].get("URI") != f"#{element.get('ID')}":
        raise SignInRefused(Why.UNSOUND, "signature of another thing")
    if [*_said(signature, "Transform")] != _TRANSFORMS or [*_said(signature, "CanonicalizationMethod")] != [_EXCLUSIVE]:
        raise SignInRefused(Why.UNSOUND, "signature of something transformed")
    if not {*_said(signature, "SignatureMethod")} <= {*allowed} or not {*_said(signature, "DigestMethod")} <= _DIGESTS:
        raise SignInRefused(Why.UNSOUND, "algorithm")


def _said(signature: Element, name: str) -> Iterator[str]:
    return (each.get("Algorithm", "") for each in signature.iter(f"{DS}{name}"))
