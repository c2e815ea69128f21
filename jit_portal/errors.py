"""The ways a wish can fail; how a page or a socket phrases them is theirs to say."""

from collections.abc import Iterator
from contextlib import contextmanager


class Refusal(Exception):
    """An act that does not happen; ``status`` is the HTTP status, ``reason`` is in the reader's words.

    ``thing`` is what it was to be done to, where the person sees it: on its record the refusal goes.
    """

    status = 409

    def __init__(
        self, reason: str = "", *, may: str = "", noun: str = "", object_id: object = None, thing: object = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may = may
        self.noun = noun
        self.object_id = object_id
        self.thing = thing


class NotFound(Refusal):
    """The thing is missing, or the person may not know that it exists: nobody can tell which."""

    status = 404


class NotAllowed(Refusal):
    """The person sees the thing but may not do this to it."""

    status = 403


class StepUpNeeded(Refusal):
    """The person may, but must first prove anew that it is she: the act waits until then."""

    status = 403


class Refused(Refusal):
    """The person may, but a rule, the thing or its history does not allow it now; ``field`` names what was chosen,
    where one choice is to blame.
    """

    def __init__(self, reason: str = "", *, field: str | None = None, thing: object = None) -> None:
        super().__init__(reason, thing=thing)
        self.field = field


class Invalid(Refusal):
    """What was typed does not make sense; ``field`` names where, when one field is to blame."""

    status = 422

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(reason)
        self.field = field


class TooFast(Refusal):
    """The person asks more at once than the portal does for one; in a moment it can be asked again."""

    status = 429


class StoreUnavailable(Refusal):
    """The object store does not answer; the act can be tried again."""

    status = 503


@contextmanager
def about(thing: object) -> Iterator[None]:
    """What is refused within is refused about ``thing``, which the person sees, unless the refusal names another."""
    try:
        yield
    except Refusal as refusal:
        refusal.thing = refusal.thing or thing
        raise
