"""Signing: what a draft still lacks, whose signature is recorded, and the moment the version comes into force."""

import datetime as dt
import uuid
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotAllowed, Refused
from jit_portal.identity.models import User
from jit_portal.jits.models import Agreement, AgreementParty
from jit_portal.jits.service import Stale
from jit_portal.vocabulary import OUTSIDE_UNION, STATES, AgreementDuty, AgreementState, May, PartyKind
from jit_portal.wording import country, gettext
from jit_portal.workspaces import opening, seats


@dataclass(frozen=True)
class Signature:
    """Who signed for a party, on which day and where, as the document shows it."""

    by: str
    on: dt.date
    place: str


def lacking(agreement: Agreement) -> list[str]:
    """What a draft needs before anybody can sign it, in the reader's words; empty when it can be signed."""
    parties = [named.party for named in agreement.named_parties]
    led = {person.party_id for person in agreement.named_people if person.duty == AgreementDuty.LEADER}
    duties = {person.duty for person in agreement.named_people}
    states = [party for party in parties if party.kind in STATES]
    needs = [
        (len(states) < 2, gettext("Name at least two States as parties.")),
        (
            not any(party.kind == PartyKind.MEMBER_STATE for party in parties),
            gettext("Name at least one Member State."),
        ),
        (not agreement.legal_bases, gettext("Tick a legal basis.")),
        (not agreement.states_of_operation, gettext("Name the States of operation.")),
        *((party.id not in led, gettext("Name a leader for %(party)s.", party=country(party))) for party in states),
        (AgreementDuty.SPACE_ADMINISTRATOR not in duties, gettext("Name a space administrator (Article 3(8)).")),
        (agreement.document_sha256 is None, gettext("Attach the document that is signed.")),
        (end_of(agreement) <= dt.datetime.now(dt.UTC), gettext("The last day has passed.")),
    ]
    return [said for is_lacking, said in needs if is_lacking]


def remarks(agreement: Agreement) -> list[str]:
    """What does not hinder signing but has consequences that the parties should know."""
    outside = [country(named.party) for named in agreement.named_parties if named.party.kind in OUTSIDE_UNION]
    controlled = any(person.duty == AgreementDuty.CONTROLLER for person in agreement.named_people)
    if not outside or controlled:
        return []
    return [
        gettext(
            "No controller is named for the data of %(parties)s (Article 23(2)). With or without one, they cannot "
            "upload yet: this portal does not offer the verification of Article 17(3).",
            parties=", ".join(outside),
        )
    ]


def record_signature(
    actor: User, agreement: Agreement, party_id: uuid.UUID, signature: Signature, edition: int
) -> Agreement:
    """Record that a party signed this edition of a draft; with the last one the version is signed, and its workspace
    opens or follows."""
    with transaction():
        held = policy.locked(actor, May.SIGN, agreement)
        session().refresh(held, ["named_parties", "named_people"])
        if held.edition != edition:
            raise Stale(held)
        seats.one_at_a_time(held.jit_id)
        named = _unsigned(actor, held, party_id)
        _check(held, signature)
        if all(each is named or each.recorded_at for each in held.named_parties):
            opening.hold(held)
        named.signed_by, named.signed_on, named.signed_at_place = signature.by, signature.on, signature.place
        named.recorded_by_id, named.recorded_at = actor.id, seats.now()
        audit.record(actor, "agreement.signature_recorded", held, version=held.version, party=party_id)
        if all(each.recorded_at for each in held.named_parties):
            _bring_into_force(actor, held)
    return held


def remove_signatures(actor: User, agreement: Agreement) -> None:
    """Take back every recorded signature of a draft, so that its text can be changed."""
    with transaction():
        held = policy.locked(actor, May.SIGN, agreement)
        session().refresh(held, ["named_parties"])
        if not any(named.recorded_at for named in held.named_parties):
            return
        for named in held.named_parties:
            named.signed_by = named.signed_on = named.signed_at_place = None
            named.recorded_by_id = named.recorded_at = None
        held.edition += 1
        audit.record(actor, "agreement.signatures_removed", held, version=held.version)


def start_of(agreement: Agreement) -> dt.datetime:
    """The first moment of the first day, in the agreement's zone."""
    return _midnight(agreement.starts_on, agreement.time_zone)


def end_of(agreement: Agreement) -> dt.datetime:
    """The moment after the last day, in the agreement's zone."""
    return _midnight(agreement.ends_on + dt.timedelta(days=1), agreement.time_zone)


def _midnight(day: dt.date, zone: str) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)


def _unsigned(actor: User, agreement: Agreement, party_id: uuid.UUID) -> AgreementParty:
    named = next((each for each in agreement.named_parties if each.party_id == party_id), None)
    if named is None:
        raise Invalid(gettext("This version does not name that party."), field="party")
    if named.recorded_at:
        said = gettext("The signature of %(party)s is recorded already.", party=country(named.party))
        raise Refused(said, thing=agreement)
    if party_id not in policy.jits.signs_for(actor, agreement):
        raise NotAllowed(
            gettext("Who leads for %(party)s records its signature.", party=country(named.party)),
            may=May.SIGN,
            noun="agreement",
            object_id=agreement.id,
            thing=agreement,
        )
    return named


def _check(agreement: Agreement, signature: Signature) -> None:
    needs = lacking(agreement)
    if needs:
        raise Refused(gettext("This draft cannot be signed yet.") + " " + " ".join(needs), thing=agreement)
    if signature.on > dt.datetime.now(ZoneInfo(agreement.time_zone)).date():
        raise Invalid(gettext("A signature cannot lie in the future."), field="signed_on")


def _bring_into_force(actor: User, agreement: Agreement) -> None:
    start = max(seats.now(), start_of(agreement))
    signed = policy.which(actor, Agreement).where(
        Agreement.jit_id == agreement.jit_id, Agreement.state == AgreementState.SIGNED
    )
    for earlier in session().scalars(signed):
        if earlier.in_force_until is None or earlier.in_force_until > start:
            earlier.in_force_until = start
    agreement.state = AgreementState.SIGNED
    agreement.in_force_from, agreement.in_force_until = start, end_of(agreement)
    audit.record(actor, "agreement.signed", agreement, version=agreement.version)
    opening.follow(actor, agreement, start)
