"""What the register takes of a login that speaks SAML, and what its pages show of it."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from defusedxml.ElementTree import fromstring
from flask import Flask
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.errors import Invalid
from jit_portal.identity import ourselves, proposals, protocols, registry
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.provider_rows import row_of
from jit_portal.identity.saml.metadata import MD, POST, REDIRECT
from jit_portal.identity.saml.own import NoKey, fingerprint, own
from jit_portal.vocabulary import AssuranceAsked, Speaks
from tests import hostile_saml as saml
from tests.drafting import submit
from tests.hostile_saml import Liar, first_key, metadata
from tests.providers.simplesaml import CLIENT_ID
from tests.register import Browse, ada, bo, french, newest, operator, sent
from tests.saml_visitor import Visitor
from tests.signing_in import ledger

FIXTURES = (ada, bo, french)
"""They are asked for by name."""


@pytest.fixture
def liar(app: Flask, tmp_path: Path) -> Liar:
    return Liar(tmp_path, app.config["SETTINGS"].origin, first_key())


def over(**changes: str) -> dict[str, Any]:
    return {"saml_metadata": metadata(**changes)}


# --- what a row may say


@pytest.mark.parametrize(
    ("field", "said", "changes"),
    [
        ("saml_metadata", "no plain XML", lambda: {"saml_metadata": ""}),
        ("saml_metadata", "no plain XML", lambda: {"saml_metadata": "<!DOCTYPE a><a/>"}),
        ("saml_metadata", "no plain XML", lambda: over(more="><!-- --")),
        ("saml_metadata", "not the metadata of one login", lambda: {"saml_metadata": "<a/>"}),
        ("saml_metadata", "to sign in at by HTTP-Redirect", lambda: over(binding="HTTP-POST")),
        ("saml_metadata", "does not begin with https", lambda: over(sign_in="http://login.xx.test/sign-in")),
        ("saml_metadata", "does not begin with https", lambda: over(sign_in="javascript:alert(1)")),
        (
            "saml_metadata", "does not begin with https",
            lambda: over(sign_out="http://login.xx.test/out", answers=saml.SIGN_OUT),
        ),
        ("saml_metadata", "does not begin with https", lambda: over(answers="http://login.xx.test/done")),
        ("saml_metadata", "a certificate that is none", lambda: over(certificate="AAAA")),
        ("saml_metadata", "too long", lambda: {"saml_metadata": metadata() + " " * 100_000}),
        ("issuer", "of another issuer: https://login.yy.test", lambda: over(issuer="https://login.yy.test")),
        ("hosts", "asks nothing", lambda: {"hosts": ("https://more.test",)}),
        ("algorithms", "cannot check all", lambda: {"algorithms": ("RS256", "PS256")}),
        ("algorithms", "Only signatures by a key pair", lambda: {"algorithms": ("none",)}),
        ("asks_assurance", "takes no conditions", lambda: {"asks_assurance": AssuranceAsked.CLAIMS}),
        ("claim_map", "must be said", lambda: {"claim_map": {"name": "given"}}),
        ("claim_map", "one attribute", lambda: {"claim_map": {"authority": "a b"}}),
        ("claim_map", "one attribute", lambda: {"claim_map": {"authority": "", "subject": "a b"}}),
    ],
)  # fmt: skip
def test_a_row_that_believes_too_much_is_refused(
    liar: Liar, field: str, said: str, changes: Callable[[], dict[str, Any]]
) -> None:
    with pytest.raises(Invalid, match=said) as refusal:
        registry.ensure_providers([replace(liar.row(), **changes())])
    assert refusal.value.field == field
    assert registry.is_empty()


def test_metadata_need_a_certificate(liar: Liar) -> None:
    bare = re.sub("<md:KeyDescriptor.*</md:KeyDescriptor>", "", metadata())
    encrypting = metadata().replace('use="signing"', 'use="encryption"')
    for text in (bare, encrypting):
        with pytest.raises(Invalid, match="no certificate"):
            registry.ensure_providers([replace(liar.row(), saml_metadata=text)])


@pytest.mark.parametrize("lacks", sorted(protocols.LACKS))
def test_what_this_server_cannot_speak_is_not_entered(
    liar: Liar, app: Flask, ada: User, browse: Browse, monkeypatch: pytest.MonkeyPatch, lacks: str
) -> None:
    registry.ensure_providers([liar.row()])
    hers = browse(ada)
    assert "cannot speak SAML" not in hers.get("/providers/new?preset=eidas").text
    settings = app.config["SETTINGS"]
    if lacks == "key":
        ourselves.use(replace(settings, saml_key=None))
    elif lacks == "program":
        monkeypatch.setenv("PATH", "/nowhere")
    else:
        monkeypatch.setattr(protocols, "find_spec", lambda name: None)
    try:
        assert protocols.lacking() == lacks
        for row in (replace(liar.row(), leeway=5), replace(liar.row(), slug="yy", is_enabled=False)):
            with pytest.raises(Invalid, match="cannot speak SAML") as refusal:
                registry.ensure_providers([row])
            assert refusal.value.field == "protocol"
        answer = Visitor(app).portal.get("/sign-in/xx")
        assert (answer.status_code, "waiting does not help" in answer.text) == (503, True)
        forms = [hers.get(f"/providers/new?preset={each}").text for each in ("eidas", "tara")]
        assert ["cannot speak SAML" in form for form in forms] == [True, False], "before anything is typed"
        registry.ensure_providers([replace(liar.row(), is_enabled=False)])
        withdrawn = registry.known("xx")
        assert withdrawn
        assert not withdrawn.is_enabled, "that needs nothing"
    finally:
        ourselves.use(settings)


def test_a_login_that_people_have_used_keeps_its_protocol(liar: Liar, ada: User) -> None:
    oidc_row = replace(liar.row(), protocol=Speaks.OIDC, saml_metadata="", claim_map={"authority": "/office"})
    registry.ensure_providers([oidc_row])
    registry.ensure_providers([liar.row()])
    provider = registry.known("xx")
    assert provider
    operator(provider, "Cy", None)
    proposals.propose(ada, oidc_row)
    other = operator(ada.provider, "Bo")
    with pytest.raises(Exception, match="speaks for its country for ever"):
        proposals.approve(other, "xx")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "is not set"),
        ("", "holds no key"),
        (lambda: _pem(rsa.generate_private_key(65537, 2048)), "3072"),
        (lambda: _pem(ec.generate_private_key(ec.SECP256R1())), "3072"),
    ],
)
def test_a_key_that_is_not_good_enough_is_none(tmp_path: Path, text: Any, said: str) -> None:
    path = tmp_path / "key.pem"
    if text is not None:
        path.write_text(text() if callable(text) else text)
    with pytest.raises(NoKey, match=said):
        own(None if text is None else path)
    with pytest.raises(NoKey, match="cannot be read"):
        own(tmp_path / "nowhere.pem")


@pytest.mark.parametrize("wrong", ["metadata that are over", "metadata that say nothing", "a weak key"])
def test_what_waiting_does_not_mend_is_said_so_and_on_record(
    liar: Liar, app: Flask, tmp_path: Path, wrong: str
) -> None:
    registry.ensure_providers([liar.row()])
    settings, weak = app.config["SETTINGS"], tmp_path / "weak.pem"
    weak.write_text(_pem(rsa.generate_private_key(65537, 2048)))
    pinned = {
        "metadata that are over": metadata(more=' validUntil="2020-01-01T00:00:00Z"'),
        "metadata that say nothing": "<a/>",
    }.get(wrong, metadata())
    with transaction():
        values = {"saml_metadata": pinned, "version": IdentityProvider.version + 1}
        session().execute(update(IdentityProvider).where(IdentityProvider.slug == "xx").values(values))
    ourselves.use(replace(settings, saml_key=weak if wrong == "a weak key" else settings.saml_key))
    try:
        answer = Visitor(app).portal.get("/sign-in/xx")
    finally:
        ourselves.use(settings)
    assert (answer.status_code, "waiting does not help" in answer.text) == (503, True)
    assert ledger("login.refused")[-1]["why"] == "not_as_agreed"


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


# --- what its pages show


def test_one_enters_it_from_a_preset_and_another_lets_it_in(
    liar: Liar, ada: User, bo: User, browse: Browse, app: Flask
) -> None:
    hers, his = browse(ada), browse(bo)
    at = "/providers/new?preset=saml"
    page = hers.get(at).text
    assert 'name="saml_metadata"' in page
    assert not re.search('name="(scope|hosts|uses_pkce|uses_par|userinfo|header_limit|protocol)"', page)
    assert 'value="PS256"' not in page
    assert 'value="claims"' not in page
    row = replace(liar.row(), is_enabled=False)
    wrong = submit(hers, at, at, sent(row, saml_metadata="<a/>"))
    assert (wrong.status_code, "not the metadata of one login" in wrong.text) == (422, True)
    assert submit(hers, at, at, sent(row)).status_code == 303
    proposal = newest()
    der = base64.b64decode(liar.certificate)
    page = his.get(f"/providers/proposals/{proposal.id}").text
    assert all(word in page for word in (saml.SIGN_IN, saml.SIGN_OUT, fingerprint(der), "SAML 2.0"))
    assert submit(his, "/providers", f"/providers/proposals/{proposal.id}/approve", {}).status_code == 303
    made = registry.known("xx")
    assert made
    assert row_of(made) == row
    page = his.get(f"/providers/{made.id}").text
    assert f"/providers/{made.id}/metadata" in page
    assert "PKCE" not in page
    change = f"/providers/{made.id}/change"
    answer = submit(hers, change, change, sent(replace(row, leeway=5), edition=made.version))
    assert answer.status_code == 303
    assert newest().row["protocol"] == "saml"


def test_a_new_certificate_is_seen_by_whoever_approves(
    liar: Liar, ada: User, bo: User, browse: Browse, tmp_path: Path
) -> None:
    registry.ensure_providers([liar.row()])
    (tmp_path / "next").mkdir()
    after = Liar(tmp_path / "next", liar.origin)
    proposal = proposals.propose(ada, after.row())
    page = browse(bo).get(f"/providers/proposals/{proposal.id}").text
    for each in (liar, after):
        assert fingerprint(base64.b64decode(each.certificate)) in page


def test_the_portals_own_metadata_are_for_operators(liar: Liar, ada: User, browse: Browse, app: Flask) -> None:
    [made] = registry.ensure_providers([liar.row()])
    at = f"/providers/{made.id}/metadata"
    answer = browse(ada).get(at)
    assert answer.content_type == "application/samlmetadata+xml"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="xx-portal.xml"'
    root = fromstring(answer.data)
    assert root.get("entityID") == CLIENT_ID
    (role,) = root.findall(f"{MD}SPSSODescriptor")
    assert (role.get("AuthnRequestsSigned"), role.get("WantAssertionsSigned")) == ("true", "true")
    places = {(each.get("Binding"), each.get("Location")) for each in role if each.get("Location")}
    here = f"{liar.origin}/sign-in/xx"
    assert places == {(POST, f"{here}/acs"), (REDIRECT, f"{here}/logout")}
    certificate = own(app.config["SETTINGS"].saml_key).certificate
    assert base64.b64encode(certificate).decode() in answer.text
    assert x509.load_der_x509_certificate(certificate).not_valid_after_utc.year > 2050
    assert browse(operator(ada.provider, "Cy", None)).get(at).status_code == 404
    other = browse(ada).get(f"/providers/{ada.provider_id}/metadata")
    assert (other.status_code, "does not speak SAML" in other.text) == (409, True)


def test_the_certificate_is_the_same_whenever_it_is_made(app: Flask) -> None:
    key: Path = app.config["SETTINGS"].saml_key
    before = own(key)
    own.cache_clear()
    assert own(key).certificate == before.certificate
