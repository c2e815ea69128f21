"""The people of a country: who sees whom, and what of them."""

import re
from collections.abc import Callable

import pytest

from jit_portal.database import session, transaction
from jit_portal.identity import people
from jit_portal.identity.people import Wanted
from tests import factories
from tests.accounts import Browse, names, now_of, post, put, world
from tests.factories import World, now

__all__ = ["world"]


def test_an_administrator_sees_the_people_of_one_country(world: World) -> None:
    french = {"Fr_Leader", "Fr_Member", "Drafter of Lantern", "National_Administrator FR"}
    assert names(world["fr_administrator"]) == french
    assert not names(world["nl_administrator"]) & french
    assert names(world["operator"]) > french | names(world["nl_administrator"])
    assert names(world["operator"], country="FR") == french
    assert names(world["fr_administrator"], country="NL") == set()
    assert names(world["fr_leader"]) == set()


def test_two_logins_of_a_state_are_one_country_and_bodies_are_each_their_own(world: World) -> None:
    with transaction():
        second = factories.provider("fr-agency")
        second.country = "FR"
        factories.user(second, "From the agency")
        europol = factories.provider("europol")
        europol.kind, europol.country = world.providers["eu"].kind, world.providers["eu"].country
        factories.user(europol, "From Europol")
    eurojust = factories.administrator(world.providers["eu"])
    assert "From the agency" in names(world["fr_administrator"])
    assert names(eurojust) == {"Eu_Participant", eurojust.name}


def test_nobody_else_finds_anything(world: World, browse: Browse) -> None:
    for name in ("fr_leader", "fr_member", "eu_participant"):
        client = browse(world[name])
        assert client.get("/people").status_code == 404
        assert client.get("/people/end-logins").status_code == 404
        assert 'href="/people"' not in client.get("/").text
    home = browse(world["fr_administrator"]).get("/").text
    assert home.count('href="/people"') == 4
    assert "You look after accounts, not cases" in home


def test_the_administrator_learns_how_many_teams_and_never_which(world: World, browse: Browse) -> None:
    other = factories.world("Harbour", ("fr", "nl"), providers=world.providers)
    with transaction():
        other.join("both", "fr", person=session().merge(world["fr_member"]))
    client = browse(world["fr_administrator"])
    pages = [client.get(path).text for path in ("/people", f"/people/{world['fr_member'].id}", "/")]
    assert "in 2 teams" in pages[0]
    assert "In 2; which they are is not shown to you." in pages[1]
    for page in pages:
        assert not re.search("(?<!Drafter of )(Lantern|Harbour)", page)
        assert world.jit.reference not in page
        assert str(world.workspace.id) not in page
    factories.end_membership(other, "both")
    assert "in 1 team<" in client.get("/people?name=Fr_Member").text
    factories.end_membership(world, "fr_member")
    assert "in no team<" in client.get("/people?name=Fr_Member").text


def test_an_operator_sees_no_more_than_ending_sign_ins_needs(world: World, browse: Browse) -> None:
    put(world["fr_member"], flagged="name", claimed_name="Someone Else", title="Capitaine")
    client = browse(world["operator"])
    page, one = client.get("/people").text, client.get(f"/people/{world['fr_member'].id}").text
    assert "Fr_Member" in page
    assert not re.search(r"in \d teams?|Details changed|Confirm", page)
    for hidden in ("Someone Else", "Capitaine", "Deactivate", "confirm", "Teams"):
        assert hidden not in one.replace('id="confirm', "").replace("data-confirm", "").replace("confirm-text", "")
    for show in ("due", "flagged", "closed"):
        assert names(world["operator"], show=show) == set()
    for act in ("deactivate", "reactivate", "confirm", "accept"):
        assert post(client, f"/people/{world['fr_member'].id}/{act}").status_code == 403
    assert now_of(world["fr_member"]).is_active


def test_the_list_is_narrowed_and_paged(world: World, browse: Browse, monkeypatch: pytest.MonkeyPatch) -> None:
    administrator = world["fr_administrator"]
    assert names(administrator, name="member") == {"Fr_Member"}
    assert names(administrator, name="police fr") == names(administrator)
    assert names(administrator, name="%") == set()
    monkeypatch.setattr(people, "PAGE", 3)
    first, second = (people.rows(administrator, Wanted(page=page)) for page in (1, 2))
    assert (len(first.rows), first.has_more, len(second.rows), second.has_more) == (3, True, 1, False)
    client = browse(administrator)
    assert 'rel="next"' in client.get("/people").text
    for page in ("0", "-1", "x", "1e3", "99999999999999999999"):
        assert client.get("/people", query_string={"page": page}).status_code == 422, page
    assert client.get("/people?page=2&name=police").status_code == 200


def test_the_list_costs_no_more_for_more_people(world: World, count_queries: Callable[[], int]) -> None:
    def cost() -> int:
        session.remove()
        count_queries()
        people.rows(world["fr_administrator"], Wanted())
        return count_queries()

    before = cost()
    with transaction():
        for number in range(20):
            factories.user(world.providers["fr"], f"More {number}")
    assert cost() == before < 10


def test_last_sign_in_and_devices_are_shown(world: World, browse: Browse) -> None:
    factories.login(world["fr_member"], browser="X11; Linux Firefox/153.0", address="192.0.2.7")
    factories.login(world["fr_member"], browser="Windows Edg/156", strayed_at=now())
    client = browse(world["fr_administrator"])
    row = people.row(world["fr_administrator"], world["fr_member"])
    assert row.live == 2
    assert row.last_sign_in is not None
    page = client.get(f"/people/{world['fr_member'].id}").text
    assert "Firefox, Linux" in page
    assert "Used elsewhere" in page
    assert "192.0.2.7" not in page
