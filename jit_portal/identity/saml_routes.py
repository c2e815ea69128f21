"""Addresses at which a login that speaks SAML is met: its answers come from its own page, by a form, without cookies.

A browser sends the portal's cookies along only from the portal's own pages. So an answer is first put into a form of
such a page, unread, and goes on from there to the callback, which takes it in the browser that asked and no other.
"""

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from jit_portal.errors import NotFound
from jit_portal.extensions import csrf, limiter
from jit_portal.identity import endings, registry, trying
from jit_portal.identity.models import IdentityProvider
from jit_portal.identity.protocols import saml
from jit_portal.identity.refusals import ProviderAway, SignInRefused
from jit_portal.identity.routes import FAILURES, PARTING, TRIES, arrive, away, failed, refused, to_test
from jit_portal.identity.vouching import Answer
from jit_portal.vocabulary import Speaks
from jit_portal.web.requests import from_elsewhere, open_to_all
from jit_portal.web.session import viewer_or_none

bp = Blueprint("saml", __name__)
bp.register_error_handler(SignInRefused, refused)
bp.register_error_handler(ProviderAway, away)


@bp.post("/sign-in/<slug>/acs")
@limiter.limit(TRIES)
@from_elsewhere
@open_to_all
def bring(slug: str) -> str:
    provider = _speaker(slug)
    page = render_template("identity/bring.html", provider=provider, said=request.form, locales=[])
    # From elsewhere the browser did not send its session along, and it is not to lose the one it has.
    session.modified = False
    return page


@bp.post("/sign-in/<slug>/callback")
@limiter.limit(FAILURES, deduct_when=failed)
@open_to_all
def callback(slug: str) -> Response:
    answer = Answer(request.form.get("RelayState", ""), response=request.form.get("SAMLResponse", ""))
    return arrive(_speaker(slug).slug, answer)


@bp.get("/sign-in/<slug>/logout")
@limiter.limit(FAILURES, deduct_when=failed)
@open_to_all
def farewell(slug: str) -> Response:
    state, said = request.args.get("RelayState"), request.query_string.decode("ascii", "replace")
    if "SAMLResponse" in request.args:
        return _come_back(_speaker(slug), state or "", said)
    try:
        provider, heard, is_known = endings.hear(slug, said, Speaks.SAML)
    except (SignInRefused, ProviderAway) as error:
        current_app.logger.warning("logout request refused", extra={"provider": slug, "detail": error.detail})
        raise
    answer = saml(provider).farewell_answer(heard, state, is_known=is_known)
    return redirect(answer or url_for("identity.signed_out"), 303)


def _come_back(provider: IdentityProvider, state: str, said: str) -> Response:
    """From signing out there: as its answer says, if that is sound, she is told whether the login still knows her."""
    nonce = session.pop(PARTING, None)
    test = trying.parted(viewer_or_none(), provider, state, said, nonce)
    if test is not None:
        return to_test(test)
    is_confirmed = endings.is_confirmed(provider, said, nonce)
    return redirect(url_for("identity.signed_out", unconfirmed=None if is_confirmed else provider.slug), 303)


def _speaker(slug: str) -> IdentityProvider:
    """The login of this address, if it speaks SAML."""
    provider = registry.known(slug)
    if provider is None or provider.protocol != Speaks.SAML:
        raise NotFound(noun="identity_provider")
    return provider


for _view in (bring, callback):
    csrf.exempt(_view)
