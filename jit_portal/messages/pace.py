"""How fast one person may speak: more than a human says is refused, so that no script drowns a channel."""

import time
import uuid
from collections import defaultdict, deque


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
