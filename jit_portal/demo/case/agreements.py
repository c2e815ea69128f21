"""The signed paper of each JIT of the demo case, as its leaders would upload it."""

from jit_portal.demo.case.makers import paper
from jit_portal.demo.case.makers.subject import Subject
from jit_portal.demo.case.people import BY_SUBJECT
from jit_portal.demo.case.shapes import DemoJit


def signed_document(jit: DemoJit) -> bytes:
    """The agreement as PDF, in the order of the model agreement; the same bytes each time."""
    last = max((day for _, day in jit.signed_on), default=jit.starts_on)
    subject = Subject(
        title=f"Agreement on a joint investigation team, {jit.reference}",
        seed=0,
        authority=f"Joint investigation team {jit.name}",
        seized_on=last,
    )
    people = [f"{_named(one.subject)}: {one.role.value.replace('_', ' ')}" for one in jit.members]
    parts = [
        ("Legal basis", jit.legal_basis),
        ("Parties", [", ".join(jit.party_codes)]),
        ("Purpose", [jit.crime, jit.purpose]),
        ("Period", [f"From {jit.starts_on:%d %B %Y} to {jit.ends_on:%d %B %Y}, both included ({jit.time_zone})."]),
        ("States of operation", [", ".join(jit.states_of_operation)]),
        ("Leaders, members and participants", people),
        ("Space administrators", [_named(one) for one in jit.administrators]),
        ("Controller for data of third countries", [_named(jit.controller) if jit.controller else "None."]),
        ("Access to information and evidence", jit.clauses or ["To be agreed."]),
        ("Signatures", [f"{code}: {day:%d %B %Y}" for code, day in jit.signed_on] or ["Draft, not signed."]),
    ]
    return paper.agreement(subject, parts)


def _named(subject: str) -> str:
    person = BY_SUBJECT[subject]
    return f"{person.name}, {person.title}, {person.authority_name}"
