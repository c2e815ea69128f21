"""What the test of a login looks at, and what came of each: one finding for each thing that can be wrong."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import requests
from joserfc.errors import JoseError

from jit_portal.identity.claims import plain
from jit_portal.identity.refusals import ProviderAway
from jit_portal.identity.wire import Unreadable


class Check(StrEnum):
    """What is looked at, in order."""

    HOSTS = "hosts"
    MATERIAL = "material"
    PINNED = "pinned"
    DISCOVERY = "discovery"
    ISSUER = "issuer"
    ENDPOINTS = "endpoints"
    ALGORITHMS = "algorithms"
    PKCE = "pkce"
    PAR = "par"
    ANSWERS = "answers"
    METHOD = "method"
    ASSURANCE = "assurance"
    SIGN_OUT = "sign_out"
    KEYS = "keys"
    SIGN_IN = "sign_in"
    CLAIMS = "claims"
    LEVEL = "level"
    AUTHORITY = "authority"
    PROVED = "proved"
    LEFT = "left"
    TOLD = "told"


OF_A_SIGN_IN = (Check.SIGN_IN, Check.CLAIMS, Check.LEVEL, Check.AUTHORITY, Check.PROVED, Check.LEFT, Check.TOLD)
"""What only somebody who signs in and out there can find out."""


class Result(StrEnum):
    PASSED = "passed"
    WRONG = "wrong"
    NOT_TRIED = "not_tried"


@dataclass(frozen=True)
class Finding:
    """One check, what came of it, why, and the words of the protocol that the reason speaks of."""

    check: Check
    result: Result
    why: str
    said: Mapping[str, str] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        return asdict(self)


def passed(check: Check, why: str = "", **said: object) -> Finding:
    return Finding(check, Result.PASSED, why or check.value, _words(said))


def wrong(check: Check, why: str, **said: object) -> Finding:
    return Finding(check, Result.WRONG, why, _words(said))


def untried(check: Check, why: str, **said: object) -> Finding:
    return Finding(check, Result.NOT_TRIED, why, _words(said))


def _words(said: Mapping[str, object]) -> dict[str, str]:
    return {name: plain(str(value), 300) for name, value in said.items()}


def listed(words: Any) -> str:
    """The words in one line, by name."""
    return ", ".join(sorted(map(str, words)))


def unreachable(check: Check, away: ProviderAway) -> Finding:
    """Why a login could not be read, told apart by what stood in the way."""
    cause = away.__cause__
    if isinstance(cause, requests.HTTPError) and cause.response is not None:
        if cause.response.is_redirect:
            return wrong(check, "redirects", to=cause.response.headers.get("Location", ""))
        return wrong(check, "status", status=cause.response.status_code)
    whys: tuple[tuple[type[Exception], str], ...] = (
        (requests.exceptions.SSLError, "certificate"),
        (requests.Timeout, "slow"),
        (requests.exceptions.InvalidURL, "unpinned"),
        (Unreadable, "unreadable"),
        (requests.ConnectionError, "down"),
        (JoseError, "no_keys"),
        (KeyError, "senseless"),
        (ValueError, "no_json"),
        (TypeError, "senseless"),
    )
    why = next((why for kind, why in whys if isinstance(cause, kind)), "away")
    return wrong(check, why, detail=away.detail)
