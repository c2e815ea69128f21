"""The row of a national login as it is typed: lines for lists, and ``word = meaning`` for what belongs together."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import BooleanField, Field, IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError
from wtforms.widgets import HiddenInput

from jit_portal.errors import Invalid
from jit_portal.identity.provider_rows import ALGORITHMS, LIMITS, ProviderRow
from jit_portal.identity.provider_words import (
    ASKED,
    AUTHENTICATIONS,
    CLAIMS,
    GROUPS,
    KINDS,
    LABELS,
    NOT_OF,
    USERINFO,
)
from jit_portal.vocabulary import Assurance, AssuranceAsked, Speaks
from jit_portal.web.fields import CheckboxesField, one_line, plain_text, stripped, unwrapped
from jit_portal.wording import gettext

_NEEDED = InputRequired(_("This is needed."))
_LEVEL_WORDS = {level.name.lower(): level for level in Assurance}
_CLAIM = "claim_"


def _text(name: str, hint: Any = "", *, is_needed: bool = True, most: int = 200) -> StringField:
    checks = [_NEEDED if is_needed else Optional(), Length(max=most), one_line]
    return StringField(LABELS[name], checks, [unwrapped], description=hint)


def _lines(name: str, hint: Any, *, is_needed: bool = True, most: int = 20_000) -> TextAreaField:
    checks = [_NEEDED if is_needed else Optional(), Length(max=most), plain_text]
    return TextAreaField(LABELS[name], checks, [stripped], description=hint)


def _number(name: str, hint: Any) -> IntegerField:
    least, most = LIMITS[name]
    wrong = _("This is a number from %(least)s to %(most)s.", least=least, most=most)
    return IntegerField(LABELS[name], [_NEEDED, NumberRange(least, most, wrong)], description=hint)


def _choices(words: Mapping[Any, Any]) -> list[SelectChoice]:
    return [SelectChoice(str(word), said) for word, said in words.items()]


def _choice(name: str, words: Mapping[Any, Any], hint: Any = "") -> RadioField:
    return RadioField(LABELS[name], [_NEEDED], choices=_choices(words), description=hint)


def _pointer(name: str, hint: Any = "") -> StringField:
    return StringField(CLAIMS[name], [Optional(), Length(max=400), one_line], [unwrapped], description=hint)


class ProviderForm(FlaskForm):
    """One row; ``edition`` is the version of the login that it was typed over."""

    name = _text("name", _("As people know it: they choose it by this name."))
    slug = _text(
        "slug",
        _("Small letters, digits and hyphens; it stays for ever and stands in the addresses given to the login."),
        most=40,
    )
    kind = SelectField(LABELS["kind"], [_NEEDED], choices=_choices(KINDS))
    country = _text(
        "country",
        _("The two letters of the country, or the word of the body. Everybody who comes by this login is of it."),
        most=12,
    )
    is_enabled = BooleanField(
        LABELS["is_enabled"], description=_("Leave a new login closed until its test has passed, then open it.")
    )

    issuer = _text("issuer", _("Exactly as the login itself writes it, to the last slash."), most=500)
    hosts = _lines(
        "hosts",
        _("One in each line, such as https://keys.example. Nothing is asked of any but the issuer's host and these."),
        is_needed=False,
    )
    client_id = _text("client_id", _("The client_id that the login has given the portal."))
    saml_metadata = _lines(
        "saml_metadata",
        _("The whole document, as whoever runs the login has given it to you. Nothing is ever fetched from there."),
        most=100_000,
    )
    scope = _text("scope", _("Words apart by spaces; openid must be among them."))

    authenticates_by = _choice(
        "authenticates_by", AUTHENTICATIONS, _("Its own key is better: nothing secret is shared.")
    )
    uses_pkce = BooleanField(
        LABELS["uses_pkce"], description=_("Ties the answer to the request. Off only where the login cannot.")
    )
    uses_par = BooleanField(
        LABELS["uses_par"], description=_("The request goes ahead from server to server, not through the browser.")
    )

    algorithms = CheckboxesField(
        LABELS["algorithms"],
        choices=_choices({word: Markup("<code>{}</code>").format(word) for word in sorted(ALGORITHMS)}),
        description=_("Only what the login really signs with. A signature by any other is refused."),
    )
    leeway = _number("leeway", _("Seconds by which its clock and the portal's may differ."))
    keys_seconds = _number("keys_seconds", _("Seconds for which a key is believed after the login has withdrawn it."))
    header_limit = _number("header_limit", _("Bytes; more than 512 only where its tokens carry certificates."))

    asks_assurance = _choice("asks_assurance", ASKED, _("By acr_values, or as an essential claim."))
    acr_levels = _lines(
        "acr_levels", _("One in each line: its word, =, and low, substantial or high. Any other word signs nobody in.")
    )

    proves_anew = BooleanField(
        LABELS["proves_anew"],
        description=_(
            "When asked, and says when they did (max_age, auth_time). Off only where the test finds that it "
            "cannot: then a passkey confirms what asks for it."
        ),
    )

    claim_subject = _pointer(
        "subject", _("An attribute that is the person for good; empty where the login's own name for her (NameID) is.")
    )
    claim_name = _pointer("name", _("Pointers such as /name, or /given_name /usual_name for two that are joined."))
    claim_authority = _pointer(
        "authority", _("Empty where it never says: then the invitation alone says whose somebody is.")
    )
    claim_email = _pointer("email")
    claim_title = _pointer("title")
    claim_language = _pointer("language")
    claim_time_zone = _pointer("time_zone")
    userinfo = _choice("userinfo", USERINFO)
    authorities = _lines(
        "authorities",
        _(
            "One in each line: the login's code, =, and the name. Nobody of another authority gets in. One that you "
            "leave out is closed; put back, it is open again."
        ),
    )

    has_rp_logout = BooleanField(
        LABELS["has_rp_logout"], description=_("The browser goes there and back (RP-initiated logout).")
    )
    has_back_channel_logout = BooleanField(
        LABELS["has_back_channel_logout"],
        description=_("Whoever signs out there is signed out here at once (back-channel logout)."),
    )
    takes_untyped_logout = BooleanField(
        LABELS["takes_untyped_logout"],
        description=_("For older logins, whose logout tokens do not say that they are such."),
    )

    idle_minutes = _number("idle_minutes", _("Minutes; a country may be stricter than the portal, not wider."))
    absolute_hours = _number("absolute_hours", _("Hours."))
    most_logins = _number("most_logins", _("With one more, the oldest ends."))
    edition = IntegerField(validators=[Optional()], widget=HiddenInput())

    def __init__(self, *arguments: Any, protocol: str = Speaks.OIDC, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.protocol = protocol
        for name in NOT_OF[protocol]:
            del self[name]
        if protocol == Speaks.SAML:
            self._speak_saml()
        else:
            del self[_CLAIM + "subject"]
        # Not by a check, which would make each single box a needed one; the register itself asks for one.
        self.algorithms.flags.required = True

    def _speak_saml(self) -> None:
        """Ask for the same things by the names that SAML has for them."""
        for name, hint in _IN_SAML.items():
            self[name].description = hint
        self.algorithms.choices = [each for each in self.algorithms.choices if str(each.value)[:2] in ("RS", "ES")]
        self.asks_assurance.choices = [
            each for each in self.asks_assurance.choices if each.value != AssuranceAsked.CLAIMS
        ]

    def validate_acr_levels(self, field: Field) -> None:
        if any(word not in _LEVEL_WORDS for word in _pairs(field.data, from_end=True).values()):
            raise ValidationError(_("After the = stands low, substantial or high."))

    def validate_authorities(self, field: Field) -> None:
        if not all(_pairs(field.data).values()):
            raise ValidationError(_("Each authority has a code and a name."))

    def said(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of the row as ``row_from`` reads them, over those of the login that the form does not ask for."""
        names = [each.name for each in fields(ProviderRow) if each.name in self and each.name not in _READ]
        plain = {name: self[name].data for name in names}
        read = {name: reading(self[name].data or "") for name, reading in _READ.items() if name in self}
        claim_map = self._claim_map(kept.get("claim_map", {}))
        return {**kept, **plain, **read, "claim_map": claim_map, "protocol": self.protocol}

    def _claim_map(self, kept: Mapping[str, str]) -> dict[str, str]:
        asked = {name: self[_CLAIM + name].data or "" for name in CLAIMS if _CLAIM + name in self}
        others = {name: pointers for name, pointers in kept.items() if name not in CLAIMS}
        return {**others, **{name: said for name, said in asked.items() if said or name == "authority"}}

    def blamed(self, error: Invalid) -> Invalid:
        """The same complaint, beside a field that this form has."""
        error.field = {"claim_map": f"{_CLAIM}name"}.get(error.field or "", error.field)
        return error

    def groups(self) -> list[tuple[Any, list[Field]]]:
        """The fields of the row in the groups in which its page shows them."""
        asked = [(title, [field for name in names for field in self._asked(name)]) for title, names in GROUPS]
        return [(title, fields) for title, fields in asked if fields]

    def _asked(self, name: str) -> Iterator[Field]:
        if name == "claim_map":
            yield from (self[_CLAIM + each] for each in CLAIMS if _CLAIM + each in self)
        elif name in self:
            yield self[name]


def typed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the form shows it, whole or as far as a preset says it."""
    shown = {name: value for name, value in row.items() if name not in ("claim_map", *_READ)}
    shown |= {f"{_CLAIM}{name}": pointers for name, pointers in row.get("claim_map", {}).items()}
    levels = {word: _level(level) for word, level in row.get("acr_levels", {}).items()}
    return shown | {
        "hosts": "\n".join(row.get("hosts", ())),
        "acr_levels": "\n".join(f"{word} = {level}" for word, level in levels.items()),
        "authorities": "\n".join(f"{code} = {name}" for code, name in row.get("authorities", {}).items()),
    }


def _level(level: str | int) -> str:
    return level if isinstance(level, str) else Assurance(level).name.lower()


def _pairs(text: str | None, *, from_end: bool = False) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(str.strip, (text or "").splitlines()):
        word, sign, meaning = line.rpartition("=") if from_end else line.partition("=")
        if not sign or not word.strip():
            raise ValidationError(gettext("There is no = in “%(line)s”.", line=line.strip()[:60]))
        if word.strip() in found:
            raise ValidationError(gettext("“%(word)s” stands there twice.", word=word.strip()[:60]))
        found[word.strip()] = meaning.strip()
    return found


_IN_SAML = {
    "issuer": _("Its entityID, exactly as its metadata have it."),
    "client_id": _("The portal's entityID, as the login is to know it; an address of the portal's own is usual."),
    "algorithms": _("Only what the login really signs its assertions with. A signature by any other is refused."),
    "asks_assurance": _("By RequestedAuthnContext: the words that would do, or the least."),
    "acr_levels": _(
        "One in each line: AuthnContextClassRef, =, and low, substantial or high. No other signs anybody in."
    ),
    "proves_anew": _(
        "When asked (ForceAuthn), and says when they did (AuthnInstant). Off only where the test finds that it "
        "cannot: then a passkey confirms what asks for it."
    ),
    "claim_name": _("The names of attributes, apart by spaces where two are joined."),
    "has_rp_logout": _("The browser goes there and back (single logout)."),
    "has_back_channel_logout": _("Whoever signs out there comes by here, and is signed out (single logout)."),
}
"""What is said of these fields where the login speaks SAML."""

_READ: Mapping[str, Callable[[str], Any]] = {
    "hosts": lambda text: text.split(),
    "acr_levels": lambda text: _pairs(text, from_end=True),
    "authorities": lambda text: _pairs(text),
}
