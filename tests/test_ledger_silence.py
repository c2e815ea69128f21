"""The record, and what is said aloud of it, are silent about content."""

import json
import uuid

import psycopg
import sqlalchemy as sa

from jit_portal.audit import service as audit
from jit_portal.audit.models import LedgerEntry
from jit_portal.custody import service as custody
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import APP, Postgres
from jit_portal.exhibits import releasing, rules
from jit_portal.exhibits import service as exhibits
from jit_portal.exhibits.descriptions import read
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.messages import channels
from jit_portal.messages import service as messages
from jit_portal.messages.channels import ChannelWish
from jit_portal.tasks import assigning, boards
from jit_portal.tasks import service as tasks
from jit_portal.vocabulary import Audience, Purpose, Role, Sight
from jit_portal.workspaces import service as workspaces
from tests import factories
from tests.factories import World
from tests.ledger import entries, heard, world

FIXTURES = (world,)
"""They are asked for by name."""

SECRET = "Kingfisher"


def test_no_word_that_anybody_typed_is_on_record(world: World, cluster: Postgres) -> None:
    """Verbs of every package with one word in each text; the record has the acts and not the word."""
    with psycopg.connect(cluster.url(APP), autocommit=True) as connection:
        connection.execute(f"LISTEN {audit.CHANNEL}")
        on_exhibits(world)
        in_channels(world)
        on_boards(world)
        among_people(world)
        told = heard(connection)
    written = entries()
    assert {entry.act.split(".")[0] for entry in written} >= {
        "exhibit",
        "country_rule",
        "channel",
        "message",
        "board",
        "task",
        "membership",
    }
    assert len({entry.act for entry in written}) > 20
    for entry in written:
        said = " ".join(str(getattr(entry, column.key)) for column in sa.inspect(LedgerEntry).columns)
        assert SECRET.casefold() not in said.casefold(), entry.act
        assert entry.actor_id is None or entry.actor_country
        for name, value in json.loads(entry.details).items():
            assert is_id_number_or_word(value), f"{entry.act}: {name} = {value!r}"
    assert told
    assert SECRET.casefold() not in json.dumps(told).casefold()


def is_id_number_or_word(value: object) -> bool:
    """Nothing that could be a sentence: text has no blanks and is no longer than a hash."""
    if isinstance(value, list):
        return all(is_id_number_or_word(each) for each in value)
    if isinstance(value, str):
        return len(value) <= 64 and (" " not in value or value[:4].isdigit())
    return value is None or isinstance(value, bool | int)


def on_exhibits(world: World) -> None:
    leader = world["fr_leader"]
    exhibit = factories.exhibit(world, title=SECRET, by=leader)
    with transaction():
        custody.receive(leader, exhibit)
    exhibits.describe(leader, exhibit, f"{SECRET} 2", SECRET, SECRET, exhibit.edition)
    said = read({"title": SECRET, "kind": "image", "handling": "H0", "tags": SECRET, "unclassified": "yes"})
    session().refresh(exhibit)
    exhibits.reclassify(leader, exhibit, said, exhibit.edition)
    to = f"party:{world.parties['nl'].id}"
    release = releasing.release(leader, exhibit, to, Sight.READ, Purpose.JIT_PURPOSE, conditions=SECRET)
    custody.hand_over(leader, exhibit, world["fr_member"].id, SECRET)
    custody.decline(world["fr_member"], exhibit, SECRET)
    releasing.withdraw(leader, release, SECRET)
    described = RuleDescription(is_forbid=True, to=to, sight=Sight.READ, tag=SECRET.lower(), note=SECRET)
    rules.close_rule(leader, rules.set_rule(leader, world.workspace, world.parties["fr"], described))


def in_channels(world: World) -> None:
    leader = world["fr_leader"]
    channel = channels.open_channel(leader, world.workspace, ChannelWish(name=SECRET, purpose=SECRET))
    message = messages.post(leader, channel, f"{SECRET} @{world['nl_leader'].name}", uuid.uuid4())
    message = messages.edit(leader, message, f"{SECRET} {SECRET}", message.edition)
    messages.withdraw(leader, message)


def on_boards(world: World) -> None:
    leader, other = world["fr_leader"], world["nl_leader"]
    board = boards.open_board(leader, world.workspace.id, SECRET, "KFR", Audience.EVERYONE)
    todo, doing, *_ = (column.id for column in session().merge(board).columns)
    task = tasks.create_task(leader, board.id, todo, SECRET, SECRET)
    task = tasks.edit_task(leader, task.id, task.edition, title=f"{SECRET} 2", description=SECRET, due_on=None)
    task = tasks.move_task(leader, task.id, task.edition, doing)
    task = assigning.ask(leader, task.id, task.edition, world.parties["nl"].id, SECRET)
    task = assigning.decline(other, task.id, task.edition, SECRET)
    task = assigning.assign(leader, task.id, task.edition, world["fr_member"].id)
    task = assigning.give_back(leader, task.id, task.edition)
    assigning.take(leader, task.id)
    tasks.delete(leader, task.id)


def among_people(world: World) -> None:
    leader = world["fr_leader"]
    with transaction():
        person = factories.user(world.providers["fr"], "New Person")
    member = workspaces.enrol(leader, world.workspace, person, world.parties["fr"], Role.EXPERT, purpose=SECRET)
    workspaces.end(leader, member, SECRET)
    workspaces.invite(leader, world.workspace, person.authority, SECRET, Role.MEMBER)
