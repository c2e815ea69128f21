"""A leader entrusts somebody of the same party with releases: up to a sight, until a day, not transferable."""

import datetime as dt
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotAllowed, NotFound, Refused
from jit_portal.exhibits import entrusting, releasing, rules, service
from jit_portal.exhibits.descriptions import read
from jit_portal.exhibits.models import Entrustment, Exhibit, Release
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.identity.models import User
from jit_portal.notices.models import Notice
from jit_portal.realtime import push
from jit_portal.vocabulary import ExhibitKind, May, Purpose, Role, Sight
from jit_portal.workspaces import service as workspaces
from tests import factories
from tests.exhibits import all_acts, post
from tests.factories import World

Browse = Callable[[User], FlaskClient]


@pytest.fixture
def world(app: Flask) -> World:
    """France with a leader, a member, a seconded member and an expert; the Netherlands and Eurojust beside it."""
    made = factories.world()
    with transaction():
        made.join("fr_seconded", "fr", Role.SECONDED_MEMBER)
        made.join("fr_expert", "fr", Role.EXPERT)
    return made


def last_day(days: int = 7) -> dt.date:
    return dt.datetime.now(ZoneInfo("Europe/Paris")).date() + dt.timedelta(days=days)


def entrust(world: World, name: str = "fr_member", sight: Sight = Sight.READ, by: str = "fr_leader") -> Entrustment:
    return entrusting.entrust(world[by], world.workspace, world.parties["fr"], world[name].id, sight, last_day())


def release(world: World, name: str, exhibit: Exhibit, sight: Sight) -> Release:
    to = f"party:{world.parties['nl'].id}"
    return releasing.release(world[name], exhibit, to, sight, Purpose.JIT_PURPOSE)


def all_of(model: type[Entrustment] | type[Notice] | type[Release]) -> list[object]:
    return list(session().scalars(select(model).execution_options(policy=True)))


def last_entry() -> LedgerEntry:
    newest = select(LedgerEntry).order_by(LedgerEntry.at.desc()).limit(1)
    return session().scalars(newest.execution_options(policy=True)).one()


# --- the verbs


def test_whom_a_leader_entrusts_releases_and_withdraws_up_to_a_sight(world: World) -> None:
    exhibit = factories.exhibit(world)
    with pytest.raises(NotAllowed):
        release(world, "fr_member", exhibit, Sight.SEE)
    entrust(world, sight=Sight.READ)
    made = release(world, "fr_member", exhibit, Sight.READ)
    assert policy.allowed(world["nl_member"], exhibit) == {May.SEE, May.READ}
    assert made.released_by_id == world["fr_member"].id
    with pytest.raises(NotAllowed, match=r"up to “Read”.*Fr_Leader"):
        release(world, "fr_member", exhibit, Sight.DOWNLOAD)
    further = release(world, "fr_leader", exhibit, Sight.USE)
    releasing.withdraw(world["fr_member"], further, "A leader may be mistaken, too.")
    assert policy.allowed(world["nl_member"], exhibit) == {May.SEE, May.READ}
    assert len(all_of(Release)) == 2


def test_it_is_on_record_told_to_the_person_and_pushed_to_the_party(world: World) -> None:
    made = entrust(world)
    entry = last_entry()
    assert (entry.act, entry.object_id, entry.object_party_id) == ("entrustment.made", made.id, world.parties["fr"].id)
    assert json.loads(entry.details) == {
        "person": str(world["fr_member"].id),
        "sight": "read",
        "until": str(made.live_until),
    }
    told = all_of(Notice)
    assert [(each.user_id, each.kind, each.object_id) for each in told] == [  # type: ignore[attr-defined]
        (world["fr_member"].id, "entrusted", made.id)
    ]
    assert push.PUSHED["entrustment"] is Entrustment
    hears = set(session().scalars(policy.who(made).with_only_columns(policy.person.person.id)))
    assert hears == {world[name].id for name in ("fr_leader", "fr_member", "fr_seconded")}


def test_it_holds_to_the_end_of_the_day_in_the_zone_of_the_agreement(world: World) -> None:
    made = entrust(world)
    ends = made.live_until.astimezone(ZoneInfo("Europe/Paris"))
    assert (ends.date(), ends.time()) == (last_day(8), dt.time())


def test_it_ends_with_the_agreement_at_the_latest(world: World) -> None:
    last = world.agreement.ends_on
    made = entrusting.entrust(
        world["fr_leader"], world.workspace, world.parties["fr"], world["fr_member"].id, Sight.SEE, last
    )
    assert world.agreement.in_force_until is not None
    assert made.live_until <= world.agreement.in_force_until


@pytest.mark.parametrize(
    ("day", "complaint"),
    [
        (lambda world: last_day(-1), "over"),
        (lambda world: world.agreement.ends_on + dt.timedelta(days=1), "Version 1 of the agreement ends before"),
        (lambda world: dt.date.max, "Version 1 of the agreement ends before"),
    ],
)
def test_a_day_that_is_over_or_after_the_agreement_is_refused(
    world: World, day: Callable[[World], dt.date], complaint: str
) -> None:
    with pytest.raises(Invalid, match=complaint) as refused:
        entrusting.entrust(
            world["fr_leader"], world.workspace, world.parties["fr"], world["fr_member"].id, Sight.READ, day(world)
        )
    assert refused.value.field == "last_day"
    assert all_of(Entrustment) == []


@pytest.mark.parametrize("name", ["fr_expert", "nl_member", "nl_leader", "eu_participant", "fr_leader", "fr_inactive"])
def test_only_a_member_of_the_same_party_who_does_not_lead_it_can_be_entrusted(world: World, name: str) -> None:
    with transaction():
        world.join("fr_inactive", "fr").deactivated_at = factories.now()
    with pytest.raises(Invalid, match=r"can be entrusted|without being entrusted") as refused:
        entrust(world, name)
    assert refused.value.field == "person"
    assert all_of(Entrustment) == []


def test_another_leader_cannot_be_entrusted(world: World) -> None:
    with transaction():
        world.join("fr_second_leader", "fr", Role.LEADER)
    with pytest.raises(Invalid, match="does not lead it"):
        entrust(world, "fr_second_leader")


@pytest.mark.parametrize("by", ["fr_member", "nl_leader", "eu_participant", "fr_expert"])
def test_only_a_leader_of_the_party_entrusts(world: World, by: str) -> None:
    with pytest.raises(NotAllowed):
        entrust(world, "fr_seconded", by=by)


def test_it_cannot_be_passed_on(world: World) -> None:
    entrust(world)
    with pytest.raises(NotAllowed):
        entrust(world, "fr_seconded", by="fr_member")
    said = RuleDescription(is_forbid=False, to=f"party:{world.parties['nl'].id}", sight=Sight.SEE)
    with pytest.raises(NotAllowed):
        rules.set_rule(world["fr_member"], world.workspace, world.parties["fr"], said)


def test_the_same_said_twice_is_done_once_and_other_words_are_refused(world: World) -> None:
    made = entrust(world)
    assert entrust(world).id == made.id
    with pytest.raises(Refused, match="entrusted already"):
        entrust(world, sight=Sight.USE)
    assert len(all_of(Entrustment)) == 1
    assert all_acts() == ["entrustment.made"]


def test_two_clicks_at_once_make_one(world: World) -> None:
    def click(_: int) -> object:
        try:
            return entrust(world).id
        finally:
            session.remove()

    with ThreadPoolExecutor(4) as apart:
        made = set(apart.map(click, range(4)))
    assert len(made) == 1
    assert len(all_of(Entrustment)) == 1


def test_the_database_holds_that_nobody_has_two_at_a_time(world: World) -> None:
    factories.entrustment(world, "fr_member")
    with pytest.raises(IntegrityError):
        factories.entrustment(world, "fr_member", Sight.USE)


@pytest.mark.parametrize("by", ["fr_leader", "fr_member"])
def test_a_leader_or_the_person_ends_it_at_once(world: World, by: str) -> None:
    exhibit = factories.exhibit(world)
    made = entrust(world)
    release(world, "fr_member", exhibit, Sight.READ)
    for other in ("fr_seconded", "nl_leader"):
        with pytest.raises((NotAllowed, NotFound)):
            entrusting.end_entrustment(world[other], made)
    entrusting.end_entrustment(world[by], made)
    assert not policy.may(world["fr_member"], May.RELEASE, exhibit)
    assert policy.may(world["nl_member"], May.READ, exhibit), "what was released through it stays released"
    with pytest.raises(Refused, match="already ended"):
        entrusting.end_entrustment(world[by], made)
    assert all_acts() == ["entrustment.made", "exhibit.released", "entrustment.ended"]
    other = "fr_member" if by == "fr_leader" else "fr_leader"
    ended = [each for each in all_of(Notice) if each.kind == "entrusting_ended"]  # type: ignore[attr-defined]
    assert [each.user_id for each in ended] == [world[other].id]  # type: ignore[attr-defined]
    entrust(world, sight=Sight.USE)
    assert policy.may(world["fr_member"], May.RELEASE, exhibit), "ended, it can be made anew"


def test_it_ends_with_the_membership_and_waits_without_a_leader(world: World) -> None:
    exhibit = factories.exhibit(world)
    made = entrust(world)
    entrust(world, "fr_seconded")
    workspaces.end(world["fr_leader"], world.members["fr_member"], "Has another post.")
    with pytest.raises(NotFound):
        release(world, "fr_member", exhibit, Sight.SEE)
    factories.end_membership(world, "fr_leader")
    with pytest.raises(NotAllowed):
        release(world, "fr_seconded", exhibit, Sight.SEE)
    with pytest.raises((NotAllowed, NotFound)):
        entrusting.end_entrustment(world["fr_leader"], made)


def test_nothing_is_entrusted_or_released_after_the_agreement_has_ended(world: World) -> None:
    exhibit = factories.exhibit(world)
    factories.entrustment(world, "fr_member")
    factories.end_agreement(world)
    with pytest.raises(NotAllowed):
        release(world, "fr_member", exhibit, Sight.SEE)
    with pytest.raises(NotAllowed):
        entrust(world, "fr_seconded")


def test_who_is_entrusted_classifies_but_shows_nobody_more_than_they_may_release(world: World) -> None:
    exhibit = factories.exhibit(world, kind=ExhibitKind.IMAGE)
    party, to = world.parties["fr"], f"party:{world.parties['nl'].id}"
    for kind, sight in ((ExhibitKind.VIDEO, Sight.DOWNLOAD), (ExhibitKind.AUDIO, Sight.READ)):
        said = RuleDescription(is_forbid=False, to=to, sight=sight, kind=kind)
        rules.set_rule(world["fr_leader"], world.workspace, party, said)
    entrust(world, sight=Sight.READ)
    as_video, as_audio = (read({"kind": kind, "handling": "H0"}) for kind in ("video", "audio"))
    with pytest.raises(Refused, match=r"Nl_Leader, Nl_Member.*“Read”.*Fr_Leader"):
        service.reclassify(world["fr_member"], exhibit, as_video, 1)
    session().refresh(exhibit)
    assert exhibit.kind == ExhibitKind.IMAGE
    service.reclassify(world["fr_member"], exhibit, as_audio, 1)
    assert policy.allowed(world["nl_member"], exhibit) == {May.SEE, May.READ}
    service.reclassify(world["fr_leader"], exhibit, as_video, 2)
    assert May.DOWNLOAD in policy.allowed(world["nl_member"], exhibit)


# --- the pages


def rules_page(client: FlaskClient, world: World) -> str:
    return client.get(f"/workspaces/{world.workspace.id}/rules").text


def test_entrusting_and_ending_in_the_browser(world: World, browse: Browse) -> None:
    leader, path = browse(world["fr_leader"]), f"/workspaces/{world.workspace.id}/entrustments/new"
    assert "Nobody is entrusted" in rules_page(leader, world)
    form = leader.get(path).text
    assert "Fr_Seconded" in form
    for absent in ("Nl_Member", "Fr_Expert", ">Fr_Leader,"):
        assert absent not in form
    fields = {"person": str(world["fr_member"].id), "sight": "2", "last_day": last_day().isoformat()}
    for wrong, says in (
        ({"person": ""}, "Say who is entrusted"),
        ({"person": str(world["nl_member"].id)}, "Not a valid choice"),
        ({"person": "x"}, "Not a valid choice"),
        ({"sight": "9"}, "Not a valid choice"),
        ({"last_day": ""}, "until which day"),
        ({"last_day": "soon"}, "until which day"),
        ({"last_day": "2020-01-01"}, "This day is over"),
        ({"last_day": "9999-12-31"}, "the agreement ends before"),
    ):
        status, page = post(leader, path, **(fields | wrong))
        assert (status, says in page) == (422, True), (wrong, status)
    assert post(leader, path, **fields)[0] == 303
    assert post(leader, path, **fields)[0] == 303, "a second click finds it done"
    status, page = post(leader, path, **(fields | {"sight": "4"}))
    assert (status, "entrusted already" in page) == (409, True)
    (made,) = all_of(Entrustment)
    assert isinstance(made, Entrustment)
    page = rules_page(leader, world)
    assert "up to “Read”" in page
    assert "End this for Fr_Member" in page
    assert "End this for" not in rules_page(browse(world["fr_seconded"]), world), "others of the party only see it"
    assert "up to “Read”" in rules_page(browse(world["fr_seconded"]), world)
    for stranger in ("nl_leader", "fr_expert", "eu_participant"):
        assert "Fr_Member" not in rules_page(browse(world[stranger]), world)
    assert "entrusted you with releases up to “Read”" in browse(world["fr_member"]).get("/notices").text
    assert post(browse(world["fr_member"]), f"/entrustments/{made.id}/end")[0] == 303
    assert post(leader, f"/entrustments/{made.id}/end")[0] == 409
    assert "ended the entrusting of Fr_Member" in leader.get("/notices").text
    assert "Ended" in rules_page(leader, world)


def test_the_release_form_offers_no_more_than_was_entrusted_and_says_why(world: World, browse: Browse) -> None:
    exhibit = factories.exhibit(world)
    entrust(world, sight=Sight.SEE)
    client, path = browse(world["fr_member"]), f"/exhibits/{exhibit.id}/release"
    page = client.get(path).text
    assert page.count('name="sight"') == 1
    assert 'checked id="sight-0"' in page, "what is offered first is what may be chosen"
    assert "entrusted with releases up to “See”" in page
    assert "Who could go further: Fr_Leader" in page
    fields = {"to": f"party:{world.parties['nl'].id}", "purpose": "jit_purpose", "conditions": ""}
    assert post(client, path, sight="2", **fields)[0] == 422
    assert post(client, path, sight="1", **fields)[0] == 303
    assert browse(world["fr_leader"]).get(path).text.count('name="sight"') == 4


def test_a_refusal_names_who_can(world: World, browse: Browse) -> None:
    exhibit = factories.exhibit(world)
    entrust(world)
    answer = browse(world["fr_seconded"]).get(f"/exhibits/{exhibit.id}/release")
    assert answer.status_code == 403
    assert "whom a leader has entrusted" in answer.text
    assert "Fr_Leader, Fr_Member" in answer.text
    factories.end_membership(world, "fr_leader")
    answer = browse(world["fr_member"]).get(f"/exhibits/{exhibit.id}/release")
    assert answer.status_code == 403
    assert "no leader now" in answer.text
    page = rules_page(browse(world["fr_member"]), world)
    assert "Without effect now" in page
    assert "Nobody can release for your party now" in page


def test_the_section_is_fetched_again_by_itself(world: World, browse: Browse) -> None:
    entrust(world)
    client, path = browse(world["fr_leader"]), f"/workspaces/{world.workspace.id}/entrustments"
    fragment = client.get(path, headers={"HX-Request": "true"}).text
    assert fragment.lstrip().startswith("<section")
    assert "Fr_Member" in fragment
    assert client.get(path).headers["Location"].endswith("/rules#entrusted")
