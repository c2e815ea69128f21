"""The verbs on exhibits: register, describe, reclassify."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from jit_portal import policy, typed
from jit_portal.audit import service as audit
from jit_portal.custody import service as custody
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, Refused
from jit_portal.exhibits import moving
from jit_portal.exhibits.admission import (
    admitted,
    refuse_foreign_authority,
    refuse_marked,
    refuse_unbuilt,
)
from jit_portal.exhibits.descriptions import Description
from jit_portal.exhibits.limits import no_further
from jit_portal.exhibits.models import Exhibit, ExhibitTag, Shelf
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.vocabulary import ExhibitKind, May
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Membership, Workspace
from jit_portal.workspaces.own import own_membership


def register(actor: User, workspace: Workspace, details: Mapping[str, Any], file: StoredFile) -> Exhibit:
    """Give a received file its exhibit number, in the hands of whoever received it.

    ``details`` is what was typed, as ``descriptions.read`` takes it.
    """
    member, said = admitted(actor, workspace, details, file.name)
    with transaction():
        number = _next_number(workspace, member.party)
        exhibit = Exhibit(
            workspace_id=workspace.id,
            workspace=workspace,
            party_id=member.party_id,
            seizing_party=member.party,
            number=number,
            reference=f"{member.party.country}-{number:04}",
            title=said.title,
            description=said.description,
            place=said.place,
            seized_on=said.seized_on,
            created_by_id=actor.id,
            holder_id=actor.id,
            file_id=file.id,
            file=file,
            **_classification(workspace.id, member.party_id, said),
        )
        session().add(exhibit)
        session().flush()
        _put_tags(exhibit)
        custody.receive(actor, exhibit)
        audit.record(actor, "exhibit.registered", exhibit, kind=said.kind, file=file.id, length=file.length)
    return exhibit


def hold_place(member: Membership, said: Description) -> None:
    """Wait for all that registering waits for, before anything is put on record: the other way round two could wait
    for each other."""
    _hold_numbers(member.workspace_id, member.party)
    _classification(member.workspace_id, member.party_id, said)


def _next_number(workspace: Workspace, party: Party) -> int:
    """The next of its country's numbers in this JIT, which its parties share where one country has several logins."""
    _hold_numbers(workspace.id, party)
    # Highest of each party first: the index knows it, however many exhibits there are.
    its_last = (
        select(func.max(Exhibit.number))
        .where(Exhibit.workspace_id == workspace.id, Exhibit.party_id == Party.id)
        .correlate(Party)
        .scalar_subquery()
    )
    last = select(func.max(its_last)).where(Party.jit_id == workspace.jit_id, Party.country == party.country)
    return (session().scalar(last.execution_options(policy=True)) or 0) + 1


def _hold_numbers(workspace_id: uuid.UUID, party: Party) -> None:
    numbers = func.hashtextextended(f"exhibit {workspace_id} {party.country}", 0)
    session().execute(select(func.pg_advisory_xact_lock(numbers)))


def _classification(workspace_id: uuid.UUID, party_id: uuid.UUID, said: Description) -> dict[str, Any]:
    handling = sorted(code.value for code in said.handling)
    return {
        "kind": said.kind,
        "handling": handling,
        "tags": sorted(set(said.tags)),
        "authority_id": said.authority_id,
        "shelf_id": _shelf(workspace_id, party_id, said.authority_id, said.kind, handling).id,
    }


def _shelf(
    workspace_id: uuid.UUID,
    party_id: uuid.UUID,
    authority_id: uuid.UUID | None,
    kind: ExhibitKind | None,
    handling: list[str],
) -> Shelf:
    its = select(Shelf).where(
        Shelf.workspace_id == workspace_id,
        Shelf.party_id == party_id,
        Shelf.authority_id.is_not_distinct_from(authority_id),
        Shelf.kind.is_not_distinct_from(kind),
        Shelf.handling == handling,
    )
    found = session().scalar(its)
    if found is None:
        new = insert(Shelf).values(
            workspace_id=workspace_id, party_id=party_id, authority_id=authority_id, kind=kind, handling=handling
        )
        session().execute(new.on_conflict_do_nothing())
        found = session().scalars(its).one()
    return found


def _put_tags(exhibit: Exhibit) -> None:
    session().add_all(
        ExhibitTag(
            exhibit_id=exhibit.id, tag=tag, workspace_id=exhibit.workspace_id, exhibit_created_at=exhibit.created_at
        )
        for tag in exhibit.tags
    )


def describe(actor: User, exhibit: Exhibit, title: str, description: str, place: str, edition: int) -> Exhibit:
    """Say anew what an exhibit is; refused when somebody else has said so since ``edition``."""
    with transaction():
        exhibit = policy.locked(actor, May.DESCRIBE, exhibit)
        _refuse_stale(exhibit, edition)
        if not typed.shows(title):
            raise Invalid(gettext("Give it a title."), field="title")
        refuse_marked(title, description, place)
        changed = [
            name
            for name, value in (("title", title), ("description", description), ("place", place))
            if getattr(exhibit, name) != value
        ]
        exhibit.title, exhibit.description, exhibit.place = title, description, place
        exhibit.edition += 1
        audit.record(actor, "exhibit.described", exhibit, changed=changed)
    return exhibit


def _refuse_stale(exhibit: Exhibit, edition: int) -> None:
    if exhibit.edition != edition:
        raise Refused(
            gettext("This exhibit has changed since you opened it, perhaps by yourself. Look at it again, then save.")
        )


def reclassify(actor: User, exhibit: Exhibit, said: Description, edition: int) -> Exhibit:
    """Change what country rules look at: kind, handling code, tags, authority, date of seizure. This moves sight."""
    with transaction():
        exhibit = policy.locked(actor, May.RECLASSIFY, exhibit)
        _refuse_stale(exhibit, edition)
        member = own_membership(actor, exhibit.workspace_id)
        refuse_unbuilt(member, said)
        refuse_foreign_authority(member, said)
        refuse_marked(*said.tags)
        before = moving.people_who_see(exhibit)
        with no_further(actor, exhibit):
            _classify(exhibit, said)
        exhibit.edition += 1
        audit.record(
            actor,
            "exhibit.reclassified",
            exhibit,
            also=before,
            kind=said.kind,
            handling=exhibit.handling,
            tags=len(exhibit.tags),
            authority=said.authority_id,
            seized_on=said.seized_on,
        )
    return exhibit


@contextmanager
def try_classification(actor: User, exhibit: Exhibit, said: Description) -> Iterator[None]:
    """Inside the block the exhibit is classified anew; afterwards it is as it was, and nothing is on record."""
    policy.require_right(actor, May.RECLASSIFY, exhibit)
    member = own_membership(actor, exhibit.workspace_id)
    refuse_unbuilt(member, said)
    refuse_foreign_authority(member, said)
    refuse_marked(*said.tags)
    with moving.trial():
        _classify(exhibit, said)
        yield


def _classify(exhibit: Exhibit, said: Description) -> None:
    for name, value in _classification(exhibit.workspace_id, exhibit.party_id, said).items():
        setattr(exhibit, name, value)
    exhibit.seized_on = said.seized_on
    session().execute(delete(ExhibitTag).where(ExhibitTag.exhibit_id == exhibit.id))
    session().flush()
    _put_tags(exhibit)
    session().flush()
