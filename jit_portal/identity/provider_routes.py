"""Addresses of the register of national logins, which is there for operators alone."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, session, url_for
from flask_babel import ngettext
from werkzeug.wrappers import Response

from jit_portal import policy
from jit_portal.errors import Invalid, NotFound, Refused
from jit_portal.identity import (
    endings,
    ourselves,
    proposals,
    protocols,
    provider_words,
    registry,
    tokens,
    trying,
)
from jit_portal.identity.checking import words
from jit_portal.identity.entering import row_from, written
from jit_portal.identity.models import IdentityProvider, ProviderProposal, User
from jit_portal.identity.presets import PRESETS
from jit_portal.identity.provider_forms import ProviderForm, typed
from jit_portal.identity.provider_rows import DEFAULTS, row_of
from jit_portal.identity.routes import PARTING, attempt_browser, set_attempt_cookie
from jit_portal.vocabulary import ClientAuthentication, May, Speaks
from jit_portal.web.forms import blame
from jit_portal.web.requests import public_address, wants_fragment
from jit_portal.web.session import viewer
from jit_portal.wording import gettext

bp = Blueprint("providers", __name__, url_prefix="/providers")


def _require_duty() -> None:
    policy.fetch(viewer(), User, viewer().id, May.KEEP_REGISTER)


def _provider(provider_id: uuid.UUID) -> IdentityProvider:
    return policy.fetch(viewer(), IdentityProvider, provider_id)


def _proposal(proposal_id: uuid.UUID) -> ProviderProposal:
    return policy.fetch(viewer(), ProviderProposal, proposal_id)


def _page(name: str, fragment: str, **more: Any) -> str:
    return render_template(f"providers/{fragment if wants_fragment() else name}.html", place="providers", **more)


@bp.get("")
def index() -> str:
    _require_duty()
    waiting = {each.slug: each for each in proposals.waiting()}
    known = registry.every_one()
    slugs = {each.slug for each in known}
    coming = [each for each in waiting.values() if each.slug not in slugs]
    return _page("index", "_list", known=known, waiting=waiting, coming=coming)


@bp.get("/<uuid:provider_id>")
def show(provider_id: uuid.UUID) -> str:
    provider = _provider(provider_id)
    row = written(row_of(provider))
    return _page(
        "show",
        "_row",
        provider=provider,
        groups=provider_words.groups(row),
        closed=[each for each in provider.authorities if each.closed_at is not None],
        waits=proposals.waits(provider.slug),
        history=proposals.decided(provider.slug),
        has_secret=provider.authenticates_by != ClientAuthentication.PRIVATE_KEY_JWT,
        speaks_saml=provider.protocol == Speaks.SAML,
        told=_told(row),
    )


def _told(row: Mapping[str, Any]) -> list[tuple[Any, str]]:
    """The portal's addresses that whoever runs a login of OpenID Connect is to enter there, as far as the row uses
    them.
    """
    slug = row["slug"]
    addresses = {
        "redirect_uri": public_address("identity.callback", slug=slug),
        "post_logout_redirect_uri": public_address("identity.signed_out") if row["has_rp_logout"] else "",
        "backchannel_logout_uri": public_address("identity.farewell", slug=slug)
        if row["has_back_channel_logout"]
        else "",
    }
    if row["protocol"] != Speaks.OIDC:
        return []
    return [(provider_words.TOLD[name], address) for name, address in addresses.items() if address]


@bp.get("/key")
def key() -> Response:
    _require_duty()
    response = make_response(json.dumps(ourselves.portal().jwks()))
    response.content_type = "application/jwk-set+json"
    response.headers["Content-Disposition"] = 'attachment; filename="portal-key.json"'
    return response


@bp.get("/<uuid:provider_id>/metadata")
def metadata(provider_id: uuid.UUID) -> Response:
    provider = _provider(provider_id)
    if provider.protocol != Speaks.SAML:
        raise Refused(gettext("This login does not speak SAML, and asks for no metadata of the portal's."))
    if (lacks := protocols.lacking()) is not None:
        raise Refused(str(protocols.LACKS[lacks]))
    response = make_response(protocols.saml(provider).ours())
    response.content_type = "application/samlmetadata+xml"
    response.headers["Content-Disposition"] = f'attachment; filename="{provider.slug}-portal.xml"'
    return response


@bp.get("/new")
def new() -> str:
    _require_duty()
    preset = request.args.get("preset", "")
    if preset and preset not in PRESETS:
        raise NotFound(noun="identity_provider")
    said = PRESETS[preset]() if preset else {}
    shown = {**DEFAULTS, "is_enabled": False, **typed(said)}
    return _form(ProviderForm(data=shown, protocol=_protocol(preset)), preset=preset)


def _protocol(preset: str) -> str:
    """A login that is new speaks what the preset says, from which it is begun."""
    return str(PRESETS[preset]().get("protocol", Speaks.OIDC)) if preset in PRESETS else Speaks.OIDC


@bp.post("/new")
def create() -> Response | tuple[str, int]:
    _require_duty()
    preset = request.args.get("preset", "")
    return _propose(ProviderForm(protocol=_protocol(preset)), preset=preset)


@bp.get("/<uuid:provider_id>/change")
def change(provider_id: uuid.UUID) -> str:
    provider = _provider(provider_id)
    shown = typed(written(row_of(provider))) | {"edition": provider.version}
    return _form(_without_slug(ProviderForm(data=shown, protocol=provider.protocol)), provider)


@bp.post("/<uuid:provider_id>/change")
def change_submit(provider_id: uuid.UUID) -> Response | tuple[str, int]:
    provider = _provider(provider_id)
    form = _without_slug(ProviderForm(protocol=provider.protocol))
    return _propose(form, provider)


def _without_slug(form: ProviderForm) -> ProviderForm:
    del form.slug
    return form


def _form(form: ProviderForm, provider: IdentityProvider | None = None, preset: str = "") -> str:
    return render_template(
        "providers/form.html",
        place="providers",
        form=form,
        provider=provider,
        preset=preset,
        presets=provider_words.PRESETS,
        unverified=provider_words.UNVERIFIED.get(preset),
        lacks=_lacks(form.protocol),
    )


def _lacks(protocol: str) -> Any:
    """What this server lacks for a login of this protocol, in words; None where it can speak with it."""
    lacks = protocols.lacking() if protocol == Speaks.SAML else None
    return protocols.LACKS[lacks] if lacks is not None else None


def _propose(
    form: ProviderForm, provider: IdentityProvider | None = None, preset: str = ""
) -> Response | tuple[str, int]:
    if not form.validate():
        return _form(form, provider, preset), 422
    kept = written(row_of(provider)) if provider else {}
    try:
        row = row_from(form.said(kept))
        proposal = proposals.propose(viewer(), row, seen=form.edition.data if provider else None, is_new=not provider)
    except Invalid as error:
        return _form(blame(form, form.blamed(error)), provider, preset), error.status
    except Refused as error:
        return _form(blame(form, error, provider), provider, preset), error.status
    flash(gettext("Proposed. Another operator must approve it."), "ok")
    return redirect(url_for(".proposal", proposal_id=proposal.id), 303)


@bp.get("/<uuid:provider_id>/withdraw")
def withdraw(provider_id: uuid.UUID) -> str:
    provider = _provider(provider_id)
    return render_template(
        "providers/withdraw.html",
        place="providers",
        provider=provider,
        number=endings.live_logins(provider),
        is_own=viewer().provider_id == provider.id,
        others=proposals.left_without(provider),
    )


@bp.post("/<uuid:provider_id>/withdraw")
def withdraw_submit(provider_id: uuid.UUID) -> Response:
    ended = proposals.withdraw(viewer(), _provider(provider_id).slug)
    said = ngettext(
        "Withdrawn: nobody signs in by it any more, and %(num)d sign-in has ended.",
        "Withdrawn: nobody signs in by it any more, and %(num)d sign-ins have ended.",
        ended,
    )
    flash(said, "ok")
    return redirect(url_for(".show", provider_id=provider_id), 303)


@bp.post("/<uuid:provider_id>/reopen")
def reopen(provider_id: uuid.UUID) -> Response:
    proposal = proposals.reopen(viewer(), _provider(provider_id).slug)
    flash(gettext("Proposed. Another operator must approve it."), "ok")
    return redirect(url_for(".proposal", proposal_id=proposal.id), 303)


@bp.get("/proposals/<uuid:proposal_id>")
def proposal(proposal_id: uuid.UUID) -> str:
    found = _proposal(proposal_id)
    known = registry.known(found.slug)
    said = proposals.differences(found) if found.decided_at is None else []
    closed = [each.code for each in known.authorities if each.closed_at is not None] if known else []
    changes = [provider_words.changed(each.field, each.before, each.after, closed) for each in said]
    return _page(
        "proposal",
        "_proposal",
        proposal=found,
        known=known,
        changes=changes,
        whole=provider_words.groups(found.row),
        is_own=found.proposed_by_id == viewer().id,
        why_not=proposals.why_not(viewer(), found),
        has_secret=found.row["authenticates_by"] != ClientAuthentication.PRIVATE_KEY_JWT,
        told=_told({**DEFAULTS, **found.row}),
    )


@bp.post("/proposals/<uuid:proposal_id>/approve")
def approve(proposal_id: uuid.UUID) -> Response:
    found = _proposal(proposal_id)
    provider = proposals.approve(viewer(), found.slug, found.id)
    flash(gettext("Approved: the portal goes by it from now on."), "ok")
    return redirect(url_for(".show", provider_id=provider.id), 303)


@bp.post("/proposals/<uuid:proposal_id>/refuse")
def refuse(proposal_id: uuid.UUID) -> Response:
    found = _proposal(proposal_id)
    proposals.refuse(viewer(), found.slug, found.id)
    flash(gettext("Refused: the portal goes by what it went by before."), "ok")
    return redirect(url_for(".index"), 303)


@bp.get("/<uuid:provider_id>/test")
def test(provider_id: uuid.UUID) -> str:
    provider = _provider(provider_id)
    found = trying.latest(viewer(), provider)
    return _page("test", "_test", provider=provider, test=found, groups=words.groups(found.findings if found else []))


@bp.post("/<uuid:provider_id>/test")
def test_submit(provider_id: uuid.UUID) -> Response:
    trying.run(viewer(), provider_id)
    return _back_to_test(provider_id)


@bp.post("/<uuid:provider_id>/test/sign-in")
def test_sign_in(provider_id: uuid.UUID) -> Response:
    browser = attempt_browser()
    onward = trying.begin_sign_in(viewer(), provider_id, browser)
    response = _onward(provider_id, onward)
    set_attempt_cookie(response, browser)
    return response


@bp.post("/<uuid:provider_id>/test/sign-out")
def test_sign_out(provider_id: uuid.UUID) -> Response:
    session[PARTING] = nonce = tokens.make()
    return _onward(provider_id, trying.leave(viewer(), provider_id, nonce))


def _onward(provider_id: uuid.UUID, onward: str | None) -> Response:
    """The policy lets forms of the portal lead nowhere else, not even by a redirect."""
    if onward is None:
        return _back_to_test(provider_id)
    page = render_template("providers/onward.html", place="providers", provider=_provider(provider_id), onward=onward)
    response = make_response(page)
    response.headers["Refresh"] = f"0; url={onward}"
    return response


def _back_to_test(provider_id: uuid.UUID) -> Response:
    return redirect(url_for(".test", provider_id=provider_id), 303)
