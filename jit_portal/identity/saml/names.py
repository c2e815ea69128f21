"""By which name a login that speaks SAML calls a person, and which two of its names mean the same one."""

import json
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from jit_portal.identity.refusals import SignInRefused, Why

UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"


@dataclass(frozen=True)
class Name:
    """A name, with everything that makes it one; what was not said of it is empty, and its form unspecified."""

    value: str
    format: str
    qualifier: str
    sp_qualifier: str

    @classmethod
    def of(cls, element: Element | None) -> "Name":
        if element is None or len(element) or not (element.text or "").strip():
            raise SignInRefused(Why.UNSOUND, "name")
        qualifiers = (element.get(f"{kind}NameQualifier", "") for kind in ("", "SP"))
        return cls(element.text or "", element.get("Format", UNSPECIFIED), *qualifiers)

    def stored(self) -> str:
        return json.dumps([self.value, self.format, self.qualifier, self.sp_qualifier])

    @classmethod
    def read(cls, stored: str) -> "Name":
        return cls(*json.loads(stored))

    @property
    def begins(self) -> str:
        """How every name with this value is stored, up to what else makes it one."""
        return json.dumps([self.value])[:-1] + ","

    def is_of(self, stored: str | None) -> bool:
        """Whether this can be the name that was stored: what one of the two leaves out, the other may say."""
        if stored is None or not stored.startswith(self.begins):
            return False
        other = Name.read(stored)
        return (
            _agree(self.format, other.format, UNSPECIFIED)
            and _agree(self.qualifier, other.qualifier)
            and _agree(self.sp_qualifier, other.sp_qualifier)
        )


def _agree(one: str, other: str, unsaid: str = "") -> bool:
    return one == other or unsaid in (one, other)
