"""The people of the demo case and the national logins they use."""

from dataclasses import dataclass
from typing import Literal, cast

from jit_portal.demo.case.tables import rows
from jit_portal.vocabulary import PartyKind

Duty = Literal["", "operator", "national_administrator", "uninvited"]
Assurance = Literal["low", "substantial", "high"]


@dataclass(frozen=True)
class Person:
    """A synthetic person who can sign in at one of the demo's national providers."""

    provider: str
    subject: str
    name: str
    email: str
    authority: str
    authority_name: str
    title: str
    assurance: Assurance
    language: str
    time_zone: str
    duty: Duty

    @property
    def party(self) -> str:
        """The code of the party this person can belong to: a country, or EU for the bodies."""
        return self.provider.upper()


@dataclass(frozen=True)
class Provider:
    """A national login of the demo: its address name, what it is called, and the country of whoever uses it."""

    slug: str
    name: str
    country: str
    kind: PartyKind


def _person(row: dict[str, str]) -> Person:
    return Person(
        provider=row["slug"],
        subject=row["subject"],
        name=row["name"],
        email=row["email"],
        authority=row["authority"],
        authority_name=row["authority_name"],
        title=row["title"],
        assurance=cast(Assurance, row["assurance"]),
        language=row["language"],
        time_zone=row["time_zone"],
        duty=cast(Duty, row["duty"]),
    )


PROVIDERS = (
    Provider("fr", "France, identité judiciaire", "FR", PartyKind.MEMBER_STATE),
    Provider("nl", "Nederland, opsporingslogin", "NL", PartyKind.MEMBER_STATE),
    Provider("ro", "România, autentificare judiciară", "RO", PartyKind.MEMBER_STATE),
    Provider("al", "Shqipëria, hyrja e drejtësisë", "AL", PartyKind.THIRD_COUNTRY),
    Provider("eu", "EU bodies", "EU", PartyKind.EU_BODY),
)

PEOPLE = tuple(_person(row) for row in rows("people.txt"))
BY_SUBJECT = {person.subject: person for person in PEOPLE}
AUTHORITIES = {person.authority: person.authority_name for person in PEOPLE}
