"""What the JITs of the demo case have in common: legal bases, parties, what bodies are asked for, a channel."""

from jit_portal.demo.case.shapes import Party, Room
from jit_portal.vocabulary import Audience, PartyKind

CONVENTION = "Convention of 29 May 2000 on mutual assistance in criminal matters, Article 13"
FRAMEWORK = "Council Framework Decision 2002/465/JHA on joint investigation teams"
SECOND_PROTOCOL = "Second Additional Protocol to the European Convention on MLA (ETS 182), Article 20"
PALERMO = "United Nations Convention against Transnational Organized Crime, Article 19"

FR = Party("FR", PartyKind.MEMBER_STATE)
NL = Party("NL", PartyKind.MEMBER_STATE)
RO = Party("RO", PartyKind.MEMBER_STATE)
AL = Party("AL", PartyKind.THIRD_COUNTRY)
EU = Party("EU", PartyKind.EU_BODY)

COORDINATION = "Coordination meetings, legal advice on venue and admissibility"
ANALYSIS = "Cross-checks and analysis of what is addressed to Europol"
GENERAL = Room("general", "General", Audience.EVERYONE, topic="Everything that concerns the whole team")
