"""The form of a release: what it offers, which times it takes, and what it refuses with what was typed."""

import datetime as dt
import json
import uuid
from zoneinfo import ZoneInfo

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select, update

from jit_portal.audit.models import LedgerEntry
from jit_portal.custody import service as custody
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.exhibits import releasing
from jit_portal.exhibits.models import Exhibit, Release
from jit_portal.identity.models import Authority, User
from jit_portal.vocabulary import Duty, Outcome
from tests import factories
from tests.exhibits import Browse, exhibit, post, world
from tests.factories import World

FIXTURES = (exhibit, world)
"""They are asked for by name."""


def refused(thing_id: uuid.UUID) -> list[str]:
    """What was refused about this thing, in order."""
    of_it = (LedgerEntry.object_id == thing_id, LedgerEntry.outcome == Outcome.REFUSED)
    entries = select(LedgerEntry.act).where(*of_it).order_by(LedgerEntry.number)
    return list(session().scalars(entries.execution_options(policy=True)))


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


class TestReleaseForm:
    @pytest.mark.parametrize("moment", ["9999-12-31T23:59", "0001-01-01T00:00"])
    @pytest.mark.parametrize("field", ["live_from", "live_until"])
    def test_a_time_beyond_every_calendar_is_a_slip_of_the_pen(
        self, world: World, browse: Browse, exhibit: Exhibit, moment: str, field: str
    ) -> None:
        zone = "Asia/Tokyo" if moment.startswith("0001") else "America/New_York"
        with transaction():
            session().execute(update(User).where(User.id == world["fr_leader"].id).values(time_zone=zone))
        fields = {"to": f"party:{world.parties['nl'].id}", "sight": "2", "purpose": "jit_purpose", field: moment}
        status, page = post(browse(world["fr_leader"]), f"/exhibits/{exhibit.id}/release", **fields)
        assert status == 422
        assert "does not reach that far" in page

    def test_whom_the_agreement_no_longer_names_is_refused_with_the_clause(
        self, world: World, browse: Browse, exhibit: Exhibit
    ) -> None:
        stranger = {"to": f"party:{uuid.uuid4()}", "sight": "2"}
        path = f"/exhibits/{exhibit.id}/release"
        status, page = post(browse(world["fr_leader"]), path, purpose="jit_purpose", **stranger)
        assert status == 409
        assert "Version 1 of the agreement does not name them" in page
        rule = f"/workspaces/{world.workspace.id}/rules/new"
        assert refused(exhibit.id) == ["exhibits.release_submit"]
        status, page = post(browse(world["fr_leader"]), rule, is_forbid="1", **stranger)
        assert status == 409
        assert "Version 1 of the agreement does not name them" in page
        assert refused(world.parties["fr"].id) == ["rules.create"]

    def test_handing_over_to_whom_may_not_read_it_is_refused_on_record(
        self, world: World, browse: Browse, exhibit: Exhibit
    ) -> None:
        """Her sight ends after she was chosen and before that is sent."""
        given, receiver = factories.release(world, exhibit, "nl"), world["nl_member"]
        client, path = browse(world["fr_member"]), f"/exhibits/{exhibit.id}/hand-over"
        with transaction():
            custody.receive(world["fr_member"], exhibit)
        assert str(receiver.id) in client.get(path).text
        releasing.withdraw(world["fr_leader"], given, "By mistake.")
        status, page = post(client, path, to=str(receiver.id), reason="For examination.")
        assert status == 409
        assert "Release it to them first" in page
        assert refused(exhibit.id) == ["custody.hand_over_submit"]
        assert post(client, path, to="nobody", reason="For examination.")[0] == 422
        assert refused(exhibit.id) == ["custody.hand_over_submit"], "a slip of the pen is no refusal"

    def test_purpose_and_beginning_are_shown(self, world: World, browse: Browse, exhibit: Exhibit) -> None:
        factories.release(world, exhibit, "nl")
        client, path = browse(world["fr_leader"]), f"/exhibits/{exhibit.id}"
        assert "Not yet" not in client.get(path).text
        tomorrow = (factories.now() + dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
        fields = {"to": f"party:{world.parties['eu'].id}", "sight": "2", "purpose": "public_security"}
        assert post(client, f"{path}/release", live_from=tomorrow, **fields)[0] == 303
        page = client.get(path).text
        assert "They see it from" in page
        assert "They see it now" not in page
        assert "Not yet" in page
        assert "An immediate and serious threat to public security" in page
        theirs = browse(world["nl_member"]).get(path).text
        assert "The purposes of this JIT" in theirs
