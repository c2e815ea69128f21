"""How fast one person may act: more than a human does is refused, so that no script drowns the others."""

import time
import uuid
from collections import defaultdict, deque

from jit_portal.errors import TooFast
from jit_portal.wording import gettext


class Pace:
    """At most ``most`` acts of one person in ``seconds``, counted in this process."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self.seconds = seconds
        self._acts: defaultdict[uuid.UUID, deque[float]] = defaultdict(deque)

    def allows(self, user_id: uuid.UUID) -> bool:
        """Whether one more is within the pace; if so, it is counted."""
        now = time.monotonic()
        acts = self._acts[user_id]
        while acts and acts[0] <= now - self.seconds:
            acts.popleft()
        if len(acts) >= self.most:
            return False
        acts.append(now)
        return True

    def keep(self, user_id: uuid.UUID) -> None:
        """Count one more; TooFast when it is beyond the pace."""
        if not self.allows(user_id):
            raise TooFast(gettext("That is very much at once. Wait a few seconds, then try again."))
