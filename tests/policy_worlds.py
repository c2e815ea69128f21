"""Generated worlds for the tests of the policy: people and exhibits in every situation the written policy tells apart.

One seed makes one world of two JITs that share people. Rows are written past the verbs, but as the verbs would leave
them: no membership begins after the end of an agreement, no third country has exhibits (E8 is not built), and windows
begin and end hours away from now, so that the clock cannot move anything while it is being asked about.
"""

import datetime as dt
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from jit_portal.database import Thing, session, transaction
from jit_portal.exhibits.models import CountryRule, Entrustment, Exhibit, ExhibitTag, Release, Shelf
from jit_portal.identity.models import (
    Authority,
    IdentityProvider,
    User,
)
from jit_portal.jits.models import Agreement, AgreementParty, AgreementPerson, Jit, Party
from jit_portal.vocabulary import (
    BODIES,
    INVESTIGATORS,
    AgreementDuty,
    AgreementState,
    Duty,
    ExhibitKind,
    PartyKind,
    PrincipalKind,
    Purpose,
    Role,
)
from jit_portal.workspaces.models import Membership, Principal, Workspace
from jit_portal.workspaces.principals import is_outside_union, meant_by, principal, tie

T = TypeVar("T")
Window = tuple[dt.datetime, dt.datetime | None]

KINDS = {
    "fr": PartyKind.MEMBER_STATE,
    "nl": PartyKind.MEMBER_STATE,
    "ro": PartyKind.MEMBER_STATE,
    "de": PartyKind.MEMBER_STATE,
    "al": PartyKind.THIRD_COUNTRY,
    "eu": PartyKind.EU_BODY,
    "icc": PartyKind.INTERNATIONAL_JUDICIAL,
}
NEVER_PARTY = "de"
ROLES = {
    PartyKind.MEMBER_STATE: (
        [Role.LEADER] * 3
        + [Role.MEMBER] * 3
        + [Role.SECONDED_MEMBER, Role.EXPERT, Role.EXPERT, Role.SECRETARIAT, Role.AUDITOR, Role.PARTICIPANT]
    ),
    PartyKind.THIRD_COUNTRY: [Role.LEADER, Role.MEMBER, Role.SECONDED_MEMBER, Role.EXPERT],
    PartyKind.EU_BODY: [Role.PARTICIPANT] * 4 + [Role.EXPERT, Role.AUDITOR],
    PartyKind.INTERNATIONAL_JUDICIAL: [Role.PARTICIPANT] * 3 + [Role.EXPERT],
}
STORIES: dict[str, list[tuple[int, int]]] = {
    "in force": [(-60, 300)],
    "renewed": [(-60, -10), (-10, 300)],
    "over": [(-60, -1)],
    "to come": [(1, 300)],
    "between": [(-60, -1), (2, 300)],
}
"""From which day until which each signed version of an agreement is in force; some party leaves with a renewal."""
DAYS = [dt.date(2026, 3, day) for day in (1, 10, 20)]
TAGS = ["cash", "van", "phones"]
CODES: list[list[str]] = [["H0"], ["H0"], ["H0"], ["H1"], ["H0", "H2"], ["H3"], []]
EXHIBIT_KINDS = [ExhibitKind.DOCUMENT, ExhibitKind.IMAGE, ExhibitKind.DATA]


@dataclass
class Space:
    """One JIT with everything in it; ``agreement`` is the version in force, or the last one that was, or None."""

    jit: Jit
    workspace: Workspace
    parties: dict[str, Party]
    agreements: list[Agreement]
    agreement: Agreement | None
    named: dict[uuid.UUID, set[uuid.UUID]]
    body_leaders: dict[uuid.UUID, set[uuid.UUID]]
    memberships: list[Membership] = field(default_factory=list)
    exhibits: list[Exhibit] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    rules: list[CountryRule] = field(default_factory=list)
    entrustments: list[Entrustment] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)
    shelves: dict[tuple[object, ...], Shelf] = field(default_factory=dict)


@dataclass
class PolicyWorld:
    """What one seed made."""

    seed: int
    providers: dict[str, IdentityProvider]
    authorities: dict[str, list[Authority]]
    people: list[User]
    spaces: list[Space]

    @property
    def exhibits(self) -> list[Exhibit]:
        return [exhibit for space in self.spaces for exhibit in space.exhibits]


class Maker:
    """Draws one world from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a world must be drawn again from its seed
        self.now = dt.datetime.now(dt.UTC)
        self.seed = seed

    def likely(self, share: float) -> bool:
        return self.chance.random() < share

    def one(self, of: Sequence[T]) -> T:
        return self.chance.choice(of)

    def perhaps(self, of: Sequence[T], share: float = 0.5) -> T | None:
        return self.one(of) if self.likely(share) else None

    def days(self, count: float) -> dt.datetime:
        return self.now + dt.timedelta(days=count)

    def window(self) -> Window:
        """Mostly live; sometimes over, sometimes to come."""
        kind = self.chance.random()
        if kind < 0.5:
            return self.days(-5), None
        if kind < 0.7:
            return self.days(-5), self.days(0.2)
        return (self.days(-9), self.days(-0.2)) if kind < 0.87 else (self.days(0.2), self.days(4))

    def world(self, people: int, exhibits: int, story: str) -> PolicyWorld:
        with transaction():
            made = self._people(people)
            made.spaces.append(self._space(made, story or self.story(), 1.0, exhibits))
            made.spaces.append(self._space(made, self.story(), 0.35, exhibits))
            for space in made.spaces:
                self._entrust(space)
        return made

    def story(self) -> str:
        return self.chance.choices(list(STORIES), [8, 8, 3, 1, 2])[0]

    def _people(self, count: int) -> PolicyWorld:
        mark = uuid.uuid4().hex[:10]
        providers = {slug: _provider(slug, mark) for slug in KINDS}
        session().add_all(providers.values())
        session().flush()
        authorities = {
            slug: [Authority(provider_id=at.id, code=code, name=f"{code} {slug}") for code in ("police", "court")]
            for slug, at in providers.items()
        }
        session().add_all(authority for some in authorities.values() for authority in some)
        session().flush()
        # Every provider is drawn once before any comes twice, so that every party has somebody.
        slugs = [*KINDS, *(self.one(["fr", "fr", "nl", "nl", "ro", "al", "eu", "icc"]) for _ in range(count))][:count]
        people = [self._person(providers[slug], authorities[slug], f"P{n}") for n, slug in enumerate(slugs)]
        session().add_all(people)
        session().flush()
        return PolicyWorld(self.seed, providers, authorities, people, [])

    def _person(self, at: IdentityProvider, authorities: list[Authority], name: str) -> User:
        return User(
            provider_id=at.id,
            provider=at,
            issuer=at.issuer,
            subject=uuid.uuid4().hex,
            authority_id=self.one(authorities).id,
            name=name,
            duty=self.perhaps(list(Duty), 0.06),
            deactivated_at=self.days(-1) if self.likely(0.08) else None,
        )

    def _space(self, world: PolicyWorld, story: str, share: float, exhibits: int) -> Space:
        drafter = world.people[0]
        jit = Jit(reference=f"JIT-{uuid.uuid4().hex[:8]}", name=f"World {story}", created_by_id=drafter.id)
        session().add(jit)
        session().flush()
        space = self._agreed(jit, world, drafter, story)
        self._seat(space, [person for person in world.people if self.likely(share)], world)
        for _ in range(max(2, round(exhibits * share))):
            self._exhibit(space, world)
        session().add_all(space.exhibits)
        session().flush()
        session().add_all(
            ExhibitTag(exhibit_id=each.id, tag=tag, workspace_id=each.workspace_id, exhibit_created_at=each.created_at)
            for each in space.exhibits
            for tag in each.tags
        )
        for _ in range(3 * len(space.exhibits)):
            self._release(space, world)
        for _ in range(12):
            self._rule(space, world)
        session().add_all([*space.releases, *space.rules])
        session().flush()
        return space

    # --- the agreement and its parties

    def _agreed(self, jit: Jit, world: PolicyWorld, drafter: User, story: str) -> Space:
        spans = STORIES[story]
        slugs = [slug for slug in KINDS if slug != NEVER_PARTY]
        leaver = self.one(["ro", "ro", "nl", "nl", "eu", "al"]) if story == "renewed" else None
        parties = {slug: _party(jit, world.providers[slug], self.days(spans[0][0])) for slug in slugs}
        if leaver is not None:
            parties[leaver].live_until = self.days(spans[1][0])
        agreements = [
            _agreement(jit, drafter, version, self.days(start), self.days(end))
            for version, (start, end) in enumerate(spans, 1)
        ]
        workspace = Workspace(jit_id=jit.id)
        session().add_all([*parties.values(), *agreements, workspace])
        session().flush()
        naming = [
            AgreementParty(agreement_id=agreement.id, party_id=party.id, roles=[role.value for role in Role])
            for agreement in agreements
            for slug, party in parties.items()
            if agreement.version == 1 or slug != leaver
        ]
        session().add_all(naming)
        named: dict[uuid.UUID, set[uuid.UUID]] = {agreement.id: set() for agreement in agreements}
        for each in naming:
            named[each.agreement_id].add(each.party_id)
        begun = [each for each in agreements if each.in_force_from is not None and each.in_force_from <= self.now]
        return Space(jit, workspace, parties, agreements, begun[-1] if begun else None, named, {})

    # --- memberships

    def _seat(self, space: Space, people: list[User], world: PolicyWorld) -> None:
        for person in people:
            home = space.parties.get(person.provider.slug.split("-")[0])
            party, role = home, Role.EXPERT
            if home is None or self.likely(0.2):
                party = self.one(list(space.parties.values()))
            else:
                role = self.one(ROLES[home.kind])
            assert party is not None
            if party.id != (home.id if home else None) and role != Role.EXPERT:
                role = Role.EXPERT
            self._memberships(space, person, party, role)
        self._let_go(space)
        session().add_all(space.memberships)
        session().flush()
        own = {each.id: space.parties.get(each.user.provider.slug.split("-")[0]) for each in space.memberships}
        tie(space.workspace.id, {each.id: meant_by(each, each.party, own[each.id]) for each in space.memberships})
        self._name_body_leaders(space)

    def _memberships(self, space: Space, person: User, party: Party, role: Role) -> None:
        windows: list[Window] = [(self.days(-50), None)]
        kind = self.chance.random()
        if kind < 0.08:
            windows = [(self.days(-50), self.days(-2))]
        elif kind < 0.14 and space.agreements[-1].in_force_until and space.agreements[-1].in_force_until > self.now:
            windows = [(self.days(0.5), None)]
        elif kind < 0.24:
            windows = [(self.days(-50), self.days(-20)), (self.days(-20), self.days(9))]
        for window in windows:
            space.memberships.append(
                Membership(
                    workspace_id=space.workspace.id,
                    user_id=person.id,
                    user=person,
                    party_id=party.id,
                    party=party,
                    authority_id=person.authority_id,
                    role=role,
                    is_space_administrator=party.kind == PartyKind.MEMBER_STATE and self.likely(0.2),
                    is_outside_union=is_outside_union(party, person.provider.kind),
                    live_from=window[0],
                    live_until=window[1],
                )
            )
            role = role if role == Role.EXPERT else self.one(ROLES[party.kind])

    def _let_go(self, space: Space) -> None:
        """A party that left: its last leaders keep a view of what is theirs, most of the others' memberships end."""
        for party in space.parties.values():
            if party.live_until is None:
                continue
            keepers = last_of(space, party)
            for member in space.memberships:
                if member.party is not party:
                    continue
                if member in keepers:
                    member.keeps_own_exhibits = True
                    member.live_until = None
                elif member.live_from <= party.live_until and self.likely(0.4):
                    member.live_until = min(member.live_until or party.live_until, party.live_until)

    def _name_body_leaders(self, space: Space) -> None:
        """The version in force names one participant of each body its leader, or nobody."""
        for party in space.parties.values():
            members = [member for member in space.memberships if member.party is party]
            if party.kind not in BODIES or not members or not self.likely(0.6):
                continue
            chosen = self.one(members).user_id
            for agreement in space.agreements:
                if party.id in space.named[agreement.id]:
                    space.body_leaders.setdefault(agreement.id, set()).add(chosen)
                    session().add(
                        AgreementPerson(
                            agreement_id=agreement.id, party_id=party.id, user_id=chosen, duty=AgreementDuty.LEADER
                        )
                    )
        session().flush()

    # --- exhibits and who is shown them

    def _exhibit(self, space: Space, world: PolicyWorld) -> None:
        slug = self.one(["fr", "fr", "nl", "ro", "eu"])
        party = space.parties[slug]
        ours = [member.user for member in space.memberships if member.party is party]
        anyone = [member.user for member in space.memberships if member.role not in (Role.SECRETARIAT, Role.AUDITOR)]
        holder = self.one((ours if self.likely(0.5) else anyone) or world.people)
        kind, authority = self.perhaps(EXHIBIT_KINDS, 0.8), self.perhaps(world.authorities[slug], 0.7)
        handling = self.one(CODES)
        shelf = _shelf(space, party, authority.id if authority else None, kind, handling)
        number = len(space.exhibits) + 1
        space.exhibits.append(
            Exhibit(
                workspace_id=space.workspace.id,
                party_id=party.id,
                seizing_party=party,
                authority_id=authority.id if authority else None,
                shelf_id=shelf.id,
                number=number,
                reference=f"{party.country}-{number:04}",
                title=f"Exhibit {number}",
                kind=kind,
                handling=handling,
                tags=[tag for tag in TAGS if self.likely(0.4)],
                seized_on=self.perhaps(DAYS, 0.8),
                created_by_id=holder.id,
                holder_id=holder.id,
                offered_to_id=self.one(anyone).id if anyone and self.likely(0.3) else None,
            )
        )

    def _named(self, space: Space, world: PolicyWorld) -> Principal:
        """A party, an authority, a role or a person; anybody in the JIT, also of the seizing party itself."""
        slug = self.one(list(space.parties))
        party, kind = space.parties[slug], self.one(list(PrincipalKind))
        if kind == PrincipalKind.PARTY:
            return principal(space.workspace.id, kind, party_id=party.id)
        if kind == PrincipalKind.AUTHORITY:
            return principal(space.workspace.id, kind, authority_id=self.one(world.authorities[slug]).id)
        if kind == PrincipalKind.ROLE:
            return principal(space.workspace.id, kind, party_id=party.id, role=self.one(ROLES[party.kind]))
        person = self.one(space.memberships).user if space.memberships else world.people[0]
        return principal(space.workspace.id, kind, user_id=person.id)

    def _release(self, space: Space, world: PolicyWorld) -> None:
        of, window = self.one(space.exhibits), self.window()
        meant = self._named(space, world)
        space.releases.append(
            Release(
                workspace_id=space.workspace.id,
                exhibit_id=of.id,
                exhibit_created_at=of.created_at,
                principal_id=meant.id,
                principal=meant,
                sight=self.chance.randint(1, 4),
                purpose=Purpose.JIT_PURPOSE,
                live_from=window[0],
                live_until=window[1],
                released_by_id=of.created_by_id,
            )
        )

    def _rule(self, space: Space, world: PolicyWorld) -> None:
        party = self.one([exhibit.seizing_party for exhibit in space.exhibits])
        slug = next(slug for slug, each in space.parties.items() if each is party)
        window, is_forbid = self.window(), self.likely(0.5)
        authority = self.perhaps(world.authorities[slug], 0.25)
        # Forbids matter most where something is shown: half of them name whom a release names.
        meant = self._named(space, world) if self.likely(0.5) else self.one(space.releases).principal
        space.rules.append(
            CountryRule(
                workspace_id=space.workspace.id,
                party_id=party.id,
                party=party,
                is_forbid=is_forbid,
                principal_id=meant.id,
                principal=meant,
                sight=self.chance.randint(1, 4),
                kind=self.perhaps(EXHIBIT_KINDS, 0.25),
                handling=self.perhaps(["H0", "H1", "H2", "H3"], 0.2),
                tag=self.perhaps(TAGS, 0.2),
                authority_id=authority.id if authority else None,
                seized_from=None if is_forbid else self.perhaps(DAYS, 0.2),
                seized_until=None if is_forbid else self.perhaps(DAYS, 0.2),
                live_from=window[0],
                live_until=window[1],
                set_by_id=space.exhibits[0].created_by_id,
            )
        )

    def _entrust(self, space: Space) -> None:
        """People are entrusted with the releases of their party or, as no verb would do, of another."""
        for person in {member.user_id: member for member in space.memberships}.values():
            start, end = self.window()
            if person.live_from > self.days(-25) and self.likely(0.7):
                # Older than the membership that the person has now.
                start, end = self.days(-30), None
            party = person.party if self.likely(0.7) else self.one(space.exhibits).seizing_party
            space.entrustments.append(
                Entrustment(
                    workspace_id=space.workspace.id,
                    party_id=party.id,
                    party=party,
                    user_id=person.user_id,
                    user=person.user,
                    sight=self.chance.randint(1, 4),
                    live_from=start,
                    live_until=end or self.days(2),
                    entrusted_by_id=person.user_id,
                )
            )
        session().add_all(space.entrustments)


def last_of(space: Space, party: Party) -> list[Membership]:
    """The leaders of a party that left, as they were when it did; if there were none, its members then."""
    left = party.live_until
    assert left is not None
    then = [
        member
        for member in space.memberships
        if member.party is party
        and member.live_from <= left
        and (member.live_until is None or member.live_until > left)
    ]
    leaders = [member for member in then if member.role == Role.LEADER]
    members = [
        member
        for member in then
        if member.role in INVESTIGATORS or (member.role == Role.PARTICIPANT and party.kind in BODIES)
    ]
    return leaders or members


def _shelf(
    space: Space, party: Party, authority_id: uuid.UUID | None, kind: ExhibitKind | None, handling: list[str]
) -> Shelf:
    described = (party.id, authority_id, kind, *handling)
    if described not in space.shelves:
        shelf = Shelf(
            workspace_id=space.workspace.id, party_id=party.id, authority_id=authority_id, kind=kind, handling=handling
        )
        session().add(shelf)
        session().flush()
        space.shelves[described] = shelf
    return space.shelves[described]


def make(seed: int, people: int = 16, exhibits: int = 10, story: str = "") -> PolicyWorld:
    """The world of this seed, beside whatever is there; ``story`` is that of its first JIT's agreement."""
    return Maker(seed).world(people, exhibits, story)


def _provider(slug: str, mark: str) -> IdentityProvider:
    return IdentityProvider(
        slug=f"{slug}-{mark}",
        name=slug.upper(),
        kind=KINDS[slug],
        country=slug.upper(),
        issuer=f"http://127.0.0.1:9/{slug}/{mark}",
        client_id="jit-portal",
        algorithms=["ES256"],
        acr_levels={},
        claim_map={},
    )


def _party(jit: Jit, at: IdentityProvider, live_from: dt.datetime) -> Party:
    return Party(jit_id=jit.id, provider_id=at.id, kind=at.kind, country=at.country, name=at.name, live_from=live_from)


def _agreement(jit: Jit, drafter: User, version: int, start: dt.datetime, end: dt.datetime) -> Agreement:
    return Agreement(
        jit_id=jit.id,
        version=version,
        state=AgreementState.SIGNED,
        purpose="Generated.",
        legal_bases=[],
        states_of_operation=[],
        starts_on=start.date(),
        ends_on=end.date(),
        time_zone="UTC",
        created_by_id=drafter.id,
        in_force_from=start,
        in_force_until=end,
    )
