"""Who opens a channel, who hears it, and for whom it does not exist."""

import threading
import uuid

import pytest
from flask import Flask

from jit_portal import policy
from jit_portal.database import session
from jit_portal.errors import Invalid, NotAllowed, NotFound
from jit_portal.identity.models import User
from jit_portal.messages import channels, reading, references, service
from jit_portal.messages.channels import ChannelWish
from jit_portal.messages.models import Channel, Message
from jit_portal.messages.words import channel_name
from jit_portal.vocabulary import Audience, Role
from jit_portal.workspaces.models import Workspace
from tests import factories
from tests.chat import channel, ledger, say, seen_by, world
from tests.factories import World

FIXTURES = (channel, world)
"""They are asked for by name."""


def test_after_the_agreement_one_reads_and_withdraws_and_says_nothing(world: World, channel: Channel) -> None:
    message = say(world, "fr_leader", channel, "While it lasts")
    factories.end_agreement(world)
    with pytest.raises(NotAllowed, match="No agreement is in force"):
        say(world, "fr_leader", channel, "Too late")
    with pytest.raises(NotAllowed, match="No agreement is in force"):
        service.edit(world["fr_leader"], message, "Otherwise", 1)
    assert "While it lasts" in seen_by(world, "nl_member", message)
    assert service.read_until(world["nl_member"], channel, 1) == 1
    assert service.withdraw(world["fr_leader"], message).withdrawn_at


@pytest.mark.parametrize("role", [Role.EXPERT, Role.SECRETARIAT, Role.AUDITOR, Role.PARTICIPANT])
def test_everyone_means_leaders_and_members(world: World, channel: Channel, role: Role) -> None:
    someone = world.join(f"fr_{role}", "fr", role)
    session().commit()
    assert reading.channels(someone, world.workspace) == []
    with pytest.raises(NotFound):
        service.post(someone, channel, "Hello", uuid.uuid4())


def test_a_member_of_another_jit_finds_nothing(world: World, channel: Channel) -> None:
    message = say(world, "fr_leader", channel, "Ours")
    stranger = factories.world("Kestrel", ("ro",))["ro_leader"]
    for model, id in ((Channel, channel.id), (Message, message.id)):
        with pytest.raises(NotFound):
            policy.fetch(stranger, model, id)
    for act in (
        lambda: service.post(stranger, channel, "Hello", uuid.uuid4()),
        lambda: service.edit(stranger, message, "Mine", 1),
        lambda: service.withdraw(stranger, message),
        lambda: service.read_until(stranger, channel, 1),
    ):
        with pytest.raises(NotFound):
            act()


def test_an_ended_membership_hears_nothing(world: World, channel: Channel) -> None:
    factories.end_membership(world, "nl_member")
    assert world["nl_member"].id not in {id for id, _ in references.hearers(channel)}
    with pytest.raises(NotFound):
        say(world, "nl_member", channel, "Still here?")


def test_a_restricted_channel_does_not_exist_for_others(world: World) -> None:
    wish = ChannelWish("Arrests", audience=Audience.PEOPLE, user_ids=frozenset({world["nl_leader"].id}))
    hidden = channels.open_channel(world["fr_leader"], world.workspace, wish)
    say(world, "fr_leader", hidden, "Friday")
    assert {name for _, name in references.hearers(hidden)} == {"Fr_Leader", "Nl_Leader"}
    assert [channel_name(line.channel) for line in reading.channels(world["nl_leader"], world.workspace)] == ["Arrests"]
    assert reading.channels(world["fr_member"], world.workspace) == []
    with pytest.raises(NotFound):
        policy.fetch(world["fr_member"], Channel, hidden.id)
    # Its name is not taken for those who do not hear it, and is for those who do.
    assert channels.open_channel(world["fr_member"], world.workspace, ChannelWish("Arrests")).own_name == "Arrests"
    with pytest.raises(Invalid, match="already"):
        channels.open_channel(world["nl_leader"], world.workspace, ChannelWish("arrests "))


def test_a_channel_of_parties_is_heard_by_their_people(world: World) -> None:
    wish = ChannelWish("With Eurojust", audience=Audience.PARTIES, party_ids=frozenset({world.parties["eu"].id}))
    opened = channels.open_channel(world["fr_member"], world.workspace, wish)
    assert {name for _, name in references.hearers(opened)} == {"Fr_Leader", "Fr_Member", "Eu_Participant"}
    (entry,) = ledger(world, "channel.opened")
    assert "Eurojust" not in entry.details + entry.reference


@pytest.mark.parametrize(
    "wish",
    [
        ChannelWish(""),
        ChannelWish("#\n "),
        ChannelWish("x" * 61),
        ChannelWish("Parties", audience=Audience.PARTIES),
        ChannelWish("Unknown", audience=Audience.PARTIES, party_ids=frozenset({uuid.uuid4()})),
        ChannelWish("People", audience=Audience.PEOPLE),
        ChannelWish("Unknown", audience=Audience.PEOPLE, user_ids=frozenset({uuid.uuid4()})),
    ],
)
def test_a_senseless_channel_is_refused(world: World, wish: ChannelWish) -> None:
    with pytest.raises(Invalid):
        channels.open_channel(world["fr_leader"], world.workspace, wish)


def test_two_at_once_open_one_channel_of_a_name(app: Flask, world: World) -> None:
    ids, outcomes = [world[name].id for name in ("fr_leader", "nl_leader")], []
    together = threading.Barrier(len(ids))

    def open_one(user_id: uuid.UUID) -> None:
        with app.test_request_context():
            person = session().get(User, user_id)
            assert person is not None
            workspace = policy.fetch(person, Workspace, world.workspace.id)
            together.wait()
            try:
                channels.open_channel(person, workspace, ChannelWish("Arrests"))
                outcomes.append("open")
            except Invalid as refusal:
                outcomes.append(refusal.reason)
            session.remove()

    for round in range(5):
        threads = [threading.Thread(target=open_one, args=[id]) for id in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes.count("open") == 1, round
    assert set(outcomes) == {"open", "There is a channel of this name already."}
    assert [channel_name(line.channel) for line in reading.channels(world["fr_member"], world.workspace)] == ["Arrests"]


def test_people_of_another_jit_cannot_be_put_into_a_channel(world: World) -> None:
    other = factories.world("Kestrel", ("ro",))
    for wish in (
        ChannelWish("A", audience=Audience.PEOPLE, user_ids=frozenset({other["ro_leader"].id})),
        ChannelWish("B", audience=Audience.PARTIES, party_ids=frozenset({other.parties["ro"].id})),
    ):
        with pytest.raises(Invalid, match="not in this joint investigation team"):
            channels.open_channel(world["fr_leader"], world.workspace, wish)


def test_only_investigators_open_channels_and_only_under_an_agreement(world: World) -> None:
    with pytest.raises(NotAllowed):
        channels.open_channel(world["eu_participant"], world.workspace, ChannelWish("Mine"))
    factories.end_agreement(world)
    with pytest.raises(NotAllowed):
        channels.open_channel(world["fr_leader"], world.workspace, ChannelWish("Late"))
