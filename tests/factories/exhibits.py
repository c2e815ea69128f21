"""Exhibits and their files, and what is released of them, to whom, by whom."""

import datetime as dt
import hashlib
import itertools
import uuid

from sqlalchemy import select

from jit_portal.database import session, transaction
from jit_portal.exhibits.models import Entrustment, Exhibit, ExhibitTag, Release, Shelf
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.vocabulary import ExhibitKind, Integrity, PrincipalKind, Purpose, Sight
from jit_portal.workspaces.principals import principal
from tests.factories.jits import World
from tests.factories.logins import now

# Far from the portal's own, which count from 1, and of one length: no reference is the beginning of another.
_exhibit_numbers = itertools.count(100_000)


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
