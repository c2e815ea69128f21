"""What a node of eIDAS wants in a request beside SAML's own: who asks, and for which attributes of a person."""

from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element, SubElement, register_namespace

from jit_portal.identity.saml.envelope import SAMLP

EIDAS = "{http://eidas.europa.eu/saml-extensions}"
PERSON = "http://eidas.europa.eu/attributes/naturalperson/"
_FORMAT = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
_LEAST = tuple(
    f"{PERSON}{name}" for name in ("PersonIdentifier", "CurrentFamilyName", "CurrentGivenName", "DateOfBirth")
)
"""What a request must name at least; of a date of birth the portal keeps nothing."""

register_namespace("eidas", EIDAS[1:-1])


def is_spoken(claim_map: Mapping[str, str]) -> bool:
    """Whether this row reads the attributes by which eIDAS knows people."""
    return any(name.startswith(PERSON) for name in _names(claim_map))


def ask(request: Element, claim_map: Mapping[str, str]) -> None:
    """Add to a request that the portal is a public body, and what it asks for: the least, and what the row reads."""
    extensions = SubElement(request, f"{SAMLP}Extensions")
    SubElement(extensions, f"{EIDAS}SPType").text = "public"
    wanted = SubElement(extensions, f"{EIDAS}RequestedAttributes")
    for name in dict.fromkeys((*_LEAST, *(each for each in _names(claim_map) if each.startswith(PERSON)))):
        said = {"Name": name, "NameFormat": _FORMAT, "isRequired": "true" if name in _LEAST else "false"}
        SubElement(wanted, f"{EIDAS}RequestedAttribute", said)


def _names(claim_map: Mapping[str, str]) -> Iterable[str]:
    return (name for names in claim_map.values() for name in names.split())
