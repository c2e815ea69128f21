"""What was said while a page was on its way: after it was made, and before it had a socket by which to be told.

A page carries the time at which its making began, by the database's clock; its first socket brings that back. What this
process has heard since is looked through for this one person, so that what she may not see stays unsaid.
"""

import math
import time
import uuid
from collections import defaultdict, deque

import psycopg

from jit_portal import policy
from jit_portal.database import Thing, session
from jit_portal.identity.models import User
from jit_portal.realtime.push import PUSHED, Said
from jit_portal.vocabulary import May

KEPT_SECONDS = 300.0
"""How long what was said is kept; a page that took longer to open its socket looks again anyway."""


class Heard:
    """What this process has heard of late, and since when it has heard everything."""

    def __init__(self) -> None:
        self._said: deque[tuple[float, Said]] = deque()
        self._all_since = math.inf
        self._ahead = 0.0

    def begin(self, connection: psycopg.Connection) -> None:
        """From now on everything is heard, for this connection listens."""
        own = time.monotonic()
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
        assert row is not None
        # The answer was on its way for a while: what is heard never seems older than it is.
        self._ahead = row[0] - own
        self._all_since = self._now()
        self._said.clear()

    def interrupt(self) -> None:
        """Something may be said now that is not heard."""
        self._all_since = math.inf

    def keep(self, said: Said) -> None:
        now = self._now()
        self._said.append((now, said))
        while self._said[0][0] < now - KEPT_SECONDS:
            self._said.popleft()

    def concerns(self, person: User, as_of: object) -> bool:
        """Whether this person was to be told of anything since then; True as well where that is not known.

        ``as_of`` are seconds of the database's clock, as the page says them.
        """
        now = self._now()
        if not isinstance(as_of, int | float) or not max(self._all_since, now - KEPT_SECONDS) <= as_of <= now:
            return True
        since = [said for at, said in self._said if at >= as_of]
        if any(person.id in said.also for said in since):
            return True
        ids: dict[type[Thing], set[uuid.UUID]] = defaultdict(set)
        for said in since:
            if said.noun in PUSHED:
                ids[PUSHED[said.noun]].add(said.id)
        return any(_sees_any(person, model, some) for model, some in ids.items())

    def _now(self) -> float:
        return time.monotonic() + self._ahead


def _sees_any(person: User, model: type[Thing], ids: set[uuid.UUID]) -> bool:
    seen = policy.which(person, model, May.SEE).where(model.id.in_(ids))
    return session().scalar(seen.with_only_columns(model.id).limit(1)) is not None


heard = Heard()
