"""What is known of a login that speaks SAML, pinned in its row, and what such a login is to know of the portal."""

import base64
import binascii
import datetime as dt
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from jit_portal.identity.refusals import SignInRefused
from jit_portal.identity.saml.assertion import moment
from jit_portal.identity.saml.encryption import GCM, OAEP_MGF1P
from jit_portal.identity.saml.envelope import DS, parsed
from jit_portal.identity.saml.own import OwnKey, fingerprint
from jit_portal.identity.wire import home_of

MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
LONGEST = 100_000
"""Characters of the metadata of one login."""

for _prefix, _name in (("md", MD), ("ds", DS)):
    register_namespace(_prefix, _name[1:-1])


class Senseless(Exception):
    """It is no metadata that a login could be spoken to by; the message says what is wrong, by a word."""


@dataclass(frozen=True)
class Pinned:
    """One login's own addresses and certificates. ``sign_out_answers`` is where word goes that it is done."""

    issuer: str
    sign_in: str
    sign_out: str | None
    sign_out_answers: str | None
    certificates: tuple[x509.Certificate, ...]
    valid_until: dt.datetime | None

    def signers(self) -> list[tuple[str, dt.datetime]]:
        """The fingerprint of each certificate, and until when it holds."""
        return [(fingerprint(each.public_bytes(Encoding.DER)), each.not_valid_after_utc) for each in self.certificates]

    def fits(self, algorithm: str) -> bool:
        """Whether one of them can have signed by this algorithm of the register."""
        kind = RSAPublicKey if algorithm.startswith("RS") else EllipticCurvePublicKey
        return any(isinstance(each.public_key(), kind) for each in self.certificates)


def read(text: str) -> Pinned:
    """The metadata of one login and no other; Senseless names what is missing."""
    try:
        root = parsed(text.encode())
    except SignInRefused as error:
        raise Senseless(error.detail) from error
    roles = root.findall(f"{MD}IDPSSODescriptor")
    if root.tag != f"{MD}EntityDescriptor" or len(roles) != 1:
        raise Senseless("not one login")
    (role,) = roles
    sign_in = _place(role, "SingleSignOnService")
    if sign_in is None:
        raise Senseless("no address to sign in at by redirect")
    sign_out = _place(role, "SingleLogoutService")
    until = root.get("validUntil")
    try:
        return Pinned(
            issuer=root.get("entityID", ""),
            sign_in=_address(sign_in),
            sign_out=sign_out and _address(sign_out),
            sign_out_answers=sign_out and _address(_place(role, "SingleLogoutService", "ResponseLocation") or sign_out),
            certificates=_certificates(role),
            valid_until=None if until is None else moment(until, "validUntil"),
        )
    except SignInRefused as error:
        raise Senseless(error.detail) from error


def _place(role: Element, service: str, name: str = "Location") -> str | None:
    places = (each.get(name) for each in role.findall(f"{MD}{service}") if each.get("Binding") == REDIRECT)
    return next(places, None)


def _address(location: str) -> str:
    """An address that a browser may be sent to: https, or plain http on this machine; a query it may have."""
    try:
        if "\\" in location or not location.isprintable() or "#" in location:
            raise ValueError
        home_of(location.partition("?")[0])
    except ValueError:
        raise Senseless("an address that is not https") from None
    return location


def _certificates(role: Element) -> tuple[x509.Certificate, ...]:
    found = []
    for key in role.findall(f"{MD}KeyDescriptor"):
        if key.get("use", "signing") != "signing":
            continue
        for each in key.iter(f"{DS}X509Certificate"):
            try:
                der = base64.b64decode("".join((each.text or "").split()), validate=True)
                found.append(x509.load_der_x509_certificate(der))
            except (binascii.Error, ValueError):
                raise Senseless("a certificate that is none") from None
    if not found:
        raise Senseless("no certificate to sign with")
    return tuple(found)


def ours(name: str, own: OwnKey, answers: str, sign_out: str) -> bytes:
    """What a login is to know of the portal: its name there, its key, and the addresses it is spoken to at."""
    root = Element(f"{MD}EntityDescriptor", {"entityID": name})
    said = {"AuthnRequestsSigned": "true", "WantAssertionsSigned": "true", "protocolSupportEnumeration": PROTOCOL}
    role = SubElement(root, f"{MD}SPSSODescriptor", said)
    for use in ("signing", "encryption"):
        key = SubElement(role, f"{MD}KeyDescriptor", {"use": use})
        data = SubElement(SubElement(key, f"{DS}KeyInfo"), f"{DS}X509Data")
        SubElement(data, f"{DS}X509Certificate").text = base64.b64encode(own.certificate).decode()
    for word in (*sorted(GCM, reverse=True), OAEP_MGF1P):
        SubElement(key, f"{MD}EncryptionMethod", {"Algorithm": word})
    SubElement(role, f"{MD}SingleLogoutService", {"Binding": REDIRECT, "Location": sign_out})
    taken = {"Binding": POST, "Location": answers, "index": "0", "isDefault": "true"}
    SubElement(role, f"{MD}AssertionConsumerService", taken)
    made: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return made
