"""The list of a vault: each reader's own, narrowed, page by page, and with how many queries."""

import html
import re
import uuid
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.exhibits import lists
from jit_portal.exhibits.models import Exhibit
from jit_portal.vocabulary import Sight
from tests import factories
from tests.exhibits import Browse, world
from tests.factories import World

FIXTURES = (world,)
"""They are asked for by name."""


def test_the_vault_shows_each_country_its_own_view(app: Flask, browse: Browse) -> None:
    world = factories.world()
    seen = factories.exhibit(world, title="Shown ledger")
    factories.exhibit(world, title="Hidden ledger")
    factories.release(world, seen, "nl", Sight.SEE)
    page = browse(world["nl_member"]).get(f"/workspaces/{world.workspace.id}/vault").text
    assert "Shown ledger" in page
    assert "Hidden ledger" not in page
    assert 'id="vault-count" class="count">1<' in page
    assert seen.file is not None
    assert seen.file.sha256 is not None
    assert seen.file.sha256[:4] not in page, "no fingerprint for who only sees"
    page = browse(world["fr_member"]).get(f"/workspaces/{world.workspace.id}/vault").text
    assert "Hidden ledger" in page
    assert 'id="vault-count" class="count">2<' in page


@pytest.mark.parametrize("narrowed", [{}, {"q": "ledger"}, {"kind": "document"}, {"tag": "paper"}])
def test_whoever_is_in_two_jits_finds_in_each_vault_its_own(
    app: Flask, browse: Browse, narrowed: dict[str, str]
) -> None:
    world = factories.world()
    other = factories.world("Harbour", ("fr",), providers=world.providers)
    with transaction():
        other.join("both", "fr", person=world["fr_member"])
    factories.exhibit(world, title="Ledger of this case", tags=("paper",))
    factories.exhibit(other, title="Ledger from elsewhere", tags=("paper",))
    page = browse(world["fr_member"]).get(f"/workspaces/{world.workspace.id}/vault", query_string=narrowed).text
    assert "Ledger of this case" in page
    assert "from elsewhere" not in page


def test_lists_do_not_grow_queries_with_exhibits(app: Flask, browse: Browse, count_queries: Callable[[], int]) -> None:
    world = factories.world()
    client = browse(world["fr_member"])
    path = f"/workspaces/{world.workspace.id}/vault"
    factories.exhibit(world)
    client.get(path)
    count_queries()
    client.get(path)
    few = count_queries()
    for number in range(12):
        factories.exhibit(world, title=f"Exhibit {number}")
        # The page has every party of the workspace: it asks for none again that an exhibit is of.
        factories.release(world, factories.exhibit(world, "nl", f"From the Netherlands {number}"), "fr", Sight.READ)
    count_queries()
    page = client.get(path).text
    assert count_queries() <= few
    assert "From the Netherlands" in page


class TestList:
    def titles(self, client: FlaskClient, address: str) -> list[str]:
        page = client.get(address)
        assert page.status_code == 200
        return re.findall(r'<a href="/exhibits/[^"]*" dir="auto"><bdi>([^<]*)</bdi>', page.text)

    def test_it_is_narrowed_by_words_and_by_party(self, world: World, browse: Browse) -> None:
        ledger, van = factories.exhibit(world, title="Ledger"), factories.exhibit(world, title="Van")
        theirs = factories.exhibit(world, "nl", "Their ledger")
        factories.release(world, theirs, "fr")
        factories.exhibit(world, "nl", "Hidden ledger")
        client, path = browse(world["fr_member"]), f"/workspaces/{world.workspace.id}/vault"
        france, netherlands = (world.parties[slug].id for slug in ("fr", "nl"))
        for asked, found in {
            "q=LEDGER": ["Their ledger", "Ledger"],
            f"q={van.reference}": ["Van"],
            "q=L%25r": [],
            "q=Led_er": [],
            "q=nothing+like+it": [],
            f"party={netherlands}": ["Their ledger"],
            f"party={france}": ["Van", "Ledger"],
            f"party={france}&q=ledger": ["Ledger"],
            f"party={uuid.uuid4()}": [],
            "kind=image": [],
            "kind=document": ["Their ledger", "Van", "Ledger"],
        }.items():
            assert self.titles(client, f"{path}?{asked}") == found, asked
        assert client.get(f"{path}?party=france").status_code == 422
        assert client.get(f"{path}?before=yesterday").status_code == 422
        assert str(ledger.id) in client.get(path).text

    @pytest.mark.parametrize("title", ["wages_2025.xlsx", "100 % cotton", "C:\\papers\\", "it's"])
    def test_an_exhibit_is_found_by_its_very_title(self, world: World, browse: Browse, title: str) -> None:
        factories.exhibit(world, title=title)
        factories.exhibit(world, title="Wages 2025 xlsx, 100 of cotton, papers")
        address = f"/workspaces/{world.workspace.id}/vault?{urlencode({'q': title})}"
        assert [html.unescape(found) for found in self.titles(browse(world["fr_member"]), address)] == [title]

    @pytest.mark.parametrize("asked", ["", "q=ledger"])
    def test_what_does_not_fit_on_a_page_is_on_the_next_each_once(
        self, world: World, browse: Browse, asked: str
    ) -> None:
        with transaction():
            for number in range(lists.PAGE + 2):
                factories.exhibit(world, title=f"Ledger {number}")
            # All in one moment, so that a place in the list is told by more than the time.
            session().execute(update(Exhibit).values(created_at=factories.now()))
        factories.exhibit(world, title="Ledger of all" if asked else "Newest")
        client, path = browse(world["fr_member"]), f"/workspaces/{world.workspace.id}/vault"
        first = self.titles(client, f"{path}?{asked}")
        older = re.search(r'href="([^"]*before=[^"]*)"', client.get(f"{path}?{asked}").text)
        assert older
        address = html.unescape(older[1])
        assert asked in address
        second = self.titles(client, address)
        assert (len(first), len(second)) == (lists.PAGE, 3)
        assert len({*first, *second}) == lists.PAGE + 3
        assert first[0] == ("Ledger of all" if asked else "Newest")
