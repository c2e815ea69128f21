"""Who hears what is said, and who may do what on a board: channels, messages, boards and tasks."""

from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from jit_portal.messages.models import Channel, ChannelParty, ChannelPerson, Message
from jit_portal.policy.asking import Ground, protect, rule
from jit_portal.policy.person import (
    Conditions,
    agreement_in_force,
    has_role,
    is_investigator,
    is_leader,
    is_participant_of_body,
    me,
    person,
)
from jit_portal.tasks.models import Board, BoardParty, BoardPerson, Task
from jit_portal.vocabulary import Audience, May, Role


def _in_audience(place: type[Any], parties: type[Any], people: type[Any], key: str) -> ColumnElement[bool]:
    """Everyone means leaders, members and seconded members; parties also mean the participants of a body among them."""
    party_named = (
        select(parties.party_id)
        .where(getattr(parties, key) == place.id, parties.party_id == me.party_id)
        .correlate_except(parties)
        .exists()
    )
    person_named = (
        select(people.user_id)
        .where(getattr(people, key) == place.id, people.user_id == person.id)
        .correlate_except(people)
        .exists()
    )
    return or_(
        and_(place.audience == Audience.EVERYONE, is_investigator),
        and_(place.audience == Audience.PARTIES, or_(is_investigator, is_participant_of_body), party_named),
        and_(place.audience == Audience.PEOPLE, ~has_role(Role.SECRETARIAT, Role.AUDITOR), person_named),
    )


def hears() -> Conditions:
    return {"in_audience": _in_audience(Channel, ChannelParty, ChannelPerson, "channel_id")}


def sees_board() -> Conditions:
    return {"in_audience": _in_audience(Board, BoardParty, BoardPerson, "board_id")}


protect(Channel, Ground(workspace=Channel.workspace_id))
rule(Channel, May.SEE)(hears)


@rule(Channel, May.POST)
def posts() -> Conditions:
    return {**hears(), "agreement_in_force": agreement_in_force}


protect(Message, Ground(path=((Channel, Channel.id == Message.channel_id),), workspace=Channel.workspace_id))
rule(Message, May.SEE)(hears)


@rule(Message, May.EDIT)
def edits_own_message() -> Conditions:
    return {**hears(), "yours": Message.author_id == person.id, "agreement_in_force": agreement_in_force}


@rule(Message, May.WITHDRAW, May.READ)
def withdraws_own_message() -> Conditions:
    """``READ`` is what a message said before it was edited or withdrawn: for its author alone."""
    return {**hears(), "yours": Message.author_id == person.id}


protect(Board, Ground(workspace=Board.workspace_id))
rule(Board, May.SEE)(sees_board)


@rule(Board, May.CREATE_TASK)
def creates_task() -> Conditions:
    return {**sees_board(), "investigator": is_investigator, "agreement_in_force": agreement_in_force}


protect(Task, Ground(path=((Board, Board.id == Task.board_id),), workspace=Board.workspace_id))


def _sees_task() -> Conditions:
    return {**sees_board(), "not_deleted": Task.deleted_at.is_(None)}


def _works_on_task() -> Conditions:
    return {**_sees_task(), "agreement_in_force": agreement_in_force}


rule(Task, May.SEE)(_sees_task)


@rule(Task, May.MOVE, May.EDIT)
def moves_and_edits() -> Conditions:
    """Members what they read; an assignee in any role their own."""
    return {**_works_on_task(), "member_or_assignee": or_(is_investigator, Task.assignee_id == person.id)}


@rule(Task, May.ASSIGN)
def assigns() -> Conditions:
    return {**_works_on_task(), "leader": is_leader, "own_party": Task.party_id == me.party_id}


@rule(Task, May.TAKE)
def takes() -> Conditions:
    return {
        **_works_on_task(),
        "investigator": is_investigator,
        "own_party": Task.party_id == me.party_id,
        "unassigned": Task.assignee_id.is_(None),
        "not_asked": Task.asked_party_id.is_(None),
    }


@rule(Task, May.GIVE_BACK)
def gives_back() -> Conditions:
    """Whoever has it, or a leader of the party that owns it."""
    leads = and_(is_leader, Task.party_id == me.party_id)
    return {
        **_works_on_task(),
        "assigned": Task.assignee_id.is_not(None),
        "assignee_or_leader": or_(Task.assignee_id == person.id, leads),
    }


@rule(Task, May.ANSWER)
def answers_for_asked_party() -> Conditions:
    return {**_works_on_task(), "leader": is_leader, "asked_party": Task.asked_party_id == me.party_id}


@rule(Task, May.DELETE)
def deletes() -> Conditions:
    return {**_works_on_task(), "leader": is_leader, "own_party": Task.party_id == me.party_id}
