"""Who ends a membership, for what reason, and what whoever is ended still gets."""

import json
import uuid

import psycopg
import pytest
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.audit.service import CHANNEL
from jit_portal.database import session
from jit_portal.demo.postgres import APP, Postgres
from jit_portal.errors import Invalid, NotAllowed, NotFound
from jit_portal.messages.models import Channel
from jit_portal.vocabulary import (
    May,
)
from jit_portal.workspaces import service
from jit_portal.workspaces.models import Workspace
from jit_portal.workspaces.own import own_membership
from tests import factories
from tests.drafting import UNCHECKED
from tests.factories import World
from tests.joining import Browse, world

FIXTURES = (world,)
"""They are asked for by name."""


def test_leaders_end_their_own_people_and_space_administrators_anybody(world: World) -> None:
    for by, who in [
        ("nl_leader", "nl_member"),
        ("fr_leader", "al_leader"),
        ("fr_leader", "eu_participant"),
        ("nl_leader", "nl_leader"),
    ]:
        member = session().merge(world.members[who])
        service.end(world[by], member, "Works on another case")
        assert not policy.may(world[who], May.SEE, world.workspace)
        with pytest.raises(NotFound):
            policy.fetch(world[who], Channel, factories_channel(world).id)
        assert (member.ended_because, member.ended_by_id) == ("Works on another case", world[by].id)


def test_who_was_let_in_and_is_ended_since_acts_for_no_party(world: World) -> None:
    workspace_id = policy.fetch(world["nl_member"], Workspace, world.workspace.id).id
    assert own_membership(world["nl_member"], workspace_id).party_id == world.parties["nl"].id
    service.end(world["nl_leader"], session().merge(world.members["nl_member"]), "Works on another case")
    with pytest.raises(NotFound):
        own_membership(world["nl_member"], workspace_id)


def factories_channel(world: World) -> Channel:
    return factories.channel(world, f"c{uuid.uuid4().hex[:6]}")


def test_nobody_else_ends_a_membership(world: World) -> None:
    for by, who, refusal in [
        ("nl_leader", "fr_member", NotAllowed),
        ("al_leader", "nl_member", NotAllowed),
        ("nl_member", "nl_member", NotAllowed),
        ("auditor", "expert", NotAllowed),
        ("eu_participant", "nl_member", NotAllowed),
        ("gone", "nl_member", NotFound),
        ("stranger", "nl_member", NotFound),
        ("fr_leader", "gone", NotAllowed),
    ]:
        with pytest.raises(refusal):
            service.end(world[by], session().merge(world.members[who]), "Because")


def test_ending_needs_a_reason(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        service.end(world["nl_leader"], session().merge(world.members["nl_member"]), " \t")
    assert caught.value.field == "because"


def test_who_is_ended_is_told_at_once_and_gets_nothing_more(world: World, cluster: Postgres, browse: Browse) -> None:
    shown = factories.exhibit(world, "fr", "Ledger")
    factories.release(world, shown, "nl")
    screen = browse(world["nl_member"])
    paths = [f"/workspaces/{world.workspace.id}{page}" for page in ("", "/people", "/board", "/chat", "/vault")]
    paths += [f"/exhibits/{shown.id}", f"/jits/{world.jit.id}", f"/jits/{world.jit.id}/agreement"]
    assert {screen.get(path, follow_redirects=True).status_code for path in paths} == {200}
    with psycopg.connect(cluster.url(APP).replace("+psycopg", ""), autocommit=True) as listening:
        listening.execute(f"LISTEN {CHANNEL}")
        service.end(world["nl_leader"], session().merge(world.members["nl_member"]), "Left the service")
        told = [json.loads(notice.payload) for notice in listening.notifies(timeout=20, stop_after=1)]
    assert told[0]["act"] == "membership.ended"
    assert told[0]["also"] == [str(world["nl_member"].id)]
    assert {screen.get(path).status_code for path in paths} == {404}
    assert screen.get("/").status_code == 200
    entry = (
        session()
        .scalars(select(LedgerEntry).where(LedgerEntry.act == "membership.ended").execution_options(**UNCHECKED))
        .one()
    )
    assert "Left the service" not in entry.details
