"""Moves what has been loaded back in time, so that the demo case has lasted for weeks.

Only what is shown moves, through the owner of the database; the ledger keeps the time at which it was really written.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import psycopg

from jit_portal.demo.case.arrivals import HAND_OVERS, UNFINISHED
from jit_portal.demo.case.filling import name_of, of_jit
from jit_portal.demo.case.shapes import DemoJit
from jit_portal.demo.case.talking import messages_of, tasks_of
from jit_portal.vocabulary import ColumnKind

LEAD = dt.timedelta(hours=3)
"""A workspace opens so long before the first word is said in it."""
SOME_TIME_AGO = dt.timedelta(minutes=40)
OPENS, CLOSES = dt.timedelta(hours=8), dt.timedelta(hours=18, minutes=20)
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """From when to when something happens in a JIT, whose people keep the office hours of a zone."""

    first: dt.datetime
    last: dt.datetime
    zone: ZoneInfo

    def at(self, part: float) -> dt.datetime:
        """The moment after this part of the span, from 0 to 1."""
        return self.first + (self.last - self.first) * part

    def worked(self, moment: dt.datetime) -> dt.datetime:
        """The moment moved into the office hours of its day, in the order in which moments come; today never ahead."""
        now = dt.datetime.now(self.zone)
        local = moment.astimezone(self.zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        ends = min(midnight + CLOSES, now - SOME_TIME_AGO / 2) if local.date() == now.date() else midnight + CLOSES
        whole = now - midnight if local.date() == now.date() else _DAY
        begins = min(midnight + OPENS, midnight + (ends - midnight) / 2)
        return begins + (ends - begins) * ((local - midnight) / whole)


def age(owner: psycopg.Connection, demo: DemoJit, jit_id: uuid.UUID, by: dt.timedelta) -> None:
    """Move one JIT and everything in it back, in the transaction that is open; what is aged already is left alone."""
    if owner.execute("SELECT 1 FROM jit WHERE id = %s AND created_at < now() - interval '1 day'", [jit_id]).fetchone():
        return
    in_force = _midnight(max([demo.starts_on, *(day for _, day in demo.signed_on)]), demo)
    ends = _midnight(demo.ends_on + _DAY, demo)
    _age_agreement(owner, demo, jit_id, in_force, ends)
    found = owner.execute("SELECT id FROM workspace WHERE jit_id = %s", [jit_id]).fetchone()
    if found:
        now = dt.datetime.now(dt.UTC)
        first = now - dt.timedelta(minutes=max(message.minutes_ago for _, message in messages_of(demo))) - LEAD
        _age_workspace(
            owner, demo, found[0], Span(first, min(now - SOME_TIME_AGO, ends - LEAD), ZoneInfo(demo.time_zone)), by
        )
    begun = min([in_force, dt.datetime.now(dt.UTC)]) - dt.timedelta(days=20)
    owner.execute("UPDATE jit SET created_at = %s WHERE id = %s", [begun, jit_id])


def _midnight(day: dt.date, demo: DemoJit) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), ZoneInfo(demo.time_zone))


def _age_agreement(
    owner: psycopg.Connection, demo: DemoJit, jit_id: uuid.UUID, in_force: dt.datetime, ends: dt.datetime
) -> None:
    owner.execute(
        """
        UPDATE agreement SET ends_on = %s, in_force_from = %s, in_force_until = %s
        WHERE jit_id = %s AND state = 'signed'
        """,
        [demo.ends_on, in_force, ends, jit_id],
    )
    owner.execute(
        """
        UPDATE agreement SET created_at = LEAST(in_force_from, created_at) - interval '19 days' WHERE jit_id = %s
        """,
        [jit_id],
    )
    owner.execute(
        """
        UPDATE agreement_party named SET recorded_at = signed_on + interval '15 hours'
        FROM agreement WHERE agreement.id = agreement_id AND jit_id = %s AND recorded_at IS NOT NULL
        """,
        [jit_id],
    )
    owner.execute("UPDATE party SET live_from = %s WHERE jit_id = %s AND live_from IS NOT NULL", [in_force, jit_id])


def _age_workspace(
    owner: psycopg.Connection, demo: DemoJit, workspace_id: uuid.UUID, span: Span, by: dt.timedelta
) -> None:
    here = [workspace_id]
    owner.execute("UPDATE workspace SET opened_at = %s WHERE id = %s", [span.first, workspace_id])
    _age_memberships(owner, demo, workspace_id, span)
    _age_exhibits(owner, demo, span, by)
    _age_custody(owner, demo, span)
    _age_releases(owner, workspace_id, span)
    _age_talk(owner, demo, workspace_id, span)
    _age_tasks(owner, demo, span)
    owner.execute("UPDATE entrustment SET live_from = %s WHERE workspace_id = %s", [span.first, workspace_id])
    owner.execute(_BOARDS, [span.first, workspace_id])
    owner.execute(_NOTICES, here)
    owner.execute("UPDATE notice SET read_at = created_at + interval '3 hours' WHERE " + _OLD, here)
    owner.execute(_VISITS, here)


_BOARDS = """
UPDATE board SET created_at = %s + (place - 1) * interval '26 hours'
FROM (SELECT id, row_number() OVER (PARTITION BY workspace_id ORDER BY created_at) AS place FROM board) ordered
WHERE ordered.id = board.id AND workspace_id = %s
"""
_OLD = "workspace_id = %s AND created_at < now() - (30 + abs(hashtext(id::text)) %% 90) * interval '1 hour'"
_NOTICES = """
UPDATE notice SET created_at = LEAST(now() - interval '20 minutes', COALESCE(
    (SELECT created_at FROM message WHERE message.id = object_id),
    (SELECT max(at) FROM task_change WHERE task_id = object_id AND act IN ('assigned', 'asked')),
    (SELECT max(at) FROM custody_event
     WHERE exhibit_id = object_id AND notice.kind = 'handed_over' AND to_id = notice.user_id),
    (SELECT max(live_from) FROM release WHERE exhibit_id = object_id AND released_by_id = notice.by_id),
    (SELECT live_from FROM membership WHERE membership.id = object_id),
    (SELECT live_from FROM entrustment WHERE entrustment.id = object_id),
    notice.created_at))
WHERE workspace_id = %s
"""
_VISITS = """
INSERT INTO vault_visit (workspace_id, user_id, visited_at)
SELECT workspace_id, user_id, now() - (20 + abs(hashtext(id::text)) %% 100) * interval '1 hour'
FROM membership WHERE workspace_id = %s
ON CONFLICT (workspace_id, user_id) DO UPDATE SET visited_at = excluded.visited_at
"""


def _age_memberships(owner: psycopg.Connection, demo: DemoJit, workspace_id: uuid.UUID, span: Span) -> None:
    owner.execute("UPDATE membership SET live_from = %s WHERE workspace_id = %s", [span.first, workspace_id])
    for one in demo.members:
        if one.until:
            owner.execute(
                """
                UPDATE membership SET live_until = %s FROM "user"
                WHERE "user".id = user_id AND subject = %s AND workspace_id = %s
                """,
                [_midnight(one.until + _DAY, demo), one.subject, workspace_id],
            )


def _age_exhibits(owner: psycopg.Connection, demo: DemoJit, span: Span, by: dt.timedelta) -> None:
    """Exhibits come in one after the other over the whole span, none before the day after its seizure."""
    written = list(of_jit(demo))
    last = span.first
    for place, exhibit in enumerate(written, 1):
        seized = _midnight(exhibit.seized_on + by, demo) + dt.timedelta(hours=26)
        last = min(max(span.at(place / (len(written) + 1)), seized, last), span.last)
        at = {"at": span.worked(last), "key": name_of(exhibit.key), "broke_off": exhibit.key in UNFINISHED}
        owner.execute(_FILE, at)
        for copies in _EXHIBIT:
            owner.execute(copies, at)


_FILE = """
UPDATE stored_file SET created_at = %(at)s,
    completed_at = CASE WHEN completed_at IS NOT NULL THEN %(at)s + interval '4 minutes' END,
    checked_at = CASE WHEN checked_at IS NOT NULL THEN %(at)s + interval '6 minutes' END,
    expires_at = CASE WHEN %(broke_off)s THEN now() + interval '1 year' ELSE expires_at END
WHERE client_key = %(key)s
"""
_IT = "(SELECT exhibit.id FROM exhibit JOIN stored_file ON stored_file.id = file_id WHERE client_key = %(key)s)"
_EXHIBIT = (
    f"UPDATE exhibit SET created_at = %(at)s WHERE id = {_IT}",
    f"UPDATE release SET exhibit_created_at = %(at)s WHERE exhibit_id = {_IT}",
    f"UPDATE exhibit_tag SET exhibit_created_at = %(at)s WHERE exhibit_id = {_IT}",
    f"UPDATE custody_event SET at = %(at)s WHERE exhibit_id = {_IT} AND step = 'received'",
)


def _age_custody(owner: psycopg.Connection, demo: DemoJit, span: Span) -> None:
    """Each hand-over on its day, each answer some hours later, none before the link that it follows."""
    keys = {exhibit.key for exhibit in of_jit(demo)}
    links = dict.fromkeys(keys, 1)
    for step in (each for each in HAND_OVERS if each.exhibit in keys):
        day = dt.datetime.now(dt.UTC) - dt.timedelta(days=step.days_ago)
        moments = [day] if step.is_accepted is None else [day, day + dt.timedelta(hours=5)]
        for at in moments:
            links[step.exhibit] += 1
            owner.execute(_LINK, {"at": span.worked(at), "key": name_of(step.exhibit), "number": links[step.exhibit]})


_LINK = f"""
UPDATE custody_event link SET at = GREATEST(%(at)s, before.at + interval '1 hour')
FROM custody_event before
WHERE link.exhibit_id = {_IT} AND link.number = %(number)s
    AND before.exhibit_id = link.exhibit_id AND before.number = link.number - 1
"""


def _age_releases(owner: psycopg.Connection, workspace_id: uuid.UUID, span: Span) -> None:
    """A release comes within some days of its exhibit, a withdrawal some days later; rules in the first week."""
    releases = "SELECT id, exhibit_created_at FROM release WHERE workspace_id = %s"
    for release_id, came_in in owner.execute(releases, [workspace_id]).fetchall():
        some_time_later = came_in + dt.timedelta(minutes=40 + release_id.int % 3600)
        moved = max(span.worked(min(some_time_later, max(span.last, came_in))), came_in)
        owner.execute("UPDATE release SET released_at = %s, live_from = %s WHERE id = %s", [moved, moved, release_id])
    owner.execute(
        """
        UPDATE release SET live_until = LEAST(live_from + interval '50 hours', now() - interval '30 minutes')
        WHERE withdrawn_by_id IS NOT NULL AND workspace_id = %(workspace)s
        """,
        {"workspace": workspace_id},
    )
    rules = "SELECT id FROM country_rule WHERE workspace_id = %s"
    for (rule_id,) in owner.execute(rules, [workspace_id]).fetchall():
        set_at = span.worked(span.first + dt.timedelta(hours=20 + rule_id.int % 160))
        owner.execute("UPDATE country_rule SET live_from = %s WHERE id = %s", [set_at, rule_id])


def _age_talk(owner: psycopg.Connection, demo: DemoJit, workspace_id: uuid.UUID, span: Span) -> None:
    now = dt.datetime.now(dt.UTC)
    for number, message in messages_of(demo):
        owner.execute(
            "UPDATE message SET created_at = %s WHERE token = %s",
            [span.worked(now - dt.timedelta(minutes=message.minutes_ago)), name_of("message", number)],
        )
    owner.execute(
        """
        UPDATE channel SET created_at = %s,
            last_message_at = (SELECT max(created_at) FROM message WHERE channel_id = channel.id)
        WHERE workspace_id = %s
        """,
        [span.first, workspace_id],
    )


def _age_tasks(owner: psycopg.Connection, demo: DemoJit, span: Span) -> None:
    """Tasks are written one after the other; what is done was done by its day, the rest was touched of late."""
    written = list(tasks_of(demo))
    for place, task in enumerate(written, 1):
        due = span.last + dt.timedelta(days=task.due_days or 0)
        created = max(min(span.at(place / (len(written) + 1)), due - dt.timedelta(days=6)), span.first)
        touched = due if task.column is ColumnKind.DONE else span.last - dt.timedelta(hours=place % 70)
        owner.execute(
            _TASK,
            {
                "created": span.worked(created),
                "touched": span.worked(max(min(touched, span.last), created)),
                "token": name_of(task.key),
            },
        )
        _age_changes(owner, name_of(task.key), span, created, max(min(touched, span.last), created))


def _age_changes(
    owner: psycopg.Connection, token: uuid.UUID, span: Span, created: dt.datetime, touched: dt.datetime
) -> None:
    """The first change of a task at its beginning, the last when it was touched, the others between them."""
    made = """
        SELECT task_id, change.edition FROM task_change change JOIN task ON task.id = task_id
        WHERE token = %s ORDER BY change.edition
    """
    changes = owner.execute(made, [token]).fetchall()
    between = Span(created, touched, span.zone)
    for place, change in enumerate(changes):
        at = span.worked(between.at(place / max(len(changes) - 1, 1)))
        owner.execute("UPDATE task_change SET at = %s WHERE task_id = %s AND edition = %s", [at, *change])


_TASK = "UPDATE task SET created_at = %(created)s, changed_at = %(touched)s WHERE token = %(token)s"
