"""What can be typed about exhibits, releases and country rules."""

from enum import StrEnum
from typing import Any, TypeVar

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    DateTimeLocalField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional
from wtforms.widgets import HiddenInput

from jit_portal.exhibits.targets import Target
from jit_portal.identity.models import Authority
from jit_portal.vocabulary import ExhibitKind, HandlingCode, PrincipalKind, Purpose, Role, Sight
from jit_portal.wording import gettext

E = TypeVar("E", bound=StrEnum)

KINDS = {
    ExhibitKind.DOCUMENT: _l("Document"),
    ExhibitKind.IMAGE: _l("Image"),
    ExhibitKind.VIDEO: _l("Video"),
    ExhibitKind.AUDIO: _l("Audio recording"),
    ExhibitKind.SPREADSHEET: _l("Spreadsheet"),
    ExhibitKind.MAILBOX: _l("Mailbox"),
    ExhibitKind.ARCHIVE: _l("Archive"),
    ExhibitKind.DISK_IMAGE: _l("Disk image"),
    ExhibitKind.EXTRACTION: _l("Device extraction"),
    ExhibitKind.DATA: _l("Other data"),
}
HANDLING = {
    HandlingCode.H0: _l("H0: no further limit within the law"),
    HandlingCode.H1: _l("H1: not as evidence without consent"),
    HandlingCode.H2: _l("H2: no onward sharing without consent"),
    HandlingCode.H3: _l("H3: other restriction, see its text"),
}
PURPOSES = {
    Purpose.JIT_PURPOSE: _l("The purposes of this JIT"),
    Purpose.OTHER_OFFENCE: _l("Another offence, with prior consent"),
    Purpose.PUBLIC_SECURITY: _l("An immediate and serious threat to public security"),
    Purpose.OTHERWISE_AGREED: _l("Otherwise agreed"),
}
SIGHTS = {
    Sight.SEE: _l("See: that it exists, its reference, title and kind"),
    Sight.READ: _l("Read: open it in the portal, with its description and custody"),
    Sight.DOWNLOAD: _l("Download: take the bytes away"),
    Sight.USE: _l("Use: take it into proceedings"),
}
ROLES = {
    Role.LEADER: _l("Leader"),
    Role.MEMBER: _l("Member"),
    Role.SECONDED_MEMBER: _l("Seconded member"),
    Role.PARTICIPANT: _l("Participant"),
    Role.EXPERT: _l("Expert"),
    Role.SECRETARIAT: _l("Secretariat"),
    Role.AUDITOR: _l("Auditor"),
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
        return f"{ROLES[target.role]} – {target.party.name}"
    if target.person is not None:
        return f"{target.person.name} ({target.party.country})"
    return str(target.party.name)


class ClassificationForm(FlaskForm):
    """What country rules look at."""

    kind = SelectField(_l("Kind"), choices=_choices(KINDS, none=_l("Not said")), validators=[Optional()])
    handling = SelectField(_l("Handling code"), choices=_choices(HANDLING), default=HandlingCode.H0.value)
    authority = SelectField(_l("Seizing authority"), validators=[Optional()])
    seized_on = DateField(_l("Date of seizure"), validators=[Optional()])
    tags = StringField(
        _l("Tags"),
        description=_l("Separated by commas. Country rules can refer to them."),
        validators=[Length(max=800)],
    )

    def offer(self, authorities: list[Authority]) -> None:
        """Offer the authorities of the seizing party."""
        self.authority.choices = authority_choices(authorities, gettext("Not said"))


class UploadForm(ClassificationForm):
    """What is said of the files before they are sent; it holds for each of them."""

    title = StringField(
        _l("Title"),
        description=_l("Empty: the file's name. Whoever sees the exhibit reads its title, so it must not disclose."),
        validators=[Length(max=200)],
    )
    place = StringField(_l("Place of seizure"), validators=[Length(max=200)])
    description = TextAreaField(_l("Description"), validators=[Length(max=10_000)])
    unclassified = BooleanField(
        _l("Nothing here is classified information (EU RESTRICTED and above, or the national equal)"),
        validators=[InputRequired(_l("Classified information may not be stored here: confirm that this is none."))],
    )


class DescribeForm(FlaskForm):
    edition = IntegerField(widget=HiddenInput(), validators=[DataRequired()])
    title = StringField(
        _l("Title"),
        description=_l("Whoever sees the exhibit at all reads its title, so it must not disclose."),
        validators=[DataRequired(_l("Give it a title.")), Length(max=200)],
    )
    description = TextAreaField(_l("Description"), validators=[Length(max=10_000)])
    place = StringField(_l("Place of seizure"), validators=[Length(max=200)])


class ReclassifyForm(ClassificationForm):
    edition = IntegerField(widget=HiddenInput(), validators=[DataRequired()])


class ReleaseForm(FlaskForm):
    to = SelectField(_l("To whom"), validators=[DataRequired(_l("Say to whom it is released."))])
    sight = RadioField(_l("How far"), choices=_choices(SIGHTS), default="2", validators=[DataRequired()])
    purpose = SelectField(_l("For what purpose"), choices=_choices(PURPOSES), validators=[DataRequired()])
    conditions = TextAreaField(
        _l("Conditions"), description=_l("Shown to everyone it is released to."), validators=[Length(max=2000)]
    )
    live_from = DateTimeLocalField(
        _l("From"), description=_l("Empty: at once. In your own time zone."), validators=[Optional()]
    )
    live_until = DateTimeLocalField(
        _l("Until"), description=_l("Empty: until it is withdrawn."), validators=[Optional()]
    )


class WithdrawForm(FlaskForm):
    reason = TextAreaField(
        _l("Reason"),
        description=_l("Kept with the release and shown to your own party."),
        validators=[DataRequired(_l("Say why it is withdrawn.")), Length(max=2000)],
    )


class RuleForm(FlaskForm):
    is_forbid = RadioField(
        _l("What it does"),
        choices=[
            SelectChoice("0", _l("Release: show our exhibits to them")),
            SelectChoice("1", _l("Forbid: keep our exhibits from them")),
        ],
        default="0",
    )
    to = SelectField(_l("Whom"), validators=[DataRequired(_l("Say whom it names."))])
    sight = RadioField(
        _l("Sight"),
        description=_l("A release gives this sight and those below; a forbid takes away this sight and all above."),
        choices=_choices(SIGHTS),
        default="2",
    )
    kind = SelectField(
        _l("Only exhibits of kind"), choices=_choices(KINDS, none=_l("Every kind")), validators=[Optional()]
    )
    handling = SelectField(
        _l("Only with handling code"), choices=_choices(HANDLING, none=_l("Every code")), validators=[Optional()]
    )
    tag = StringField(_l("Only with the tag"), validators=[Length(max=40)])
    authority = SelectField(_l("Only seized by"), validators=[Optional()])
    seized_from = DateField(_l("Seized from"), validators=[Optional()])
    seized_until = DateField(_l("Seized until"), validators=[Optional()])
    note = TextAreaField(_l("Note for your own party"), validators=[Length(max=1000)])

    def offer(self, authorities: list[Authority]) -> None:
        self.authority.choices = [
            ("", gettext("Every authority")),
            *((str(each.id), each.name) for each in authorities),
        ]
