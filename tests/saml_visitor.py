"""What tests of SAML share: a login that lies, and a browser that brings its answers."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from jit_portal.extensions import limiter
from jit_portal.identity import registry
from tests import hostile
from tests.hostile import Hostile
from tests.hostile_saml import Liar, first_key, sent_on
from tests.signing_in import Browser, logins, of_xx, refused

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


BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
ELSEWHERE = "https://evil.test/acs"


def failing(word: str) -> str:
    inner = f'<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{word}"/>'
    return f'<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder">{inner}</samlp:StatusCode>'


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


@pytest.fixture
def other(liar: Liar) -> Iterator[Hostile]:
    """A login of country YY, which speaks OpenID Connect, beside that of XX."""
    with hostile.running() as issuer:
        row = replace(of_xx(issuer), slug="yy", country="YY", uses_par=False)
        registry.ensure_providers([liar.row(), row])
        yield issuer
