"""What a response says, and whether it says it to this portal, for this sign-in, and now (SAML profiles, 4.1.4.3)."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from xml.etree.ElementTree import Element

from jit_portal.identity.claims import plain
from jit_portal.identity.refusals import SignInRefused, Why
from jit_portal.identity.saml.envelope import SAML, SAMLP
from jit_portal.identity.saml.names import UNSPECIFIED, Name

FRESH = dt.timedelta(minutes=5)
"""So old may be what was said when it comes, whatever it says itself."""
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
STAYS = {UNSPECIFIED, "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"}
"""Forms of a name that can be a person's for good; an e-mail address identifies nobody."""
_CONDITIONS = {f"{SAML}{name}" for name in ("AudienceRestriction", "OneTimeUse", "ProxyRestriction")}
_FIRST, _LAST = dt.datetime(1, 1, 3, tzinfo=dt.UTC), dt.datetime(9999, 12, 29, tzinfo=dt.UTC)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")


@dataclass(frozen=True)
class Expected:
    """For whom, from whom, in answer to what and at which address it must be said."""

    issuer: str
    audience: str
    recipient: str
    request_id: str
    leeway: int


@dataclass(frozen=True)
class Said:
    """What an assertion says of a person and of her sign-in; ``attributes`` are their values by name.

    It counts once, ``until`` a moment; her session there ends at ``ends_at``, where it says so.
    """

    id: str
    until: dt.datetime
    name: Name
    attributes: Mapping[str, list[str]]
    acr: str
    proved_at: dt.datetime
    session: str | None
    ends_at: dt.datetime | None


def refuse(detail: str, why: Why = Why.UNSOUND) -> NoReturn:
    raise SignInRefused(why, detail)


def moment(said: str | None, detail: str) -> dt.datetime:
    """A moment as SAML writes it: in UTC; the end of time, by which some mean never, is one that can be added to."""
    if said is None or not _MOMENT.fullmatch(said):
        refuse(detail)
    try:
        return max(_FIRST, min(dt.datetime.fromisoformat(said), _LAST))
    except ValueError:
        refuse(detail)


def check_success(response: Element) -> None:
    """Refuse what says that nobody signed in, by the most exact word that it has for that."""
    codes = [each.get("Value", "") for each in response.findall(f"{SAMLP}Status//{SAMLP}StatusCode")]
    if codes[:1] != [f"{STATUS}Success"] or len(codes) > 1:
        refuse(plain((codes or ["no status"])[-1].rpartition(":")[2], 60), Why.CANCELLED)


def read(response: Element, assertion: Element, expected: Expected) -> Said:
    """Everything the portal goes by; SignInRefused names what is wrong with it."""
    now = dt.datetime.now(dt.UTC)
    leeway = dt.timedelta(seconds=expected.leeway)
    _check_envelope(response, expected)
    for element in (response, assertion):
        check_made(element, now, leeway)
        issuer = element.find(f"{SAML}Issuer")
        if issuer is None or issuer.text != expected.issuer:
            refuse("issuer")
    until = min(_confirmed(assertion, expected, now, leeway), _conditions(assertion, expected, now, leeway))
    statements = assertion.findall(f"{SAML}AuthnStatement")
    if len(statements) != 1:
        refuse("statement")
    (statement,) = statements
    proved_at = moment(statement.get("AuthnInstant"), "moment of proof")
    if proved_at > now + leeway:
        refuse("moment of proof lies ahead")
    ends = statement.get("SessionNotOnOrAfter")
    ends_at = None if ends is None else moment(ends, "end of session") + leeway
    if ends_at is not None and ends_at <= now:
        refuse("over: session")
    acr = statement.findtext(f"{SAML}AuthnContext/{SAML}AuthnContextClassRef") or ""
    name = Name.of(assertion.find(f"{SAML}Subject/{SAML}NameID"))
    return Said(
        id=assertion.get("ID", ""),
        until=until + leeway,
        name=name,
        attributes=_attributes(assertion),
        acr=acr.strip(),
        proved_at=min(proved_at, now),
        session=statement.get("SessionIndex") or None,
        ends_at=ends_at,
    )


def _check_envelope(response: Element, expected: Expected) -> None:
    if response.get("Version") != "2.0":
        refuse("version")
    if response.get("InResponseTo") != expected.request_id:
        refuse("answer to another request")
    if response.get("Destination", expected.recipient) != expected.recipient:
        refuse("destination")


def check_made(element: Element, now: dt.datetime, leeway: dt.timedelta) -> None:
    """Refuse what was not made a moment ago."""
    made = moment(element.get("IssueInstant"), "moment")
    if made > now + leeway:
        refuse("lies ahead")
    if made < now - leeway - FRESH:
        refuse("over: made long ago")


def _confirmed(assertion: Element, expected: Expected, now: dt.datetime, leeway: dt.timedelta) -> dt.datetime:
    """Until when it may be brought here, by the one way in which it may be brought."""
    confirmations = assertion.findall(f"{SAML}Subject/{SAML}SubjectConfirmation")
    if [each.get("Method") for each in confirmations] != [_BEARER]:
        refuse("confirmation")
    data = confirmations[0].find(f"{SAML}SubjectConfirmationData")
    if data is None or data.get("NotBefore") is not None:
        refuse("confirmation")
    if data.get("InResponseTo") != expected.request_id:
        refuse("answer to another request")
    if data.get("Recipient") != expected.recipient:
        refuse("recipient")
    until = moment(data.get("NotOnOrAfter"), "confirmation")
    if until <= now - leeway:
        refuse("over: confirmation")
    return until


def _conditions(assertion: Element, expected: Expected, now: dt.datetime, leeway: dt.timedelta) -> dt.datetime:
    """Until when it holds, for this portal."""
    found = assertion.findall(f"{SAML}Conditions")
    if len(found) != 1 or not {each.tag for each in found[0]} <= _CONDITIONS:
        refuse("conditions")
    (conditions,) = found
    restrictions = conditions.findall(f"{SAML}AudienceRestriction")
    audiences = [{each.text for each in restriction} for restriction in restrictions]
    if not audiences or not all(expected.audience in each for each in audiences):
        refuse("audience")
    begins = conditions.get("NotBefore")
    if begins is not None and moment(begins, "conditions") > now + leeway:
        refuse("lies ahead: conditions")
    until = moment(conditions.get("NotOnOrAfter"), "conditions")
    if until <= now - leeway:
        refuse("over: conditions")
    return until


def _attributes(assertion: Element) -> dict[str, list[str]]:
    """Every attribute that is text, by its name, in order."""
    found: dict[str, list[str]] = {}
    for attribute in assertion.iterfind(f"{SAML}AttributeStatement/{SAML}Attribute"):
        texts = [value.text or "" for value in attribute.findall(f"{SAML}AttributeValue") if not len(value)]
        found.setdefault(attribute.get("Name", ""), []).extend(texts)
    return found
