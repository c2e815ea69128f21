"""One statement that says something: it counts the channel up, keeps the message and moves its author's mark.

One statement, because the channel's row is held from here to the commit, and everybody who speaks waits for it.
"""

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import make_transient_to_detached

from jit_portal.database import Model, session
from jit_portal.messages.models import Channel, Message, ReadMark

_tables = [Model.metadata.tables[model.__tablename__] for model in (Channel, Message, ReadMark)]
_channel, _message, _mark = (table.c for table in _tables)
_GIVEN = ("id", "channel_id", "author_id", "party_id", "text", "token", "edition")

_counted = (
    update(_tables[0])
    .where(_channel.id == bindparam("said_channel_id", type_=_message.channel_id.type))
    .values(message_count=_channel.message_count + 1, last_message_at=func.clock_timestamp())
    .returning(_channel.message_count.label("number"))
    .cte("counted")
)
_said = (
    insert(_tables[1])
    .from_select(
        [*_GIVEN, "number"],
        select(*(bindparam(f"said_{name}", type_=_message[name].type) for name in _GIVEN), _counted.c.number),
        include_defaults=False,
    )
    .returning(_message.number, _message.created_at)
    .cte("said")
)
_reading = insert(_tables[2]).from_select(
    ["channel_id", "user_id", "number"],
    select(
        bindparam("said_channel_id", type_=_message.channel_id.type),
        bindparam("said_author_id", type_=_message.author_id.type),
        _counted.c.number,
    ),
    include_defaults=False,
)
_marked = (
    _reading.on_conflict_do_update(
        index_elements=["channel_id", "user_id"], set_={"number": func.greatest(_mark.number, _reading.excluded.number)}
    )
    .returning(_mark.number)
    .cte("marked")
)
_SAY = select(_said.c.number, _said.c.created_at).add_cte(_marked).execution_options(policy=True)


def say(message: Message) -> None:
    """Keep a new message under its channel's next number; IntegrityError when its token was used before."""
    given = {f"said_{name}": getattr(message, name) for name in _GIVEN}
    message.number, message.created_at = session().execute(_SAY, given).one()
    make_transient_to_detached(message)
    session().add(message)
