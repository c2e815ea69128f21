"""A national login that speaks SAML and says whatever a test wants it to say; written apart from pysaml2."""

import base64
import datetime as dt
import html
import os
import re
import subprocess
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from defusedxml.ElementTree import fromstring

from jit_portal.identity.provider_rows import ProviderRow
from jit_portal.vocabulary import Assurance, AssuranceAsked, PartyKind, Speaks
from tests.providers.simplesaml import CLIENT_ID, LOA, PERSISTENT, certified

ISSUER = "https://login.xx.test/saml"
SAML_NAME = "urn:oasis:names:tc:SAML:2.0:assertion"
SIGN_IN, SIGN_OUT = "https://login.xx.test/sign-in", "https://login.xx.test/sign-out"
MORE = "http://www.w3.org/2001/04/xmldsig-more"
RSA_SHA256, SHA256 = f"{MORE}#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256"
NAMES = (
    'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" '
    'xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
)
SIGNATURE = (
    '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>'
    '<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>'
    '<ds:SignatureMethod Algorithm="{method}"/><ds:Reference URI="#{id}"><ds:Transforms>'
    '<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>'
    '<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms>'
    '<ds:DigestMethod Algorithm="{digest}"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/>'
    "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
    "</ds:Signature>"
)
ASSERTION = (
    '<saml:Assertion {names} ID="{assertion_id}" Version="2.0" IssueInstant="{made}">'
    "{issued_by}{signature}"
    "<saml:Subject><saml:NameID{form}{qualifier}>{name}</saml:NameID>{confirmation}</saml:Subject>"
    "{conditions}{statement}"
    "<saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"
)
CONFIRMATION = (
    '<saml:SubjectConfirmation Method="{method}"><saml:SubjectConfirmationData{not_before} '
    'NotOnOrAfter="{until}"{recipient} InResponseTo="{confirmed_to}"/></saml:SubjectConfirmation>'
)
CONDITIONS = '<saml:Conditions NotBefore="{begins}" NotOnOrAfter="{ends}">{audience}{more_conditions}</saml:Conditions>'
AUDIENCE = "<saml:AudienceRestriction><saml:Audience>{}</saml:Audience></saml:AudienceRestriction>"
STATEMENT = (
    '<saml:AuthnStatement AuthnInstant="{proved}" SessionIndex="{session}"{session_ends}><saml:AuthnContext>'
    "<saml:AuthnContextClassRef>{acr}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
)
RESPONSE = (
    '<samlp:Response {names} ID="{response_id}" Version="{version}" IssueInstant="{response_made}"{destination}'
    ' InResponseTo="{answers_to}">{response_issued_by}{response_signature}'
    "<samlp:Status>{status}</samlp:Status>{assertion}</samlp:Response>"
)
SUCCESS = '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>'
LOGOUT = (
    '<samlp:{kind} {names} ID="{id}" Version="2.0" IssueInstant="{made}" Destination="{destination}"{ends}>'
    "<saml:Issuer>{issuer}</saml:Issuer><saml:NameID{form}{qualifier}>{name}</saml:NameID>{sessions}"
    "</samlp:{kind}>"
)

PARTING = (
    '<samlp:{kind} {names} ID="{id}" Version="2.0" IssueInstant="{made}"{destination} InResponseTo="{to}">'
    "<saml:Issuer>{issuer}</saml:Issuer><samlp:Status>{status}</samlp:Status></samlp:{kind}>"
)


def at(seconds: float = 0) -> str:
    """A moment so many seconds from now, as SAML writes it."""
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def attribute(name: str, *values: str) -> str:
    said = "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values)
    return f'<saml:Attribute Name="{name}">{said}</saml:Attribute>'


def _form(format: str) -> str:
    return f' Format="{format}"' if format else ""


def asked(address: str) -> Any:
    """The request that an address carries, as a tree."""
    packed = parse_qs(urlsplit(address).query)
    (said,) = packed.get("SAMLRequest") or packed["SAMLResponse"]
    return fromstring(zlib.decompress(base64.b64decode(said), -15).decode())


def status(address: str) -> list[str]:
    """The words of the status in the response that an address carries, from without to within."""
    codes = asked(address).iterfind("{urn:oasis:names:tc:SAML:2.0:protocol}Status//*")
    return [each.get("Value").removeprefix("urn:oasis:names:tc:SAML:2.0:status:") for each in codes]


SEALED = (
    '<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">'
    '<xenc:EncryptedData xmlns:xenc="{xenc}" Type="{type}"><xenc:EncryptionMethod Algorithm="{cipher}"/>'
    '<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">{key}</ds:KeyInfo>'
    "<xenc:CipherData>{data}</xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>"
)
SEALED_KEY = (
    '<xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{carrier}">{carried}</xenc:EncryptionMethod>'
    "<xenc:CipherData><xenc:CipherValue>{key_value}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>"
)
OLD = hashes.SHA1()  # noqa: S303 - what logins use in OAEP
XENC, XENC11 = "http://www.w3.org/2001/04/xmlenc#", "http://www.w3.org/2009/xmlenc11#"


def encrypted(text: str, to: rsa.RSAPublicKey, *, bits: int = 256, secret: bytes | None = None, **changes: str) -> str:
    """``text`` in the place of an assertion, for this key; each part of how can be another."""
    secret, nonce = secret or AESGCM.generate_key(bits), os.urandom(12)
    oaep = padding.OAEP(padding.MGF1(OLD), OLD, None)
    value = base64.b64encode(nonce + AESGCM(secret).encrypt(nonce, text.encode(), None)).decode()
    said = {
        "xenc": XENC, "type": f"{XENC}Element", "cipher": f"{XENC11}aes{bits}-gcm", "carried": "",
        "carrier": f"{XENC}rsa-oaep-mgf1p", "key_value": base64.b64encode(to.encrypt(secret, oaep)).decode(),
        "value": value, **changes,
    }  # fmt: skip
    said.setdefault("data", f"<xenc:CipherValue>{said['value']}</xenc:CipherValue>")
    said.setdefault("key", SEALED_KEY.format(**said))
    return SEALED.format(**said)


def encrypted_by_xmlsec(document: str, certificate: Path, folder: Path, bits: int, digest: str) -> str:
    """The same by another author's program: the assertion of ``document`` encrypted where it stands."""
    template = SEALED.format(
        xenc=XENC, type=f"{XENC}Element", cipher=f"{XENC11}aes{bits}-gcm", data="<xenc:CipherValue/>",
        key=SEALED_KEY.format(carrier=f"{XENC}rsa-oaep-mgf1p", carried=digest, key_value=""),
    )  # fmt: skip
    (folder / "template.xml").write_text(re.sub("</?saml:EncryptedAssertion[^>]*>", "", template))
    (folder / "clear.xml").write_text(document)
    command = ["xmlsec1", "--encrypt", "--pubkey-cert-pem", str(certificate), "--session-key", f"aes-{bits}"]
    command += ["--xml-data", str(folder / "clear.xml"), "--node-name", f"{SAML_NAME}:Assertion"]
    done = subprocess.run([*command, str(folder / "template.xml")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wrapped = rf'<saml:EncryptedAssertion xmlns:saml="{SAML_NAME}">\1</saml:EncryptedAssertion>'
    return re.sub("(<xenc:EncryptedData.*</xenc:EncryptedData>)", wrapped, done.stdout, flags=re.DOTALL)


@cache
def _some_certificate() -> str:
    der = certified(new_key()).public_bytes(serialization.Encoding.DER)
    return base64.b64encode(der).decode()


def metadata(**changes: str) -> str:
    """What a login publishes of itself, with these parts changed."""
    said = {
        "issuer": ISSUER,
        "sign_in": SIGN_IN,
        "sign_out": SIGN_OUT,
        "more": "",
        "binding": "HTTP-Redirect",
        **changes,
    }
    said.setdefault("certificate", _some_certificate())
    said.setdefault("answers", f"{said['sign_out']}/done")
    return (
        '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{issuer}"{more}>'
        '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
        '<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
        "<ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        '<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
        'Location="{sign_out}" ResponseLocation="{answers}"/>'
        '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:{binding}" '
        'Location="{sign_in}"/></md:IDPSSODescriptor></md:EntityDescriptor>'
    ).format(**said)


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def first_key() -> rsa.RSAPrivateKey:
    """One for the first login of every test: to find the primes of another takes longer than most tests."""
    return new_key()


@dataclass
class Liar:
    """One login of country XX, whose key lies in ``folder``; ``origin`` is the portal's."""

    folder: Path
    origin: str
    key: rsa.RSAPrivateKey = field(default_factory=new_key)
    subject: str = "xx-1"
    made: int = 0

    def __post_init__(self) -> None:
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (self.folder / "liar.pem").write_bytes(self.key.private_bytes(*form))
        der = certified(self.key).public_bytes(serialization.Encoding.DER)
        self.certificate = base64.b64encode(der).decode()

    def metadata(self, **changes: str) -> str:
        return metadata(**{"certificate": self.certificate, **changes})

    def row(self) -> ProviderRow:
        """Of country XX; its authorities are XX-1 and XX-2."""
        return ProviderRow(
            "xx", "Login XX", PartyKind.MEMBER_STATE, "XX", ISSUER, CLIENT_ID, ("RS256",),
            {f"{LOA}/{level.name.lower()}": level for level in Assurance},
            {"name": "given family", "authority": "office", "email": "mail"},
            {"XX-1": "Police XX", "XX-2": "Customs XX"},
            protocol=Speaks.SAML, saml_metadata=self.metadata(), asks_assurance=AssuranceAsked.ACR_MINIMUM,
        )  # fmt: skip

    def parts(self, address: str, **changes: Any) -> dict[str, str]:
        """What a response is made of; each part can be another."""
        self.made += 1
        to = asked(address).get("ID")
        here = f"{self.origin}/sign-in/xx/acs"
        said: dict[str, Any] = {
            "names": NAMES, "assertion_id": f"_a{self.made}", "response_id": f"_r{self.made}", "made": at(),
            "response_made": at(), "issuer": ISSUER, "response_issuer": ISSUER, "version": "2.0", "name": self.subject,
            "format": PERSISTENT, "qualifier": "", "method": "urn:oasis:names:tc:SAML:2.0:cm:bearer",
            "not_before": "", "until": at(120), "recipient": f' Recipient="{here}"', "confirmed_to": to,
            "answers_to": to, "begins": at(-60), "ends": at(120), "audience": AUDIENCE.format(CLIENT_ID),
            "more_conditions": "", "proved": at(), "session": "session-1", "session_ends": "", "acr": f"{LOA}/high",
            "attributes": attribute("given", "Xenia") + attribute("family", "Xylander") + attribute("office", "XX-1"),
            "destination": f' Destination="{here}"', "status": SUCCESS, "response_signature": "",
            "signature_method": RSA_SHA256, "digest": SHA256, "certificate": self.certificate,
        }  # fmt: skip
        said |= changes
        said["form"] = _form(said["format"])
        sealed = {"method": said["signature_method"], "digest": said["digest"], "certificate": said["certificate"]}
        said.setdefault("signature", SIGNATURE.format(id=said["assertion_id"], **sealed))
        for name in ("issue", "response_issue"):
            said.setdefault(f"{name}d_by", f"<saml:Issuer>{said[f'{name}r']}</saml:Issuer>")
        for name, form in (("confirmation", CONFIRMATION), ("conditions", CONDITIONS), ("statement", STATEMENT)):
            said.setdefault(name, form.format(**said))
        said.setdefault("assertion", ASSERTION.format(**said))
        return said

    def response(self, address: str, **changes: Any) -> str:
        """A response, with a signed assertion unless a part is otherwise."""
        said = self.parts(address, **changes)
        document = RESPONSE.format(**said)
        return self.sign(document, said["assertion_id"]) if said["signature"] else document

    def sign(self, document: str, id: str, key: Path | None = None) -> str:
        """``document`` with the one empty signature in it filled in, which is of the element with this id."""
        unsigned, signed = self.folder / "unsigned.xml", self.folder / "signed.xml"
        unsigned.write_text(document)
        names = [
            f"--id-attr:ID=urn:oasis:names:tc:SAML:2.0:{each}" for each in ("assertion:Assertion", "protocol:Response")
        ]
        ids = [part for each in names for part in (each.partition("=")[0], each.partition("=")[2])]
        key = key or self.folder / "liar.pem"
        command = ["xmlsec1", "--sign", "--privkey-pem", str(key), *ids, "--output", str(signed), str(unsigned)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return signed.read_text()

    def form(self, address: str, document: str | None = None, **changes: Any) -> dict[str, str]:
        """What its page sends to the portal, in answer to the sign-in that ``address`` began."""
        document = self.response(address, **changes) if document is None else document
        (state,) = parse_qs(urlsplit(address).query)["RelayState"]
        return {"SAMLResponse": base64.b64encode(document.encode()).decode(), "RelayState": state}

    def logout(self, **changes: Any) -> str:
        """The query of a signed request for logout; ``written`` changes it once it is signed."""
        self.made += 1
        said = {
            "kind": "LogoutRequest", "names": NAMES, "id": f"_l{self.made}", "made": at(),
            "destination": f"{self.origin}/sign-in/xx/logout",
            "ends": "", "issuer": ISSUER, "format": PERSISTENT, "qualifier": "", "name": self.subject,
            "state": "back", "key": self.key,
            "sessions": "<samlp:SessionIndex>session-1</samlp:SessionIndex>", "method": RSA_SHA256, **changes,
        }  # fmt: skip
        document = said.get("document") or LOGOUT.format(**said, form=_form(said["format"]))
        return self._carried("SAMLRequest", document, said)

    def parting(self, address: str, **changes: Any) -> str:
        """The query of a signed answer to the request for logout in ``address``, changed as above."""
        self.made += 1
        said = {
            "kind": "LogoutResponse", "names": NAMES, "id": f"_p{self.made}", "made": at(), "issuer": ISSUER,
            "to": asked(address).get("ID"),
            "destination": f' Destination="{self.origin}/sign-in/xx/logout"', "status": SUCCESS, "key": self.key,
            "state": "".join(parse_qs(urlsplit(address).query).get("RelayState", [])), "method": RSA_SHA256, **changes,
        }  # fmt: skip
        return self._carried("SAMLResponse", said.get("document") or PARTING.format(**said), said)

    def _carried(self, kind: str, document: str, said: Mapping[str, Any]) -> str:
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(document.encode()) + packer.flush()
        query = urlencode(
            {kind: base64.b64encode(packed).decode(), "RelayState": said["state"], "SigAlg": said["method"]}
        )
        signature = said["key"].sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())
        written: Callable[[str], str] = said.get("written", str)
        return written(query + "&" + urlencode({"Signature": base64.b64encode(signature).decode()}))


def sent_on(page: str) -> dict[str, str]:
    """The form of the portal's page on which an answer goes on."""
    found = re.findall(r'<input type="hidden" name="(SAMLResponse|RelayState)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}
