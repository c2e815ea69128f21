"""The page of an exhibit: what it discloses to whom and why, and what it stays up without."""

import re
import time

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from jit_portal.database import session, transaction
from jit_portal.errors import Refused, StoreUnavailable
from jit_portal.exhibits import delivery, releasing, rules, service
from jit_portal.exhibits.models import Exhibit
from jit_portal.files import keys, storage
from jit_portal.jits.models import Agreement
from jit_portal.vocabulary import Purpose, Role, Sight
from tests import factories
from tests.delivery import damage, png
from tests.exhibits import Browse, exhibit, world
from tests.factories import World
from tests.vault import acts, do_the_work, put

FIXTURES = (exhibit, world)
"""They are asked for by name."""


class TestDisclosure:
    def test_a_tag_finds_only_what_is_read(self, world: World, browse: Browse) -> None:
        seen, read = (factories.exhibit(world, title=title, tags=("bank",)) for title in ("Only seen", "Also read"))
        factories.release(world, seen, "nl", Sight.SEE)
        factories.release(world, read, "nl", Sight.READ)
        reader, vault = browse(world["nl_member"]), f"/workspaces/{world.workspace.id}/vault"
        assert f'href="{vault}?tag=bank"' in reader.get(f"/exhibits/{read.id}").text
        page = reader.get(f"{vault}?tag=bank&kind=document").text
        assert "Also read" in page
        assert "Only seen" not in page
        assert f'href="{vault}?kind=document" aria-label="Not only those with the tag bank"' in page
        assert '<input type="hidden" name="tag" value="bank">' in page

    @pytest.mark.parametrize(("sight", "is_shown"), [(Sight.SEE, False), (Sight.READ, True)])
    def test_the_seizing_authority_is_shown_from_read(
        self, world: World, browse: Browse, sight: Sight, is_shown: bool
    ) -> None:
        authority = world.providers["fr"].authorities[0]
        exhibit = factories.exhibit(world, authority_id=authority.id)
        factories.release(world, exhibit, "nl", sight)
        row = browse(world["nl_member"]).get(f"/workspaces/{world.workspace.id}/vault").text
        row = row.split(f'id="exhibit-{exhibit.id}"')[1].split("</tr>")[0]
        assert (authority.name in row) == is_shown

    def test_opening_the_page_is_on_record_once_and_looking_again_is_not(
        self, world: World, browse: Browse, exhibit: Exhibit
    ) -> None:
        path = f"/exhibits/{exhibit.id}"
        factories.release(world, exhibit, "nl", Sight.SEE)
        browse(world["nl_member"]).get(path)
        assert acts(exhibit.id) == [], "who only sees it has read nothing"
        client = browse(world["fr_member"])
        client.get(path)
        client.get(path, headers={"HX-Request": "true"})
        client.get(f"{path}?preview=1")
        assert acts(exhibit.id) == ["exhibit.opened"]
        client.get(path)
        assert acts(exhibit.id) == ["exhibit.opened"] * 2
        browse(world["fr_leader"]).get(path, headers={"HX-Request": "true"})
        assert acts(exhibit.id) == ["exhibit.opened"] * 3, "asking for the fragment is no way round the record"


class TestCompare:
    def test_whoever_sent_a_file_without_its_hash_is_asked_for_it_and_nobody_else(
        self, world: World, browse: Browse, environ: dict[str, str]
    ) -> None:
        exhibit = put(world, b"hello", is_declared=False)
        factories.release(world, exhibit, "nl", Sight.READ)

        def is_asked(name: str) -> bool:
            page = browse(world[name]).get(f"/exhibits/{exhibit.id}")
            assert page.status_code == 200
            return f'data-upload="/vault/uploads/{exhibit.file_id}"' in page.text

        assert not is_asked("fr_member"), "it is not read back yet"
        do_the_work(environ)
        assert [name for name in ("fr_member", "fr_leader", "nl_leader") if is_asked(name)] == ["fr_member"]
        with transaction():
            session().execute(update(Agreement).values(in_force_until=factories.now()))
        assert not is_asked("fr_member"), "nobody declares anything now"

    def test_nobody_is_asked_once_it_is_said(self, world: World, browse: Browse, environ: dict[str, str]) -> None:
        exhibit = put(world, b"hello")
        do_the_work(environ)
        assert "jit-compare" not in browse(world["fr_member"]).get(f"/exhibits/{exhibit.id}").text


class TestPreview:
    def test_the_page_stays_up_without_the_store(
        self, world: World, browse: Browse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        exhibit = put(world, png(), "photo.png")
        monkeypatch.setattr(storage, "_store", storage.Store("127.0.0.1:9", "x", "y" * 20, "evidence", secure=False))
        page = browse(world["fr_member"]).get(f"/exhibits/{exhibit.id}?preview=1")
        assert page.status_code == 200
        assert "The vault cannot be reached just now" in page.text

    def test_a_silent_store_is_waited_for_once_and_with_no_line_to_the_database(
        self, world: World, browse: Browse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        exhibit, asked = put(world, png(), "photo.png"), []

        class Silent(storage.Store):
            def read(self, *_: object, **__: object) -> storage.Reading:
                asked.append(session().in_transaction())
                raise StoreUnavailable("The store does not answer.")

        monkeypatch.setattr(storage, "_store", Silent("127.0.0.1:9", "x", "y" * 20, "evidence", secure=False))
        client, path = browse(world["fr_member"]), f"/exhibits/{exhibit.id}?preview=1"
        for _ in range(3):
            assert "The vault cannot be reached just now" in client.get(path).text
        assert asked == [False]
        monkeypatch.setattr(delivery, "_away", (storage.store(), time.monotonic()))
        client.get(path)
        assert asked == [False, False], "it is asked again after a moment"

    @pytest.mark.parametrize("how", ["changed", "gone"])
    def test_the_page_stays_up_with_a_damaged_file_and_promises_nothing(
        self, world: World, browse: Browse, caplog: pytest.LogCaptureFixture, how: str
    ) -> None:
        exhibit = put(world, png(), "photo.png")
        damage(exhibit, how)
        page = browse(world["fr_member"]).get(f"/exhibits/{exhibit.id}?preview=1")
        assert page.status_code == 200
        assert "does not open as this file. Tell the operator" in page.text
        assert "cannot be reached" not in page.text
        assert "Try again" not in page.text
        said = [record for record in caplog.records if record.message == "a file does not open"]
        assert [(each.levelname, each.__dict__["file"]) for each in said] == [("ERROR", str(exhibit.file_id))]

    def test_a_suspended_key_is_said_as_what_it_is(
        self, world: World, browse: Browse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        exhibit = put(world, png(), "photo.png")

        def refuse(*_: object) -> bytes:
            raise Refused("The country's key is suspended.")

        monkeypatch.setattr(keys.provider(), "unwrap", refuse)
        page = browse(world["fr_member"]).get(f"/exhibits/{exhibit.id}?preview=1").text
        assert "key is suspended." in page
        assert "cannot be reached" not in page


class TestHistory:
    def test_the_seizing_party_reads_what_was_done_with_its_exhibit(
        self, world: World, browse: Browse, exhibit: Exhibit
    ) -> None:
        to = f"party:{world.parties['nl'].id}"
        releasing.release(world["fr_leader"], exhibit, to, Sight.DOWNLOAD, Purpose.JIT_PURPOSE)
        browse(world["nl_member"]).get(f"/exhibits/{exhibit.id}")
        page = browse(world["fr_member"]).get(f"/exhibits/{exhibit.id}/history")
        assert page.status_code == 200
        told = page.text.split('class="timeline"')[1]
        assert told.index("Exhibit opened") < told.index("Exhibit released"), "newest first"
        assert "Nl_Member" in told
        assert "Netherlands" in told
        assert "/record?reference=" not in page.text, "a member does not read the whole record"
        leaders = browse(world["fr_leader"]).get(f"/exhibits/{exhibit.id}").text
        assert f"/record?reference={exhibit.reference}" in leaders

    def test_others_read_none_of_it(self, world: World, browse: Browse, exhibit: Exhibit) -> None:
        factories.release(world, exhibit, "nl", Sight.USE)
        client = browse(world["nl_leader"])
        assert client.get(f"/exhibits/{exhibit.id}/history").status_code == 403
        assert "history-title" not in client.get(f"/exhibits/{exhibit.id}").text

    def test_it_is_read_page_by_page(self, world: World, browse: Browse, exhibit: Exhibit) -> None:
        for edition in range(1, 62):
            service.describe(world["fr_leader"], exhibit, f"Title {edition}", "", "", edition)
        client, path = browse(world["fr_leader"]), f"/exhibits/{exhibit.id}/history"
        first = client.get(path).text
        assert first.count("timeline-body") == 50
        older = re.search(r'href="([^"]*before=\d+)"', first)
        assert older
        assert client.get(older[1]).text.count("timeline-body") == 11


class TestWhy:
    """The panel *Who can see this, and why* says of everyone what is so, and to others only what is theirs."""

    def panel(self, client: FlaskClient, exhibit: Exhibit) -> str:
        return client.get(f"/exhibits/{exhibit.id}").text.split("Who can see this, and why</h3>")[1]

    def why(self, panel: str, name: str) -> str:
        """The reason that the panel gives for this person, in plain words."""
        rows = re.findall(r'<b><bdi>([^<]*)</bdi></b>(?:(?!</li>).)*<p class="why">(.*?)</p></li>', panel, re.S)
        (reason,) = [why for whose, why in rows if whose == name]
        return " ".join(re.sub(r"<[^>]+>", "", reason).split())

    def test_its_own_party_is_told_everyones_reasons(self, world: World, browse: Browse, exhibit: Exhibit) -> None:
        with transaction():
            for name in ("nl_ruled", "nl_cut", "nl_kept", "nl_spared", "nl_holder", "nl_nothing"):
                world.join(name, "nl", Role.EXPERT)
            session().merge(exhibit).holder_id = world["nl_holder"].id
        for name, sight in (("nl_cut", Sight.USE), ("nl_kept", Sight.READ), ("nl_spared", Sight.READ)):
            factories.release(world, exhibit, world[name], sight)
        put_rule(world, "nl_ruled", Sight.USE)
        put_rule(world, "nl_cut", Sight.READ, is_forbid=True)
        put_rule(world, "nl_kept", Sight.SEE, is_forbid=True)
        put_rule(world, "nl_spared", Sight.USE, is_forbid=True)
        put_rule(world, "nl_nothing", Sight.SEE, is_forbid=True)
        panel = self.panel(browse(world["fr_leader"]), exhibit)
        assert {name: self.why(panel, name.title()) for name in (*world.people,) if name != "eu_participant"} == {
            "fr_leader": "Member of the seizing party",
            "fr_member": "Member of the seizing party",
            "nl_leader": "Nothing is released to them.",
            "nl_member": "Nothing is released to them.",
            "nl_ruled": "Standing release to Nl_Ruled.",
            "nl_cut": "Released to Nl_Cut by Fr_Member. Limited by a forbid of your party.",
            "nl_kept": "Kept from them by a rule of your party.",
            "nl_spared": "Released to Nl_Spared by Fr_Member.",
            "nl_holder": "Holds it.",
            "nl_nothing": "Nothing is released to them.",
        }

    @pytest.mark.parametrize(
        ("reasons", "said"),
        [
            ("released", "Released to Netherlands. Purpose: The purposes of this JIT."),
            ("ruled", "Through a standing rule of its party."),
            ("holds", "You hold it."),
            (
                "released ruled",
                "Released to Netherlands. Purpose: The purposes of this JIT. Through a standing rule of its party.",
            ),
            ("ruled holds", "Through a standing rule of its party. You hold it."),
            ("ruled forbidden holds", "You hold it."),
        ],
    )
    def test_others_are_told_their_own(
        self, world: World, browse: Browse, exhibit: Exhibit, reasons: str, said: str
    ) -> None:
        if "released" in reasons:
            factories.release(world, exhibit, "nl")
        for word, is_forbid in (("ruled", False), ("forbidden", True)):
            if word in reasons:
                put_rule(world, "nl_member", Sight.SEE, is_forbid=is_forbid)
        if "holds" in reasons:
            with transaction():
                session().merge(exhibit).holder_id = world["nl_member"].id
        panel = self.panel(browse(world["nl_member"]), exhibit)
        assert self.why(panel, "Nl_Member") == said


def put_rule(world: World, name: str, sight: Sight, *, is_forbid: bool = False) -> None:
    said = rules.RuleDescription(is_forbid=is_forbid, to=f"person:{world[name].id}", sight=sight)
    rules.set_rule(world["fr_leader"], world.workspace, world.parties["fr"], said)


def test_an_exhibit_page_follows_sight(app: Flask, browse: Browse) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    path = f"/exhibits/{exhibit.id}"
    assert browse(world["nl_member"]).get(path).status_code == 404
    factories.release(world, exhibit, "nl", Sight.SEE)
    only_seen = browse(world["nl_member"]).get(path)
    assert only_seen.status_code == 200
    assert "SHA-256" not in only_seen.text
    factories.release(world, exhibit, "nl", Sight.READ)
    read = browse(world["nl_member"]).get(path).text
    assert "SHA-256" in read
    assert "Fr_Leader" not in read.split("Who can see this")[1], "who else sees it is for its own party to know"
    own = browse(world["fr_member"]).get(path).text
    assert "Nl_Member" in own
    assert "Released to" in own
