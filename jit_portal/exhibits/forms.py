"""What can be typed about exhibits, releases and country rules."""

import uuid
from enum import StrEnum
from typing import Any, Self, TypeVar

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    DateTimeLocalField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional
from wtforms.widgets import HiddenInput

from jit_portal.errors import Invalid
from jit_portal.exhibits.targets import Target
from jit_portal.identity.models import Authority, User
from jit_portal.jits.words import ROLES
from jit_portal.vocabulary import ExhibitKind, HandlingCode, PrincipalKind, Purpose, Sight
from jit_portal.web.fields import plain_text
from jit_portal.wording import country, gettext

E = TypeVar("E", bound=StrEnum)

KINDS = {
    ExhibitKind.DOCUMENT: _("Document"),
    ExhibitKind.IMAGE: _("Image"),
    ExhibitKind.VIDEO: _("Video"),
    ExhibitKind.AUDIO: _("Audio recording"),
    ExhibitKind.SPREADSHEET: _("Spreadsheet"),
    ExhibitKind.MAILBOX: _("Mailbox"),
    ExhibitKind.ARCHIVE: _("Archive"),
    ExhibitKind.DISK_IMAGE: _("Disk image"),
    ExhibitKind.EXTRACTION: _("Device extraction"),
    ExhibitKind.DATA: _("Other data"),
}
HANDLING = {
    HandlingCode.H0: _("H0: no further limit within the law"),
    HandlingCode.H1: _("H1: not as evidence without consent"),
    HandlingCode.H2: _("H2: no onward sharing without consent"),
    HandlingCode.H3: _("H3: other restriction, see its text"),
}
PURPOSES = {
    Purpose.JIT_PURPOSE: _("The purposes of this JIT"),
    Purpose.OTHER_OFFENCE: _("Another offence, with prior consent"),
    Purpose.PUBLIC_SECURITY: _("An immediate and serious threat to public security"),
    Purpose.OTHERWISE_AGREED: _("Otherwise agreed"),
}
SIGHTS = {
    Sight.SEE: _("See: that it exists, its reference, title and kind"),
    Sight.READ: _("Read: open it in the portal, with its description and custody"),
    Sight.DOWNLOAD: _("Download: take the bytes away"),
    Sight.USE: _("Use: take it into proceedings"),
}


def _choices(words: dict[Any, Any], *, none: Any = None) -> list[SelectChoice]:
    first = [SelectChoice("", none)] if none is not None else []
    values = (str(int(word)) if isinstance(word, Sight) else str(word) for word in words)
    return first + [SelectChoice(value, label) for value, label in zip(values, words.values(), strict=True)]


def target_choices(found: list[Target]) -> list[SelectChoice]:
    """The targets of a release as a select shows them, grouped by what they are."""
    groups = {
        PrincipalKind.PARTY: gettext("A whole party"),
        PrincipalKind.AUTHORITY: gettext("An authority"),
        PrincipalKind.ROLE: gettext("A role of a party"),
        PrincipalKind.PERSON: gettext("One person"),
    }
    ordered = sorted(found, key=lambda target: list(groups).index(target.kind))
    grouped = [SelectChoice(each.value, target_label(each), optgroup=groups[each.kind]) for each in ordered]
    return [SelectChoice("", gettext("Choose")), *grouped]


def authority_choices(authorities: list[Authority], none: str) -> list[SelectChoice]:
    return [SelectChoice("", none), *(SelectChoice(str(each.id), each.name) for each in authorities)]


def target_label(target: Target) -> str:
    if target.authority is not None:
        return f"{target.authority.name} ({target.party.country})"
    if target.role is not None:
        return f"{ROLES[target.role]} – {country(target.party)}"
    if target.person is not None:
        return f"{target.person.name} ({target.party.country})"
    return country(target.party)


class ClassificationForm(FlaskForm):
    """What country rules look at."""

    kind = SelectField(_("Kind"), choices=_choices(KINDS, none=_("Not said")), validators=[Optional()])
    handling = SelectField(
        _("Handling code"),
        description=_("H1, H2 and H3 cannot be given yet: the portal does not enforce them so far."),
        choices=[
            SelectChoice(code.value, label, {"disabled": True} if code != HandlingCode.H0 else {})
            for code, label in HANDLING.items()
        ],
        default=HandlingCode.H0.value,
    )
    authority = SelectField(_("Seizing authority"), validators=[Optional()])
    seized_on = DateField(_("Date of seizure"), validators=[Optional()])
    tags = StringField(
        _("Tags"),
        description=_("Separated by commas. Country rules can refer to them."),
        validators=[Length(max=800)],
    )

    def offer(self, authorities: list[Authority]) -> None:
        """Offer the authorities of the seizing party."""
        self.authority.choices = authority_choices(authorities, gettext("Not said"))


class UploadForm(ClassificationForm):
    """What is said of the files before they are sent; it holds for each of them."""

    title = StringField(
        _("Title"),
        description=_("Empty: the file's name. Whoever sees the exhibit reads its title, so it must not disclose."),
        validators=[Length(max=200)],
    )
    place = StringField(_("Place of seizure"), validators=[Length(max=200)])
    description = TextAreaField(_("Description"), validators=[Length(max=10_000)])
    unclassified = BooleanField(
        _("Nothing here is classified information (EU RESTRICTED and above, or the national equal)"),
        validators=[InputRequired(_("Classified information may not be stored here: confirm that this is none."))],
    )


class DescribeForm(FlaskForm):
    edition = IntegerField(widget=HiddenInput(), validators=[DataRequired()])
    title = StringField(
        _("Title"),
        description=_("Whoever sees the exhibit at all reads its title, so it must not disclose."),
        validators=[DataRequired(_("Give it a title.")), Length(max=200)],
    )
    description = TextAreaField(_("Description"), validators=[Length(max=10_000)])
    place = StringField(_("Place of seizure"), validators=[Length(max=200)])


class ReclassifyForm(ClassificationForm):
    edition = IntegerField(widget=HiddenInput(), validators=[DataRequired()])


class OnceForm(FlaskForm):
    """A form that makes something new: it has a token, so that sending it twice makes one."""

    token = HiddenField()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if not self.token.data:
            self.renew()

    def renew(self) -> Self:
        """What was refused can be sent again as a new wish."""
        self.token.data = str(uuid.uuid4())
        return self

    def wish(self) -> uuid.UUID:
        """The token; Invalid when it is none of ours."""
        try:
            return uuid.UUID(self.token.data)
        except ValueError as error:
            raise Invalid(gettext("The request makes no sense to the portal.")) from error


class ReleaseForm(OnceForm):
    # Whom the agreement no longer names is refused by the verb, which says so and cites it.
    to = SelectField(_("To whom"), validators=[DataRequired(_("Say to whom it is released."))], validate_choice=False)
    sight = RadioField(_("How far"), choices=_choices(SIGHTS), default="2", validators=[DataRequired()])
    purpose = SelectField(_("For what purpose"), choices=_choices(PURPOSES), validators=[DataRequired()])
    conditions = TextAreaField(
        _("Conditions"),
        description=_("Shown to everyone it is released to."),
        validators=[Length(max=2000), plain_text],
    )
    live_from = DateTimeLocalField(
        _("From"), description=_("Empty: at once. In your own time zone."), validators=[Optional()]
    )
    live_until = DateTimeLocalField(_("Until"), description=_("Empty: until it is withdrawn."), validators=[Optional()])

    def offer_up_to(self, sight: Sight) -> None:
        """Offer no sight beyond this one."""
        self.sight.choices = [choice for choice in _choices(SIGHTS) if int(choice.value) <= sight]
        if not self.is_submitted():
            self.sight.data = str(min(int(self.sight.data), sight))


class WithdrawForm(FlaskForm):
    reason = TextAreaField(
        _("Reason"),
        description=_("Kept with the release and shown to your own party."),
        validators=[DataRequired(_("Say why it is withdrawn.")), Length(max=2000), plain_text],
    )


class EntrustForm(FlaskForm):
    """Who may release for the party, how far, and until when."""

    person = SelectField(_("Whom"), validators=[DataRequired(_("Say who is entrusted."))])
    sight = RadioField(
        _("Up to which sight"),
        description=_("They can release no exhibit further than this."),
        choices=_choices(SIGHTS),
        default="2",
        validators=[DataRequired()],
    )
    last_day = DateField(_("Last day"), validators=[DataRequired(_("Say until which day it holds."))])

    def offer(self, people: list[User]) -> None:
        """Let only these people be chosen."""
        named = [SelectChoice(str(each.id), f"{each.name}, {each.authority.name}") for each in people]
        self.person.choices = [SelectChoice("", gettext("Choose a person")), *named]


class RuleForm(OnceForm):
    is_forbid = RadioField(
        _("What it does"),
        choices=[
            SelectChoice("0", _("Release: show our exhibits to them")),
            SelectChoice("1", _("Forbid: keep our exhibits from them")),
        ],
        default="0",
    )
    to = SelectField(_("Whom"), validators=[DataRequired(_("Say whom it names."))], validate_choice=False)
    sight = RadioField(
        _("Sight"),
        description=_("A release gives this sight and those below; a forbid takes away this sight and all above."),
        choices=_choices(SIGHTS),
        default="2",
    )
    kind = SelectField(
        _("Only exhibits of kind"), choices=_choices(KINDS, none=_("Every kind")), validators=[Optional()]
    )
    handling = SelectField(
        _("Only with handling code"), choices=_choices(HANDLING, none=_("Every code")), validators=[Optional()]
    )
    tag = StringField(_("Only with the tag"), validators=[Length(max=40)])
    authority = SelectField(_("Only seized by"), validators=[Optional()])
    seized_from = DateField(_("Seized from"), validators=[Optional()])
    seized_until = DateField(_("Seized until"), validators=[Optional()])
    note = TextAreaField(_("Note for your own party"), validators=[Length(max=1000), plain_text])

    def offer(self, authorities: list[Authority]) -> None:
        self.authority.choices = authority_choices(authorities, gettext("Every authority"))
