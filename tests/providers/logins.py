"""National logins that really run, and how a person uses each: the demo's, two of a certified provider, one by SAML."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from joserfc.jwk import ECKey

from jit_portal.demo.answering import answers
from jit_portal.demo.process import Component, base_environ
from jit_portal.demo.providers.registration import rows
from jit_portal.demo.secrets import write_private
from jit_portal.identity.provider_rows import ProviderRow
from jit_portal.vocabulary import Assurance, AssuranceAsked, ClientAuthentication, PartyKind, UserinfoForm
from tests import services
from tests.providers import simplesaml
from tests.providers.simplesaml import Simplesaml

HERE = Path(__file__).parent
SECRET = "a+b/c:d%e=f g and then some more"
"""With every sign that is written differently in a form."""


@dataclass(frozen=True)
class Demo:
    """The French login of the demo."""

    base: str
    origin: str
    slug: str = "fr"
    someone: str = "fr-0001"
    stranger: str = "fr-0002"
    assurance: Assurance = Assurance.HIGH

    def row(self) -> ProviderRow:
        return next(row for row in rows(self.base) if row.slug == self.slug)

    def choose(self, browser: requests.Session, address: str, subject: str, office: str | None = None) -> str:
        """Sign in there as ``subject``, for this one of her authorities; the query of the portal's callback."""
        page = browser.get(address, timeout=20)
        form = {"subject": subject} | ({} if office is None else {"office": office})
        answer = browser.post(page.url, data=form, timeout=20, allow_redirects=False)
        return urlsplit(answer.headers["Location"]).query

    def knows(self, browser: requests.Session, address: str) -> bool:
        """Whether it would let this browser through without asking who one is."""
        return "Go on as" in browser.get(address, timeout=20).text

    def say_goodbye(self, browser: requests.Session, address: str) -> str:
        """Sign out there as the portal asks it to; where the browser is sent then."""
        return str(browser.get(address, timeout=20, allow_redirects=False).headers["Location"])

    def leave(self, browser: requests.Session) -> None:
        """Sign out at the provider itself."""
        assert browser.post(f"{self.base}/{self.slug}/sign-out", timeout=20).ok


@dataclass(frozen=True)
class Certified:
    """One issuer of npm's oidc-provider. ``people`` are its claims by subject, ``words`` its acr from low to high.

    ``says_office`` names the claim of somebody's authority. Where it ``asks_anew`` not, whoever is signed in
    there passes through, whatever the portal asks for.
    """

    issuer: str
    origin: str
    slug: str
    algorithm: str
    words: tuple[str, str, str]
    people: Mapping[str, Mapping[str, str]]
    row_says: Mapping[str, Any]
    says_office: str = "organisation"
    assurance: Assurance = Assurance.HIGH
    asks_anew: bool = True

    @property
    def someone(self) -> str:
        return f"{self.slug}-1"

    @property
    def stranger(self) -> str:
        return f"{self.slug}-2"

    def row(self) -> ProviderRow:
        return ProviderRow(
            slug=self.slug, name=f"Login {self.slug}", kind=PartyKind.MEMBER_STATE, country=self.slug.upper(),
            issuer=self.issuer, client_id="jit-portal", algorithms=(self.algorithm,),
            authorities={"P": "Police", "Q": "Prosecution"},
            acr_levels=dict(zip(self.words, Assurance, strict=True)), **self.row_says,
        )  # fmt: skip

    def served(self) -> dict[str, Any]:
        """What the process must know of it."""
        row = self.row()
        return {
            "slug": self.slug, "issuer": self.issuer, "algorithm": self.algorithm, "acrs": self.words,
            "people": self.people, "requiresPar": row.uses_par, "signsUserinfo": row.userinfo == UserinfoForm.JWT,
            "asksAnew": self.asks_anew, "saysOffice": self.says_office,
            "secret": None if row.authenticates_by == ClientAuthentication.PRIVATE_KEY_JWT else SECRET,
        }  # fmt: skip

    def choose(
        self, browser: requests.Session, address: str, subject: str, office: str | None = None, minutes_ago: int = 0
    ) -> str:
        """Sign in there as ``subject``, who proved it so long ago."""
        page = browser.get(address, timeout=20)
        form = {"subject": subject, "acr": self.words[self.assurance - 1], "minutes_ago": str(minutes_ago)}
        form |= {} if office is None else {"office": office}
        answer = browser.post(page.url, data=form, timeout=20, allow_redirects=False)
        return self.pass_through(browser, answer.headers["Location"])

    def pass_through(self, browser: requests.Session, address: str) -> str:
        """From here it leads to the portal without asking anything more; the query of the portal's callback."""
        while not address.startswith(self.origin):
            address = urljoin(address, browser.get(address, timeout=20, allow_redirects=False).headers["Location"])
        return urlsplit(address).query

    def asked(self, browser: requests.Session, address: str) -> dict[str, str]:
        """The request as it came to the provider."""
        said: dict[str, str] = browser.get(address, timeout=20).json()
        return said

    def knows(self, browser: requests.Session, address: str) -> bool:
        answer = browser.get(address, timeout=20, allow_redirects=False)
        return str(answer.headers["Location"]).startswith(self.origin)

    def say_goodbye(self, browser: requests.Session, address: str) -> str:
        page = browser.get(address, timeout=20)
        assert page.ok, page.text
        secret = re.search(r'name="xsrf" value="([^"]+)"', page.text)
        assert secret, page.text
        form = {"xsrf": secret[1], "logout": "yes"}
        answer = browser.post(f"{self.issuer}/session/end/confirm", data=form, timeout=20, allow_redirects=False)
        return str(answer.headers["Location"])

    def leave(self, browser: requests.Session) -> None:
        self.say_goodbye(browser, f"{self.issuer}/session/end")


Login = Demo | Certified | Simplesaml


@dataclass
class Logins:
    """Every login, by the name that tests give it; ``secrets`` is the portal's file of client secrets."""

    secrets: Path
    named: dict[str, Login] = field(default_factory=dict)


def certified(port: int, origin: str) -> list[Certified]:
    """One as in France: signed userinfo, a secret; one that wants everything pushed; and one that asks nobody anew."""
    return [
        Certified(
            f"http://127.0.0.1:{port}", origin, "rs", "RS256", ("eidas1", "eidas2", "eidas3"),
            {f"rs-{n}": {"given_name": "Rosa", "usual_name": f"Sable {n}", "siret": "P"} for n in (1, 2)},
            {
                "authenticates_by": ClientAuthentication.CLIENT_SECRET_BASIC, "uses_par": False,
                "asks_assurance": AssuranceAsked.CLAIMS, "userinfo": UserinfoForm.JWT,
                "claim_map": {"name": "/given_name /usual_name", "authority": "/siret"},
            },
            "siret",
        ),
        pushed(port + 1, origin, "es"),
        replace(pushed(port + 2, origin, "lz"), asks_anew=False),
    ]  # fmt: skip


def pushed(port: int, origin: str, slug: str) -> Certified:
    """One that wants everything pushed, and the portal's own key."""
    low, substantial, high = (f"http://eidas.europa.eu/LoA/{level}" for level in ("low", "substantial", "high"))
    return Certified(
        f"http://127.0.0.1:{port}", origin, slug, "ES256", (low, substantial, high),
        {f"{slug}-{n}": {"name": f"Enno Stahl {n}", "organisation": "P"} for n in (1, 2)},
        {"claim_map": {"name": "/name", "authority": "/organisation"}},
    )  # fmt: skip


@contextmanager
def running_demo(folder: Path, origin: str, signing_key: Path) -> Iterator[Demo]:
    """The demo's logins alone, for the portal at ``origin`` with this key."""
    port = services.free_ports(1)
    base = f"http://127.0.0.1:{port}"
    component = Component(
        name="providers",
        argv=[sys.executable, "-m", "tests.providers.moving", f"--port={port}"],
        environ=base_environ() | {"JIT_ORIGIN": origin, "JIT_SIGNING_KEY": str(signing_key)},
        ready=lambda: answers(f"{base}/healthz"),
        cwd=HERE.parent.parent,
    )
    with services.running(component, folder / "providers.log"):
        yield Demo(base, origin)


@contextmanager
def running_certified(folder: Path, issuers: list[Certified], origin: str, signing_key: Path) -> Iterator[None]:
    """These issuers, in one process, for the portal at ``origin`` with this key."""
    key = ECKey.import_key(json.loads(signing_key.read_text()))
    said = {
        "origin": origin, "portalKey": key.as_dict(private=False), "issuers": [issuer.served() for issuer in issuers],
    }  # fmt: skip
    nodes = Component(
        name="oidc-provider",
        argv=[str(Path(sys.executable).parent / "node"), str(HERE / "serve.mjs")],
        environ=base_environ() | {"PROVIDERS": json.dumps(said)},
        ready=lambda: all(answers(f"{each.issuer}/.well-known/openid-configuration") for each in issuers),
    )
    with services.running(nodes, folder / "oidc-provider.log"):
        yield


@contextmanager
def running(folder: Path, origin: str, signing_key: Path, saml_key: Path) -> Iterator[Logins]:
    """Every login, for the portal at ``origin`` with these keys."""
    issuers = certified(services.free_ports(3), origin)
    with (
        running_certified(folder, issuers, origin, signing_key),
        running_demo(folder, origin, signing_key) as demo,
        simplesaml.running(folder, origin, saml_key) as php,
    ):
        named: dict[str, Login] = {"demo": demo, "simplesamlphp": php}
        named |= {f"certified-{issuer.slug}": issuer for issuer in issuers}
        yield Logins(folder / "provider-secrets.json", named)


def give_secrets(folder: Path) -> Path:
    """The portal's file of client secrets."""
    path = folder / "provider-secrets.json"
    write_private(path, json.dumps({"rs": SECRET}))
    return path
