"""How the exhibits of the demo case came in where it was not smooth, and who handed which to whom afterwards."""

from dataclasses import dataclass

from jit_portal.demo.case.tables import rows

DISK_IMAGE = "lan-nl-10"
"""Hundreds of megabytes: begun with the case, brought in whole on demand."""

UNFINISHED = {DISK_IMAGE: 24 * 1024 * 1024, "lan-fr-26": 100_000}
"""Uploads that broke off, by the number of bytes that had come in."""

ALTERED = frozenset({"amb-nl-03"})
"""Files whose sender hashed something else than what came in: reading them back shows a mismatch."""


@dataclass(frozen=True)
class HandOver:
    """An exhibit offered by its holder so many days before today; ``is_accepted`` is None while nobody answered."""

    exhibit: str
    to: str
    days_ago: int
    reason: str
    is_accepted: bool | None
    declined_because: str


def _hand_over(row: dict[str, str]) -> HandOver:
    answer, _, because = row["answer"].partition(":")
    return HandOver(
        exhibit=row["exhibit"],
        to=row["to"],
        days_ago=int(row["days"]),
        reason=row["reason"],
        is_accepted={"accepted": True, "declined": False, "": None}[answer],
        declined_because=because.strip(),
    )


HAND_OVERS = tuple(_hand_over(row) for row in rows("custody.txt"))
