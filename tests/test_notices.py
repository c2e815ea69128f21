"""Notices say no more than their reader may know, are hers alone, and are read one by one or with what they tell of."""

import re
import uuid

import pytest
from sqlalchemy import select

from jit_portal import policy
from jit_portal.database import session, transaction
from jit_portal.errors import NotFound
from jit_portal.messages import service as messages
from jit_portal.notices import reading, service
from jit_portal.notices.models import Notice
from jit_portal.vocabulary import Audience, NoticeKind
from jit_portal.web import home, news
from tests import factories
from tests.drafting import UNCHECKED, submit
from tests.factories import World
from tests.news import Browse, message, task, tell, world

FIXTURES = (world,)
"""They are asked for by name."""

HOSTILE = '"><script>alert(1)</script>'


def test_a_notice_is_left_for_others_never_for_oneself(world: World) -> None:
    said = message(world, factories.channel(world))
    with transaction():
        people = [world[name].id for name in ("fr_leader", "nl_leader", "fr_leader")]
        service.tell(NoticeKind.MENTIONED, said, people, world["nl_leader"])
    told = session().scalars(select(Notice.user_id).execution_options(**UNCHECKED)).all()
    assert told == [world["fr_leader"].id]


def test_a_notice_says_nothing_of_what_its_reader_no_longer_sees(world: World, browse: Browse) -> None:
    place = factories.channel(world)
    said = message(world, place)
    tell(NoticeKind.MENTIONED, said, world["fr_leader"], world["nl_leader"])
    shown = factories.exhibit(world, "nl", "Secret ledger")
    release = factories.release(world, shown, "fr")
    with transaction():
        service.tell(NoticeKind.RELEASED, shown, [world["fr_leader"].id], world["nl_leader"])
    assert [each.about for each in reading.shown(world["fr_leader"])] == ["Secret ledger", ""]
    with transaction():
        release.live_until = factories.now()
        session().merge(release)
        place.audience = Audience.PEOPLE
        session().merge(place)
    assert reading.shown(world["fr_leader"]) == []
    page = browse(world["fr_leader"]).get("/notices").text
    assert "Secret ledger" not in page
    assert "Nl_Leader" not in page
    assert "No notices yet" in page


def test_every_kind_of_notice_has_its_sentence_and_leads_somewhere(world: World, browse: Browse) -> None:
    said, board = message(world, factories.channel(world)), factories.board(world)
    work, thing = task(world, board, f"Work {HOSTILE}", None), factories.exhibit(world, "fr", f"Thing {HOSTILE}")
    member = session().merge(world.members["fr_leader"])
    told = [(NoticeKind.MENTIONED, said), (NoticeKind.ASSIGNED, work), (NoticeKind.ASKED, work)]
    told += [(NoticeKind.ASK_ACCEPTED, work), (NoticeKind.ASK_DECLINED, work)]
    told += [
        (NoticeKind.RELEASED, thing),
        (NoticeKind.HANDED_OVER, thing),
        (NoticeKind.TAKEN_BACK, thing),
        (NoticeKind.ACCEPTED, thing),
        (NoticeKind.DECLINED, thing),
        (NoticeKind.INVITED, member),
    ]
    entrusted = factories.entrustment(world, "fr_member")
    told += [(NoticeKind.ENTRUSTED, entrusted), (NoticeKind.ENTRUSTING_ENDED, entrusted)]
    factories.login(world["fr_leader"], browser="Windows Edg/156")
    (login,) = session().scalars(factories.logins_of(world["fr_leader"]))
    told += [(NoticeKind.SIGNED_IN_NEWLY, login), (NoticeKind.STRAYED, login)]
    told += [(NoticeKind.PASSKEY_ADDED, login), (NoticeKind.PASSKEY_COPIED, login)]
    told.append((NoticeKind.GLASS_BROKEN, factories.glass_opening(factories.glass_account(HOSTILE))))
    with transaction():
        for kind, about in told:
            service.tell(kind, about, [world["fr_leader"].id], world["nl_leader"])
    shown = reading.shown(world["fr_leader"])
    of_administrators = {NoticeKind.FLAGGED, NoticeKind.CLOSINGS_WAIT}
    assert {each.notice.kind for each in shown} == set(NoticeKind) - of_administrators
    reader = browse(world["fr_leader"])
    page = reader.get("/notices").text
    assert "<script>alert" not in page
    page = page.replace('<span class="unbroken">', "")
    for words in (
        "mentioned you",
        "assigned you",
        "asks your party",
        " takes on ",
        " does not take on ",
        "released FR",
        "hands over FR",
        "accepted FR",
        "declined FR",
        "entrusted you with releases",
        "ended the entrusting of Fr_Member",
        "invited you into",
        "never used before: Edge, Windows",
        "on Edge, Windows is used elsewhere",
        "added to your account on Edge, Windows",
        "used on Edge, Windows: it was refused",
        "has broken the glass",
    ):
        assert words in page, words
    for each in shown:
        assert reader.get(each.url, follow_redirects=True).status_code == 200, each.url


def test_notices_are_marked_as_read_one_by_one_and_all(world: World, browse: Browse) -> None:
    place = factories.channel(world)
    for _ in range(3):
        tell(NoticeKind.MENTIONED, message(world, place), world["fr_leader"], world["nl_leader"])
    reader = browse(world["fr_leader"])
    first = reading.shown(world["fr_leader"])[0].notice
    answer = submit(reader, "/notices", f"/notices/{first.id}/read", {"next": "/notices?show=unread"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/notices?show=unread")
    session().rollback()
    assert len(reading.shown(world["fr_leader"], unread=True)) == 2
    assert len(re.findall("is-unread", reader.get("/notices").text)) == 2
    fragment = {"HX-Request": "true"}
    assert "Mark all as read" in reader.get("/notices").text
    assert "Mark all as read" in reader.get("/notices", headers=fragment).text
    assert submit(reader, "/notices", "/notices/read", {}).status_code == 303
    assert "Mark all as read" not in reader.get("/notices", headers=fragment).text
    session().rollback()
    assert reading.shown(world["fr_leader"], unread=True) == []
    assert "Nothing unread" in reader.get("/notices?show=unread").text


def test_a_notice_is_its_readers_alone(world: World, browse: Browse) -> None:
    tell(NoticeKind.MENTIONED, message(world, factories.channel(world)), world["fr_leader"], world["nl_leader"])
    notice = reading.shown(world["fr_leader"])[0].notice
    for name in ("fr_member", "nl_leader", "eu_participant"):
        assert reading.shown(world[name]) == []
        assert submit(browse(world[name]), "/notices", f"/notices/{notice.id}/read", {}).status_code == 404
        assert service.read_all(world[name]) == 0
    with pytest.raises(NotFound):
        service.read(world["nl_leader"], notice)
    assert policy.fetch(world["fr_leader"], Notice, notice.id).read_at is None


def test_reading_leads_only_within_the_portal(world: World, browse: Browse) -> None:
    tell(NoticeKind.MENTIONED, message(world, factories.channel(world)), world["fr_leader"], world["nl_leader"])
    notice = reading.shown(world["fr_leader"])[0].notice
    sent = {"next": "https://evil.example/"}
    answer = submit(browse(world["fr_leader"]), "/notices", f"/notices/{notice.id}/read", sent)
    assert answer.headers["Location"] == "/"


def test_reading_a_channel_reads_what_told_of_it(world: World) -> None:
    reader, place, elsewhere = world["fr_leader"], factories.channel(world), factories.channel(world, "other")
    said = [message(world, each) for each in (place, place, elsewhere)]
    for each in said:
        for name in ("fr_leader", "fr_member"):
            tell(NoticeKind.MENTIONED, each, world[name], world["nl_leader"])

    def left(name: str) -> list[uuid.UUID]:
        session().rollback()
        return [each.notice.object_id for each in reversed(reading.shown(world[name], unread=True))]

    messages.read_until(reader, place, 1)
    assert left("fr_leader") == [said[1].id, said[2].id]
    messages.read_until(reader, place, 2)
    assert left("fr_leader") == [said[2].id]
    assert [each.notice.object_id for each in home.home(reader).mentions] == [said[2].id]
    assert len(left("fr_member")) == 3


def test_notices_of_what_is_not_shown_take_no_place(world: World, browse: Browse) -> None:
    shown, hidden = factories.channel(world), factories.channel(world, "others", Audience.PEOPLE)
    said = message(world, shown)
    tell(NoticeKind.MENTIONED, said, world["fr_leader"], world["nl_leader"])
    for _ in range(home.FEW + 1):
        tell(NoticeKind.MENTIONED, message(world, hidden), world["fr_leader"], world["nl_leader"])
    assert [each.notice.object_id for each in home.home(world["fr_leader"]).mentions] == [said.id]
    assert news.unread_notices(world["fr_leader"]) == 1
    service.read(world["fr_leader"], reading.shown(world["fr_leader"])[0].notice)
    assert news.unread_notices(world["fr_leader"]) == 0
    for _ in range(home.FEW):
        tell(NoticeKind.MENTIONED, message(world, shown), world["fr_leader"], world["nl_leader"])
    assert home.home(world["fr_leader"]).more_mentions == 0
