"""The pages of chat: they work without scripts, and show each only what is theirs."""

import uuid

import pytest

from jit_portal.errors import NotAllowed
from jit_portal.messages import channels, reading, service, showing
from jit_portal.messages.channels import ChannelWish
from jit_portal.messages.models import Channel
from jit_portal.messages.sockets import POSTS
from jit_portal.vocabulary import Audience
from tests import factories
from tests.chat import Browse, channel, say, world
from tests.factories import World

FIXTURES = (channel, world)
"""They are asked for by name."""


def token_in(page: str) -> str:
    return page.split('name="csrf-token" content="')[1].split('"')[0]


def test_a_channel_works_without_javascript(browse: Browse, world: World, channel: Channel) -> None:
    client = browse(world["fr_leader"])
    page = client.get(f"/channels/{channel.id}").text
    token = str(uuid.uuid4())
    sent = {"csrf_token": token_in(page), "token": token, "text": "By form <b>&"}
    answer = client.post(f"/channels/{channel.id}/messages", data=sent)
    assert (answer.status_code, answer.location) == (303, f"/channels/{channel.id}#message-1")
    assert client.post(f"/channels/{channel.id}/messages", data=sent).status_code == 303
    page = browse(world["nl_member"]).get(f"/channels/{channel.id}").text
    assert page.count("By form &lt;b&gt;&amp;") == 1
    (message,) = reading.newest(world["fr_leader"], channel)
    edit = {"csrf_token": sent["csrf_token"], "text": "Otherwise", "edition": "1"}
    assert client.post(f"/messages/{message.id}/edit", data=edit).status_code == 303
    stale = client.post(f"/messages/{message.id}/edit", data=edit | {"text": "Stale"})
    assert stale.status_code == 409
    assert "Stale" in stale.text
    history = client.get(f"/messages/{message.id}/edit").text
    assert "By form" in history
    assert client.post(f"/messages/{message.id}/withdraw", data=edit).status_code == 303
    page = browse(world["nl_member"]).get(f"/channels/{channel.id}").text
    assert "Withdrawn by its author." in page
    assert "Otherwise" not in page


@pytest.mark.parametrize("sent", [{}, {"text": "", "edition": "1"}, {"text": "Mine", "edition": "x"}, {"text": "Mine"}])
def test_what_was_said_before_is_for_its_author_alone(
    browse: Browse, world: World, channel: Channel, sent: dict[str, str]
) -> None:
    edited, withdrawn = (say(world, "fr_leader", channel, f"The raid is on {day}") for day in ("Friday", "Sunday"))
    edited = service.edit(world["fr_leader"], edited, "Never mind", 1)
    withdrawn = service.withdraw(world["fr_leader"], withdrawn)
    for name in ("fr_member", "nl_leader"):
        client = browse(world[name])
        token = token_in(client.get(f"/channels/{channel.id}").text)
        for message in (edited, withdrawn):
            answer = client.post(f"/messages/{message.id}/edit", data={"csrf_token": token, **sent})
            assert answer.status_code == 403
            assert "The raid" not in answer.text
            assert client.get(f"/messages/{message.id}/edit").status_code == 403
            with pytest.raises(NotAllowed):
                showing.history_of(world[name], message)
    author = browse(world["fr_leader"])
    token = token_in(author.get(f"/channels/{channel.id}").text)
    answer = author.post(f"/messages/{edited.id}/edit", data={"csrf_token": token, **sent})
    assert answer.status_code == 422
    assert "The raid is on Friday" in answer.text


def test_a_refused_message_stays_in_the_form(browse: Browse, world: World, channel: Channel) -> None:
    client = browse(world["fr_leader"])
    token = token_in(client.get(f"/channels/{channel.id}").text)
    text = "long " * 2001
    answer = client.post(
        f"/channels/{channel.id}/messages", data={"csrf_token": token, "token": str(uuid.uuid4()), "text": text}
    )
    assert answer.status_code == 422
    assert text.strip() in answer.text
    assert "10,000" in answer.text


def test_who_says_too_much_at_once_is_told_so_and_keeps_the_text(
    browse: Browse, world: World, channel: Channel
) -> None:
    client = browse(world["fr_leader"])
    sent = {"csrf_token": token_in(client.get(f"/channels/{channel.id}").text), "text": "Once more"}
    for _ in range(POSTS.most):
        assert POSTS.allows(world["fr_leader"].id)
    answer = client.post(f"/channels/{channel.id}/messages", data=sent | {"token": str(uuid.uuid4())})
    assert answer.status_code == 429
    assert "Once more" in answer.text
    assert "Wait a few seconds" in answer.text


def test_pages_of_others_are_missing(browse: Browse, world: World) -> None:
    wish = ChannelWish("Hidden", audience=Audience.PEOPLE, user_ids=frozenset({world["nl_leader"].id}))
    hidden = channels.open_channel(world["fr_leader"], world.workspace, wish)
    message = say(world, "fr_leader", hidden, "Secret")
    stranger = factories.world("Kestrel", ("ro",))["ro_leader"]
    for person in (world["fr_member"], world["eu_participant"], stranger):
        client = browse(person)
        for address in (
            f"/channels/{hidden.id}",
            f"/channels/{hidden.id}/messages",
            f"/channels/{hidden.id}/suggestions?q=@",
            f"/messages/{message.id}",
            f"/messages/{message.id}/edit",
            f"/messages/{message.id}/source",
        ):
            answer = client.get(address)
            assert answer.status_code == 404, address
            assert "Secret" not in answer.text
    lists = browse(world["fr_member"]).get(f"/workspaces/{world.workspace.id}/chat").text
    assert "Hidden" not in lists
    assert browse(stranger).get(f"/workspaces/{world.workspace.id}/chat").status_code == 404


def test_only_the_author_reads_the_source_and_history(browse: Browse, world: World, channel: Channel) -> None:
    message = say(world, "fr_leader", channel, "Mine")
    assert browse(world["fr_leader"]).get(f"/messages/{message.id}/source").json == {"text": "Mine", "edition": 1}
    for part in ("source", "edit"):
        assert browse(world["nl_leader"]).get(f"/messages/{message.id}/{part}").status_code == 403


def test_suggestions_are_people_who_hear_and_exhibits_one_sees(browse: Browse, world: World) -> None:
    wish = ChannelWish("Two", audience=Audience.PEOPLE, user_ids=frozenset({world["nl_leader"].id}))
    opened = channels.open_channel(world["fr_leader"], world.workspace, wish)
    exhibit = factories.exhibit(world, "fr", "Carrier ledger")
    french, dutch = browse(world["fr_leader"]), browse(world["nl_leader"])
    people = french.get(f"/channels/{opened.id}/suggestions?q=@l").text
    assert "@Nl_Leader" in people
    assert "Fr_Member" not in people
    assert exhibit.reference in french.get(f"/channels/{opened.id}/suggestions?q=%23carrier").text
    assert exhibit.reference not in dutch.get(f"/channels/{opened.id}/suggestions?q=%23").text


def test_a_channel_is_opened_by_form(browse: Browse, world: World) -> None:
    client = browse(world["fr_leader"])
    address = f"/workspaces/{world.workspace.id}/channels"
    page = client.get(f"{address}/new").text
    typed = {"csrf_token": token_in(page), "name": "Case strategy", "audience": "parties", "purpose": ""}
    refused = client.post(address, data=typed)
    assert refused.status_code == 422
    assert "Choose the parties" in refused.text
    answer = client.post(address, data=typed | {"party_ids": str(world.parties["nl"].id)})
    assert answer.status_code == 303
    assert "Case strategy" in browse(world["nl_member"]).get(answer.location).text
    assert browse(world["eu_participant"]).get(f"{address}/new").status_code == 403


def test_an_empty_workspace_teaches(browse: Browse, world: World) -> None:
    page = browse(world["fr_leader"]).get(f"/workspaces/{world.workspace.id}/chat").text
    assert "Open a channel" in page
