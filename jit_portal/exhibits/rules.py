"""The verbs on country rules: standing releases and forbids of one party over its own exhibits (E5)."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, Refused
from jit_portal.exhibits import moving
from jit_portal.exhibits.models import CountryRule, Exhibit
from jit_portal.exhibits.moving import Move
from jit_portal.exhibits.releasing import sent_before
from jit_portal.exhibits.targets import resolve
from jit_portal.identity.models import Authority, User
from jit_portal.jits.models import Party
from jit_portal.vocabulary import ExhibitKind, HandlingCode, May, Sight
from jit_portal.wording import gettext
from jit_portal.workspaces import seats
from jit_portal.workspaces.models import Workspace

MOST_COMPARED = 2000
"""A preview compares who sees the newest so many exhibits that the rule means; it says so when there are more."""
LISTED = 20
"""So many of them are named, those first that change for somebody; the rest are counted."""


@dataclass(frozen=True)
class RuleDescription:
    """*Our exhibits where … → whom → sight*; what is left empty holds for every exhibit."""

    is_forbid: bool
    to: str
    sight: Sight
    kind: ExhibitKind | None = None
    handling: HandlingCode | None = None
    tag: str | None = None
    authority_id: uuid.UUID | None = None
    seized_from: dt.date | None = None
    seized_until: dt.date | None = None
    note: str = ""


@dataclass(frozen=True)
class Preview:
    """What a rule, or its end, would change: how many exhibits it means, of how many anybody's sight moves, whose and
    how, and the first of those exhibits.
    """

    exhibits: int
    is_capped: bool
    changed: int
    moves: list[Move]
    listed: list[Exhibit]


def set_rule(
    actor: User, workspace: Workspace, party: Party, said: RuleDescription, *, token: uuid.UUID | None = None
) -> CountryRule:
    """Set a standing release or a forbid; it changes at once what is seen now, also on open screens.

    The same ``token`` again answers the rule that it set before.
    """
    with transaction():
        # The party's own row is no lock for this: everything that names the party would wait for it.
        session().execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"rules {party.id}", 0))))
        policy.require(actor, May.SET_RULES, party)
        columns = _columns(actor, workspace, party, said)
        if (known := _set_with(actor, party, token)) is not None:
            return sent_before(known, columns | {"live_until": None})
        rule = _make(actor, party, columns, token)
        audit.record(
            actor,
            "country_rule.forbidden" if said.is_forbid else "country_rule.released",
            rule,
            also=session().scalars(policy.people_named(rule.principal_id)),
            principal=rule.principal_id,
            sight=said.sight.name.lower(),
            kind=said.kind,
            handling=said.handling,
            authority=said.authority_id,
            has_tag=said.tag is not None,
            seized_from=said.seized_from,
            seized_until=said.seized_until,
        )
    return rule


def _set_with(actor: User, party: Party, token: uuid.UUID | None) -> CountryRule | None:
    same = (CountryRule.party_id == party.id, CountryRule.set_by_id == actor.id, CountryRule.token == token)
    return session().scalar(policy.which(actor, CountryRule).where(*same))


def _columns(actor: User, workspace: Workspace, party: Party, said: RuleDescription) -> dict[str, Any]:
    """The rule that was described; refuses whom the agreement does not name, and what makes no sense."""
    if said.is_forbid and (said.seized_from or said.seized_until):
        raise Invalid(
            gettext("A forbid holds whatever the date of seizure: leave the dates empty."), field="seized_from"
        )
    if said.authority_id is not None:
        authority = session().get(Authority, said.authority_id)
        if authority is None or authority.provider_id != party.provider_id:
            raise Invalid(gettext("This authority is not one of your country's."), field="authority")
    return {
        "workspace_id": workspace.id,
        "principal_id": resolve(actor, workspace, party.id, said.to, forbid=said.is_forbid).id,
        "is_forbid": said.is_forbid,
        "sight": int(said.sight),
        "kind": said.kind,
        "handling": said.handling.value if said.handling else None,
        "tag": said.tag,
        "authority_id": said.authority_id,
        "seized_from": said.seized_from,
        "seized_until": said.seized_until,
        "note": said.note,
    }


def _make(actor: User, party: Party, columns: dict[str, Any], token: uuid.UUID | None = None) -> CountryRule:
    rule = CountryRule(party_id=party.id, set_by_id=actor.id, token=token or uuid.uuid4(), **columns)
    session().add(rule)
    session().flush()
    return rule


def close_rule(actor: User, rule: CountryRule) -> None:
    """End a country rule at once; what it showed or forbade is decided without it from now on."""
    with transaction():
        rule = policy.locked(actor, May.WITHDRAW, rule)
        _refuse_ended(rule)
        _end(actor, rule)
        audit.record(
            actor,
            "country_rule.closed",
            rule,
            also=session().scalars(policy.people_named(rule.principal_id)),
            principal=rule.principal_id,
        )


def _refuse_ended(rule: CountryRule) -> None:
    if rule.live_until is not None:
        raise Refused(gettext("This rule has already ended."))


def _end(actor: User, rule: CountryRule) -> None:
    rule.live_until = seats.now()
    rule.closed_by_id = actor.id
    session().flush()


def preview(actor: User, workspace: Workspace, party: Party, said: RuleDescription) -> Preview:
    """What setting this rule would change, found by setting it and taking it back before anything is committed."""
    policy.require_right(actor, May.SET_RULES, party)
    with moving.trial():
        rule = _make(actor, party, _columns(actor, workspace, party, said))
        meant, people = _meant(rule)
        after = moving.sights(meant[:MOST_COMPARED], people)
    return _preview(actor, meant, moving.sights(meant[:MOST_COMPARED], people), after)


def preview_of_closing(actor: User, rule: CountryRule) -> Preview:
    """What ending this rule would change, found by ending it and taking that back."""
    policy.require_right(actor, May.WITHDRAW, rule)
    _refuse_ended(rule)
    meant, people = _meant(rule)
    before = moving.sights(meant[:MOST_COMPARED], people)
    with moving.trial():
        _end(actor, rule)
        after = moving.sights(meant[:MOST_COMPARED], people)
    return _preview(actor, meant, before, after)


def _meant(rule: CountryRule) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    """The newest exhibits that a rule means, one more than are compared, and the people whom it names: nobody else's
    sight is moved by it, and of nothing else.
    """
    newest = policy.country_rules.meant_by(rule.id).limit(MOST_COMPARED + 1)
    return list(session().scalars(newest)), list(session().scalars(policy.people_named(rule.principal_id)))


def _preview(actor: User, meant: list[uuid.UUID], before: moving.Sights, after: moving.Sights) -> Preview:
    changed = {exhibit_id for exhibit_id, _ in moving.changed(before, after)}
    compared = meant[:MOST_COMPARED]
    listed = sorted(compared, key=lambda id: id not in changed)[:LISTED]
    found = policy.which(actor, Exhibit).where(Exhibit.id.in_(listed))
    return Preview(
        exhibits=len(compared),
        is_capped=len(meant) > len(compared),
        changed=len(changed),
        moves=moving.moves(before, after),
        listed=sorted(session().scalars(found), key=lambda each: listed.index(each.id)),
    )
