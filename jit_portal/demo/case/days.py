"""The days of the demo case, which was written for one date, as they are when it is loaded on another."""

import datetime as dt
from dataclasses import replace

from jit_portal.demo.case.exhibits import DemoExhibit, DemoRule
from jit_portal.demo.case.shapes import DemoJit

WRITTEN_FOR = dt.date(2026, 11, 23)
HOLDS_FOR = dt.timedelta(weeks=10)
"""So long the days stand as they are written; later, or earlier, they move by whole weeks with the day of loading."""


def shift(today: dt.date) -> dt.timedelta:
    """How far the days of the case move when it is loaded today."""
    passed = today - WRITTEN_FOR
    return dt.timedelta() if dt.timedelta() <= passed <= HOLDS_FOR else dt.timedelta(weeks=passed.days // 7)


def of_jit(jit: DemoJit, by: dt.timedelta) -> DemoJit:
    """The JIT with its agreement's days moved."""
    return replace(
        jit,
        starts_on=jit.starts_on + by,
        ends_on=jit.ends_on + by,
        signed_on=tuple((code, day + by) for code, day in jit.signed_on),
        members=tuple(replace(one, until=one.until and one.until + by) for one in jit.members),
    )


def of_exhibit(exhibit: DemoExhibit, by: dt.timedelta) -> DemoExhibit:
    """The exhibit, seized on another day."""
    return replace(exhibit, seized_on=exhibit.seized_on + by)


def of_rule(rule: DemoRule, by: dt.timedelta) -> DemoRule:
    """The rule, over another span of days."""
    return replace(
        rule,
        seized_from=rule.seized_from and rule.seized_from + by,
        seized_until=rule.seized_until and rule.seized_until + by,
    )
