"""The draft of an agreement as it is typed: its terms, and one block for each national login that can be a party."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence

from flask import request
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import (
    BooleanField,
    DateField,
    Field,
    Form,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import UUID, InputRequired, Length, Optional
from wtforms.widgets import HiddenInput

from jit_portal.identity.models import IdentityProvider, User
from jit_portal.jits.terms import NamedParty, Terms, country_name
from jit_portal.jits.words import LEGAL_BASES, ROLES, ROLES_OF
from jit_portal.vocabulary import STATES, PartyKind, Role
from jit_portal.web import zones
from jit_portal.web.fields import CheckboxesField, one_line, plain_text, stripped, unwrapped

_NEEDED = InputRequired(_("This is needed."))


class TermsForm(FlaskForm):
    """The terms of a version."""

    reference = StringField(
        _("Reference"), [_NEEDED, Length(max=60), one_line], [unwrapped], description=_("For example JIT 2026/0318.")
    )
    name = StringField(
        _("Name"),
        [_NEEDED, Length(max=80), one_line],
        [unwrapped],
        description=_("A short working name, one word or two."),
    )
    purpose = TextAreaField(
        _("Purpose"),
        [_NEEDED, Length(max=5000), plain_text],
        [stripped],
        description=_("Facts, domestic proceedings and aims, with as few personal data as possible."),
    )
    legal_bases = CheckboxesField(_("Legal basis"))
    states_of_operation = CheckboxesField(
        _("States of operation"), description=_("Where the team works; the law there governs what is done there.")
    )
    starts_on = DateField(_("First day"), [_NEEDED])
    ends_on = DateField(_("Last day, inclusive"), [_NEEDED])
    time_zone = SelectField(_("Time zone"), [_NEEDED], choices=zones.choices)
    controller = SelectField(
        _("Controller for data of third countries"),
        description=_(
            "One of the space administrators ticked above (Article 23(2)). With or without one, third countries and "
            "international bodies cannot upload yet: this portal does not offer the verification of Article 17(3)."
        ),
    )
    edition = IntegerField(widget=HiddenInput(), validators=[Optional()])
    base = HiddenField()


class PartyForm(Form):
    """What a version says of one party."""

    is_party = BooleanField(_("Party to this version"))
    leaders = CheckboxesField(_("Leaders"))
    administrators = CheckboxesField(_("Space administrators"))
    roles = CheckboxesField(_("Who may be invited"))
    invites_until = DateField(
        _("May invite until"), [Optional()], description=_("Inclusive; left empty, as long as the version is in force.")
    )


class DraftForm:
    """The whole page: the terms, and a block for each provider, told apart by the provider's address name."""

    def __init__(
        self, providers: Sequence[IdentityProvider], people: Sequence[User], terms: Terms | None, zone: str = ""
    ) -> None:
        self.terms = TermsForm(data=_typed(terms, zone))
        self.blocks = [(provider, _block(provider, people, terms)) for provider in providers]
        self._offer(providers, people, terms)
        self.form_errors: list[str] = []

    def _offer(self, providers: Sequence[IdentityProvider], people: Sequence[User], terms: Terms | None) -> None:
        known = dict(LEGAL_BASES)
        kept = {code: code for code in (terms.legal_bases if terms else ()) if code not in known}
        self.terms.legal_bases.choices = [*known.items(), *kept.items()]
        states = sorted({each.country for each in providers if each.kind in STATES})
        self.terms.states_of_operation.choices = [(code, country_name(code)) for code in states]
        for needed in (self.terms.legal_bases, self.terms.states_of_operation):
            # A draft is saved without them, but nobody can sign it: the page must not call them optional.
            needed.flags.required = True
        of_states = {each.id for each in providers if each.kind == PartyKind.MEMBER_STATE}
        administrators = [
            (str(each.id), f"{each.name} ({each.country})") for each in people if each.provider_id in of_states
        ]
        self.terms.controller.choices = [("", _("Nobody yet")), *administrators]

    def validate(self) -> bool:
        """Whether everything typed makes sense by itself; errors are at the fields."""
        wrong = [block for _provider, block in self.blocks if not block.validate()]
        return bool(self.terms.validate()) and not wrong

    def read(self) -> Terms:
        """What was typed, once it was found valid."""
        typed = self.terms
        named = [_named(provider, block) for provider, block in self.blocks if block.is_party.data]
        return Terms(
            reference=typed.reference.data,
            name=typed.name.data,
            purpose=typed.purpose.data,
            legal_bases=tuple(typed.legal_bases.data),
            states_of_operation=tuple(typed.states_of_operation.data),
            starts_on=typed.starts_on.data,
            ends_on=typed.ends_on.data,
            time_zone=typed.time_zone.data,
            parties=tuple(named),
            controller=uuid.UUID(typed.controller.data) if typed.controller.data else None,
        )

    def complain(self, reason: str, field: str | None) -> None:
        """Show what a verb found wrong, at its field where there is one."""
        if field is not None and field in self.terms:
            self.terms[field].errors = [*self.terms[field].errors, reason]
        else:
            self.form_errors.append(reason)

    def base(self) -> dict[str, str]:
        """What the draft said when this page was first shown, as the page brought it back; for display only."""
        try:
            said = json.loads(self.terms.base.data or "{}")
        except ValueError:
            return {}
        return {str(what): str(how) for what, how in said.items()} if isinstance(said, dict) else {}

    def now_at(self, edition: int, lines: Mapping[str, str]) -> None:
        """From now on the page speaks of this edition, with what it says."""
        self.terms.edition.raw_data = self.terms.base.raw_data = None
        self.terms.edition.data = edition
        self.terms.base.data = json.dumps(dict(lines), ensure_ascii=False)

    @property
    def errors(self) -> list[object]:
        """Everything wrong anywhere on the page."""
        return [*self.form_errors, *(field.errors for field in self if field.errors)]

    def __iter__(self) -> Iterator[Field]:
        yield from self.terms
        for _provider, block in self.blocks:
            yield from block


def _typed(terms: Terms | None, zone: str) -> dict[str, object]:
    if terms is None:
        return {"time_zone": zone}
    return {
        **{
            name: getattr(terms, name) for name in ("reference", "name", "purpose", "starts_on", "ends_on", "time_zone")
        },
        "legal_bases": list(terms.legal_bases),
        "states_of_operation": list(terms.states_of_operation),
        "controller": str(terms.controller or ""),
    }


def _block(provider: IdentityProvider, people: Sequence[User], terms: Terms | None) -> PartyForm:
    said = next((each for each in terms.parties if each.provider_id == provider.id), None) if terms else None
    data: dict[str, object] = {"roles": [role.value for role in ROLES_OF[provider.kind]]}
    if said is not None:
        data = {
            "is_party": True,
            "leaders": [str(id) for id in said.leaders],
            "administrators": [str(id) for id in said.administrators],
            "roles": [role.value for role in said.roles],
            "invites_until": said.invites_until,
        }
    block = PartyForm(
        formdata=request.form if request.method == "POST" else None, data=data, prefix=f"{provider.slug}-"
    )
    own = [(str(person.id), person.name) for person in people if person.provider_id == provider.id]
    block.leaders.choices = own
    block.administrators.choices = own if provider.kind == PartyKind.MEMBER_STATE else []
    block.roles.choices = [(role.value, ROLES[role]) for role in ROLES_OF[provider.kind]]
    return block


def _named(provider: IdentityProvider, block: PartyForm) -> NamedParty:
    return NamedParty(
        provider_id=provider.id,
        roles=tuple(Role(role) for role in block.roles.data),
        invites_until=block.invites_until.data,
        leaders=tuple(uuid.UUID(id) for id in block.leaders.data),
        administrators=tuple(uuid.UUID(id) for id in block.administrators.data),
    )


class DocumentForm(FlaskForm):
    """The signed document of a draft."""

    document = FileField(
        _("Document"), [FileRequired(_("Choose the document."))], description=_("A PDF of at most 20 MB.")
    )
    edition = IntegerField(widget=HiddenInput(), validators=[InputRequired()])


class SignatureForm(FlaskForm):
    """Who signed for a party, when and where."""

    party = HiddenField(validators=[_NEEDED, UUID()])
    signed_by = StringField(_("Signed by"), [_NEEDED, Length(max=120), one_line], [unwrapped])
    signed_on = DateField(_("On"), [_NEEDED])
    place = StringField(_("At"), [_NEEDED, Length(max=120), one_line], [unwrapped])
    edition = IntegerField(widget=HiddenInput(), validators=[InputRequired()])


class EditionForm(FlaskForm):
    """A verb on a draft as it was seen."""

    edition = IntegerField(widget=HiddenInput(), validators=[InputRequired()])
