"""What is pinned of a login that speaks SAML, and what the portal has to speak it with: nothing is asked of anybody."""

import datetime as dt
from importlib import import_module
from typing import Any

from jit_portal.identity import ourselves, protocols
from jit_portal.identity.checking.findings import Check, Finding, passed, untried, wrong
from jit_portal.identity.models import IdentityProvider
from jit_portal.identity.saml.own import fingerprint, own


def walk(row: IdentityProvider) -> list[Finding]:
    """Everything that can be found out without anybody signing in."""
    if (lacks := protocols.lacking()) is not None:
        rest = (Check.PINNED, Check.KEYS, Check.SIGN_OUT)
        return [wrong(Check.MATERIAL, f"lacks_{lacks}"), *(untried(check, "before") for check in rest)]
    ours = passed(Check.MATERIAL, "own_rsa", print=fingerprint(own(ourselves.portal().saml_key).certificate))
    metadata = import_module("jit_portal.identity.saml.metadata")
    try:
        pinned = metadata.read(row.saml_metadata)
    except metadata.Senseless as error:
        found = wrong(Check.PINNED, "senseless_metadata", detail=error)
        return [ours, found, *(untried(check, "before") for check in (Check.KEYS, Check.SIGN_OUT))]
    return [ours, _pinned(pinned), _keys(row, pinned), _sign_out(row, pinned)]


def _pinned(pinned: Any) -> Finding:
    if pinned.valid_until is None:
        return passed(Check.PINNED, "pinned", place=pinned.sign_in)
    is_over = pinned.valid_until <= dt.datetime.now(dt.UTC)
    said = {"until": f"{pinned.valid_until:%Y-%m-%d}", "place": pinned.sign_in}
    return wrong(Check.PINNED, "metadata_over", **said) if is_over else passed(Check.PINNED, "pinned_until", **said)


def _keys(row: IdentityProvider, pinned: Any) -> Finding:
    """Which certificates it signs with; one that is over is told, for it is to be exchanged, and counts all the same.

    What is pinned is the key; until when its certificate holds is the login's own affair.
    """
    named = ", ".join(f"{print} ({until:%Y-%m-%d})" for print, until in pinned.signers())
    if any(until <= dt.datetime.now(dt.UTC) for _, until in pinned.signers()):
        return wrong(Check.KEYS, "certificate_over", certificates=named)
    if not any(pinned.fits(word) for word in row.algorithms):
        return wrong(
            Check.KEYS, "no_fitting_certificate", certificates=named, allowed=", ".join(sorted(row.algorithms))
        )
    return passed(Check.KEYS, "certificates", certificates=named)


def _sign_out(row: IdentityProvider, pinned: Any) -> Finding:
    if (row.has_rp_logout or row.has_back_channel_logout) and pinned.sign_out is None:
        return wrong(Check.SIGN_OUT, "no_sign_out_pinned")
    return passed(Check.SIGN_OUT)
