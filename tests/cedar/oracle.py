"""The second evaluator: the written policy in Cedar, asked about a generated world without a word of SQL."""

import datetime as dt
import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Any

import cedarpy

from jit_portal.exhibits.models import CountryRule, Entrustment, Exhibit, Release
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.vocabulary import BODIES, May, Role, Sight
from jit_portal.workspaces.models import Membership, Principal
from tests.policy_worlds import PolicyWorld, Space, last_of

HERE = Path(__file__).parent
SCHEMA = (HERE / "schema.cedarschema").read_text()
POLICY = (HERE / "policy.cedar").read_text()
ASKED = {
    May.SEE: Sight.SEE,
    May.READ: Sight.READ,
    May.DOWNLOAD: Sight.DOWNLOAD,
    May.USE: Sight.USE,
    May.RELEASE: None,
    May.WITHDRAW: None,
    May.RECLASSIFY: None,
    May.DESCRIBE: None,
}
JUST_PROVED = {"assurance": 3, "highest": 3, "provedAgo": 0}
Allowed = set[tuple[uuid.UUID, uuid.UUID]]
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _template(name: str) -> Template:
    return Template((HERE / name).read_text())


_RELEASE, _STANDING, _FORBID = map(_template, ("release.cedar", "standing_release.cedar", "forbid.cedar"))
_REACHES, _NAMES = map(_template, ("reaches.cedar", "names.cedar"))
_ENTRUSTMENT = _template("entrustment.cedar")


def policies(world: PolicyWorld) -> str:
    """The policy for everything, and one policy more for each release, country rule and entrustment."""
    said = [POLICY]
    for space in world.spaces:
        for release in space.releases:
            reaches = _REACHES.substitute(target=f'Release::"{release.id}".to')
            said.append(_RELEASE.substitute(id=release.id, reaches=reaches))
        for rule in space.rules:
            target = f'CountryRule::"{rule.id}".to'
            said.append(
                _FORBID.substitute(id=rule.id, names=_NAMES.substitute(target=target))
                if rule.is_forbid
                else _STANDING.substitute(id=rule.id, reaches=_REACHES.substitute(target=target))
            )
        said += [_ENTRUSTMENT.substitute(id=each.id) for each in space.entrustments]
    return "\n".join(said)


def ask(
    world: PolicyWorld, now: dt.datetime, login: dict[str, int] = JUST_PROVED, about: dict[May, Allowed] | None = None
) -> dict[May, Allowed]:
    """For every act the pairs (exhibit, person) that Cedar allows, through any of the person's memberships.

    ``login`` is what their logins have proved. Of ``about``, where it is given, and of nothing else it is asked.
    """
    written = cedarpy.PolicySet.from_str(policies(world))
    schema = cedarpy.Schema.from_str(SCHEMA)
    facts = cedarpy.Entities.from_json_str(json.dumps(entities(world, now)), schema)
    allowed: dict[May, Allowed] = {may: set() for may in ASKED}
    for space in world.spaces:
        asked = [
            (may, member, exhibit)
            for may in ASKED
            for member in space.memberships
            for exhibit in world.exhibits
            if about is None or (exhibit.id, member.user_id) in about.get(may, ())
        ]
        answers = cedarpy.is_authorized_batch([_request(now, login, *each) for each in asked], written, facts)
        for (may, member, exhibit), answer in zip(asked, answers, strict=True):
            # A forbid that fails to evaluate is skipped: an error here would be a silent permission.
            assert not answer.diagnostics.errors, answer.diagnostics.errors
            if answer.decision == cedarpy.Decision.Allow:
                allowed[may].add((exhibit.id, member.user_id))
    return allowed


def _request(now: dt.datetime, login: dict[str, int], may: May, member: Membership, exhibit: Exhibit) -> dict[str, Any]:
    sight = ASKED[may]
    return {
        "principal": {"type": "Member", "id": str(member.id)},
        "action": {"type": "Action", "id": may.value},
        "resource": {"type": "Exhibit", "id": str(exhibit.id)},
        "context": {"now": _moment(now)} | ({"login": login} if sight is None else {"sight": int(sight)}),
    }


def entities(world: PolicyWorld, now: dt.datetime) -> list[dict[str, Any]]:
    """Everything in the world as Cedar's entities; what is unknown is left out."""
    made = [_entity("Authority", authority.id) for some in world.authorities.values() for authority in some]
    made += [_person(person) for person in world.people]
    made += [_entity("Action", "sights")]
    made += [_entity("Action", may.value, parents=["sights"] if sight else []) for may, sight in ASKED.items()]
    for space in world.spaces:
        made += [*_agreement(space), *(_party(space, party, now) for party in space.parties.values())]
        made += [_member(space, member) for member in space.memberships]
        made += [_exhibit(space, exhibit) for exhibit in space.exhibits]
        made += [_release(release) for release in space.releases]
        made += [_rule(space, rule) for rule in space.rules]
        made += [_entrustment(each) for each in space.entrustments]
    return made


def _person(person: User) -> dict[str, Any]:
    return _entity(
        "Person",
        person.id,
        isActive=person.deactivated_at is None,
        hasDuty=person.duty is not None,
        loginKind=person.provider.kind.value,
    )


def _agreement(space: Space) -> list[dict[str, Any]]:
    if space.agreement is None:
        return [_entity("Jit", space.jit.id)]
    assert space.agreement.in_force_until is not None
    named = _entity(
        "Agreement",
        space.agreement.id,
        until=_moment(space.agreement.in_force_until),
        parties=[_ref("Party", id) for id in space.named[space.agreement.id]],
        bodyLeaders=[_ref("Person", id) for id in space.body_leaders.get(space.agreement.id, ())],
    )
    return [named, _entity("Jit", space.jit.id, agreement=_ref("Agreement", space.agreement.id))]


def _party(space: Space, party: Party, now: dt.datetime) -> dict[str, Any]:
    left = party.live_until is not None and party.live_until <= now
    members = [member for member in space.memberships if member.party is party]
    return _entity(
        "Party",
        party.id,
        kind=party.kind.value,
        hasLiveLeader=any(_leads(space, member) and _is_live(member, now) for member in members),
        lastLeaders=[_ref("Person", member.user_id) for member in last_of(space, party)] if left else [],
    )


def _leads(space: Space, member: Membership) -> bool:
    if member.role == Role.LEADER:
        return True
    named = space.body_leaders.get(space.agreement.id, set()) if space.agreement else set()
    return member.role == Role.PARTICIPANT and member.party.kind in BODIES and member.user_id in named


def _is_live(member: Membership, now: dt.datetime) -> bool:
    person = member.user
    is_open = member.live_from <= now and (member.live_until is None or member.live_until > now)
    return is_open and person.deactivated_at is None and person.duty is None


def _member(space: Space, member: Membership) -> dict[str, Any]:
    home = [party for party in space.parties.values() if party.provider_id == member.user.provider_id]
    return _entity(
        "Member",
        member.id,
        person=_ref("Person", member.user_id),
        jit=_ref("Jit", space.jit.id),
        party=_ref("Party", member.party_id),
        loginParty=_ref("Party", home[0].id) if home else None,
        authority=_ref("Authority", member.authority_id),
        role=member.role.value,
        **_window(member),
    )


def _exhibit(space: Space, exhibit: Exhibit) -> dict[str, Any]:
    return _entity(
        "Exhibit",
        exhibit.id,
        jit=_ref("Jit", space.jit.id),
        party=_ref("Party", exhibit.party_id),
        authority=_ref("Authority", exhibit.authority_id),
        kind=exhibit.kind.value if exhibit.kind else None,
        handling=exhibit.handling,
        tags=exhibit.tags,
        seizedOn=_day(exhibit.seized_on),
        holder=_ref("Person", exhibit.holder_id),
    )


def _release(release: Release) -> dict[str, Any]:
    to = _target(release.principal)
    exhibit = _ref("Exhibit", release.exhibit_id)
    return _entity("Release", release.id, exhibit=exhibit, to=to, sight=release.sight, **_window(release))


def _rule(space: Space, rule: CountryRule) -> dict[str, Any]:
    return _entity(
        "CountryRule",
        rule.id,
        party=_ref("Party", rule.party_id),
        jit=_ref("Jit", space.jit.id),
        to=_target(rule.principal),
        sight=rule.sight,
        kind=rule.kind.value if rule.kind else None,
        handling=rule.handling,
        tag=rule.tag,
        authority=_ref("Authority", rule.authority_id),
        seizedFrom=_day(rule.seized_from),
        seizedUntil=_day(rule.seized_until),
        **_window(rule),
    )


def _entrustment(entrustment: Entrustment) -> dict[str, Any]:
    person, party = _ref("Person", entrustment.user_id), _ref("Party", entrustment.party_id)
    return _entity("Entrustment", entrustment.id, person=person, party=party, **_window(entrustment))


def _target(meant: Principal) -> dict[str, Any]:
    return _known(
        party=_ref("Party", meant.party_id),
        authority=_ref("Authority", meant.authority_id),
        role=meant.role.value if meant.role else None,
        person=_ref("Person", meant.user_id),
    )


def _window(of: Membership | Release | CountryRule | Entrustment) -> dict[str, Any]:
    until = _moment(of.live_until) if of.live_until else None
    return {"from": _moment(of.live_from), "until": until}


def _moment(at: dt.datetime) -> int:
    return (at - _EPOCH) // dt.timedelta(microseconds=1)


def _day(on: dt.date | None) -> int | None:
    return None if on is None else (on - _EPOCH.date()).days


def _ref(kind: str, id: object) -> dict[str, Any] | None:
    return None if id is None else {"__entity": {"type": kind, "id": str(id)}}


def _known(**attributes: Any) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _entity(of: str, id: object, /, parents: Iterable[str] = (), **attributes: Any) -> dict[str, Any]:
    above = [{"type": of, "id": parent} for parent in parents]
    return {"uid": {"type": of, "id": str(id)}, "attrs": _known(**attributes), "parents": above}
