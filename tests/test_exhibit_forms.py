"""The forms of an exhibit: whom they refuse before they look at what was typed, and what is typed too late."""

import uuid

from flask import Flask
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.exhibits import rules, service
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.vocabulary import ExhibitKind, HandlingCode, May, Sight
from tests import factories
from tests.exhibits import Browse, post


def test_a_stale_description_is_refused_and_kept(app: Flask, browse: Browse) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    service.describe(world["fr_leader"], exhibit, "First", "", "", 1)
    status, page = post(
        browse(world["fr_member"]), f"/exhibits/{exhibit.id}/edit", title="Second <b>", description="", edition="1"
    )
    assert status == 409
    assert "Second &lt;b&gt;" in page, "what was typed comes back, harmless"
    assert "First" in page


def test_classifying_anew_shows_who_gains_and_loses(app: Flask, browse: Browse) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world, kind=ExhibitKind.IMAGE)
    to = f"party:{world.parties['nl'].id}"
    rule = RuleDescription(is_forbid=False, to=to, sight=Sight.SEE, kind=ExhibitKind.VIDEO, handling=HandlingCode.H0)
    rules.set_rule(world["fr_leader"], world.workspace, world.parties["fr"], rule)
    client, path = browse(world["fr_leader"]), f"/exhibits/{exhibit.id}/reclassify"
    fields = {"kind": "video", "handling": "H0", "tags": "", "edition": "1"}
    status, page = post(client, path, look="1", **fields)
    assert status == 200
    assert "Nl_Member" in page
    assert policy.allowed(world["nl_member"], exhibit) == frozenset(), "looking changes nothing"
    assert post(client, path, **fields)[0] == 303
    assert policy.allowed(world["nl_member"], exhibit) == {May.SEE}


def test_ids_of_another_jit_are_missing(app: Flask, browse: Browse) -> None:
    world, other = factories.world(), factories.world("Kestrel", ("ro",))
    exhibit = factories.exhibit(world)
    client = browse(other["ro_leader"])
    for path in ("", "/edit", "/release", "/reclassify", "/hand-over"):
        assert client.get(f"/exhibits/{exhibit.id}{path}").status_code == 404
        assert client.get(f"/exhibits/{uuid.uuid4()}{path}").status_code == 404
    for path in ("vault", "rules", "rules/new"):
        assert client.get(f"/workspaces/{world.workspace.id}/{path}").status_code == 404


def test_a_refusal_says_why_and_who_could_and_is_on_record(app: Flask, browse: Browse) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    answer = browse(world["fr_member"]).get(f"/exhibits/{exhibit.id}/release")
    assert answer.status_code == 403
    assert "Only a leader of its party" in answer.text
    assert "Fr_Leader" in answer.text
    status, _ = post(
        browse(world["fr_leader"]), f"/exhibits/{exhibit.id}/reclassify", kind="", handling="H2", tags="", edition="1"
    )
    assert status == 409
    refused = select(LedgerEntry).where(LedgerEntry.outcome == "refused").order_by(LedgerEntry.at)
    entries = session().scalars(refused.execution_options(policy=True)).all()
    assert [(entry.act, entry.object_id, entry.chain) for entry in entries] == [
        ("exhibits.release", exhibit.id, world.jit.id),
        ("exhibits.reclassify_submit", exhibit.id, world.jit.id),
    ]
