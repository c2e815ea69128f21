"""Drafting: whoever begins a JIT, and leaders, write the next version of its agreement until it is signed."""

import uuid

from babel import Locale
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, Refused
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.jits.models import Agreement, AgreementParty, AgreementPerson, Jit, Party
from jit_portal.jits.terms import NamedParty, Terms, terms_of
from jit_portal.jits.words import ROLES_OF
from jit_portal.vocabulary import BODIES, AgreementDuty, AgreementState, May, PartyKind
from jit_portal.wording import country, gettext

YEARS = range(2000, 2100)
"""Those in which an agreement can begin and end."""


class Stale(Refused):
    """The draft has changed since it was read; ``agreement`` is how it stands now."""

    def __init__(self, agreement: Agreement) -> None:
        said = gettext(
            "This draft has changed since you opened it, perhaps by yourself. What you sent now was not saved."
        )
        super().__init__(said, thing=agreement)
        self.agreement = agreement


def begin(actor: User, terms: Terms) -> Agreement:
    """Start a JIT with the first draft of its agreement; there is no workspace until every party has signed."""
    policy.jits.require_begin(actor)
    with transaction():
        jit = Jit(reference=terms.reference, name=terms.name, created_by_id=actor.id)
        session().add(jit)
        _flush_reference()
        agreement = _new_version(actor, jit, 1, terms)
        audit.record(actor, "jit.begun", jit)
    return agreement


def edit(actor: User, agreement: Agreement, terms: Terms, edition: int) -> Agreement:
    """Write terms over a draft of that edition; Stale when somebody was faster, Refused once a party signed."""
    with transaction():
        held = policy.locked(actor, May.AMEND, agreement)
        session().refresh(held, ["named_parties", "named_people"])
        if held.edition != edition:
            raise Stale(held)
        refuse_if_signed_by_any(held)
        _write(held, terms)
        _name_jit(held.jit, terms)
        held.edition += 1
        audit.record(actor, "agreement.edited", held, version=held.version, edition=held.edition)
    return held


def extend(actor: User, jit: Jit) -> Agreement:
    """Begin the next version as a copy of the last; Refused while one is being drafted already."""
    with transaction():
        held = policy.locked(actor, May.AMEND, jit)
        versions = session().scalars(policy.which(actor, Agreement).where(Agreement.jit_id == held.id)).all()
        if any(version.state == AgreementState.DRAFT for version in versions):
            raise Refused(gettext("The next version is being drafted already."), thing=held)
        signed = [version for version in versions if version.state == AgreementState.SIGNED]
        last = max(signed or versions, key=lambda version: version.version, default=None)
        if last is None:
            raise Refused(gettext("There is no version to copy."), thing=held)
        number = max(version.version for version in versions) + 1
        agreement = _new_version(actor, held, number, terms_of(last))
        audit.record(actor, "agreement.drafted", agreement, version=number)
    return agreement


def abandon(actor: User, agreement: Agreement, edition: int) -> None:
    """Give up a draft: whom it named is forgotten, its number stays taken."""
    with transaction():
        held = policy.locked(actor, May.AMEND, agreement)
        if held.edition != edition:
            raise Stale(held)
        refuse_if_signed_by_any(held)
        held.state = AgreementState.ABANDONED
        _forget_named(held)
        _forget_parties_never_named(held.jit_id)
        audit.record(actor, "agreement.abandoned", held, version=held.version)


def refuse_if_signed_by_any(agreement: Agreement) -> None:
    """A text that a party has signed is not changed under its signature."""
    signed = [country(named.party) for named in agreement.named_parties if named.recorded_at]
    if signed:
        raise Refused(
            gettext(
                "%(party)s has signed this text. Remove the recorded signatures before you change it.", party=signed[0]
            ),
            thing=agreement,
        )


def _new_version(actor: User, jit: Jit, number: int, terms: Terms) -> Agreement:
    agreement = Agreement(
        id=uuid.uuid4(), jit_id=jit.id, jit=jit, version=number, state=AgreementState.DRAFT, created_by_id=actor.id
    )
    _write(agreement, terms)
    return agreement


def _write(agreement: Agreement, terms: Terms) -> None:
    _check(terms)
    agreement.purpose = terms.purpose
    agreement.legal_bases = list(terms.legal_bases)
    agreement.states_of_operation = list(terms.states_of_operation)
    agreement.starts_on, agreement.ends_on = terms.starts_on, terms.ends_on
    agreement.time_zone = terms.time_zone
    session().add(agreement)
    session().flush()
    _forget_named(agreement)
    for named in terms.parties:
        _name(agreement, named)
    if terms.controller is not None:
        _name_controller(agreement, terms)
    session().flush()
    _forget_parties_never_named(agreement.jit_id)
    session().refresh(agreement, ["named_parties", "named_people"])


def _check(terms: Terms) -> None:
    for field in ("starts_on", "ends_on"):
        if getattr(terms, field).year not in YEARS:
            said = gettext("Choose a day from %(first)s to %(last)s.", first=YEARS[0], last=YEARS[-1])
            raise Invalid(said, field=field)
    if terms.ends_on < terms.starts_on:
        raise Invalid(gettext("The last day is before the first."), field="ends_on")


def _name(agreement: Agreement, named: NamedParty) -> None:
    party = _party(agreement.jit_id, named.provider_id)
    foreign = set(named.roles) - set(ROLES_OF[party.kind])
    if foreign:
        raise Invalid(gettext("%(party)s cannot have people in every role you ticked.", party=country(party)))
    if named.administrators and party.kind != PartyKind.MEMBER_STATE:
        raise Invalid(gettext("Only people of Member States can be space administrators (Article 3(8))."))
    session().add(
        AgreementParty(
            agreement_id=agreement.id,
            party_id=party.id,
            roles=[role.value for role in named.roles],
            invites_until=named.invites_until,
        )
    )
    for user_id in named.leaders:
        _name_person(agreement, party, user_id, AgreementDuty.LEADER)
    for user_id in named.administrators:
        _name_person(agreement, party, user_id, AgreementDuty.SPACE_ADMINISTRATOR)


def _party(jit_id: uuid.UUID, provider_id: uuid.UUID) -> Party:
    known = policy.jits.party_at(jit_id, provider_id)
    if known is not None:
        return known
    provider = session().get(IdentityProvider, provider_id)
    if provider is None or not provider.is_enabled:
        raise Invalid(gettext("This national login is not registered here."))
    is_state = provider.kind not in BODIES
    name = Locale("en").territories.get(provider.country, provider.name) if is_state else provider.name
    party = Party(jit_id=jit_id, provider_id=provider.id, kind=provider.kind, country=provider.country, name=name)
    session().add(party)
    session().flush()
    return party


def _name_person(agreement: Agreement, party: Party, user_id: uuid.UUID, duty: AgreementDuty) -> None:
    person = session().get(User, user_id)
    if person is None or person.provider_id != party.provider_id or not person.is_active or person.duty:
        raise Invalid(gettext("A person named for %(party)s does not belong to it.", party=country(party)))
    session().add(AgreementPerson(agreement_id=agreement.id, party_id=party.id, user_id=user_id, duty=duty))


def _name_controller(agreement: Agreement, terms: Terms) -> None:
    holder = next((named for named in terms.parties if terms.controller in named.administrators), None)
    if holder is None or terms.controller is None:
        raise Invalid(
            gettext("The controller is one of the space administrators of this version (Article 23(2))."),
            field="controller",
        )
    party = _party(agreement.jit_id, holder.provider_id)
    _name_person(agreement, party, terms.controller, AgreementDuty.CONTROLLER)


def _name_jit(jit: Jit, terms: Terms) -> None:
    """The JIT keeps its reference and name once a version was signed."""
    if any(version.state == AgreementState.SIGNED for version in jit.agreements):
        return
    jit.reference, jit.name = terms.reference, terms.name
    _flush_reference()


def _flush_reference() -> None:
    try:
        session().flush()
    except IntegrityError as error:
        raise Invalid(gettext("This reference is taken; choose another."), field="reference") from error


def _forget_named(agreement: Agreement) -> None:
    session().execute(delete(AgreementPerson).where(AgreementPerson.agreement_id == agreement.id))
    session().execute(delete(AgreementParty).where(AgreementParty.agreement_id == agreement.id))
    session().expire(agreement, ["named_parties", "named_people"])


def _forget_parties_never_named(jit_id: uuid.UUID) -> None:
    named = select(AgreementParty.party_id).where(AgreementParty.party_id == Party.id)
    never = delete(Party).where(Party.jit_id == jit_id, Party.live_from.is_(None), ~named.exists())
    session().execute(never.execution_options(synchronize_session=False))
