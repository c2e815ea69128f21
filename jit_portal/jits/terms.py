"""What a version of the agreement says, as it is typed, stored, compared and read out."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from babel import Locale
from flask_babel import get_locale

from jit_portal.jits.models import Agreement, AgreementParty, Party
from jit_portal.jits.words import KINDS, ROLES, legal_bases
from jit_portal.vocabulary import AgreementDuty, Role
from jit_portal.wording import country, day, gettext


@dataclass(frozen=True)
class NamedParty:
    """A party that a version names: the roles it lists, until when it may invite, and whom it names."""

    provider_id: uuid.UUID
    roles: tuple[Role, ...]
    invites_until: dt.date | None = None
    leaders: tuple[uuid.UUID, ...] = ()
    administrators: tuple[uuid.UUID, ...] = ()


@dataclass(frozen=True)
class Terms:
    """Everything that one version says; the period is inclusive, in ``time_zone``. ``controller`` is a person's id."""

    reference: str
    name: str
    purpose: str
    legal_bases: tuple[str, ...]
    states_of_operation: tuple[str, ...]
    starts_on: dt.date
    ends_on: dt.date
    time_zone: str
    parties: tuple[NamedParty, ...]
    controller: uuid.UUID | None = None


@dataclass(frozen=True)
class Section:
    """A part of what a version says, line by line: what, and how it is; ``party`` where it is of one."""

    title: str
    lines: dict[str, str]
    party: Party | None = None


@dataclass(frozen=True)
class Change:
    """One thing that two states of an agreement say differently; empty where one says nothing of it."""

    what: str
    before: str
    after: str


def terms_of(agreement: Agreement) -> Terms:
    """The terms that a stored version holds."""
    controllers = [person.user_id for person in agreement.named_people if person.duty == AgreementDuty.CONTROLLER]
    return Terms(
        reference=agreement.jit.reference,
        name=agreement.jit.name,
        purpose=agreement.purpose,
        legal_bases=tuple(agreement.legal_bases),
        states_of_operation=tuple(agreement.states_of_operation),
        starts_on=agreement.starts_on,
        ends_on=agreement.ends_on,
        time_zone=agreement.time_zone,
        parties=tuple(_named(agreement, party) for party in in_order(agreement.named_parties)),
        controller=controllers[0] if controllers else None,
    )


def _named(agreement: Agreement, named: AgreementParty) -> NamedParty:
    people = [person for person in agreement.named_people if person.party_id == named.party_id]
    return NamedParty(
        provider_id=named.party.provider_id,
        roles=tuple(Role(role) for role in named.roles),
        invites_until=named.invites_until,
        leaders=tuple(each.user_id for each in people if each.duty == AgreementDuty.LEADER),
        administrators=tuple(each.user_id for each in people if each.duty == AgreementDuty.SPACE_ADMINISTRATOR),
    )


def in_order(named: Iterable[AgreementParty]) -> list[AgreementParty]:
    """Parties as every page lists them: states before bodies, then by name."""
    return sorted(named, key=lambda each: (KINDS.index(each.party.kind), each.party.name))


def sections(agreement: Agreement) -> list[Section]:
    """What a version says in the reader's language: of the team, of its period, of each party; no empty lines."""
    team = {
        gettext("Reference"): agreement.jit.reference,
        gettext("Name"): agreement.jit.name,
        gettext("Purpose"): agreement.purpose,
        gettext("Legal basis"): "; ".join(legal_bases(agreement.legal_bases)),
        gettext("States of operation"): ", ".join(sorted(country_name(code) for code in agreement.states_of_operation)),
        gettext("Controller for data of third countries"): _people(agreement, None, AgreementDuty.CONTROLLER),
    }
    period = {
        gettext("First day"): day(agreement.starts_on),
        gettext("Last day"): day(agreement.ends_on),
        gettext("Time zone"): agreement.time_zone,
    }
    parties = in_order(agreement.named_parties)
    return [
        Section(gettext("The team"), _said(team)),
        Section(gettext("Period"), _said(period)),
        *(Section(country(named.party), _said(_party_lines(agreement, named)), named.party) for named in parties),
    ]


def _said(lines: Mapping[str, str]) -> dict[str, str]:
    return {what: said for what, said in lines.items() if said}


def _party_lines(agreement: Agreement, named: AgreementParty) -> dict[str, str]:
    return {
        gettext("Roles"): ", ".join(str(ROLES[role]) for role in Role if named.lists(role)),
        gettext("Leaders"): _people(agreement, named.party_id, AgreementDuty.LEADER),
        gettext("Space administrators"): _people(agreement, named.party_id, AgreementDuty.SPACE_ADMINISTRATOR),
        gettext("Invites until"): day(named.invites_until or agreement.ends_on),
    }


def read_out(said: Iterable[Section]) -> dict[str, str]:
    """The same line by line, as it is compared: what, and how it is."""
    lines: dict[str, str] = {}
    for section in said:
        if section.party is None:
            lines |= section.lines
            continue
        lines[gettext("%(party)s: party", party=section.title)] = gettext("yes")
        for what, value in section.lines.items():
            lines[gettext("%(what)s: %(said)s", what=section.title, said=what)] = value
    return lines


def _people(agreement: Agreement, party_id: uuid.UUID | None, duty: AgreementDuty) -> str:
    named = [
        person.user.name
        for person in agreement.named_people
        if person.duty == duty and party_id in (None, person.party_id)
    ]
    return ", ".join(sorted(named))


def country_name(code: str) -> str:
    """A country in the reader's language; what is no country is shown as it is."""
    locale = get_locale() or Locale("en")
    return str(locale.territories.get(code, code))


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """What two readings say differently, in the order of the later one."""
    what = [*after, *(line for line in before if line not in after)]
    return [
        Change(line, before.get(line, ""), after.get(line, ""))
        for line in what
        if before.get(line, "") != after.get(line, "")
    ]
