"""What a form says beforehand of whose sight it moves: a country rule, its end, a classification (E5)."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jit_portal import policy
from jit_portal.database import session
from jit_portal.exhibits import rules
from jit_portal.exhibits.models import CountryRule, Exhibit
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.identity.models import User
from jit_portal.vocabulary import ExhibitKind, May, Sight
from tests import factories
from tests.exhibits import post
from tests.factories import World

Browse = Callable[[User], FlaskClient]


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    yield factories.world()
    session.remove()


def described(
    world: World, sight: Sight, *, is_forbid: bool = False, kind: ExhibitKind | None = None
) -> RuleDescription:
    return RuleDescription(is_forbid=is_forbid, to=f"party:{world.parties['nl'].id}", sight=sight, kind=kind)


def put_rule(world: World, said: RuleDescription) -> CountryRule:
    return rules.set_rule(world["fr_leader"], world.workspace, world.parties["fr"], said)


def look(world: World, client: FlaskClient, sight: Sight, *, is_forbid: bool = False, **more: str) -> str:
    """What the form of a new rule says of it before it is set."""
    fields = {"is_forbid": str(int(is_forbid)), "to": f"party:{world.parties['nl'].id}", "sight": str(int(sight))}
    status, page = post(client, f"/workspaces/{world.workspace.id}/rules/new", look="1", **fields, **more)
    assert status == 200
    return page


def told(page: str) -> dict[str, list[str]]:
    """Under *more* and *less*, whose sight moves and how, as the page says it."""
    said: dict[str, list[str]] = {}
    for way in ("more", "less"):
        found = re.search(rf"Would see {way}:</b></p>\s*<ul[^>]*>(.*?)</ul>", page, re.S)
        rows = re.findall(r"<b><bdi>([^<]*)</bdi></b><small><bdi>([^<]*)</bdi>", found[1]) if found else []
        said[way] = [f"{name}: {step}" for name, step in rows]
    return said


def both(step: str) -> list[str]:
    return [f"{name}: {step}" for name in ("Nl_Leader", "Nl_Member")]


class TestRules:
    @pytest.mark.parametrize(
        ("shown", "sight", "is_forbid", "way", "step"),
        [
            (None, Sight.SEE, False, "more", "“Nothing” becomes “See”"),
            (Sight.SEE, Sight.USE, False, "more", "“See” becomes “Use”"),
            (Sight.READ, Sight.DOWNLOAD, False, "more", "“Read” becomes “Download”"),
            (Sight.DOWNLOAD, Sight.READ, True, "less", "“Download” becomes “See”"),
            (Sight.USE, Sight.USE, True, "less", "“Use” becomes “Download”"),
            (Sight.READ, Sight.SEE, True, "less", "“Read” becomes “Nothing”"),
        ],
    )
    def test_a_rule_that_moves_any_sight_says_whose_and_how(
        self, world: World, browse: Browse, shown: Sight | None, sight: Sight, is_forbid: bool, way: str, step: str
    ) -> None:
        exhibit = factories.exhibit(world)
        if shown:
            factories.release(world, exhibit, "nl", shown)
        before = policy.allowed(world["nl_member"], exhibit)
        page = look(world, browse(world["fr_leader"]), sight, is_forbid=is_forbid)
        other = {"more": "less", "less": "more"}[way]
        assert told(page) == {way: both(f"{step}: 1 exhibit"), other: []}
        assert policy.allowed(world["nl_member"], exhibit) == before, "looking changes nothing"

    @pytest.mark.parametrize(("sight", "is_forbid"), [(Sight.READ, False), (Sight.USE, True)])
    def test_a_rule_that_moves_nothing_says_so(
        self, world: World, browse: Browse, sight: Sight, is_forbid: bool
    ) -> None:
        factories.release(world, factories.exhibit(world), "nl", Sight.READ)
        page = look(world, browse(world["fr_leader"]), sight, is_forbid=is_forbid)
        assert "Nobody would see more or less than now." in page
        assert told(page) == {"more": [], "less": []}

    def test_it_names_the_exhibits_it_means_those_first_that_change_and_counts_the_rest(
        self, world: World, browse: Browse, count_queries: Callable[[], int]
    ) -> None:
        client = browse(world["fr_leader"])
        changes = factories.exhibit(world, title="Changes")
        factories.exhibit(world, title="Of another kind", kind=ExhibitKind.IMAGE)
        factories.release(world, factories.exhibit(world, title="Shown before"), "nl", Sight.USE)
        look(world, client, Sight.READ, kind="document")
        count_queries()
        page = look(world, client, Sight.READ, kind="document")
        few = count_queries()
        listed = re.findall(r"· <bdi>([^<]*)</bdi></a></li>", page)
        assert listed == ["Changes", "Shown before"]
        assert f'href="/exhibits/{changes.id}"' in page
        assert "more</p>" not in page
        for number in range(rules.LISTED):
            factories.release(world, factories.exhibit(world, title=f"Shown {number}"), "nl", Sight.USE)
        count_queries()
        page = look(world, client, Sight.READ, kind="document")
        assert count_queries() <= few
        listed = re.findall(r"· <bdi>([^<]*)</bdi></a></li>", page)
        assert (listed[0], len(listed)) == ("Changes", rules.LISTED)
        assert "The rule means 22 exhibits of yours." in page
        assert "<p>and 2 more</p>" in page
        assert told(page)["more"] == both("“Nothing” becomes “Read”: 1 exhibit")

    def test_it_compares_the_newest_that_the_rule_means_and_says_so_when_there_are_more(
        self, world: World, browse: Browse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = browse(world["fr_leader"])
        for title in ("Old", "Newer", "Newest"):
            factories.exhibit(world, title=title)
        factories.exhibit(world, title="Of another kind", kind=ExhibitKind.IMAGE)
        for most, means, is_capped in ((2, "2 exhibits", True), (3, "3 exhibits", False)):
            monkeypatch.setattr(rules, "MOST_COMPARED", most)
            page = look(world, client, Sight.SEE, kind="document")
            assert f"The rule means {means} of yours." in page
            assert ("There are more; the newest were compared." in page) == is_capped
            assert ("· <bdi>Old</bdi>" in page) != is_capped
            assert told(page)["more"] == both(f"“Nothing” becomes “See”: {means}")


class TestEnding:
    @pytest.mark.parametrize(
        ("sight", "is_forbid", "way", "step"),
        [
            (Sight.USE, False, "less", "“Use” becomes “See”"),
            (Sight.SEE, True, "more", "“Nothing” becomes “See”"),
        ],
    )
    def test_the_end_of_a_rule_is_looked_at_before_it_ends(
        self, world: World, browse: Browse, sight: Sight, is_forbid: bool, way: str, step: str
    ) -> None:
        exhibit = factories.exhibit(world)
        factories.release(world, exhibit, "nl", Sight.SEE)
        rule = put_rule(world, described(world, sight, is_forbid=is_forbid))
        client, path = browse(world["fr_leader"]), f"/rules/{rule.id}/close"
        assert f'href="{path}"' in client.get(f"/workspaces/{world.workspace.id}/rules").text
        before = policy.allowed(world["nl_member"], exhibit)
        page = client.get(path).text
        assert told(page)[way] == both(f"{step}: 1 exhibit")
        assert f"· <bdi>{exhibit.title}</bdi>" in page
        assert policy.allowed(world["nl_member"], exhibit) == before, "looking ends nothing"
        assert post(client, path)[0] == 303
        assert policy.allowed(world["nl_member"], exhibit) == {May.SEE}
        assert client.get(path).status_code == 409

    def test_it_is_for_leaders(self, world: World, browse: Browse) -> None:
        rule = put_rule(world, described(world, Sight.READ))
        for name, status in (("fr_member", 403), ("nl_leader", 404)):
            assert browse(world[name]).get(f"/rules/{rule.id}/close").status_code == status


class TestClassifying:
    @pytest.mark.parametrize(
        ("rule", "released", "way", "step"),
        [
            ((Sight.USE, False), Sight.SEE, "more", "“See” becomes “Use”"),
            ((Sight.READ, True), Sight.USE, "less", "“Use” becomes “See”"),
            ((Sight.SEE, True), Sight.READ, "less", "“Read” becomes “Nothing”"),
        ],
    )
    def test_it_says_whose_sight_moves_and_how(
        self, world: World, browse: Browse, rule: tuple[Sight, bool], released: Sight, way: str, step: str
    ) -> None:
        exhibit = factories.exhibit(world, kind=ExhibitKind.IMAGE)
        factories.release(world, exhibit, "nl", released)
        put_rule(world, described(world, rule[0], is_forbid=rule[1], kind=ExhibitKind.VIDEO))
        client, path = browse(world["fr_leader"]), f"/exhibits/{exhibit.id}/reclassify"
        fields = {"look": "1", "handling": "H0", "tags": "", "edition": "1"}
        other = {"more": "less", "less": "more"}[way]
        assert told(post(client, path, kind="video", **fields)[1]) == {way: both(step), other: []}
        status, page = post(client, path, kind="audio", **fields)
        assert status == 200
        assert "Nobody would see more or less than now." in page
        assert policy.fetch(world["fr_leader"], Exhibit, exhibit.id).kind == ExhibitKind.IMAGE
