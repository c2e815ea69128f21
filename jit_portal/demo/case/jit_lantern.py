"""Lantern, the largest JIT of the demo case: the one that is shown first."""

from datetime import date

from jit_portal.demo.case.shapes import DemoJit, Member, Room
from jit_portal.demo.case.terms import (
    AL,
    ANALYSIS,
    CONVENTION,
    COORDINATION,
    EU,
    FR,
    FRAMEWORK,
    GENERAL,
    NL,
    RO,
    SECOND_PROTOCOL,
)
from jit_portal.vocabulary import Audience, Role

LANTERN = DemoJit(
    key="lantern",
    reference="JIT-2026-0142",
    name="Lantern",
    state="in_force",
    crime="Trafficking in human beings for labour exploitation, laundering of its proceeds",
    purpose=(
        "Since the spring of 2025 at least ninety workers, recruited in Romania and Albania with the promise of "
        "contracts and housing, have been put to work in packing halls and greenhouses in France and the Netherlands. "
        "Papers were kept, wages held back against invented debts, and a chain of staffing companies moved the money "
        "to accounts in three countries. The team gathers evidence against the organisers, secures the workers' "
        "statements and safety, traces and freezes assets, and prepares coordinated arrests and prosecutions in the "
        "best placed State. Domestic proceedings: FR 26/0417, NL 26-1188, RO 512/P/2026, AL 2026-77."
    ),
    legal_basis=(CONVENTION, FRAMEWORK, SECOND_PROTOCOL),
    parties=(FR, NL, RO, AL, EU),
    states_of_operation=("FR", "NL", "RO", "AL"),
    starts_on=date(2026, 3, 16),
    ends_on=date(2027, 3, 14),
    time_zone="Europe/Paris",
    administrators=("nl-0001", "fr-0003"),
    controller="nl-0001",
    members=(
        Member("fr-0001", Role.LEADER),
        Member("fr-0003", Role.MEMBER),
        Member("fr-0004", Role.MEMBER),
        Member("fr-0005", Role.MEMBER),
        Member("fr-0006", Role.MEMBER),
        Member("fr-0007", Role.MEMBER, until=date(2026, 10, 31)),
        Member("fr-0008", Role.EXPERT, "Forensic copies of telephones and computers"),
        Member(
            "fr-0009",
            Role.EXPERT,
            "Interpreting and translating into French",
            date(2027, 1, 31),
        ),
        Member("fr-0010", Role.AUDITOR),
        Member("nl-0001", Role.LEADER),
        Member("nl-0003", Role.MEMBER),
        Member("nl-0004", Role.SECONDED_MEMBER),
        Member("nl-0005", Role.MEMBER),
        Member("nl-0006", Role.MEMBER),
        Member("nl-0007", Role.MEMBER),
        Member("nl-0009", Role.AUDITOR),
        Member("ro-0001", Role.LEADER),
        Member("ro-0003", Role.MEMBER),
        Member("ro-0004", Role.SECONDED_MEMBER),
        Member("ro-0005", Role.MEMBER),
        Member("ro-0007", Role.MEMBER),
        Member("ro-0008", Role.EXPERT, "Interpreting and translating into Romanian"),
        Member("ro-0010", Role.AUDITOR),
        Member("al-0001", Role.LEADER),
        Member("al-0002", Role.MEMBER),
        Member("al-0003", Role.MEMBER),
        Member("eu-0001", Role.PARTICIPANT, COORDINATION),
        Member("eu-0003", Role.PARTICIPANT, ANALYSIS),
        Member(
            "eu-0004",
            Role.PARTICIPANT,
            "Tracing of the money between the staffing companies",
        ),
        Member("eu-0005", Role.SECRETARIAT, "Agreement, funding, evaluation"),
        Member("eu-0009", Role.AUDITOR),
    ),
    channels=(
        GENERAL,
        Room(
            "strategy",
            "Case strategy",
            Audience.PEOPLE,
            ("fr-0001", "nl-0001", "ro-0001", "al-0001", "eu-0001"),
            "Leaders: venue, arrests, disclosure",
        ),
        Room(
            "evidence",
            "Evidence intake",
            Audience.EVERYONE,
            topic="What came in, what is missing, who needs it",
        ),
        Room(
            "money",
            "Money trail",
            Audience.PARTIES,
            ("FR", "NL", "RO", "EU"),
            "Accounts, companies, freezing",
        ),
        Room(
            "operations",
            "Action day",
            Audience.PARTIES,
            ("FR", "NL", "RO", "AL"),
            "Searches and safe housing",
        ),
        Room(
            "languages",
            "Interpreters",
            Audience.PEOPLE,
            ("fr-0003", "fr-0009", "ro-0004", "ro-0008", "nl-0005"),
            "Terms, dialects, who is free when",
        ),
    ),
    boards=(
        Room("plan", "Action plan", Audience.EVERYONE, prefix="LAN"),
        Room("money", "Money trail", Audience.PARTIES, ("FR", "NL", "RO", "EU"), prefix="MON"),
        Room(
            "prosecution",
            "Prosecution",
            Audience.PEOPLE,
            ("fr-0001", "nl-0001", "ro-0001", "al-0001", "eu-0001"),
            prefix="PRO",
        ),
    ),
    signed_on=(
        ("FR", date(2026, 3, 9)),
        ("NL", date(2026, 3, 10)),
        ("RO", date(2026, 3, 11)),
        ("AL", date(2026, 3, 13)),
        ("EU", date(2026, 3, 16)),
    ),
    clauses=(
        "Each party decides to whom of the other parties its evidence is released, and at what level.",
        "Statements of workers are never released to a third country before the person was heard on it.",
        "Evidence obtained before this agreement may be exchanged under the same conditions.",
        "Nothing is said to the media without the consent of all leaders.",
        "The Openbaar Ministerie is controller for the data of the third country.",
    ),
)
