"""SimpleSAMLphp, a login of another author's that speaks SAML, served by PHP itself; and how a person uses it."""

import base64
import datetime as dt
import html
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from jit_portal.demo.answering import answers
from jit_portal.demo.process import Component, base_environ
from jit_portal.identity.provider_rows import ProviderRow
from jit_portal.identity.saml.own import own
from jit_portal.vocabulary import Assurance, AssuranceAsked, PartyKind, Speaks
from tests import services

ROOT = Path(__file__).parent.parent.parent / ".simplesamlphp/usr/share/simplesamlphp"
"""Where .ci/saml has put it."""
CLIENT_ID = "https://portal.test/saml"
LOA = "http://eidas.europa.eu/LoA"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
PASSWORD = "secret"


@dataclass(frozen=True)
class Simplesaml:
    """The one login that it is here, of people who sign in strongly."""

    base: str
    origin: str
    slug: str = "ss"
    someone: str = "ss-1"
    stranger: str = "ss-2"
    assurance: Assurance = Assurance.HIGH

    @property
    def issuer(self) -> str:
        return f"{self.base}/saml2/idp/metadata.php"

    def row(self) -> ProviderRow:
        return ProviderRow(
            slug=self.slug, name="Login ss", kind=PartyKind.MEMBER_STATE, country="SS", issuer=self.issuer,
            client_id=CLIENT_ID, algorithms=("RS256",), protocol=Speaks.SAML,
            authorities={"P": "Police", "Q": "Prosecution"}, saml_metadata=requests.get(self.issuer, timeout=20).text,
            acr_levels={f"{LOA}/{level.name.lower()}": level for level in Assurance},
            asks_assurance=AssuranceAsked.ACR_MINIMUM,
            claim_map={"name": "givenName sn", "authority": "organisation", "email": "mail"},
        )  # fmt: skip

    def choose(self, browser: requests.Session, address: str, subject: str, office: str | None = None) -> str:
        """Sign in there as ``subject``, for this one of her authorities; the form for the portal, as a query."""
        page = browser.get(address, timeout=20)
        if 'name="SAMLResponse"' not in page.text:
            state = re.search(r'name="AuthState" value="([^"]+)"', page.text)
            assert state, page.text[-3000:]
            form = {"username": subject, "password": _password(office or "P"), "AuthState": html.unescape(state[1])}
            page = browser.post(page.url, data=form, timeout=20)
        return urlencode(_form(page.text))

    def knows(self, browser: requests.Session, address: str) -> bool:
        """Whether it would let this browser through without asking who one is."""
        return 'name="SAMLResponse"' in browser.get(address, timeout=20).text

    def say_goodbye(self, browser: requests.Session, address: str) -> str:
        """Sign out there as the portal asks it to; where the browser is sent then, with its answer."""
        while not address.startswith(self.origin):
            address = urljoin(address, browser.get(address, timeout=20, allow_redirects=False).headers["Location"])
        return address

    def leave(self, browser: requests.Session) -> None:
        """Sign out at the provider itself."""
        page = browser.get(f"{self.base}/saml2/idp/initSLO.php", params={"RelayState": f"{self.base}/"}, timeout=20)
        assert page.url.startswith(self.base), page.url


def _password(office: str) -> str:
    """For each of her authorities a person has a password of its own."""
    return PASSWORD if office == "P" else f"{PASSWORD} of {office}"


def _form(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="(SAMLResponse|RelayState)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


def certified(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, **between: dt.datetime) -> x509.Certificate:
    """A certificate of this key, for a login that signs with it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "login")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(between.get("begins", now - dt.timedelta(days=1)))
    return builder.not_valid_after(between.get("ends", now + dt.timedelta(days=30))).sign(key, hashes.SHA256())


def _php(value: Any) -> str:
    """``value`` as PHP writes it."""
    if isinstance(value, Mapping):
        return "[" + ", ".join(f"{_php(name)} => {_php(each)}" for name, each in value.items()) + "]"
    if isinstance(value, list):
        return "[" + ", ".join(map(_php, value)) + "]"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return json.dumps(value)


def _configure(folder: Path, base: str, here: str, saml_key: Path) -> None:
    for name in ("metadata", "cert", "tmp", "sessions"):
        (folder / name).mkdir(parents=True)
    key = rsa.generate_private_key(65537, 2048)
    made = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "cert/idp.pem").write_bytes(key.private_bytes(*made))
    (folder / "cert/idp.crt").write_bytes(certified(key).public_bytes(serialization.Encoding.PEM))
    people = {
        f"ss-{n}:{_password(office)}": {
            "uid": [f"ss-{n}"], "givenName": ["Sanna"], "sn": [f"Salo {n}"], "organisation": [office],
            "mail": [f"ss-{n}@login.test"],
        }
        for n in (1, 2) for office in ("P", "Q", "Z")
    }  # fmt: skip
    written: dict[str, tuple[str, Mapping[str, Any]]] = {
        "config.php": ("$config = ", {
            "baseurlpath": f"{base}/", "certdir": f"{folder}/cert/", "loggingdir": f"{folder}/",
            "datadir": f"{folder}/", "tempdir": f"{folder}/tmp", "metadatadir": f"{folder}/metadata/",
            "attributenamemapdir": f"{ROOT}/../../../etc/simplesamlphp/attributemap/",
            "secretsalt": "only for tests", "auth.adminpassword": "only for tests", "timezone": "UTC",
            "logging.handler": "errorlog", "enable.saml20-idp": True, "session.cookie.secure": False,
            "session.cookie.samesite": None, "session.phpsession.savepath": f"{folder}/sessions",
            "session.phpsession.httponly": True, "store.type": "phpsession",
            "module.enable": {"exampleauth": True, "core": True, "saml": True}, "language.default": "en",
            "metadata.sources": [{"type": "flatfile"}],
        }),
        "authsources.php": ("$config = ", {"people": {"0": "exampleauth:UserPass", **people}}),
        "metadata/saml20-idp-hosted.php": ("$metadata['__DYNAMIC:1__'] = ", {
            "host": "__DEFAULT__", "privatekey": "idp.pem", "certificate": "idp.crt", "auth": "people",
            "signature.algorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "authproc": {
                "1": {"class": "saml:AttributeNameID", "attribute": "uid", "Format": PERSISTENT},
                "2": {"class": "saml:AuthnContextClassRef", "AuthnContextClassRef": f"{LOA}/high"},
            },
        }),
        "metadata/saml20-sp-remote.php": (f"$metadata[{_php(CLIENT_ID)}] = ", {
            "AssertionConsumerService": f"{here}/acs",
            "SingleLogoutService": f"{here}/logout",
            "certData": base64.b64encode(own(saml_key).certificate).decode(),
            "validate.authnrequest": True, "validate.logout": True, "redirect.validate": True,
            "redirect.sign": True, "sign.logout": True, "NameIDFormat": PERSISTENT,
        }),
    }  # fmt: skip
    for name, (begin, value) in written.items():
        (folder / name).write_text(f"<?php\n{begin}{_php(value)};\n")


@contextmanager
def running(folder: Path, origin: str, saml_key: Path, slug: str = "ss") -> Iterator[Simplesaml]:
    """It runs for the portal at ``origin``, whose requests it believes under this key only."""
    assert ROOT.is_dir(), "run .ci/saml first"
    port = services.free_ports(1)
    base = f"http://127.0.0.1:{port}"
    home = folder / f"simplesaml-{port}"
    _configure(home, base, f"{origin}/sign-in/{slug}", saml_key)
    component = Component(
        name="simplesamlphp",
        argv=["php", "-d", "display_errors=0", "-S", f"127.0.0.1:{port}", "-t", str(ROOT / "www")],
        environ=base_environ() | {"SIMPLESAMLPHP_CONFIG_DIR": str(home), "PHP_CLI_SERVER_WORKERS": "10"},
        ready=lambda: answers(f"{base}/saml2/idp/metadata.php"),
        cwd=home,
    )
    with services.running(component, home / "said.log"):
        yield Simplesaml(base, origin, slug)
