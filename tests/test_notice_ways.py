"""How notices reach their reader: as she chose by topic, and the rest as they must."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jit_portal.database import Thing, session, transaction
from jit_portal.identity.models import User
from jit_portal.messages.models import Message
from jit_portal.notices import reading, service
from jit_portal.notices.models import Notice
from jit_portal.notices.topics import KINDS, popping_up, topic_of
from jit_portal.vocabulary import NoticeKind, NoticeTopic, NoticeWay
from jit_portal.web import home, news
from tests import factories
from tests.drafting import submit
from tests.factories import World
from tests.news import message
from tests.signing_in import ledger

Browse = Callable[[User], FlaskClient]
POP_UP, COUNT, LIST = (each.value for each in (NoticeWay.POP_UP, NoticeWay.COUNT, NoticeWay.LIST))


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    with app.test_request_context():
        yield factories.world()


@pytest.fixture
def said(world: World) -> Message:
    return message(world, factories.channel(world))


def tell(world: World, kind: NoticeKind, thing: Thing, *names: str) -> None:
    with transaction():
        service.tell(kind, thing, [world[name].id for name in names], world["nl_leader"])


def choose(world: World, name: str, way: NoticeWay, *topics: NoticeTopic) -> User:
    someone = session().merge(world[name])
    service.choose(someone, dict.fromkeys(topics or NoticeTopic, way))
    return someone


def fragment(client: FlaskClient) -> str:
    answer = client.get("/notices/arrived")
    assert answer.status_code == 200
    return answer.text


def test_what_is_only_listed_is_counted_nowhere(world: World, said: Message, browse: Browse) -> None:
    reader, other = choose(world, "fr_leader", NoticeWay.LIST, NoticeTopic.MENTIONS), world["fr_member"]
    tell(world, NoticeKind.MENTIONED, said, "fr_leader", "fr_member")
    assert [len(reading.shown(each)) for each in (reader, other)] == [1, 1]
    assert [news.unread_notices(each) for each in (reader, other)] == [0, 1]
    assert [len(home.home(each).mentions) for each in (reader, other)] == [0, 1]
    assert "is-unread" not in browse(reader).get("/notices").text


def test_a_choice_is_for_its_topic_and_for_what_comes(world: World, said: Message) -> None:
    shown = factories.exhibit(world)
    tell(world, NoticeKind.MENTIONED, said, "fr_leader")
    choose(world, "fr_leader", NoticeWay.LIST, NoticeTopic.MENTIONS)
    assert news.unread_notices(world["fr_leader"]) == 1
    tell(world, NoticeKind.RELEASED, shown, "fr_leader")
    assert news.unread_notices(world["fr_leader"]) == 2
    choose(world, "fr_leader", NoticeWay.LIST, NoticeTopic.EVIDENCE)
    tell(world, NoticeKind.HANDED_OVER, shown, "fr_leader")
    tell(world, NoticeKind.MENTIONED, said, "fr_leader")
    assert news.unread_notices(world["fr_leader"]) == 2


@pytest.mark.parametrize("kind", sorted(set(NoticeKind) - set().union(*KINDS.values())))
def test_nobody_can_choose_not_to_count_what_guards_her_account(world: World, kind: NoticeKind) -> None:
    assert topic_of(kind) is None
    assert kind not in popping_up(choose(world, "fr_leader", NoticeWay.LIST))
    tell(world, kind, session().merge(world.members["fr_leader"]), "fr_leader")
    assert session().query(Notice).execution_options(policy=True).one().read_at is None


def test_every_topic_is_chosen_on_the_account_page(world: World, browse: Browse) -> None:
    client = browse(world["fr_leader"])
    assert [chosen(client, topic) for topic in NoticeTopic] == [COUNT, COUNT, COUNT]
    wish = {"mentions": POP_UP, "tasks": COUNT, "evidence": LIST}
    answer = submit(client, "/account", "/account/notices", wish)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account#notices")
    assert {topic.value: chosen(client, topic) for topic in NoticeTopic} == wish
    assert chosen(browse(world["fr_member"]), NoticeTopic.EVIDENCE) == COUNT
    assert ledger("user.notices_chosen") == [wish]


def chosen(client: FlaskClient, topic: NoticeTopic) -> str:
    page = client.get("/account").text
    select = page[page.index(f'<select id="{topic}"') :]
    (value,) = re.findall(r'<option selected value="(\w+)"', select[: select.index("</select>")])
    return str(value)


@pytest.mark.parametrize("way", ["", "shout"])
def test_a_way_that_does_not_exist_is_refused(world: World, browse: Browse, way: str) -> None:
    client = browse(world["fr_leader"])
    answer = submit(client, "/account", "/account/notices", {"mentions": LIST, "tasks": way, "evidence": LIST})
    assert answer.status_code == 422
    assert 'href="#tasks"' in answer.text
    assert '<option selected value="list">' in answer.text
    assert 'id="language"' in answer.text
    assert [chosen(client, topic) for topic in NoticeTopic] == [COUNT, COUNT, COUNT]
    assert ledger("user.notices_chosen") == []


def test_what_pops_up_is_new_unread_and_seen(world: World, said: Message, browse: Browse) -> None:
    reader = choose(world, "fr_leader", NoticeWay.POP_UP, NoticeTopic.MENTIONS, NoticeTopic.EVIDENCE)
    client = browse(reader)
    shown = factories.exhibit(world, "nl", "Secret ledger")
    release = factories.release(world, shown, "fr")
    tell(world, NoticeKind.MENTIONED, said, "fr_leader")
    tell(world, NoticeKind.RELEASED, shown, "fr_leader")
    tell(world, NoticeKind.INVITED, session().merge(world.members["fr_leader"]), "fr_leader")
    page = fragment(client)
    assert page.count("data-popped") == 2
    assert "Nl_Leader mentioned you in" in page
    assert f'href="/exhibits/{shown.id}"' in page
    assert '<span class="count is-hot">3<' in page
    with transaction():
        release.live_until = factories.now()
        session().merge(release)
    page = fragment(client)
    assert page.count("data-popped") == 1
    assert str(shown.id) not in page
    assert '<span class="count is-hot">2<' in page
    session().rollback()
    service.read_all(reader)
    page = fragment(client)
    assert "data-popped" not in page
    assert "count is-hot" not in page


def test_what_is_older_than_a_minute_pops_up_no_more(world: World, said: Message, browse: Browse) -> None:
    client = browse(choose(world, "fr_leader", NoticeWay.POP_UP))
    tell(world, NoticeKind.MENTIONED, said, "fr_leader")
    assert "data-popped" in fragment(client)
    with transaction():
        (notice,) = session().query(Notice).execution_options(policy=True)
        notice.created_at -= reading.JUST_NOW
    page = fragment(client)
    assert "data-popped" not in page
    assert "count is-hot" in page


def test_a_way_that_is_not_known_here_is_counting(world: World, said: Message, browse: Browse) -> None:
    """As a later version may have left it."""
    reader = session().merge(world["fr_leader"])
    with transaction():
        reader.notice_ways = {"mentions": "shout"}
    tell(world, NoticeKind.MENTIONED, said, "fr_leader")
    client = browse(reader)
    assert chosen(client, NoticeTopic.MENTIONS) == COUNT
    page = fragment(client)
    assert "count is-hot" in page
    assert "data-popped" not in page
