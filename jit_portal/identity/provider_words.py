"""The row of a national login in plain words: what each field is called, and how its value is read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from flask_babel import lazy_gettext as _

from jit_portal.identity import protocols
from jit_portal.identity.provider_rows import DEFAULTS
from jit_portal.vocabulary import Assurance, AssuranceAsked, ClientAuthentication, PartyKind, Speaks, UserinfoForm
from jit_portal.wording import gettext

LABELS = {
    "name": _("Name"),
    "slug": _("Short name in addresses"),
    "kind": _("Speaks for"),
    "country": _("Country or body"),
    "is_enabled": _("People may sign in by it"),
    "protocol": _("Protocol"),
    "issuer": _("Issuer"),
    "hosts": _("Further hosts"),
    "client_id": _("Name of the portal there"),
    "saml_metadata": _("Pinned metadata"),
    "scope": _("Scope asked for"),
    "authenticates_by": _("How the portal proves itself"),
    "uses_pkce": _("PKCE"),
    "uses_par": _("Request sent ahead (PAR)"),
    "algorithms": _("Allowed signatures"),
    "leeway": _("Leeway of clocks"),
    "keys_seconds": _("Keys are kept for"),
    "header_limit": _("Longest header of a token"),
    "asks_assurance": _("How assurance is asked for"),
    "proves_anew": _("It has people prove anew who they are"),
    "acr_levels": _("What its words for assurance mean"),
    "claim_map": _("Where it says what of a person"),
    "userinfo": _("Userinfo comes as"),
    "authorities": _("Allowed authorities"),
    "has_rp_logout": _("Signing out here signs out there"),
    "has_back_channel_logout": _("It tells the portal of sign-outs"),
    "takes_untyped_logout": _("Such word may come without its type"),
    "idle_minutes": _("A sign-in ends unused after"),
    "absolute_hours": _("A sign-in ends in any case after"),
    "most_logins": _("Sign-ins of a person at once"),
}
GROUPS = (
    (_("Whose login it is"), ("name", "slug", "kind", "country", "is_enabled")),
    (_("Where it is"), ("protocol", "issuer", "hosts", "client_id", "saml_metadata", "scope")),
    (_("How the portal speaks to it"), ("authenticates_by", "uses_pkce", "uses_par")),
    (_("What it signs with"), ("algorithms", "leeway", "keys_seconds", "header_limit")),
    (_("How strongly people sign in"), ("asks_assurance", "acr_levels", "proves_anew")),
    (_("What it says of people"), ("claim_map", "userinfo", "authorities")),
    (_("Signing out"), ("has_rp_logout", "has_back_channel_logout", "takes_untyped_logout")),
    (_("Limits of its sign-ins"), ("idle_minutes", "absolute_hours", "most_logins")),
)
_OF_OIDC = {
    *("hosts", "scope", "authenticates_by", "uses_pkce", "uses_par", "keys_seconds", "header_limit", "userinfo"),
    "takes_untyped_logout",
}
NOT_OF: Mapping[str, set[str]] = {Speaks.OIDC: {"saml_metadata"}, Speaks.SAML: _OF_OIDC}
"""Fields that mean nothing to a login of this protocol."""
PROTOCOLS = {Speaks.OIDC: _("OpenID Connect"), Speaks.SAML: _("SAML 2.0")}
KINDS = {
    PartyKind.MEMBER_STATE: _("Member State"),
    PartyKind.THIRD_COUNTRY: _("Third country"),
    PartyKind.EU_BODY: _("EU body"),
    PartyKind.INTERNATIONAL_JUDICIAL: _("International judicial authority"),
}
LEVELS = {Assurance.LOW: _("Low"), Assurance.SUBSTANTIAL: _("Substantial"), Assurance.HIGH: _("High")}
AUTHENTICATIONS = {
    ClientAuthentication.PRIVATE_KEY_JWT: _("By the portal's own key (private_key_jwt)"),
    ClientAuthentication.CLIENT_SECRET_BASIC: _("By a secret in the header (client_secret_basic)"),
    ClientAuthentication.CLIENT_SECRET_POST: _("By a secret in the form (client_secret_post)"),
}
ASKED = {
    AssuranceAsked.ACR_VALUES: _("By a list of words that would do"),
    AssuranceAsked.ACR_MINIMUM: _("By one word, as the least"),
    AssuranceAsked.CLAIMS: _("As a condition (claims, essential)"),
    AssuranceAsked.NOT_ASKED: _("Not at all; it is read from the answer"),
}
USERINFO = {UserinfoForm.JSON: _("Plain JSON"), UserinfoForm.JWT: _("A token under its signature (JWT)")}
CLAIMS = {
    "subject": _("Who it is, where its own name for people does not say so for good"),
    "name": _("Name"),
    "authority": _("Authority"),
    "email": _("E-mail"),
    "title": _("Title"),
    "language": _("Language"),
    "time_zone": _("Time zone"),
}
PRESETS = {
    "proconnect": _("ProConnect (France)"),
    "tara": _("TARA (Estonia)"),
    "spid_cie": _("SPID and CIE (Italy), through a bridge"),
    "csam": _("CSAM (Belgium)"),
    "keycloak": _("An agency's Keycloak"),
    "adfs": _("An agency's AD FS"),
    "entra": _("An agency's tenant of Microsoft Entra"),
    "eidas": _("An eIDAS node (SAML)"),
    "saml": _("An agency's login that speaks SAML"),
}
UNVERIFIED = {
    "proconnect": _("Not verified: PKCE, the secret in the form, and the words for the higher levels."),
    "tara": _("Not verified: PKCE, and where it puts names. It says nothing of authorities: the invitation does."),
    "spid_cie": _("Not verified: everything about the bridge, which is the country's own. It knows no authorities."),
    "csam": _("Not verified: the words for assurance, the secret, PKCE, the claims and every sign-out."),
    "keycloak": _("Not verified: which words its realm has for assurance, and the claim that names the agency."),
    "adfs": _("Not verified at all: its words for assurance and its claims must be asked for."),
    "entra": _("Not verified at all: its words for assurance and its claims must be asked for."),
    "eidas": _(
        "Not verified: which attributes a node wants to be asked for, and whether it has a way to sign out. It knows "
        "people and no authorities."
    ),
    "saml": _("Not verified: its words for assurance and the names of its attributes must be asked for."),
}
TOLD = {
    "redirect_uri": _("Where people come back to (redirect_uri)"),
    "post_logout_redirect_uri": _("Where they come back to from signing out (post_logout_redirect_uri)"),
    "backchannel_logout_uri": _("Where it tells of sign-outs (backchannel_logout_uri)"),
}
"""What a login of OpenID Connect is to know of the portal, by the names that it is asked for there."""

_CHOICES: Mapping[str, Mapping[Any, Any]] = {
    "kind": KINDS,
    "protocol": PROTOCOLS,
    "authenticates_by": AUTHENTICATIONS,
    "asks_assurance": ASKED,
    "userinfo": USERINFO,
}
_SECONDS = ("leeway", "keys_seconds")


@dataclass(frozen=True)
class Said:
    """A field's value to read: ``text``, or ``codes`` of the protocol, or ``pairs`` of those and their meaning."""

    label: Any
    text: Any = ""
    codes: tuple[str, ...] = ()
    pairs: tuple[tuple[str, Any], ...] = ()


def groups(row: Mapping[str, Any]) -> list[tuple[Any, list[Said]]]:
    """The whole row, as its page shows it."""
    row = {**DEFAULTS, **row}
    left = NOT_OF[row["protocol"]]
    shown = [(title, [said(field, row[field]) for field in names if field not in left]) for title, names in GROUPS]
    return [(title, fields) for title, fields in shown if fields]


def said(field: str, value: Any) -> Said:
    """One field of a row as it is stored; None is that there was no login before."""
    label = LABELS[field]
    if value is None:
        return Said(label)
    if field in _CHOICES:
        return Said(label, text=_CHOICES[field][value])
    if field == "acr_levels":
        ordered = sorted(value.items(), key=lambda each: (each[1], each[0]))
        return Said(label, pairs=tuple((word, LEVELS[Assurance(level)]) for word, level in ordered))
    if field == "claim_map":
        return Said(label, pairs=tuple((_pointer(value[name]), CLAIMS.get(name, name)) for name in sorted(value)))
    if field == "authorities":
        return Said(label, pairs=tuple(sorted(value.items())))
    if field == "saml_metadata":
        return Said(label, pairs=_pinned(value)) if value else Said(label, text=_("None"))
    if isinstance(value, bool):
        return Said(label, text=_("Yes") if value else _("No"))
    return _plain(label, field, value)


def changed(field: str, before: Any, after: Any, closed: Collection[str]) -> tuple[Said, Said]:
    """One field that a proposal changes, as it is and as it would be; of authorities it says what becomes of each.

    ``closed`` are the codes of those that were listed once, and are not now.
    """
    if field != "authorities" or before is None:
        return said(field, before), said(field, after)
    listed = {**before, **after}
    pairs = [(code, _authority(code, before.get(code), after.get(code), closed)) for code in sorted(listed)]
    return said(field, before), Said(LABELS[field], pairs=tuple(pairs))


def _authority(code: str, before: str | None, after: str | None, closed: Collection[str]) -> Any:
    # Not put off until it is shown: a lazy text passes for HTML, with whatever name stands in it.
    if after is None:
        return gettext("%(name)s: closed, nobody of it gets in", name=before)
    if before is None:
        is_back = code in closed
        return gettext("%(name)s: open again", name=after) if is_back else gettext("%(name)s: new", name=after)
    return after if before == after else gettext("%(name)s: this name instead of %(before)s", name=after, before=before)


def _pinned(text: str) -> tuple[tuple[str, Any], ...]:
    """What of a login's metadata counts: where it is, and what it signs with."""
    if protocols.lacking() == "packages":
        return ((text[:200], protocols.LACKS["packages"]),)
    pinned = import_module("jit_portal.identity.saml.metadata").read(text)
    places = ((pinned.sign_in, _("where people sign in")), (pinned.sign_out, _("where they sign out")))
    signers = (
        (print, _("its certificate, until %(day)s", day=f"{until:%Y-%m-%d}")) for print, until in pinned.signers()
    )
    return (*(pair for pair in places if pair[0]), *signers)


def _pointer(value: str) -> Any:
    return value or _("never says")


def _plain(label: Any, field: str, value: Any) -> Said:
    if isinstance(value, list | tuple):
        return Said(label, codes=tuple(value)) if value else Said(label, text=_("None"))
    if isinstance(value, int):
        return Said(label, text=_counted(field, value))
    return Said(label, text=value) if field in ("name", "country") else Said(label, codes=(str(value),))


def _counted(field: str, value: int) -> Any:
    if field in _SECONDS:
        return _("%(number)s seconds", number=value)
    unit = {
        "header_limit": _("%(number)s bytes", number=value),
        "idle_minutes": _("%(number)s minutes", number=value),
        "absolute_hours": _("%(number)s hours", number=value),
    }
    return unit.get(field, str(value))
