"""Brings the people of the demo case and its agreements into the portal, through the portal's own verbs."""

import datetime as dt
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import select

from jit_portal import policy
from jit_portal.database import session, transaction
from jit_portal.demo.case import terms
from jit_portal.demo.case.agreements import signed_document
from jit_portal.demo.case.people import BY_SUBJECT, PEOPLE, Person
from jit_portal.demo.case.shapes import DemoJit, Member
from jit_portal.demo.providers.registration import rows
from jit_portal.identity import invitations, registry, tokens
from jit_portal.identity.endings import Because
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.provider_rows import ProviderRow, row_of
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.identity.vouching import Vouched
from jit_portal.jits import documents, signing
from jit_portal.jits import service as jits
from jit_portal.jits.models import Agreement, Jit, Party
from jit_portal.jits.terms import NamedParty, Terms
from jit_portal.jits.words import ROLES_OF
from jit_portal.policy import Work, stepup
from jit_portal.vocabulary import INVESTIGATORS, Assurance, Duty, PartyKind, Role
from jit_portal.workspaces import service as workspaces
from jit_portal.workspaces.models import Membership, Workspace

People = dict[str, User]
"""The people of the case by their subject."""

LEGAL_BASES = {
    terms.CONVENTION: "EU-MLA2000-13",
    terms.FRAMEWORK: "FD-2002-465",
    terms.SECOND_PROTOCOL: "ETS182-20",
    terms.PALERMO: "UNTOC-19",
}
PLACES = {"FR": "Paris", "NL": "Den Haag", "RO": "București", "AL": "Tirana", "EU": "Den Haag"}
USUAL_ROLES = (*INVESTIGATORS, Role.EXPERT)


def everyone(providers_at: str) -> People:
    """Enter the demo's national logins and ask in everyone of the case, but those who are known already."""
    with transaction():
        providers = {row.slug: _login(row) for row in rows(providers_at)}
        found: People = {}
        first: User | None = None
        for person in sorted(PEOPLE, key=lambda each: each.duty != "operator"):
            if person.duty != "uninvited":
                found[person.subject] = _person(providers[person.provider], person, first)
                first = first or found[person.subject]
        return found


def _login(row: ProviderRow) -> IdentityProvider:
    """A national login of the demo; of one that is known, what operators have decided stays, wherever it is now."""
    known = registry.known(row.slug)
    return registry.enter(row if known is None else replace(row_of(known), issuer=row.issuer))


def _person(provider: IdentityProvider, person: Person, operator: User | None) -> User:
    """Somebody of the case: whoever has a duty is asked in by the first ``operator``, and she by the portal itself."""
    known = select(User).where(User.provider_id == provider.id, User.subject == person.subject)
    found: User | None = session().scalar(known)
    if found is not None:
        found.issuer = provider.issuer  # the demo may stand at another port than when she was asked in
        return found
    authority = next(each for each in provider.authorities if each.code == person.authority)
    duty = Duty(person.duty) if person.duty else None
    sender = operator if duty is not None else None
    invitation, _token = invitations.invite(sender, authority, person.name, subject=person.subject, duty=duty)
    return invitations.accept(invitation, provider, _vouched(provider, person), None)


def _vouched(provider: IdentityProvider, person: Person) -> Vouched:
    """What the demo provider says of this person at every sign-in."""
    return Vouched(
        issuer=provider.issuer,
        subject=person.subject,
        assurance=Assurance[person.assurance.upper()],
        acr=person.assurance,
        authenticated_at=time.time(),
        provider_session=None,
        id_token="",
        name=person.name,
        email=person.email,
        title=person.title,
        authority=person.authority,
        language=person.language,
        time_zone=person.time_zone,
    )


@contextmanager
def signed_in(people: People) -> Iterator[None]:
    """Inside the block everyone acts in a login of her own, in which she has just proved who she is; then it ends."""
    now = dt.datetime.now(dt.UTC)
    logins = [
        LoginSession(
            token_hash=tokens.digest(tokens.make()),
            user_id=person.id,
            assurance=stepup.highest(person.provider),
            authenticated_at=now,
            proved_at=now,
            ends_at=now + dt.timedelta(hours=1),
        )
        for person in people.values()
    ]
    with transaction():
        session().add_all(logins)
        session().flush()
        for person, login in zip(people.values(), logins, strict=True):
            person.current_login = login.id
        yield
        for person, login in zip(people.values(), logins, strict=True):
            person.current_login, login.ended_at = None, dt.datetime.now(dt.UTC)
            login.ended_because = Because.SIGNED_OUT


def jit_of(demo: DemoJit) -> Jit | None:
    """The JIT of this reference, once it has been founded."""
    return session().scalar(select(Jit).where(Jit.reference == demo.reference).execution_options(policy=True))


def workspace_of(jit: Jit) -> Workspace | None:
    """The workspace of a JIT whose agreement is signed."""
    return session().scalar(policy.portal_which(Work.SEATING, Workspace).where(Workspace.jit_id == jit.id))


def parties_of(jit: Jit, drafter: User | None = None) -> dict[str, Party]:
    """The parties of a JIT by the code that the case gives them; for its drafter also before it is signed."""
    parties = policy.parties_of([jit.id], drafter)
    return {party.provider.slug.upper(): party for party in parties}


def found(demo: DemoJit, people: People) -> Jit:
    """Draft and sign the agreement and let its people in, all or nothing; a JIT in drafting stops before signing."""
    with transaction():
        agreement = jits.begin(people[_first_leader(demo)], _terms(demo, people))
        if demo.state != "drafting":
            _sign(demo, agreement, people)
            _let_in(demo, agreement.jit, people)
    return agreement.jit


def _first_leader(demo: DemoJit) -> str:
    kinds = {party.code: party.kind for party in demo.parties}
    return next(one for one in demo.leaders if kinds[BY_SUBJECT[one].party] == PartyKind.MEMBER_STATE)


def _terms(demo: DemoJit, people: People) -> Terms:
    # What has ended is signed for some days more, so that it can be filled; its true last day is put in afterwards.
    still_open = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=7)
    return Terms(
        reference=demo.reference,
        name=demo.name,
        purpose=f"{demo.crime}.\n\n{demo.purpose}",
        legal_bases=tuple(LEGAL_BASES[basis] for basis in demo.legal_basis),
        states_of_operation=demo.states_of_operation,
        starts_on=demo.starts_on,
        ends_on=max(demo.ends_on, still_open) if demo.state == "ended" else demo.ends_on,
        time_zone=demo.time_zone,
        parties=tuple(_named(demo, party.code, party.kind, people) for party in demo.parties),
        controller=people[demo.controller].id if demo.controller else None,
    )


def _named(demo: DemoJit, code: str, kind: PartyKind, people: People) -> NamedParty:
    members = [one for one in demo.members if BY_SUBJECT[one.subject].party == code]
    used = {one.role for one in members}
    subjects = {one.subject for one in members}
    return NamedParty(
        provider_id=people[members[0].subject].provider_id,
        roles=tuple(role for role in ROLES_OF[kind] if role in used or role in USUAL_ROLES),
        leaders=tuple(people[one].id for one in demo.leaders if one in subjects),
        administrators=tuple(people[one].id for one in demo.administrators if one in subjects),
    )


def _sign(demo: DemoJit, agreement: Agreement, people: People) -> None:
    drafter = people[_first_leader(demo)]
    document = io.BytesIO(signed_document(demo))
    documents.attach(drafter, agreement, f"{demo.reference}-agreement.pdf", document, agreement.edition)
    parties = parties_of(agreement.jit, drafter)
    for code, day in demo.signed_on:
        leader = next((one for one in demo.leaders if BY_SUBJECT[one].party == code), None)
        actor = people[leader] if leader else drafter
        by = BY_SUBJECT[leader].authority_name if leader else "Eurojust"
        signature = signing.Signature(by=by, on=day, place=PLACES[code])
        signing.record_signature(actor, agreement, parties[code].id, signature, agreement.edition)


def _let_in(demo: DemoJit, jit: Jit, people: People) -> None:
    workspace = workspace_of(jit)
    assert workspace is not None
    parties = parties_of(jit)
    seated = {*demo.leaders, *demo.administrators}
    for one in demo.members:
        if one.subject not in seated:
            party = parties[BY_SUBJECT[one.subject].party]
            inviter = people[_inviter(demo, one)]
            workspaces.enrol(inviter, workspace, people[one.subject], party, one.role, purpose=one.purpose)


def _inviter(demo: DemoJit, one: Member) -> str:
    """The leader of the person's party, or for a body, which has none, a space administrator."""
    party = BY_SUBJECT[one.subject].party
    return next((leader for leader in demo.leaders if BY_SUBJECT[leader].party == party), demo.administrators[0])


def end_what_ended(demo: DemoJit, workspace: Workspace, people: People, today: dt.date) -> None:
    """End the memberships whose last day has passed."""
    for one in demo.members:
        if one.until and one.until < today:
            member = policy.portal_which(Work.SEATING, Membership).where(
                Membership.workspace_id == workspace.id, Membership.user_id == people[one.subject].id
            )
            leader = people[_inviter(demo, one)]
            workspaces.end(leader, session().scalars(member).one(), "Has taken up another post.")
