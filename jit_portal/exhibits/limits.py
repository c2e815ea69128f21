"""How far somebody who is entrusted may show the exhibits of their party; a leader has no such limit."""

from collections.abc import Iterator
from contextlib import contextmanager

from jit_portal import policy
from jit_portal.database import session
from jit_portal.errors import NotAllowed, Refused
from jit_portal.exhibits.models import Entrustment, Exhibit
from jit_portal.exhibits.words import SIGHT_WORDS
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.vocabulary import May, Sight
from jit_portal.wording import gettext

_BEYOND = {Sight.SEE: May.READ, Sight.READ: May.DOWNLOAD, Sight.DOWNLOAD: May.USE}


def limit_of(actor: User, exhibit: Exhibit) -> Entrustment | None:
    """The entrustment through which she releases it; None for a leader, and NotAllowed for whoever may not at all."""
    if policy.may(actor, May.ENTRUST, exhibit.seizing_party):
        return None
    mine = policy.which(actor, Entrustment, May.RELEASE).where(Entrustment.party_id == exhibit.party_id)
    held = session().scalar(mine)
    if held is None:
        raise NotAllowed(may=May.RELEASE, noun=policy.noun(Exhibit), object_id=exhibit.id, thing=exhibit)
    return held


def leaders(party: Party) -> list[User]:
    """Who leads the party and may act for it now, by name."""
    return sorted(session().scalars(policy.who(party, May.ENTRUST)).unique(), key=lambda person: person.name)


def refuse_further(actor: User, exhibit: Exhibit, sight: Sight) -> None:
    """Go on only if she may show the exhibit this far; the refusal names who could."""
    held = limit_of(actor, exhibit)
    if held is not None and sight > held.sight:
        raise NotAllowed(
            gettext(
                "You are entrusted with releases up to “%(sight)s”. Who could go further: %(names)s.",
                sight=SIGHT_WORDS[Sight(held.sight)],
                names=_names(leaders(held.party)),
            ),
            may=May.RELEASE,
            noun=policy.noun(Exhibit),
            object_id=exhibit.id,
            thing=exhibit,
        )


@contextmanager
def no_further(actor: User, exhibit: Exhibit) -> Iterator[None]:
    """Inside the block sight may move; Refused at its end if somebody then sees more than she may show."""
    held = limit_of(actor, exhibit)
    may = _BEYOND.get(Sight(held.sight)) if held is not None else None
    before = _who(exhibit, may) if may else set()
    yield
    gained = _who(exhibit, may) - before if may else set()
    if held is not None and gained:
        raise Refused(
            gettext(
                "Classified like this, %(people)s would see it further than “%(sight)s”, up to which you are "
                "entrusted. Who could do it: %(names)s.",
                people=_names(sorted(gained, key=lambda person: person.name)),
                sight=SIGHT_WORDS[Sight(held.sight)],
                names=_names(leaders(held.party)),
            )
        )


def _who(exhibit: Exhibit, may: May) -> set[User]:
    return set(session().scalars(policy.who(exhibit, may)).unique())


def _names(people: list[User]) -> str:
    return ", ".join(person.name for person in people[:5])
