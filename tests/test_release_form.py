"""The form of a release: what it offers, which times it takes, and what it refuses with what was typed."""

import datetime as dt
import json
import uuid
from zoneinfo import ZoneInfo

import psycopg
from flask import Flask
from sqlalchemy import select

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.exhibits.models import Release
from jit_portal.identity.models import Authority
from jit_portal.vocabulary import Duty
from tests import factories
from tests.exhibits import Browse, post


def test_releasing_in_the_browser(app: Flask, browse: Browse) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    client = browse(world["fr_leader"])
    fields = {"to": f"party:{world.parties['nl'].id}", "sight": "2", "purpose": "jit_purpose", "conditions": ""}
    status, page = post(client, f"/exhibits/{exhibit.id}/release", **(fields | {"to": ""}))
    assert status == 422
    assert "Say to whom" in page
    status, page = post(client, f"/exhibits/{exhibit.id}/release", **(fields | {"live_until": "2020-01-01T10:00"}))
    assert status == 422
    status, _ = post(client, f"/exhibits/{exhibit.id}/release", **fields)
    assert status == 303
    made = session().scalars(select(Release).execution_options(policy=True)).one()
    status, page = post(client, f"/releases/{made.id}/withdraw", reason="")
    assert status == 422
    assert post(client, f"/releases/{made.id}/withdraw", reason="Enough.")[0] == 303
    assert browse(world["nl_member"]).get(f"/exhibits/{exhibit.id}").status_code == 404


def test_a_release_does_not_begin_in_the_past(app: Flask, browse: Browse, cluster: Postgres) -> None:
    """The minute in which it is sent means at once; a later beginning stands on record."""
    world = factories.world()
    exhibit, client = factories.exhibit(world), browse(world["fr_leader"])
    path, there = f"/exhibits/{exhibit.id}/release", ZoneInfo(world["fr_leader"].time_zone)
    fields = {
        "to": f"party:{world.parties['nl'].id}",
        "sight": "2",
        "purpose": "jit_purpose",
        "conditions": "No copies.",
    }

    def typed(minutes: float) -> str:
        return (factories.now() + dt.timedelta(minutes=minutes)).astimezone(there).strftime("%Y-%m-%dT%H:%M")

    over, this_minute, tomorrow, token = typed(-10), typed(0), typed(24 * 60), str(uuid.uuid4())
    status, page = post(client, path, live_from=over, **fields)
    assert (status, "cannot begin in the past" in page, "No copies." in page, over in page) == (422, True, True, True)
    assert post(client, path, live_from=tomorrow, **fields)[0] == 303
    assert "They see it now" not in client.get(f"/exhibits/{exhibit.id}").text
    assert post(client, path, live_from=this_minute, token=token, **fields)[0] == 303
    assert "They see it now" in client.get(f"/exhibits/{exhibit.id}").text
    made = select(Release.live_from).order_by(Release.released_at).execution_options(policy=True)
    later, at_once = session().scalars(made).all()
    assert later == dt.datetime.fromisoformat(tomorrow).replace(tzinfo=there)
    assert at_once > dt.datetime.fromisoformat(this_minute).replace(tzinfo=there), "when it was sent, and not before"
    ours = select(LedgerEntry.details).where(LedgerEntry.act == "exhibit.released").order_by(LedgerEntry.number)
    begins = [json.loads(each)["begins"] for each in session().scalars(ours.execution_options(policy=True))]
    assert [said and dt.datetime.fromisoformat(said) for said in begins] == [later, None]
    with psycopg.connect(cluster.url(OWNER), autocommit=True) as owner:
        back = {"then": dt.datetime.fromisoformat(over).replace(tzinfo=there), "now": at_once}
        owner.execute("UPDATE release SET live_from = %(then)s, released_at = %(then)s WHERE live_from = %(now)s", back)
    assert post(client, path, live_from=over, token=token, **fields)[0] == 303, "the answer to it was lost"


def test_a_time_that_the_clocks_left_out_is_refused(app: Flask, browse: Browse) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    status, page = post(
        browse(world["fr_leader"]),
        f"/exhibits/{exhibit.id}/release",
        to=f"party:{world.parties['nl'].id}",
        sight="2",
        purpose="jit_purpose",
        live_until="2027-03-28T02:30",
    )
    assert status == 422
    assert "clocks change" in page


def test_no_form_offers_an_authority_whose_people_all_have_a_duty_for_the_portal(app: Flask, browse: Browse) -> None:
    """Nobody there is in any JIT; where somebody has no duty, it is an authority like any other."""
    world = factories.world()
    exhibit = factories.exhibit(world)
    with transaction():
        portal = Authority(provider_id=world.providers["nl"].id, code="nl-portal", name="Portaalbeheer")
        session().add(portal)
        session().flush()
        factories.user(world.providers["nl"], "Beheerder", portal).duty = Duty.NATIONAL_ADMINISTRATOR
    client = browse(world["fr_leader"])
    pages = (f"/exhibits/{exhibit.id}/release", f"/workspaces/{world.workspace.id}/rules/new")
    for page in pages:
        assert "Police NL" in client.get(page).text
        assert "Portaalbeheer" not in client.get(page).text
    with transaction():
        factories.user(world.providers["nl"], "Rechercheur", portal)
    for page in pages:
        assert "Portaalbeheer" in client.get(page).text
