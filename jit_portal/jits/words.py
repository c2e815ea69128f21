"""How roles, kinds of party and legal bases are said, in the reader's language."""

from collections.abc import Sequence

from flask_babel import lazy_gettext as _

from jit_portal.vocabulary import PartyKind, Role

ROLES = {
    Role.LEADER: _("Leader"),
    Role.MEMBER: _("Member"),
    Role.SECONDED_MEMBER: _("Seconded member"),
    Role.PARTICIPANT: _("Participant"),
    Role.EXPERT: _("Expert"),
    Role.SECRETARIAT: _("Secretariat"),
    Role.AUDITOR: _("Auditor"),
}
PLURAL_ROLES = {
    Role.LEADER: _("leaders"),
    Role.MEMBER: _("members"),
    Role.SECONDED_MEMBER: _("seconded members"),
    Role.PARTICIPANT: _("participants"),
    Role.EXPERT: _("experts"),
    Role.SECRETARIAT: _("secretariat"),
    Role.AUDITOR: _("auditors"),
}
ROLE_HINTS = {
    Role.LEADER: _("leads for the party, assigns, releases its evidence"),
    Role.MEMBER: _("judicial or law-enforcement member"),
    Role.SECONDED_MEMBER: _("works in another State's territory"),
    Role.PARTICIPANT: _("of a body, to the extent necessary (Article 16)"),
    Role.EXPERT: _("sees only what is addressed to them by name"),
    Role.SECRETARIAT: _("administrative support, never evidence"),
    Role.AUDITOR: _("reads the record, nothing else"),
}
PARTY_KINDS = {
    PartyKind.MEMBER_STATE: _("Member State"),
    PartyKind.THIRD_COUNTRY: _("Third country"),
    PartyKind.EU_BODY: _("EU body"),
    PartyKind.INTERNATIONAL_JUDICIAL: _("International judicial authority"),
}
KINDS = tuple(PARTY_KINDS)
"""In the order in which parties are listed."""
LEGAL_BASES = {
    "EU-MLA2000-13": _("EU Convention on mutual assistance of 29 May 2000, Article 13"),
    "FD-2002-465": _("Framework Decision 2002/465/JHA on joint investigation teams"),
    "ETS182-20": _("Second Additional Protocol to the European Convention on mutual assistance (ETS 182), Article 20"),
    "EU-IS-NO-1": _("Agreement of the EU with Iceland and Norway on mutual assistance, Article 1"),
    "EU-US-5": _("Agreement of the EU with the United States on mutual legal assistance, Article 5"),
    "UN1988-9": _("UN Convention against illicit traffic in narcotic drugs, 1988, Article 9(1)(c)"),
    "UNTOC-19": _("UN Convention against transnational organised crime, Article 19"),
    "UNCAC-49": _("UN Convention against corruption, Article 49"),
    "PCC-SEE-27": _("Police Cooperation Convention for Southeast Europe, Article 27"),
}
_OF_STATES = (Role.LEADER, Role.MEMBER, Role.SECONDED_MEMBER, Role.EXPERT, Role.SECRETARIAT, Role.AUDITOR)
_OF_BODIES = (Role.PARTICIPANT, Role.EXPERT, Role.SECRETARIAT)
ROLES_OF = {
    PartyKind.MEMBER_STATE: _OF_STATES,
    PartyKind.THIRD_COUNTRY: (Role.LEADER, Role.MEMBER, Role.SECONDED_MEMBER, Role.EXPERT),
    PartyKind.EU_BODY: (*_OF_BODIES, Role.AUDITOR),
    PartyKind.INTERNATIONAL_JUDICIAL: _OF_BODIES,
}
"""The roles that people of a party of this kind can have."""


def legal_bases(codes: Sequence[str]) -> list[str]:
    """Legal bases as they are said, in one order whoever ticked them; one without a word is shown as it is."""
    known = [str(said) for code, said in LEGAL_BASES.items() if code in codes]
    return known + [code for code in codes if code not in LEGAL_BASES]
