"""The list of a vault: each reader's own, narrowed, page by page, and with how many queries."""

from collections.abc import Callable

from flask import Flask

from jit_portal.vocabulary import Sight
from tests import factories
from tests.exhibits import Browse


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
