"""Inviting people and ending memberships, as they are typed."""

import uuid
from collections.abc import Collection, Iterable

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import Form, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from jit_portal.identity.forms import NewcomerForm
from jit_portal.identity.models import User
from jit_portal.jits.words import ROLES
from jit_portal.vocabulary import Role
from jit_portal.web.fields import one_line, plain_text, stripped, unwrapped

_NEEDED = InputRequired(_("This is needed."))


class _JoinForm(FlaskForm):
    role = SelectField(_("Role"), [_NEEDED])
    purpose = TextAreaField(
        _("Purpose and scope"),
        [Length(max=500), plain_text],
        [stripped],
        description=_("For participants and experts: for what they take part, and how far (Article 16)."),
    )

    def offer_roles(self, roles: Iterable[Role]) -> None:
        """Let only these roles be chosen."""
        leaders_last = sorted(roles, key=lambda role: role == Role.LEADER)
        self.role.choices = [(role.value, ROLES[role]) for role in leaders_last]


class _PersonField(SelectField):
    """Those who are in by now are not offered, but may be sent, as by a second click: the verb says why not."""

    seated: Collection[str] = ()

    def pre_validate(self, form: Form) -> None:
        if self.data not in self.seated:
            super().pre_validate(form)


class EnrolForm(_JoinForm):
    """A person who signs in already joins."""

    person = _PersonField(_("Person"), [_NEEDED])

    def offer_people(self, people: Iterable[User], seated: Iterable[uuid.UUID]) -> None:
        """Let only these people be chosen; those who are ``seated`` already may be sent."""
        self.person.seated = {str(user_id) for user_id in seated}
        self.person.choices = [("", _("Choose a person")), *((str(each.id), _of(each)) for each in people)]


class InviteForm(NewcomerForm, _JoinForm):
    """Somebody who has never signed in is asked in by name, and into the JIT."""


class EndForm(FlaskForm):
    """Why a membership ends."""

    because = StringField(
        _("Reason"),
        [_NEEDED, Length(max=300), one_line],
        [unwrapped],
        description=_("Leaders read it, and the person does; others see only that the membership ended."),
    )


def _of(person: User) -> str:
    return f"{person.name}, {person.authority.name}"
