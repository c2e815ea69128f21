"""Whose sight an act would move, from which to which: found by trying the act and taking it back."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select

from jit_portal import policy
from jit_portal.database import session
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.vocabulary import May, Sight

Sights = dict[tuple[uuid.UUID, uuid.UUID], Sight]
"""How far each person sees each exhibit, by the ids of both; what is not seen is left out."""


@dataclass(frozen=True)
class Move:
    """Somebody's sight of so many exhibits goes from one sight to another; 0 is no sight."""

    person: User
    before: int
    after: int
    exhibits: int

    @property
    def rises(self) -> bool:
        return self.after > self.before


@contextmanager
def trial() -> Iterator[None]:
    """What is done inside the block is as if it had never been, once the block ends."""
    tried = session().begin_nested()
    try:
        yield
    finally:
        tried.rollback()


def moves(before: Sights, after: Sights) -> list[Move]:
    """Everyone whose sight differs, by name, with each step that it takes and of how many exhibits."""
    steps: Counter[tuple[uuid.UUID, int, int]] = Counter()
    for pair in changed(before, after):
        steps[pair[1], int(before.get(pair, 0)), int(after.get(pair, 0))] += 1
    ids = {id for id, _, _ in steps}
    people = {each.id: each for each in session().scalars(select(User).where(User.id.in_(ids)))}
    found = [Move(people[id], was, becomes, count) for (id, was, becomes), count in steps.items()]
    return sorted(found, key=lambda move: (move.person.name, move.person.id, move.before, move.after))


def changed(before: Sights, after: Sights) -> set[tuple[uuid.UUID, uuid.UUID]]:
    return {pair for pair in before.keys() | after.keys() if before.get(pair) != after.get(pair)}


def who_see_further(before: Sights, after: Sights) -> set[uuid.UUID]:
    """The people whose sight of any of the exhibits rises."""
    return {pair[1] for pair, sight in after.items() if sight > before.get(pair, 0)}


def sights(exhibits: Iterable[uuid.UUID], people: Iterable[uuid.UUID] | None = None) -> Sights:
    """How far these people, or all there are, see each of these exhibits now."""
    return policy.everyones_sights(exhibits, people)


def people_who_see(exhibit: Exhibit, may: May = May.SEE) -> set[uuid.UUID]:
    """Everyone who may do this to the exhibit now."""
    return set(session().scalars(policy.who(exhibit, may).with_only_columns(policy.person.person.id)))
