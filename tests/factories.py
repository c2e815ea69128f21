"""Plain functions that put a small world into the database, past the verbs: what tests start from."""

import datetime as dt
import hashlib
import itertools
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Select, delete, select
from sqlalchemy.orm.attributes import set_committed_value

from jit_portal.database import session, transaction
from jit_portal.exhibits.models import Entrustment, Exhibit, ExhibitTag, Release, Shelf
from jit_portal.files.models import StoredFile
from jit_portal.identity import sessions, stepping
from jit_portal.identity.entering import written
from jit_portal.identity.glass import accounts as glass
from jit_portal.identity.glass.models import GlassOpening
from jit_portal.identity.models import (
    Authority,
    IdentityProvider,
    LoginSession,
    Passkey,
    ProviderProposal,
    ProviderTest,
    User,
    WaitingAct,
)
from jit_portal.identity.registry import row_of
from jit_portal.jits.models import Agreement, AgreementParty, AgreementPerson, Jit, Party
from jit_portal.jits.words import ROLES_OF
from jit_portal.messages.models import Channel
from jit_portal.notices import service as notices
from jit_portal.tasks.boards import columns_of
from jit_portal.tasks.models import Board
from jit_portal.vocabulary import (
    BODIES,
    AgreementDuty,
    AgreementState,
    Assurance,
    Audience,
    Duty,
    ExhibitKind,
    Integrity,
    NoticeKind,
    PartyKind,
    PrincipalKind,
    Purpose,
    Role,
    Sight,
)
from jit_portal.workspaces.models import Membership, Workspace
from jit_portal.workspaces.principals import is_outside_union, meant_by, principal, tie

OF_VERBS = "the test itself"
"""What stands in the place of a browser in the logins in which tests call verbs; no cookie opens them."""

_numbers = itertools.count(1000)
# Far from the portal's own, which count from 1, and of one length: no reference is the beginning of another.
_exhibit_numbers = itertools.count(100_000)
KINDS = {"al": PartyKind.THIRD_COUNTRY, "eu": PartyKind.EU_BODY, "icc": PartyKind.INTERNATIONAL_JUDICIAL}


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def provider(slug: str) -> IdentityProvider:
    """The national login of a country: fr, nl, ro member states, al a third one, eu an EU body, icc a world court."""
    made = _provider(slug)
    session().add(made)
    session().flush()
    return made


def _provider(slug: str) -> IdentityProvider:
    return IdentityProvider(
        slug=slug,
        name=f"Login {slug.upper()}",
        kind=KINDS.get(slug, PartyKind.MEMBER_STATE),
        country="EUROJUST" if slug == "eu" else slug.upper(),
        issuer=f"http://127.0.0.1:9/{slug}",
        client_id="jit-portal",
        uses_par=True,
        algorithms=["ES256"],
        acr_levels={"high": 3},
        claim_map={},
        authorities=[Authority(code=f"{slug}-police", name=f"Police {slug.upper()}")],
    )


def user(at: IdentityProvider, name: str, authority: Authority | None = None) -> User:
    """Somebody who calls verbs in a login that she has just proved as strongly as there is; see ``acts_in``."""
    (made,) = _users([(at, name, authority or _police(at))])
    return made


def _users(described: Sequence[tuple[IdentityProvider, str, Authority]]) -> list[User]:
    made = [_user(*each) for each in described]
    session().add_all(made)
    session().flush()
    logins = [_new_login(each, secrets.token_urlsafe(32), browser=OF_VERBS) for each in made]
    session().add_all(logins)
    session().flush()
    for someone, login, (at, _, authority) in zip(made, logins, described, strict=True):
        set_committed_value(someone, "provider", at)
        set_committed_value(someone, "authority", authority)
        someone.current_login = login.id
    return made


def _user(at: IdentityProvider, name: str, authority: Authority) -> User:
    return User(
        provider_id=at.id,
        issuer=at.issuer,
        subject=f"{at.slug}-{uuid.uuid4().hex[:8]}",
        authority_id=authority.id,
        name=name,
        title="",
        email="",
        language="en",
        time_zone="Europe/Paris",
    )


def _police(at: IdentityProvider) -> Authority:
    """The authority that ``provider`` made, or the first: those of a row loaded earlier are in no order."""
    return min(at.authorities, key=lambda each: (each.code != f"{at.slug}-police", each.code))


def administrator(at: IdentityProvider, duty: Duty = Duty.NATIONAL_ADMINISTRATOR) -> User:
    """Somebody with a duty for a country, or for the installation."""
    with transaction():
        made = user(at, f"{duty.value.title()} {at.slug.upper()}")
        made.duty = duty
    return made


def proposal(at: IdentityProvider) -> ProviderProposal:
    """What an operator wants of this login, and no other has decided yet: a longer leeway."""
    proposer = administrator(at, Duty.OPERATOR)
    row = written(row_of(at)) | {"leeway": 90, "claim_map": {"name": "/name", "authority": "/office"}}
    made = ProviderProposal(slug=at.slug, row=row, base_version=at.version, proposed_by_id=proposer.id)
    with transaction():
        session().add(made)
    return made


def provider_test(someone: User, at: IdentityProvider) -> ProviderTest:
    """A test of this login that somebody has run, and not finished."""
    later = now() + dt.timedelta(hours=1)
    made = ProviderTest(provider_id=at.id, tested_by_id=someone.id, version=at.version, findings=[], expires_at=later)
    with transaction():
        session().add(made)
    return made


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
        known |= {slug: _provider(slug) for slug in slugs if slug not in known}
        session().add_all(known.values())
        session().flush()
        since = now() - dt.timedelta(days=60)
        roles = {
            f"{slug}_{role}": (slug, role)
            for slug in slugs
            for role in ([Role.PARTICIPANT] if known[slug].kind in BODIES else [Role.LEADER, Role.MEMBER])
        }
        named = [(slug, name.title()) for name, (slug, _) in roles.items()]
        drafter, *people = _users(
            [(known[slug], said, _police(known[slug])) for slug, said in [(slugs[0], f"Drafter of {name}"), *named]]
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


def exhibit(
    in_world: World,
    slug: str = "fr",
    title: str = "Ledger",
    *,
    kind: ExhibitKind | None = ExhibitKind.DOCUMENT,
    tags: tuple[str, ...] = (),
    seized_on: dt.date | None = dt.date(2026, 3, 1),
    authority_id: uuid.UUID | None = None,
    by: User | None = None,
) -> Exhibit:
    """An exhibit of a party, whose file claims to be verified but has no bytes in the store."""
    with transaction():
        party = in_world.parties[slug]
        keeper = by or in_world.people.get(f"{slug}_member") or next(iter(in_world.people.values()))
        file = _file(in_world, party, keeper, title)
        shelf = shelf_of(in_world.workspace.id, party.id, authority_id, kind)
        session().add(file)
        session().flush()
        number = next(_exhibit_numbers)
        made = Exhibit(
            workspace_id=in_world.workspace.id,
            party_id=party.id,
            authority_id=authority_id,
            shelf_id=shelf.id,
            number=number,
            reference=f"{party.country}-{number:04}",
            title=title,
            kind=kind,
            handling=["H0"],
            tags=list(tags),
            seized_on=seized_on,
            created_by_id=keeper.id,
            file_id=file.id,
            holder_id=keeper.id,
        )
        session().add(made)
        session().flush()
        session().add_all(
            ExhibitTag(exhibit_id=made.id, tag=tag, workspace_id=made.workspace_id, exhibit_created_at=made.created_at)
            for tag in tags
        )
    return made


def file(in_world: World, slug: str = "fr", title: str = "Ledger") -> StoredFile:
    """A file of a party that claims to be verified, has no bytes in the store, and is no exhibit yet."""
    with transaction():
        made = _file(in_world, in_world.parties[slug], in_world.people[f"{slug}_member"], title)
        session().add(made)
    return made


def _file(in_world: World, party: Party, keeper: User, title: str) -> StoredFile:
    digest = hashlib.sha256(title.encode()).hexdigest()
    return StoredFile(
        jit_id=in_world.jit.id,
        workspace_id=in_world.workspace.id,
        party_id=party.id,
        uploaded_by_id=keeper.id,
        name=f"{title}.pdf",
        media_type="application/pdf",
        length=1000,
        received=1000,
        object_name=uuid.uuid4().hex,
        key_name="test",
        wrapped_key=b"",
        integrity=Integrity.VERIFIED,
        sha256_declared=digest,
        sha256=digest,
        expires_at=now(),
    )


def shelf_of(
    workspace_id: uuid.UUID, party_id: uuid.UUID, authority_id: uuid.UUID | None, kind: ExhibitKind | None
) -> Shelf:
    described = {"workspace_id": workspace_id, "party_id": party_id, "authority_id": authority_id, "kind": kind}
    same = [getattr(Shelf, name).is_not_distinct_from(value) for name, value in described.items()]
    found = session().scalar(select(Shelf).where(*same, Shelf.handling == ["H0"]))
    if found is None:
        found = Shelf(handling=["H0"], **described)
        session().add(found)
        session().flush()
    return found


def release(
    in_world: World,
    of: Exhibit,
    to: str | User,
    sight: Sight = Sight.READ,
    *,
    live_from: dt.datetime | None = None,
    live_until: dt.datetime | None = None,
) -> Release:
    """A release to a party (by its slug) or to a person."""
    with transaction():
        space = in_world.workspace.id
        meant = (
            principal(space, PrincipalKind.PARTY, party_id=in_world.parties[to].id)
            if isinstance(to, str)
            else principal(space, PrincipalKind.PERSON, user_id=to.id)
        )
        made = Release(
            workspace_id=space,
            exhibit_id=of.id,
            exhibit_created_at=of.created_at,
            principal_id=meant.id,
            sight=sight,
            purpose=Purpose.JIT_PURPOSE,
            live_from=live_from or now() - dt.timedelta(minutes=1),
            live_until=live_until,
            released_by_id=of.created_by_id,
        )
        session().add(made)
    return made


def entrustment(
    in_world: World,
    name: str,
    sight: Sight = Sight.READ,
    *,
    slug: str = "fr",
    live_until: dt.datetime | None = None,
) -> Entrustment:
    """This person releases for a party since yesterday, until tomorrow or the moment that is given."""
    with transaction():
        made = Entrustment(
            workspace_id=in_world.workspace.id,
            party_id=in_world.parties[slug].id,
            user_id=in_world[name].id,
            sight=int(sight),
            live_from=now() - dt.timedelta(days=1),
            live_until=live_until or now() + dt.timedelta(days=1),
            entrusted_by_id=in_world[f"{slug}_leader"].id,
        )
        session().add(made)
    return made


def login(someone: User, assurance: Assurance = Assurance.HIGH, *, minutes: float = 0, **more: object) -> str:
    """Sign this person in; answers the token that belongs into the login cookie.

    She has just proved who she is, as strongly as there is, unless ``assurance`` or so many ``minutes`` say otherwise.
    """
    token = secrets.token_urlsafe(32)
    with transaction():
        _login(someone, token, assurance, minutes, **more)
    return token


def _login(
    someone: User, token: str, assurance: Assurance = Assurance.HIGH, minutes: float = 0, **more: object
) -> LoginSession:
    made = _new_login(someone, token, assurance, minutes, **more)
    session().add(made)
    session().flush()
    return made


def _new_login(
    someone: User, token: str, assurance: Assurance = Assurance.HIGH, minutes: float = 0, **more: object
) -> LoginSession:
    proved_at = now() - dt.timedelta(minutes=minutes)
    return LoginSession(
        token_hash=hashlib.sha256(token.encode()).digest(),
        user_id=someone.id,
        assurance=assurance,
        authenticated_at=proved_at,
        proved_at=proved_at,
        ends_at=now() + dt.timedelta(hours=12),
        **more,
    )


def step_up(token: str) -> str:
    """Whoever uses the login that this token opens has just proved who she is; gives its new token."""
    login = sessions.load(token)
    assert login is not None
    return stepping.renew(login, by="passkey", confirmed_at=now())


def logins_of(someone: User) -> Select[LoginSession]:
    """Her logins in browsers."""
    hers = select(LoginSession).where(LoginSession.user_id == someone.id, LoginSession.browser != OF_VERBS)
    return hers.execution_options(policy=True)


def forget_logins_of_verbs() -> None:
    """From now on nobody has a login but those in browsers; verbs that ask for a step-up are refused."""
    with transaction():
        session().execute(delete(LoginSession).where(LoginSession.browser == OF_VERBS))


def acts_in(someone: User, assurance: Assurance = Assurance.HIGH, *, minutes: float = 0) -> User:
    """From now on this person calls verbs in another login: by default one that has just been proved."""
    with transaction():
        someone.current_login = _login(someone, secrets.token_urlsafe(32), assurance, minutes, browser=OF_VERBS).id
    return someone


def waiting_act(someone: User, address: str = "/rules/new", form: tuple[tuple[str, str], ...] = ()) -> WaitingAct:
    """Something she has sent in the login in which she calls verbs, and that waits for her to prove who she is."""
    assert someone.current_login is not None
    made = WaitingAct(
        user_id=someone.id,
        login_id=someone.current_login,
        endpoint="rules.create",
        address=address,
        sent_from="/",
        form=[list(pair) for pair in form],
        noun="party",
        object_id=uuid.uuid4(),
        expires_at=now() + dt.timedelta(minutes=10),
    )
    session().add(made)
    session().flush()
    return made


def passkey(someone: User, name: str = "Key on the desk") -> Passkey:
    """A passkey that no device has."""
    made = Passkey(user_id=someone.id, name=name, credential_id=secrets.token_bytes(16), public_key=b"", sign_count=1)
    session().add(made)
    session().flush()
    return made


def glass_account(name: str = "Nadia Brandt") -> User:
    """Somebody who may break the glass, whose keys no device has."""
    account, _ = glass.make(None, name)
    with transaction():
        account.enrolled_at = now()
        session().merge(account)
        for number in range(2):
            passkey(account.user, f"Security key {number + 1}")
    return account.user


def glass_opening(someone: User, *told: User) -> GlassOpening:
    """Somebody broke the glass, and these people were told of it."""
    at, login_id = now(), someone.current_login or acts_in(someone).current_login
    made = GlassOpening(
        user_id=someone.id, login_id=login_id, reason="Because.", opened_at=at, ends_at=at + dt.timedelta(hours=1)
    )
    with transaction():
        session().add(made)
        session().flush()
        notices.tell(NoticeKind.GLASS_BROKEN, made, [each.id for each in told], someone)
    return made


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
