"""What is said of an exhibit when it is registered or classified anew, read from what was typed."""

import datetime as dt
import re
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from jit_portal import typed
from jit_portal.errors import Invalid
from jit_portal.vocabulary import ExhibitKind, HandlingCode
from jit_portal.wording import gettext

CLASSIFIED = (
    *("EU RESTRICTED", "RESTREINT UE", "R UE EU R", "EU CONFIDENTIAL", "CONFIDENTIEL UE", "C UE EU C"),
    *("EU SECRET", "SECRET UE", "S UE EU S", "EU TOP SECRET", "TRES SECRET UE", "TS UE EU TS"),
    *("NATO RESTRICTED", "NATO CONFIDENTIAL", "NATO SECRET", "COSMIC TOP SECRET"),
    *("VS NUR FUR DEN DIENSTGEBRAUCH", "VS NFD", "VS VERTRAULICH", "STRENG GEHEIM"),
    *("DIFFUSION RESTREINTE", "CONFIDENTIEL DEFENSE", "SECRET DEFENSE"),
    *("DEP VERTROUWELIJK", "STG CONFIDENTIEEL", "STG GEHEIM", "STG ZEER GEHEIM"),
    *("SECRET DE SERVICIU", "STRICT SECRET", "DIFUSION LIMITADA", "RISERVATISSIMO", "SEGRETISSIMO"),
)
"""Markings of the Union, of NATO, and of states where they are no ordinary words (Council Decision 2013/488/EU,
Appendix B). They find slips: for all else the sender's word counts.
"""
LONGEST = {"title": 200, "place": 200, "description": 10_000, "tag": 40}
MOST_TAGS = 20
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True)
class Description:
    """``is_unclassified`` is the sender's word that the item is not classified information."""

    title: str
    kind: ExhibitKind | None
    handling: tuple[HandlingCode, ...]
    tags: tuple[str, ...] = ()
    authority_id: uuid.UUID | None = None
    seized_on: dt.date | None = None
    place: str = ""
    description: str = ""
    is_unclassified: bool = False


def read(details: Mapping[str, Any], file_name: str = "") -> Description:
    """Read typed text by field: title, kind, handling, tags, authority, seized_on, place, description, unclassified.

    Lists may be comma separated; an empty title takes the file's name. Raises Invalid with the field to blame.
    """
    title = text(details, "title")
    return Description(
        title=title if typed.shows(title) else file_name[: LONGEST["title"]],
        kind=_one(ExhibitKind, text(details, "kind"), "kind"),
        handling=tuple(filter(None, (_one(HandlingCode, code, "handling") for code in _list(details, "handling")))),
        tags=tuple(_tags(details)),
        authority_id=_id(text(details, "authority")),
        seized_on=_day(text(details, "seized_on")),
        place=text(details, "place"),
        description=text(details, "description"),
        is_unclassified=str(details.get("unclassified", "")).lower() in ("1", "on", "true", "yes", "y"),
    )


def text(details: Mapping[str, Any], field: str) -> str:
    """One field, trimmed: one line, or several of a description; Invalid when it is not that, or too long."""
    return _fitting(str(details.get(field) or ""), field, LONGEST.get(field, 200))


def _fitting(text: str, field: str, longest: int) -> str:
    keep = typed.lines if field == "description" else typed.line
    said = keep(unicodedata.normalize("NFC", text).strip(), field)
    if len(said) > longest:
        raise Invalid(gettext("This is longer than %(longest)s characters.", longest=longest), field=field)
    return said


def is_marked(*texts: str) -> bool:
    """Whether one of the texts bears the marking of classified information, however it is spelt."""
    plain = unicodedata.normalize("NFKD", "\n".join(texts).upper())
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    words = f" {' '.join(re.split('[^A-Z0-9]+', plain))} "
    return any(f" {marking} " in words for marking in CLASSIFIED)


def _list(details: Mapping[str, Any], field: str) -> list[str]:
    said = details.get(field) or ()
    pieces = re.split("[,;]", typed.unwrapped(said)) if isinstance(said, str) else [str(piece) for piece in said]
    return [piece.strip() for piece in pieces if piece.strip()]


def _tags(details: Mapping[str, Any]) -> list[str]:
    tags = sorted({_fitting(tag, "tags", LONGEST["tag"]).casefold() for tag in _list(details, "tags")})
    if len(tags) > MOST_TAGS:
        raise Invalid(gettext("No more than %(most)s tags.", most=MOST_TAGS), field="tags")
    return tags


def _one(words: type[E], said: str, field: str) -> E | None:
    if not said:
        return None
    try:
        return words(said)
    except ValueError as error:
        raise Invalid(gettext("The portal does not know this choice."), field=field) from error


def _id(said: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(said) if said else None
    except ValueError as error:
        raise Invalid(gettext("The portal does not know this choice."), field="authority") from error


def _day(said: str) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(said) if said else None
    except ValueError as error:
        raise Invalid(gettext("This is not a date."), field="seized_on") from error
    if day is not None and day > dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1):
        raise Invalid(gettext("This day has not come yet."), field="seized_on")
    return day
