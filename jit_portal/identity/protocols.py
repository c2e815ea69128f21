"""Which protocol a national login speaks: its row says, and everything else about it is the same for both."""

import shutil
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from flask_babel import lazy_gettext as _

from jit_portal.identity import oidc, ourselves
from jit_portal.identity.models import IdentityProvider
from jit_portal.identity.refusals import NOT_AS_AGREED, ProviderAway
from jit_portal.identity.saml.own import NoKey, own
from jit_portal.identity.vouching import Answer, Farewell, Vouched
from jit_portal.vocabulary import Assurance, Speaks

LACKS = {
    "packages": _("This server cannot speak SAML: its packages are missing. Install the portal with its extra saml."),
    "program": _("This server cannot speak SAML: the program xmlsec1 is missing. Install it."),
    "key": _("This server cannot speak SAML: JIT_SAML_KEY names no file of an RSA key of 3072 bits or more."),
}


class Login(Protocol):
    """A national login as the portal speaks with it."""

    @property
    def highest(self) -> Assurance: ...

    def address(
        self,
        redirect_uri: str,
        *,
        state: str,
        nonce: str,
        code_verifier: str,
        assurance: Assurance | None = None,
        max_age: int | None = None,
    ) -> str: ...

    def vouch(self, answer: Answer, redirect_uri: str, *, nonce: str, code_verifier: str) -> Vouched: ...

    def farewell_address(
        self, id_token: str | None, state: str | None = None, provider_session: str | None = None, *, nonce: str
    ) -> str | None: ...

    def farewell(self, said: str) -> Farewell: ...


def lacking() -> str | None:
    """What this server has not and SAML needs, if anything: a word of LACKS."""
    if find_spec("saml2") is None or find_spec("defusedxml") is None:
        return "packages"
    if shutil.which("xmlsec1") is None:
        return "program"
    try:
        own(ourselves.portal().saml_key)
    except NoKey:
        return "key"
    return None


def client(row: IdentityProvider) -> Login:
    """The client of a registry row; what speaks SAML is loaded for the first login that does."""
    return saml(row) if row.protocol == Speaks.SAML else oidc.client(row)


def saml(row: IdentityProvider) -> Any:
    """The client of a row that speaks SAML; ProviderAway on a server that cannot."""
    if (lacks := lacking()) is not None:
        raise ProviderAway(row.slug, f"SAML lacks {lacks}", NOT_AS_AGREED)
    return import_module("jit_portal.identity.saml.login").client(row, ourselves.portal())
