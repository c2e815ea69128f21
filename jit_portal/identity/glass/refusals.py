"""How the glass is not broken: why goes on record, and whoever tried learns no more than that it was refused."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError

from jit_portal.audit import service as audit
from jit_portal.errors import NotAllowed
from jit_portal.identity import answers
from jit_portal.identity.answers import Unsound
from jit_portal.wording import gettext


def refused(why: str, person_id: uuid.UUID | None = None) -> NotAllowed:
    """Which account it is, where that is known, is for the record too."""
    reasons = {
        "challenge": gettext("This took too long, was answered before, or began in another browser. Begin again."),
        "known": gettext("This key is enrolled already. Use the other one."),
        "synced": gettext("This key can be copied between devices. Use a hardware key."),
        "same_key": gettext("That was the first key again. Begin again, with both."),
    }
    said = reasons.get(why, gettext("The portal could not verify this key. Nothing was opened."))
    return NotAllowed(said, may=why, noun="glass_account", object_id=person_id)


@contextmanager
def on_record(act: str, person_id: uuid.UUID | None = None) -> Iterator[None]:
    """What is refused within is on the portal's record, whoever tried."""
    try:
        try:
            yield
        except Unsound as error:
            raise refused("unsound", person_id) from error
        except IntegrityError as error:
            raise (refused("known", person_id) if answers.is_known(error) else error) from error
    except NotAllowed as refusal:
        audit.refused(None, act, None, refusal)
        raise
