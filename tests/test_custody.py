"""Who holds an exhibit: handing over, taking back, accepting, declining, and what none of that discloses."""

from collections.abc import Iterator

import pytest
from flask import Flask

from jit_portal import policy
from jit_portal.custody import service as custody
from jit_portal.database import session, transaction
from jit_portal.errors import NotAllowed, NotFound, Refused
from jit_portal.exhibits import releasing
from jit_portal.exhibits.models import Exhibit, Release
from jit_portal.vocabulary import May, Role, Sight
from tests import factories
from tests.exhibits import Browse, all_acts, post
from tests.factories import World
from tests.vault import acts


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    yield factories.world(slugs=("fr", "nl", "ro", "eu"))
    session.remove()


def now_of(exhibit: Exhibit) -> Exhibit:
    found = session().get(Exhibit, exhibit.id, populate_existing=True, execution_options={"policy": True})
    assert found is not None
    return found


def offered(world: World, to: str = "nl_member", sight: Sight = Sight.READ) -> Exhibit:
    """An exhibit of France that its holder offers to somebody who may read it."""
    exhibit = factories.exhibit(world)
    with transaction():
        custody.receive(world["fr_member"], exhibit)
    factories.release(world, exhibit, world[to], sight)
    custody.hand_over(world["fr_member"], exhibit, world[to].id, "For examination.")
    return exhibit


def withdraw_all(world: World, exhibit: Exhibit) -> None:
    for made in session().scalars(policy.which(world["fr_leader"], Release)).all():
        releasing.withdraw(world["fr_leader"], made, "Too early.")


def test_custody_goes_from_hand_to_hand(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    holder, receiver = world["fr_member"], world["nl_member"]
    custody.receive(holder, exhibit)
    session().commit()
    with pytest.raises(Refused, match="Release it to them first"):
        custody.hand_over(holder, exhibit, receiver.id, "For examination.")
    factories.release(world, exhibit, receiver, Sight.READ)
    custody.hand_over(holder, exhibit, receiver.id, "For examination.")
    with pytest.raises(NotAllowed):
        custody.hand_over(holder, exhibit, world["fr_leader"].id, "To another.")
    with pytest.raises(NotAllowed):
        custody.accept(world["fr_leader"], exhibit)
    custody.accept(receiver, policy.fetch(receiver, Exhibit, exhibit.id))
    after = policy.fetch(receiver, Exhibit, exhibit.id)
    assert after.holder_id == receiver.id
    assert all_acts()[-2:] == ["exhibit.handed_over", "exhibit.accepted"]


def test_the_holder_keeps_seeing_while_holding(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world, by=world["nl_member"])
    assert policy.allowed(world["nl_member"], exhibit) == {May.SEE, May.HAND_OVER}


@pytest.mark.parametrize("lost", ["sight", "membership"])
def test_what_the_receiver_can_no_longer_take_is_taken_back(world: World, lost: str) -> None:
    exhibit = offered(world)
    holder, receiver = world["fr_member"], world["nl_member"]
    if lost == "sight":
        withdraw_all(world, exhibit)
    else:
        factories.end_membership(world, "nl_member")
    for verb in (custody.accept, lambda actor, thing: custody.decline(actor, thing, "No.")):
        with pytest.raises(NotFound):
            verb(receiver, exhibit)
    custody.take_back(holder, exhibit)
    after = now_of(exhibit)
    assert (after.holder_id, after.offered_to_id) == (holder.id, None)
    assert acts(exhibit.id)[-1] == "exhibit.taken_back"
    custody.hand_over(holder, exhibit, world["fr_leader"].id, "To the leader.")


def test_only_the_holder_takes_back_and_only_what_is_offered(world: World, browse: Browse) -> None:
    exhibit = offered(world)
    for name in ("fr_leader", "nl_member"):
        with pytest.raises(NotAllowed):
            custody.take_back(world[name], exhibit)
    client, path = browse(world["fr_member"]), f"/exhibits/{exhibit.id}"
    assert "Take it back" in client.get(path).text
    assert post(client, f"{path}/take-back")[0] == 303
    page = client.get(path).text
    assert "took it back" in page
    assert "Take it back" not in page
    assert post(client, f"{path}/take-back")[0] == 403
    with pytest.raises(NotAllowed):
        custody.accept(world["nl_member"], exhibit)
    told = browse(world["nl_member"]).get("/notices").text
    assert f'took <span class="unbroken">{exhibit.reference}</span> back' in told


@pytest.mark.parametrize("answer", ["accepted", "declined"])
def test_the_giver_is_told_of_the_answer_as_long_as_she_sees_it(world: World, browse: Browse, answer: str) -> None:
    exhibit = offered(world)
    if answer == "accepted":
        custody.accept(world["nl_member"], exhibit)
    else:
        custody.decline(world["nl_member"], exhibit, "It is not ours.")
    giver, said = browse(world["fr_member"]), f"Nl_Member {answer} {exhibit.reference}"
    page = giver.get("/notices").text
    assert said in page.replace('<span class="unbroken">', "").replace("</span>", "")
    factories.end_membership(world, "fr_member")
    assert "No notices yet" in giver.get("/notices").text


def test_who_only_sees_it_now_can_still_decline(world: World, browse: Browse) -> None:
    exhibit = offered(world)
    withdraw_all(world, exhibit)
    factories.release(world, exhibit, world["nl_member"], Sight.SEE)
    receiver = world["nl_member"]
    assert May.ACCEPT not in policy.allowed(receiver, exhibit)
    page = browse(receiver).get(f"/exhibits/{exhibit.id}").text
    assert "you cannot accept it" in page
    assert f"/exhibits/{exhibit.id}/accept" not in page
    assert post(browse(receiver), f"/exhibits/{exhibit.id}/decline", reason="I cannot read it.")[0] == 303
    assert now_of(exhibit).offered_to_id is None


@pytest.mark.parametrize("name", ["nl_leader", "ro_leader"])
def test_who_only_sees_an_exhibit_learns_nothing_of_its_readers(world: World, browse: Browse, name: str) -> None:
    """The right is asked before the form is read, so that no complaint about the form shows what the form says."""
    exhibit = factories.exhibit(world)
    factories.release(world, exhibit, world[name], Sight.SEE)
    factories.release(world, exhibit, world["nl_member"], Sight.READ)
    status, page = post(browse(world[name]), f"/exhibits/{exhibit.id}/hand-over", to="", reason="")
    assert status == 403
    assert "Nl_Member" not in page
    assert "Fr_Member" not in page, "who holds it is for its own party to know"
    assert "Fr_Leader" in page, "who could release it"


def test_a_foreign_holder_offers_it_to_her_own_and_the_seizing_party_only(world: World, browse: Browse) -> None:
    exhibit = factories.exhibit(world, by=world["nl_member"])
    factories.release(world, exhibit, "nl")
    factories.release(world, exhibit, "ro")
    page = browse(world["nl_member"]).get(f"/exhibits/{exhibit.id}/hand-over").text
    assert "Nl_Leader" in page
    assert "Fr_Leader" in page
    assert "Ro_Leader" not in page
    with pytest.raises(Refused):
        custody.hand_over(world["nl_member"], exhibit, world["ro_leader"].id, "To a third.")
    own = factories.exhibit(world)
    factories.release(world, own, "ro")
    assert "Ro_Leader" in browse(world["fr_member"]).get(f"/exhibits/{own.id}/hand-over").text


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.SECRETARIAT])
def test_who_became_auditor_or_secretariat_no_longer_sees_what_they_hold(world: World, role: Role) -> None:
    with transaction():
        keeper = world.join("keeper", "nl", role)
    exhibit = factories.exhibit(world, by=keeper)
    assert policy.allowed(keeper, exhibit) == frozenset()
    assert exhibit.id not in {each.id for each in policy.newest(keeper, world.workspace)}


def test_a_holder_who_only_sees_it_finds_the_way_to_hand_it_over(world: World, browse: Browse) -> None:
    exhibit = factories.exhibit(world, by=world["nl_member"])
    page = browse(world["nl_member"]).get(f"/exhibits/{exhibit.id}").text
    assert "Chain of custody" not in page
    assert f"/exhibits/{exhibit.id}/hand-over" in page
