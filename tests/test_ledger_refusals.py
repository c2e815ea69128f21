"""What is refused is on record too: of its JIT where it was seen, and alike where it was not."""

import json
import uuid

import pytest
import sqlalchemy as sa

from jit_portal import policy
from jit_portal.audit import service as audit
from jit_portal.audit.models import PORTAL_CHAIN, LedgerEntry
from jit_portal.errors import NotAllowed, NotFound
from jit_portal.exhibits.models import Exhibit
from jit_portal.vocabulary import May, Outcome, Sight
from tests import factories
from tests.factories import World
from tests.ledger import Browse, entries, exhibit, world

FIXTURES = (exhibit, world)
"""They are asked for by name."""


def record_of_refusals() -> list[dict[str, object]]:
    """Every refusal but for what differs between any two entries."""
    varying = {"id", "number", "at", "seal", "object_id"}
    columns = [column.key for column in sa.inspect(LedgerEntry).columns if column.key not in varying]
    refused = entries(LedgerEntry.outcome == Outcome.REFUSED)
    return [{name: getattr(entry, name) for name in columns} for entry in refused]


def test_what_is_seen_but_not_allowed_is_on_the_record_of_its_jit(
    world: World, exhibit: Exhibit, browse: Browse
) -> None:
    factories.release(world, exhibit, "nl", Sight.SEE)
    someone = world["nl_member"]
    assert browse(someone).get(f"/exhibits/{exhibit.id}/edit", base_url="https://localhost").status_code == 403
    (entry,) = entries(LedgerEntry.outcome == Outcome.REFUSED)
    assert (entry.chain, entry.object_id, entry.actor_id) == (world.jit.id, exhibit.id, someone.id)
    assert json.loads(entry.details) == {"status": 403, "may": "describe"}


@pytest.mark.parametrize("path", ["/exhibits/{}", "/exhibits/{}/release", "/vault/exhibits/{}/content"])
def test_what_is_not_shown_is_recorded_alike_whether_it_exists_or_not(
    world: World, exhibit: Exhibit, browse: Browse, path: str
) -> None:
    client = browse(world["nl_member"])
    asked = [exhibit.id, uuid.uuid4()]
    for id in asked:
        assert client.get(path.format(id), base_url="https://localhost").status_code == 404
    first, second = record_of_refusals()
    assert first == second
    assert first["chain"] == PORTAL_CHAIN
    assert [entry.object_id for entry in entries(LedgerEntry.outcome == Outcome.REFUSED)] == asked


def test_a_refused_verb_is_on_record_after_its_rollback(world: World, exhibit: Exhibit) -> None:
    with pytest.raises(NotFound) as missing:
        policy.require(world["nl_member"], May.RELEASE, exhibit)
    audit.refused(world["nl_member"], "exhibits.release_submit", exhibit, missing.value)
    factories.release(world, exhibit, "nl", Sight.SEE)
    with pytest.raises(NotAllowed) as seen:
        policy.require(world["nl_member"], May.RELEASE, exhibit)
    audit.refused(world["nl_member"], "exhibits.release_submit", exhibit, seen.value)
    unseen, refused = entries(LedgerEntry.outcome == Outcome.REFUSED)[:2]
    if unseen.chain != PORTAL_CHAIN:
        unseen, refused = refused, unseen
    assert (unseen.chain, unseen.reference, unseen.object_party_id) == (PORTAL_CHAIN, "", None)
    assert (refused.chain, refused.reference) == (world.jit.id, exhibit.reference)
