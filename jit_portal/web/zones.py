"""From the reader's clock to the database's, and the hour that a clock change leaves out."""

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from jit_portal.errors import Invalid
from jit_portal.wording import gettext


@cache
def choices() -> list[str]:
    """The time zones that somebody can choose: each by the name of a place, and UTC."""
    return [*sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")), "UTC"]


def to_utc(local: dt.datetime | None, zone: str, field: str | None = None) -> dt.datetime | None:
    """What the reader's clock in ``zone`` showed, as a moment; Invalid for a time that the clocks left out, or that no
    calendar holds.

    A time that happens twice means the first.
    """
    if local is None:
        return None
    try:
        moment = local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(dt.UTC)
        shown_again = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    except OverflowError as error:
        raise Invalid(
            gettext("The portal's calendar does not reach that far. Choose another time."), field=field
        ) from error
    if shown_again != local:
        raise Invalid(gettext("The clocks change that night: this time does not exist. Choose another."), field=field)
    return moment
