"""The verbs on exhibits: register, describe, reclassify, release, withdraw."""

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.custody import service as custody
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, Refused
from jit_portal.exhibits import moving
from jit_portal.exhibits.descriptions import Description, is_marked, read
from jit_portal.exhibits.limits import no_further, refuse_further
from jit_portal.exhibits.models import CountryRule, Exhibit, ExhibitTag, Release, Shelf
from jit_portal.exhibits.targets import resolve
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import Authority, User
from jit_portal.jits.models import Party
from jit_portal.notices import service as notices
from jit_portal.vocabulary import ExhibitKind, HandlingCode, May, NoticeKind, PartyKind, Purpose, Sight
from jit_portal.wording import gettext
from jit_portal.workspaces import seats
from jit_portal.workspaces.models import Membership, Workspace

R = TypeVar("R", Release, CountryRule)


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


def admitted(
    actor: User, workspace: Workspace, details: Mapping[str, Any], file_name: str
) -> tuple[Membership, Description]:
    """Through whose membership, and as what, such a file is registered; refused where it cannot be."""
    policy.require(actor, May.UPLOAD, workspace)
    said = read(details, file_name)
    member = own_membership(actor, workspace)
    _refuse_unbuilt(member, said)
    _refuse_classified(said, file_name)
    _refuse_foreign_authority(member, said)
    return member, said


def hold_place(member: Membership, said: Description) -> None:
    """Wait for all that registering waits for, before anything is put on record: the other way round two could wait
    for each other."""
    _hold_numbers(member.workspace_id, member.party)
    _classification(member.workspace_id, member.party_id, said)


def own_membership(actor: User, workspace: Workspace) -> Membership:
    """The live membership through which a person acts in a workspace; the caller has passed its gates."""
    live = policy.person.live(Membership.live_from, Membership.live_until)
    mine = policy.which(actor, Membership).where(
        Membership.workspace_id == workspace.id, Membership.user_id == actor.id, live
    )
    return session().scalars(mine).one()


def upload_refusal(member: Membership) -> str:
    """Why nothing can be uploaded through this membership yet, where that is so."""
    if member.party.kind == PartyKind.MEMBER_STATE and not member.is_outside_union:
        return ""
    return gettext(
        "Uploads by third countries and by bodies need the verification of Article 17(3), which this portal "
        "does not offer yet. Ask a member state's member to register the item."
    )


def _refuse_unbuilt(member: Membership, said: Description) -> None:
    if refusal := upload_refusal(member):
        raise Refused(refusal)
    if tuple(said.handling) != (HandlingCode.H0,):
        raise Refused(
            gettext(
                "Only handling code H0 can be given yet: the portal does not enforce H1, H2 and H3 so far, and does "
                "not take what it cannot protect."
            )
        )


def _refuse_classified(said: Description, file_name: str) -> None:
    _refuse_marked(said.title, said.description, said.place, *said.tags, file_name)
    if not said.is_unclassified:
        raise Refused(
            gettext(
                "Classified information (EU RESTRICTED and above, or its national equal) may not be stored here. "
                "Confirm that the item is not classified, or send it through the channel for classified information."
            )
        )


def _refuse_marked(*texts: str) -> None:
    if is_marked(*texts):
        raise Refused(
            gettext(
                "This bears a marking of classified information (EU RESTRICTED and above, or its national equal), "
                "which may not be stored here. Send it through the channel for classified information."
            )
        )


def _refuse_foreign_authority(member: Membership, said: Description) -> None:
    if said.authority_id is None:
        return
    authority = session().get(Authority, said.authority_id)
    if authority is None or authority.provider_id != member.party.provider_id:
        raise Invalid(gettext("This authority is not one of your country's."), field="authority")


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
        _refuse_marked(title, description, place)
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
        member = own_membership(actor, exhibit.workspace)
        _refuse_unbuilt(member, said)
        _refuse_foreign_authority(member, said)
        _refuse_marked(*said.tags)
        before = people_who_see(exhibit)
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
    member = own_membership(actor, exhibit.workspace)
    _refuse_unbuilt(member, said)
    _refuse_foreign_authority(member, said)
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


def people_who_see(exhibit: Exhibit, may: May = May.SEE) -> set[uuid.UUID]:
    """Everyone who may do this to the exhibit now."""
    return set(session().scalars(policy.who(exhibit, may).with_only_columns(policy.person.person.id)))


def release(
    actor: User,
    exhibit: Exhibit,
    to: str,
    sight: Sight,
    purpose: Purpose,
    *,
    conditions: str = "",
    live_from: dt.datetime | None = None,
    live_until: dt.datetime | None = None,
    token: uuid.UUID | None = None,
) -> Release:
    """Show an exhibit to somebody whom the agreement names, up to a sight, for a purpose, for a time, never backwards.

    The same ``token`` again answers the release that it made before.
    """
    with transaction():
        # Holding the exhibit's row: two releases, or a release and a withdrawal, come one after the other.
        exhibit = policy.locked(actor, May.RELEASE, exhibit)
        refuse_further(actor, exhibit, sight)
        known, now = _released_with(actor, exhibit, token), seats.now()
        begins = _beginning(live_from, known.released_at if known else now)
        _refuse_no_time(begins, live_until, now)
        said = {
            "principal_id": resolve(actor, exhibit.workspace, exhibit.party_id, to).id,
            "sight": int(sight),
            "purpose": purpose,
            "conditions": conditions,
            "live_until": live_until,
            **({"live_from": begins} if begins else {}),
        }
        if known is not None:
            return sent_before(known, said)
        before = moving.sights([exhibit.id])
        made = Release(
            workspace_id=exhibit.workspace_id,
            exhibit_id=exhibit.id,
            exhibit_created_at=exhibit.created_at,
            released_by_id=actor.id,
            token=token or uuid.uuid4(),
            **({"live_from": now} | said),
        )
        session().add(made)
        session().flush()
        further = moving.who_see_further(before, moving.sights([exhibit.id]))
        notices.tell(NoticeKind.RELEASED, exhibit, further, actor)
        audit.record(
            actor,
            "exhibit.released",
            exhibit,
            release=made.id,
            to=made.principal.kind,
            principal=made.principal_id,
            sight=sight.name.lower(),
            purpose=purpose,
            begins=begins,
            until=live_until,
        )
    return made


def _beginning(live_from: dt.datetime | None, now: dt.datetime) -> dt.datetime | None:
    """The later moment at which it begins; None where that is at once, as the minute just typed is too."""
    if live_from is None or live_from > now:
        return live_from
    # What is typed has no seconds, and is sent up to a minute later.
    if live_from <= now - dt.timedelta(minutes=2):
        raise Invalid(
            gettext("A release cannot begin in the past. Leave this empty, and it begins at once."), field="live_from"
        )
    return None


def _refuse_no_time(begins: dt.datetime | None, live_until: dt.datetime | None, now: dt.datetime) -> None:
    if live_until is not None and live_until <= max(now, begins or now):
        raise Invalid(gettext("The release would end before it begins."), field="live_until")


def _released_with(actor: User, exhibit: Exhibit, token: uuid.UUID | None) -> Release | None:
    same = (Release.exhibit_id == exhibit.id, Release.released_by_id == actor.id, Release.token == token)
    return session().scalar(policy.which(actor, Release).where(*same))


def sent_before(known: R, said: Mapping[str, Any]) -> R:
    """What the same form made before; refused when it says something else now, or when that has ended."""
    if any(getattr(known, name) != value for name, value in said.items()):
        raise Refused(gettext("This form was sent before. Look at what it did; if you mean it again, send it again."))
    return known


def withdraw(actor: User, release: Release, reason: str) -> None:
    """End a release at once; those who lose sight are told to look again."""
    exhibit = policy.fetch(actor, Exhibit, release.exhibit_id)
    with transaction():
        exhibit = policy.locked(actor, May.WITHDRAW, exhibit)
        release = policy.fetch(actor, Release, release.id, lock=True)
        if release.live_until is not None and release.live_until <= seats.now():
            raise Refused(gettext("This release has already ended."))
        before = people_who_see(exhibit)
        release.live_until = seats.now()
        release.withdrawn_by_id, release.withdrawn_because = actor.id, reason
        session().flush()
        audit.record(
            actor, "exhibit.withdrawn", exhibit, also=before, release=release.id, principal=release.principal_id
        )
