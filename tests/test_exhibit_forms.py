"""The forms of an exhibit: rights come before what was typed, what is late is kept, what comes twice acts once."""

import re
import uuid

import pytest
from flask import Flask
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session
from jit_portal.errors import Refused
from jit_portal.exhibits import releasing, rules, service
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.vocabulary import ExhibitKind, HandlingCode, May, Purpose, Sight
from tests import factories
from tests.exhibits import Browse, exhibit, made, post, world
from tests.factories import World
from tests.vault import acts

FIXTURES = (exhibit, world)
"""They are asked for by name."""

TOO_LONG = "\u0958" * 200
"""Short enough as typed, too long once it is normalised."""


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


def test_what_is_refused_for_its_words_is_not_said_to_have_changed(app: Flask, browse: Browse) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    typed = {"title": "EU SECRET annex", "description": "", "edition": "1"}
    status, page = post(browse(world["fr_member"]), f"/exhibits/{exhibit.id}/edit", **typed)
    assert status == 409
    assert "bears a marking" in page
    assert "It now reads:" not in page


def test_a_title_that_shows_nothing_is_none(app: Flask, browse: Browse) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world, title="Ledger")
    typed = {"title": "\u200b", "description": "Blue", "edition": "1"}
    status, page = post(browse(world["fr_member"]), f"/exhibits/{exhibit.id}/edit", **typed)
    assert status == 422
    assert "Give it a title." in page
    session().refresh(exhibit)
    assert (exhibit.title, exhibit.edition) == ("Ledger", 1)


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


class TestRightsFirst:
    """A form says what its reader may know only with the right to send it, so nothing about it comes before."""

    @pytest.mark.parametrize("path", ["edit", "release", "reclassify", "hand-over", "accept", "decline", "take-back"])
    def test_who_only_sees_is_refused_whatever_was_typed(
        self, world: World, browse: Browse, exhibit: Exhibit, path: str
    ) -> None:
        factories.release(world, exhibit, "nl", Sight.SEE)
        client = browse(world["nl_member"])
        for fields in ({}, {"title": TOO_LONG, "edition": "1"}, {"title": "T", "edition": "7"}):
            status, page = post(client, f"/exhibits/{exhibit.id}/{path}", **fields)
            assert status == 403, fields
            assert "Kingfisher" not in page
        refused = select(LedgerEntry).where(LedgerEntry.outcome == "refused").execution_options(policy=True)
        assert {entry.object_id for entry in session().scalars(refused)} == {exhibit.id}

    def test_withdrawing_is_for_leaders_whatever_was_typed(
        self, world: World, browse: Browse, exhibit: Exhibit
    ) -> None:
        release = factories.release(world, exhibit, "nl")
        assert post(browse(world["fr_member"]), f"/releases/{release.id}/withdraw", reason="")[0] == 403
        assert post(browse(world["nl_member"]), f"/releases/{release.id}/withdraw", reason="")[0] == 403

    def test_rules_are_for_leaders_whatever_was_typed(self, world: World, browse: Browse) -> None:
        assert post(browse(world["fr_member"]), f"/workspaces/{world.workspace.id}/rules/new", to="")[0] == 403

    @pytest.mark.parametrize("way", ["preview", "download"])
    def test_a_refusal_names_nobody_of_the_audience(
        self, world: World, browse: Browse, exhibit: Exhibit, way: str
    ) -> None:
        factories.release(world, exhibit, world["nl_member"], Sight.SEE)
        factories.release(world, exhibit, world["nl_leader"], Sight.USE)
        said = browse(world["nl_member"]).get(f"/vault/exhibits/{exhibit.id}/content?as={way}")
        assert said.status_code == 403
        assert "Nl_Leader" not in said.text
        assert "Fr_Member" not in said.text
        assert "Fr_Leader" in said.text


class TestStale:
    def test_a_stale_description_is_saved_at_the_second_try(
        self, world: World, browse: Browse, exhibit: Exhibit
    ) -> None:
        service.describe(world["fr_leader"], exhibit, "First", "Theirs", "", 1)
        client, path = browse(world["fr_member"]), f"/exhibits/{exhibit.id}/edit"
        status, page = post(client, path, title="Second", description="Mine", edition="1")
        assert status == 409
        assert "Theirs" in page
        edition = re.search(r'name="edition"[^>]*value="(\d+)"', page)
        assert edition
        assert post(client, path, title="Second", description="Mine", edition=edition[1])[0] == 303
        session().expire_all()
        after = policy.fetch(world["fr_member"], Exhibit, exhibit.id)
        assert (after.title, after.description, after.edition) == ("Second", "Mine", 3)

    def test_a_stale_classification_too(self, world: World, browse: Browse, exhibit: Exhibit) -> None:
        service.describe(world["fr_leader"], exhibit, "First", "", "", 1)
        client, path = browse(world["fr_leader"]), f"/exhibits/{exhibit.id}/reclassify"
        fields = {"kind": "video", "handling": "H0", "tags": "bank"}
        status, page = post(client, path, edition="1", **fields)
        edition = re.search(r'name="edition"[^>]*value="(\d+)"', page)
        assert (status, edition and edition[1]) == (409, "2")
        assert post(client, path, edition="2", **fields)[0] == 303


class TestOnce:
    def test_a_release_sent_twice_is_one(self, world: World, browse: Browse, exhibit: Exhibit) -> None:
        client, path = browse(world["fr_leader"]), f"/exhibits/{exhibit.id}/release"
        token = re.search(r'name="token"[^>]*value="([^"]+)"', client.get(path).text)
        assert token
        fields = {"to": f"party:{world.parties['nl'].id}", "sight": "2", "purpose": "jit_purpose", "token": token[1]}
        assert [post(client, path, **fields)[0] for _ in range(2)] == [303, 303]
        assert len(made(Release)) == 1
        assert acts(exhibit.id).count("exhibit.released") == 1

    def test_the_same_form_with_another_wish_is_asked_about(
        self, world: World, browse: Browse, exhibit: Exhibit
    ) -> None:
        client, path, token = browse(world["fr_leader"]), f"/exhibits/{exhibit.id}/release", str(uuid.uuid4())
        fields = {"to": f"party:{world.parties['nl'].id}", "sight": "2", "purpose": "jit_purpose"}
        assert post(client, path, token=token, **fields)[0] == 303
        status, page = post(client, path, token=token, **(fields | {"sight": "3"}))
        assert status == 409
        assert len(made(Release)) == 1
        again = re.search(r'name="token"[^>]*value="([^"]+)"', page)
        assert again
        assert post(client, path, token=again[1], **(fields | {"sight": "3"}))[0] == 303
        assert sorted(each.sight for each in made(Release)) == [2, 3]
        assert post(client, path, token="no token", **fields)[0] == 422

    def test_a_replay_after_the_withdrawal_releases_nothing(self, world: World, exhibit: Exhibit) -> None:
        leader, token, to = world["fr_leader"], uuid.uuid4(), f"party:{world.parties['nl'].id}"
        release = releasing.release(leader, exhibit, to, Sight.READ, Purpose.JIT_PURPOSE, token=token)
        releasing.withdraw(leader, release, "Enough.")
        with pytest.raises(Refused, match="sent before"):
            releasing.release(leader, exhibit, to, Sight.READ, Purpose.JIT_PURPOSE, token=token)
        assert policy.allowed(world["nl_member"], exhibit) == frozenset()

    def test_what_has_a_value_always_is_not_called_optional(self, world: World, browse: Browse) -> None:
        page = browse(world["fr_leader"]).get(f"/workspaces/{world.workspace.id}/rules/new").text
        assert re.search(r"<legend>Sight\s*</legend>", page)
        assert re.search(r">Only exhibits of kind\s*<span class=\"optional\">", page)

    def test_a_rule_set_twice_is_one(self, world: World, browse: Browse) -> None:
        client, path = browse(world["fr_leader"]), f"/workspaces/{world.workspace.id}/rules/new"
        token = re.search(r'name="token"[^>]*value="([^"]+)"', client.get(path).text)
        assert token
        fields = {"is_forbid": "1", "to": f"party:{world.parties['nl'].id}", "sight": "2", "token": token[1]}
        assert [post(client, path, **fields)[0] for _ in range(2)] == [303, 303]
        (rule,) = made(CountryRule)
        assert post(client, path, **(fields | {"sight": "3"}))[0] == 409
        assert isinstance(rule, CountryRule)
        rules.close_rule(world["fr_leader"], policy.fetch(world["fr_leader"], CountryRule, rule.id))
        assert post(client, path, **fields)[0] == 409
        assert len(made(CountryRule)) == 1
