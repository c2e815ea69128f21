"""The pages of an exhibit: what their forms refuse and keep, what they disclose, and what they stay up without."""

import datetime as dt
import html
import re
import time
import uuid
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.custody import service as custody
from jit_portal.database import session, transaction
from jit_portal.errors import Refused, StoreUnavailable
from jit_portal.exhibits import delivery, lists, rules, service
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.files import keys, storage
from jit_portal.identity.models import User
from jit_portal.jits.models import Agreement
from jit_portal.vocabulary import Outcome, Purpose, Role, Sight
from tests import factories
from tests.exhibits import Browse, post
from tests.factories import World
from tests.test_delivery import damage, png
from tests.vault import Sender, acts, do_the_work, error_in, put

TOO_LONG = "\u0958" * 200
"""Short enough as typed, too long once it is normalised."""


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    yield factories.world()
    session.remove()


@pytest.fixture
def exhibit(world: World) -> Exhibit:
    made = factories.exhibit(world)
    with transaction():
        session().execute(update(Exhibit).values(description="Kingfisher", place="Kingfisher"))
    return made


def made(model: type[Release] | type[CountryRule]) -> list[Release] | list[CountryRule]:
    session().rollback()
    return list(session().scalars(select(model).execution_options(policy=True)).unique())  # type: ignore[return-value]


def refused(thing_id: uuid.UUID) -> list[str]:
    """What was refused about this thing, in order."""
    of_it = (LedgerEntry.object_id == thing_id, LedgerEntry.outcome == Outcome.REFUSED)
    entries = select(LedgerEntry.act).where(*of_it).order_by(LedgerEntry.number)
    return list(session().scalars(entries.execution_options(policy=True)))


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
        release = service.release(leader, exhibit, to, Sight.READ, Purpose.JIT_PURPOSE, token=token)
        service.withdraw(leader, release, "Enough.")
        with pytest.raises(Refused, match="sent before"):
            service.release(leader, exhibit, to, Sight.READ, Purpose.JIT_PURPOSE, token=token)
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
        service.withdraw(world["fr_leader"], given, "By mistake.")
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
        service.release(world["fr_leader"], exhibit, to, Sight.DOWNLOAD, Purpose.JIT_PURPOSE)
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


class TestNotYet:
    @pytest.mark.parametrize(
        ("name", "is_refused"),
        [("al_member", True), ("eu_participant", True), ("icc_participant", True), ("fr_member", False)],
    )
    def test_who_cannot_upload_yet_is_told_why(self, app: Flask, browse: Browse, name: str, is_refused: bool) -> None:
        world = factories.world(slugs=("fr", "al", "eu", "icc"))
        for path in ("", "/vault", "/board/latest"):
            page = browse(world[name]).get(f"/workspaces/{world.workspace.id}{path}").text
            assert ("Article 17(3)" in page) == (is_refused and path != "/board/latest"), path
            assert ("#upload" in page or 'popovertarget="upload"' in page or "upload-files" in page) != is_refused, path

    @pytest.mark.parametrize(
        ("name", "status", "words"),
        [
            ("al_member", 409, "Article 17(3)"),
            ("eu_participant", 403, "Only leaders, members and seconded members"),
            ("icc_participant", 403, "Only leaders, members and seconded members"),
        ],
    )
    def test_who_sends_a_file_all_the_same_is_told_too(
        self, app: Flask, browse: Browse, name: str, status: int, words: str
    ) -> None:
        world = factories.world(slugs=("fr", "al", "eu", "icc"))
        answer = Sender(browse(world[name])).create(world, 5)
        assert (answer.status_code, words in error_in(answer)) == (status, True), answer.text

    def test_codes_that_cannot_be_given_yet_cannot_be_chosen(
        self, world: World, browse: Browse, exhibit: Exhibit
    ) -> None:
        for path in (f"/workspaces/{world.workspace.id}/vault", f"/exhibits/{exhibit.id}/reclassify"):
            page = browse(world["fr_leader"]).get(path).text
            for code, is_offered in (("H0", True), ("H1", False), ("H2", False), ("H3", False)):
                option = re.search(rf'<option[^>]*value="{code}"[^>]*>', page)
                assert option
                assert ("disabled" not in option[0]) == is_offered
            assert "cannot be given yet" in page


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


class TestRuleForm:
    @pytest.mark.parametrize("field", ["seized_from", "seized_until"])
    @pytest.mark.parametrize("act", ["look", "submit"])
    def test_a_forbid_has_no_dates_of_seizure(self, world: World, browse: Browse, field: str, act: str) -> None:
        fields = {"is_forbid": "1", "to": f"party:{world.parties['nl'].id}", "sight": "2", field: "2026-03-01"}
        client, path = browse(world["fr_leader"]), f"/workspaces/{world.workspace.id}/rules/new"
        status, page = post(client, path, **{act: "1"}, **fields)
        assert status == 422
        assert "A forbid holds whatever the date of seizure" in page
        assert 'value="2026-03-01"' in page, "what was typed comes back"
        assert made(CountryRule) == []
        assert post(client, path, **{act: "1"}, **(fields | {"is_forbid": "0"}))[0] in (200, 303)


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
