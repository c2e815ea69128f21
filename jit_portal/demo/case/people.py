from dataclasses import dataclass
from typing import Literal, cast

from jit_portal.demo.case.tables import rows

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
        """The code of the party this person can belong to: a country, or the body of an EU authority."""
        if self.provider != "eu":
            return self.provider.upper()
        return "EUROPOL" if self.authority == "EUROPOL" else "EUROJUST"


@dataclass(frozen=True)
class Provider:
    """A national login of the demo: its address name, what it is called, and the country of whoever uses it."""

    slug: str
    name: str
    country: str
    kind: Literal["member_state", "third_country", "eu_body"]


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
    Provider("fr", "France, identité judiciaire", "FR", "member_state"),
    Provider("nl", "Nederland, opsporingslogin", "NL", "member_state"),
    Provider("ro", "România, autentificare judiciară", "RO", "member_state"),
    Provider("al", "Shqipëria, hyrja e drejtësisë", "AL", "third_country"),
    Provider("eu", "EU bodies", "EU", "eu_body"),
)

PEOPLE = tuple(_person(row) for row in rows("people.txt"))
BY_SUBJECT = {person.subject: person for person in PEOPLE}
AUTHORITIES = {person.authority: person.authority_name for person in PEOPLE}
