"""What a login has encrypted to the portal's key, opened: one assertion, by nothing that has been broken before.

RSA-OAEP carries the key and AES-GCM the assertion; whatever else there is (RSA 1.5, CBC, keys by reference) is refused.
Nothing is believed for having been encrypted: anybody can. What comes out is read, and must be signed, as if it had
come in the clear.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import NoReturn
from xml.etree.ElementTree import Element, SubElement, tostring

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jit_portal.identity.refusals import SignInRefused, Why
from jit_portal.identity.saml.envelope import DS, SAML, parsed
from jit_portal.identity.saml.own import OwnKey

XENC, XENC11 = "{http://www.w3.org/2001/04/xmlenc#}", "{http://www.w3.org/2009/xmlenc11#}"
OAEP_MGF1P, OAEP_ANY = f"{XENC[1:-1]}rsa-oaep-mgf1p", f"{XENC11[1:-1]}rsa-oaep"
GCM = {f"{XENC11[1:-1]}aes{bits}-gcm": bits // 8 for bits in (128, 192, 256)}
"""The names of AES-GCM, and how many bytes their keys have."""
_NONCE = 12
_SHA1 = f"{DS[1:-1]}sha1"
_OLD: hashes.HashAlgorithm = hashes.SHA1()  # noqa: S303 - OAEP needs no hash without collisions; many logins know no other
_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    _SHA1: _OLD,
    f"{XENC[1:-1]}sha256": hashes.SHA256(),
    "http://www.w3.org/2001/04/xmldsig-more#sha384": hashes.SHA384(),
    f"{XENC[1:-1]}sha512": hashes.SHA512(),
}
_MASKS: Mapping[str, hashes.HashAlgorithm] = {
    f"{XENC11[1:-1]}mgf1sha1": _OLD,
    f"{XENC11[1:-1]}mgf1sha256": hashes.SHA256(),
    f"{XENC11[1:-1]}mgf1sha384": hashes.SHA384(),
    f"{XENC11[1:-1]}mgf1sha512": hashes.SHA512(),
}
_ELEMENT = f"{XENC[1:-1]}Element"


def is_encrypted(root: Element) -> bool:
    """Whether its assertion comes encrypted; one beside another is refused."""
    kinds = {name: any(True for _ in root.iter(SAML + name)) for name in ("EncryptedAssertion", "Assertion")}
    if all(kinds.values()):
        _refuse()
    return kinds["EncryptedAssertion"]


def decrypted(root: Element, own: OwnKey) -> bytes:
    """The same response with its one assertion in the clear, as a document; of its signature see ``login``."""
    place = _only(root.findall(f"{SAML}EncryptedAssertion"))
    assertion = _opened(place, own)
    if parsed(assertion).tag != f"{SAML}Assertion":
        _refuse()
    return _enveloped(root, place, assertion)


def _opened(place: Element, own: OwnKey) -> bytes:
    data, key = _only(place.findall(f"{XENC}EncryptedData")), _only([*place.iter(f"{XENC}EncryptedKey")])
    if data.get("Type", _ELEMENT) != _ELEMENT:
        _refuse()
    length = GCM.get(_method(data).get("Algorithm", "")) or _refuse()
    sealed = _value(data)
    try:
        opened = own.key.decrypt(_value(key), _padding(_method(key)))
        if len(opened) != length:
            _refuse()
        return AESGCM(opened).decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
    except (ValueError, InvalidTag):
        # Whether it was the key or what it opens is told to nobody.
        _refuse()


def _padding(method: Element) -> OAEP:
    if method.find(f"{XENC}OAEPparams") is not None:
        _refuse()
    digest = method.find(f"{DS}DigestMethod")
    algorithm = _HASHES.get(_SHA1 if digest is None else digest.get("Algorithm", "")) or _refuse()
    mask = _OLD
    if method.get("Algorithm") == OAEP_ANY:
        said = method.find(f"{XENC11}MGF")
        mask = mask if said is None else _MASKS.get(said.get("Algorithm", "")) or _refuse()
    elif method.get("Algorithm") != OAEP_MGF1P:
        _refuse()
    return OAEP(MGF1(mask), algorithm, None)


def _method(element: Element) -> Element:
    return _only(element.findall(f"{XENC}EncryptionMethod"))


def _value(element: Element) -> bytes:
    value = _only(element.findall(f"{XENC}CipherData/{XENC}CipherValue"))
    try:
        return base64.b64decode("".join((value.text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        _refuse()


def _only(found: list[Element]) -> Element:
    if len(found) != 1:
        _refuse()
    return found[0]


def _refuse() -> NoReturn:
    raise SignInRefused(Why.UNSOUND, "encrypted")


def _enveloped(root: Element, place: Element, assertion: bytes) -> bytes:
    """A response around the very bytes that were opened, for their signature is of how they are written.

    What was signed around the encrypted assertion, a signature of the response, is no part of it.
    """
    envelope = Element(root.tag, dict(root.items()))
    for child in root:
        if child is not place and child.tag != f"{DS}Signature":
            envelope.append(child)
    SubElement(envelope, "here")
    before, mark, after = tostring(envelope).partition(b"<here />")
    if not mark or assertion.lstrip().startswith(b"<?xml"):
        _refuse()
    return before + assertion + after
