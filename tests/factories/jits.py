"""A JIT in force with its workspace and members, how either ends, and where they talk and work."""

import datetime as dt
import itertools
from dataclasses import dataclass, field

from jit_portal.database import session, transaction
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.jits.models import Agreement, AgreementParty, AgreementPerson, Jit, Party
from jit_portal.jits.words import ROLES_OF
from jit_portal.messages.models import Channel
from jit_portal.tasks.boards import columns_of
from jit_portal.tasks.models import Board
from jit_portal.vocabulary import BODIES, AgreementDuty, AgreementState, Audience, Role
from jit_portal.workspaces.models import Membership, Workspace
from jit_portal.workspaces.principals import is_outside_union, meant_by, tie
from tests.factories.logins import now
from tests.factories.people import new_provider, police, user, users

_numbers = itertools.count(1000)


@dataclass
class World:
    """A JIT in force with its workspace, by default France, the Netherlands and Eurojust."""

    jit: Jit
    workspace: Workspace
    agreement: Agreement
    providers: dict[str, IdentityProvider]
    parties: dict[str, Party]
    people: dict[str, User] = field(default_factory=dict)
    members: dict[str, Membership] = field(default_factory=dict)

    def __getitem__(self, name: str) -> User:
        return self.people[name]

    def join(
        self,
        name: str,
        slug: str,
        role: Role = Role.MEMBER,
        *,
        person: User | None = None,
        as_party: str | None = None,
        administers: bool = False,
        live_from: dt.datetime | None = None,
    ) -> User:
        """A person of a country in the workspace, for that country's party unless ``as_party`` says another."""
        someone = person or user(self.providers[slug], name.title())
        member = self._membership(someone, slug, role, as_party, administers, live_from)
        self._seat({name: (someone, member, slug)})
        return someone

    def _seat(self, newcomers: dict[str, tuple[User, Membership, str]]) -> None:
        """These people, of these countries, by the names under which a test knows them."""
        session().add_all(member for _, member, _ in newcomers.values())
        session().flush()
        parties = {party.id: party for party in self.parties.values()}
        meant = {
            member.id: meant_by(member, parties[member.party_id], self.parties.get(slug))
            for _, member, slug in newcomers.values()
        }
        tie(self.workspace.id, meant)
        self.people |= {name: someone for name, (someone, _, _) in newcomers.items()}
        self.members |= {name: member for name, (_, member, _) in newcomers.items()}

    def _membership(
        self,
        someone: User,
        slug: str,
        role: Role,
        as_party: str | None = None,
        administers: bool = False,
        live_from: dt.datetime | None = None,
    ) -> Membership:
        party = self.parties[as_party or slug]
        return Membership(
            workspace_id=self.workspace.id,
            user_id=someone.id,
            party_id=party.id,
            authority_id=someone.authority_id,
            role=role,
            is_space_administrator=administers,
            is_outside_union=is_outside_union(party, self.providers[slug].kind),
            live_from=live_from or now() - dt.timedelta(days=30),
        )


def world(
    name: str = "Lantern",
    slugs: tuple[str, ...] = ("fr", "nl", "eu"),
    providers: dict[str, IdentityProvider] | None = None,
) -> World:
    """A JIT with a signed agreement in force, leaders and members of each member state, a participant of each body.

    People are named ``fr_leader``, ``fr_member``, ``nl_leader``, …, ``eu_participant``.
    """
    with transaction():
        known = dict(providers or {})
        known |= {slug: new_provider(slug) for slug in slugs if slug not in known}
        session().add_all(known.values())
        session().flush()
        since = now() - dt.timedelta(days=60)
        roles = {
            f"{slug}_{role}": (slug, role)
            for slug in slugs
            for role in ([Role.PARTICIPANT] if known[slug].kind in BODIES else [Role.LEADER, Role.MEMBER])
        }
        named = [(slug, name.title()) for name, (slug, _) in roles.items()]
        drafter, *people = users(
            [(known[slug], said, police(known[slug])) for slug, said in [(slugs[0], f"Drafter of {name}"), *named]]
        )
        jit = Jit(reference=f"JIT-2026-{next(_numbers)}", name=name, created_by_id=drafter.id)
        session().add(jit)
        session().flush()
        parties = {
            slug: Party(
                jit_id=jit.id,
                provider_id=known[slug].id,
                kind=known[slug].kind,
                country=known[slug].country,
                name=known[slug].name,
                live_from=since,
            )
            for slug in slugs
        }
        agreement, workspace = _agreement(jit, drafter, since), Workspace(jit_id=jit.id)
        session().add_all([*parties.values(), agreement, workspace])
        session().flush()
        made = World(jit, workspace, agreement, known, parties)
        newcomers = {
            name: (someone, made._membership(someone, slug, role, administers=name == f"{slugs[0]}_leader"), slug)
            for someone, (name, (slug, role)) in zip(people, roles.items(), strict=True)
        }
        session().add_all(
            AgreementParty(
                agreement_id=agreement.id,
                party_id=party.id,
                roles=[role.value for role in ROLES_OF[party.kind]],
                signed_on=since.date(),
            )
            for party in parties.values()
        )
        session().add_all(
            AgreementPerson(
                agreement_id=agreement.id,
                party_id=member.party_id,
                user_id=member.user_id,
                duty=AgreementDuty.LEADER,
            )
            for _, member, _ in newcomers.values()
            if member.role == Role.LEADER
        )
        made._seat(newcomers)
    return made


def _agreement(jit: Jit, drafter: User, since: dt.datetime) -> Agreement:
    return Agreement(
        jit_id=jit.id,
        version=1,
        state=AgreementState.SIGNED,
        purpose="Trafficking in human beings for labour exploitation.",
        legal_bases=["EU-MLA2000-13"],
        states_of_operation=["FR", "NL"],
        starts_on=since.date(),
        ends_on=since.date() + dt.timedelta(days=365),
        time_zone="Europe/Paris",
        created_by_id=drafter.id,
        in_force_from=since,
        in_force_until=since + dt.timedelta(days=366),
    )


def end_agreement(in_world: World) -> None:
    """The agreement ran out yesterday."""
    with transaction():
        in_world.agreement.in_force_until = now() - dt.timedelta(days=1)
        session().merge(in_world.agreement)


def end_membership(in_world: World, name: str) -> None:
    """This person's membership ended a moment ago."""
    with transaction():
        in_world.members[name].live_until = now() - dt.timedelta(seconds=1)
        session().merge(in_world.members[name])


def channel(in_world: World, name: str = "everyone", audience: Audience = Audience.EVERYONE) -> Channel:
    with transaction():
        made = Channel(
            workspace_id=in_world.workspace.id,
            own_name=name,
            audience=audience,
            created_by_id=in_world["fr_leader"].id,
        )
        session().add(made)
    return made


def board(in_world: World, name: str = "Board", prefix: str = "LAN", audience: Audience = Audience.EVERYONE) -> Board:
    with transaction():
        made = Board(
            workspace_id=in_world.workspace.id,
            own_name=name,
            prefix=prefix,
            audience=audience,
            created_by_id=in_world["fr_leader"].id,
        )
        session().add(made)
        session().flush()
        session().add_all(columns_of(made))
    return made
