"""Reading what a provider says of a person, wherever it puts it."""

import re
import unicodedata
import zoneinfo
from collections.abc import Mapping
from typing import Any

LONGEST_SUBJECT = 256
"""Characters, as SAML allows a persistent name; OpenID Connect allows a sub one less."""
_LANGUAGE = re.compile(r"[a-z]{2,3}\b")
_ZONES = frozenset(zoneinfo.available_timezones())


def at(claims: Mapping[str, Any], pointer: str) -> Any:
    """The value at a JSON pointer (RFC 6901) into objects; None where there is nothing."""
    place: Any = claims
    for step in pointer.split("/")[1:]:
        if not isinstance(place, Mapping):
            return None
        place = place.get(step.replace("~1", "/").replace("~0", "~"))
    return place


def text(claims: Mapping[str, Any], pointers: str) -> str:
    """The texts at JSON pointers that stand apart by spaces, such as ``/given_name /usual_name``, as one line."""
    return plain(" ".join(filter(None, (plain(at(claims, pointer)) for pointer in pointers.split()))))


def plain(value: Any, limit: int = 200) -> str:
    """``value`` as one line of text without controls, direction marks or hidden characters; "" for what is no text."""
    if not isinstance(value, str):
        return ""
    spaced = " ".join(value.split())
    shown = "".join(letter for letter in spaced if not unicodedata.category(letter).startswith("C"))
    return " ".join(shown.split())[:limit]


def subject(value: Any) -> str | None:
    """Who somebody is at her login, as it stands; None for what would have to be tidied: two could become one."""
    return value if isinstance(value, str) and value and plain(value, LONGEST_SUBJECT) == value else None


def language(value: Any) -> str:
    """The language of a locale such as ``fr-FR``; "en" for what is none."""
    found = _LANGUAGE.match(value.lower()) if isinstance(value, str) else None
    return found.group() if found else "en"


def time_zone(value: Any) -> str:
    """A time zone that exists; "UTC" for what is none."""
    return value if isinstance(value, str) and value in _ZONES else "UTC"
