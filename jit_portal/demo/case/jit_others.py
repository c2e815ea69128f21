"""The other JITs of the demo case: two in force, one ended, one still being drafted."""

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
    PALERMO,
    RO,
    SECOND_PROTOCOL,
)
from jit_portal.vocabulary import Audience, Role

KESTREL = DemoJit(
    key="kestrel",
    reference="JIT-2026-0187",
    name="Kestrel",
    state="in_force",
    crime="Investment fraud by telephone and internet, money laundering",
    purpose=(
        "A call centre presents a trading platform that does not exist. Savers in France and the Netherlands are "
        "talked into ever larger payments; the money passes through mule accounts in Romania and leaves as virtual "
        "assets. The team identifies the organisers and those who lend their accounts, takes the platform down on one "
        "day, and secures what can be returned to the injured."
    ),
    legal_basis=(CONVENTION, FRAMEWORK),
    parties=(NL, FR, RO, EU),
    states_of_operation=("NL", "FR", "RO"),
    starts_on=date(2026, 5, 4),
    ends_on=date(2027, 5, 3),
    time_zone="Europe/Amsterdam",
    administrators=("nl-0002",),
    controller=None,
    members=(
        Member("nl-0002", Role.LEADER),
        Member("nl-0006", Role.MEMBER),
        Member("nl-0007", Role.MEMBER),
        Member("nl-0008", Role.MEMBER),
        Member("fr-0002", Role.LEADER),
        Member("fr-0006", Role.MEMBER),
        Member("fr-0008", Role.EXPERT, "Image of the call centre's server"),
        Member("ro-0002", Role.LEADER),
        Member("ro-0005", Role.MEMBER),
        Member("ro-0006", Role.MEMBER),
        Member("eu-0002", Role.PARTICIPANT, COORDINATION),
        Member("eu-0004", Role.PARTICIPANT, ANALYSIS),
        Member("eu-0006", Role.PARTICIPANT, "Tracing of virtual assets"),
        Member("eu-0005", Role.SECRETARIAT, "Agreement, funding, evaluation"),
        Member("nl-0009", Role.AUDITOR),
    ),
    channels=(
        GENERAL,
        Room(
            "wallets",
            "Accounts and wallets",
            Audience.PARTIES,
            ("NL", "RO", "EU"),
            "Following the payments",
        ),
    ),
    boards=(Room("plan", "Action plan", Audience.EVERYONE, prefix="KES"),),
    signed_on=(
        ("NL", date(2026, 4, 24)),
        ("FR", date(2026, 4, 27)),
        ("RO", date(2026, 4, 29)),
        ("EU", date(2026, 5, 4)),
    ),
    clauses=(
        "Disclosure to the defence follows the law of the State of trial; the others are told ten days before.",
        "Copies of servers stay with the party that made them; extracts are released.",
    ),
)

AMBER = DemoJit(
    key="amber",
    reference="JIT-2026-0203",
    name="Amber Crossing",
    state="in_force",
    crime="Smuggling of excise goods, corruption at the border, forged transport papers",
    purpose=(
        "Cigarettes from an unlicensed factory cross the border hidden in loads of timber and tiles, reach a river "
        "port and go on by lorry to the Netherlands. The team establishes the route, the people who wave the loads "
        "through, and the buyers."
    ),
    legal_basis=(SECOND_PROTOCOL, PALERMO),
    parties=(RO, NL, AL, EU),
    states_of_operation=("RO", "NL", "AL"),
    starts_on=date(2026, 6, 22),
    ends_on=date(2027, 12, 21),
    time_zone="Europe/Bucharest",
    administrators=("ro-0002",),
    controller="ro-0002",
    members=(
        Member("ro-0002", Role.LEADER),
        Member("ro-0003", Role.MEMBER),
        Member("ro-0007", Role.MEMBER),
        Member("nl-0002", Role.LEADER),
        Member("nl-0003", Role.MEMBER),
        Member("al-0001", Role.LEADER),
        Member("al-0003", Role.MEMBER),
        Member("al-0004", Role.MEMBER),
        Member("eu-0001", Role.PARTICIPANT, COORDINATION),
        Member("ro-0010", Role.AUDITOR),
    ),
    channels=(
        GENERAL,
        Room(
            "ports",
            "Ports and lorries",
            Audience.PARTIES,
            ("RO", "AL"),
            "Loads expected, loads seen",
        ),
    ),
    boards=(
        Room("plan", "Action plan", Audience.EVERYONE, prefix="AMB"),
        Room("loads", "Loads", Audience.PARTIES, ("RO", "AL"), prefix="LOA"),
    ),
    signed_on=(
        ("RO", date(2026, 6, 15)),
        ("NL", date(2026, 6, 17)),
        ("AL", date(2026, 6, 18)),
        ("EU", date(2026, 6, 22)),
    ),
    clauses=("Controlled deliveries are agreed by the leaders, each time, in writing.",),
)

SALTMARSH = DemoJit(
    key="saltmarsh",
    reference="JIT-2024-0061",
    name="Saltmarsh",
    state="ended",
    crime="Illegal shipment of waste, forgery of transport papers",
    purpose=(
        "Shredded electrical waste was declared as second-hand goods, stored on a coastal yard and shipped on with "
        "forged papers. The team documented the yard, the papers and the payments; the trial is in France."
    ),
    legal_basis=(CONVENTION, FRAMEWORK),
    parties=(FR, NL, EU),
    states_of_operation=("FR", "NL"),
    starts_on=date(2024, 10, 1),
    ends_on=date(2026, 9, 30),
    time_zone="Europe/Paris",
    administrators=("fr-0002",),
    controller=None,
    members=(
        Member("fr-0002", Role.LEADER),
        Member("fr-0004", Role.MEMBER),
        Member("fr-0007", Role.MEMBER),
        Member("nl-0001", Role.LEADER),
        Member("nl-0004", Role.MEMBER),
        Member("eu-0002", Role.PARTICIPANT, COORDINATION),
        Member("fr-0010", Role.AUDITOR),
    ),
    channels=(GENERAL,),
    boards=(Room("plan", "Action plan", Audience.EVERYONE, prefix="SAL"),),
    signed_on=(
        ("FR", date(2024, 9, 20)),
        ("NL", date(2024, 9, 23)),
        ("EU", date(2024, 9, 30)),
    ),
    clauses=("The evaluation takes place within six months after the end.",),
)

HERON = DemoJit(
    key="heron",
    reference="JIT-2026-0318",
    name="Heron",
    state="drafting",
    crime="Production and sale of forged residence documents",
    purpose=(
        "A printing workshop supplies residence permits and driving licences that turned up in three countries. The "
        "parties wish to identify the printers, the couriers and those who order."
    ),
    legal_basis=(SECOND_PROTOCOL, FRAMEWORK),
    parties=(FR, RO, AL, EU),
    states_of_operation=("FR", "RO"),
    starts_on=date(2027, 1, 11),
    ends_on=date(2028, 1, 10),
    time_zone="Europe/Paris",
    administrators=("fr-0003",),
    controller="fr-0003",
    members=(
        Member("fr-0001", Role.LEADER),
        Member("fr-0003", Role.MEMBER),
        Member("ro-0001", Role.LEADER),
        Member("al-0001", Role.LEADER),
        Member("eu-0001", Role.PARTICIPANT, COORDINATION),
    ),
    channels=(),
    boards=(),
)
