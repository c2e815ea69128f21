"""The first pages of a workspace: what each reader sees there, and how many queries it takes."""

import re
from collections.abc import Callable

from jit_portal import policy
from jit_portal.database import session, transaction
from jit_portal.exhibits.models import CountryRule
from jit_portal.vocabulary import (
    Audience,
    May,
    PrincipalKind,
    Sight,
)
from jit_portal.workspaces import overview
from jit_portal.workspaces.principals import principal
from tests import factories
from tests.drafting import submit
from tests.factories import World
from tests.joining import Browse, world

FIXTURES = (world,)
"""They are asked for by name."""


def test_the_first_page_shows_each_reader_what_the_policy_lets_them_see(world: World, browse: Browse) -> None:
    ours, theirs = factories.exhibit(world, "fr", "Ours alone"), factories.exhibit(world, "nl", "Shown to France")
    factories.release(world, theirs, "fr", Sight.SEE)
    secret = factories.channel(world, "leaders-only", Audience.PEOPLE)
    with transaction():
        secret.message_count = 3
        session().merge(secret)
    page = f"/workspaces/{world.workspace.id}"
    french, dutch, eu = (browse(world[name]).get(page).text for name in ("fr_leader", "nl_leader", "eu_participant"))
    assert "Ours alone" in french
    assert "Shown to France" in french
    assert "Ours alone" not in dutch
    assert "Shown to France" in dutch
    assert "Ours alone" not in eu
    assert "Shown to France" not in eu
    assert "leaders-only" not in french + dutch + eu
    assert "Upload evidence" in french
    assert "Upload evidence" not in eu
    pieces = overview.overview(world["fr_leader"], world.workspace)
    assert pieces.sights[ours.id] == Sight.USE
    assert pieces.sights[theirs.id] == Sight.SEE
    assert pieces.fresh_exhibits == 2


def test_who_kept_a_view_finds_what_is_theirs_and_withdraws_it_and_nothing_else(world: World, browse: Browse) -> None:
    ours, theirs = factories.exhibit(world, "nl", "Ours of old"), factories.exhibit(world, "fr", "Shown once")
    release = factories.release(world, ours, "fr")
    factories.release(world, theirs, "nl")
    with transaction():
        meant = principal(world.workspace.id, PrincipalKind.PARTY, party_id=world.parties["fr"].id)
        named = {"workspace_id": world.workspace.id, "party_id": world.parties["nl"].id, "principal_id": meant.id}
        session().add(CountryRule(is_forbid=True, sight=4, set_by_id=world["nl_leader"].id, **named))
        session().merge(world.parties["nl"]).live_until = factories.now()
        session().merge(world.members["nl_leader"]).keeps_own_exhibits = True
    keeper, space = browse(world["nl_leader"]), f"/workspaces/{world.workspace.id}"
    assert f"{space}/vault" in keeper.get("/").text
    vault = keeper.get(f"{space}/vault").text
    assert "Ours of old" in vault
    assert "Your party has left" in vault
    assert "Shown once" not in vault
    assert vault.count('id="vault-count"') == 1, "what takes its place when the list changes"
    for place in ("board", "chat", "people", "record"):
        assert f"{space}/{place}" not in vault
    page = keeper.get(f"/exhibits/{ours.id}").text
    withdraw = f"/releases/{release.id}/withdraw"
    assert withdraw in page
    assert submit(keeper, withdraw, withdraw, {"reason": "We left."}).status_code == 303
    assert not policy.may(world["fr_leader"], May.SEE, ours)
    close = re.search(r"/rules/[0-9a-f-]+/close", keeper.get(f"{space}/rules").text)
    assert close is not None
    assert submit(keeper, f"{space}/rules", close[0], {}).status_code == 303
    assert "Ended" in keeper.get(f"{space}/rules").text
    closed = [f"{space}{place}" for place in ("", "/people", "/board", "/chat", "/record", "/rules/new")]
    closed += [f"/exhibits/{theirs.id}", f"/jits/{world.jit.id}", f"/jits/{world.jit.id}/agreement"]
    assert {path: keeper.get(path).status_code for path in closed} == dict.fromkeys(closed, 404)
    other = browse(world["nl_member"])
    both = [f"{space}/vault", f"{space}/rules", f"/exhibits/{ours.id}", withdraw]
    assert {path: other.get(path).status_code for path in both} == dict.fromkeys(both, 404)


def test_the_pieces_that_refetch_themselves_come_without_the_page(world: World, browse: Browse) -> None:
    leader = browse(world["fr_leader"])
    for path in (f"/workspaces/{world.workspace.id}", f"/workspaces/{world.workspace.id}/people"):
        piece = leader.get(path, headers={"HX-Request": "true"})
        assert piece.status_code == 200
        assert "<html" not in piece.text
        assert f'data-src="{path}"' in piece.text


def test_after_the_end_the_pages_can_be_read_only(world: World, browse: Browse) -> None:
    factories.end_agreement(world)
    leader = browse(world["fr_leader"])
    page = leader.get(f"/workspaces/{world.workspace.id}").text
    assert "The agreement has ended." in page
    head = page[page.index('class="head-title"') : page.index("</dl>")]
    assert "Ended" in head
    assert "Ended on" in head
    assert "Active" not in head
    assert "Upload evidence" not in page
    listing = leader.get(f"/workspaces/{world.workspace.id}/people")
    assert listing.status_code == 200
    assert "/invite" not in listing.text
    invite = f"/workspaces/{world.workspace.id}/people/{world.parties['fr'].id}/invite"
    assert leader.get(invite).status_code == 403


def test_as_many_queries_for_many_people_as_for_few(
    world: World, browse: Browse, count_queries: Callable[[], int]
) -> None:
    leader = browse(world["fr_leader"])
    paths = [f"/workspaces/{world.workspace.id}", f"/workspaces/{world.workspace.id}/people"]

    def cost() -> list[int]:
        session().rollback()
        spent = []
        for path in paths:
            count_queries()
            assert leader.get(path).status_code == 200
            spent.append(count_queries())
        return spent

    for path in paths:
        leader.get(path)
    few = cost()
    with transaction():
        for number in range(12):
            world.join(f"many{number}", ("fr", "nl")[number % 2])
    for number in range(8):
        factories.release(world, factories.exhibit(world, "nl", f"Thing {number}"), "fr")
    assert cost() == few
    assert max(few) < 40
