"""A login is entered and changed by two operators: what one proposes is nothing until another approves."""

from dataclasses import replace

import psycopg
import pytest

from jit_portal.database import transaction
from jit_portal.errors import Invalid, NotAllowed, NotFound, Refused
from jit_portal.identity import proposals, registry
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.vocabulary import Duty, PartyKind
from tests.register import ROW, ada, bo, french, operator
from tests.signing_in import again, ledger

FIXTURES = (ada, bo, french)
"""They are asked for by name."""


def test_what_one_operator_proposes_is_nothing_until_another_approves(ada: User, bo: User) -> None:
    proposals.propose(ada, ROW)
    assert registry.known("be") is None
    with pytest.raises(NotAllowed):
        proposals.approve(ada, "be")
    assert registry.known("be") is None
    made = proposals.approve(bo, "be")
    assert (made.issuer, [each.code for each in made.authorities]) == (ROW.issuer, ["BE-1"])
    (proposed,), (entered,) = ledger("provider.proposed"), ledger("provider.entered")[-1:]
    assert (proposed["slug"], entered["proposed_by"]) == ("be", str(ada.id))
    assert proposals.waiting() == []
    with pytest.raises(NotFound):
        proposals.approve(bo, "be")


def test_a_login_in_use_keeps_its_row_until_the_approval(ada: User, bo: User) -> None:
    proposals.propose(ada, ROW)
    made = proposals.approve(bo, "be")
    before = made.version
    proposals.propose(bo, replace(ROW, leeway=10, authorities={"BE-1": "Police BE", "BE-2": "Customs BE"}))
    made = again(made)
    assert (made.leeway, made.version) == (60, before)
    (waits,) = proposals.waiting()
    changes = {each.field: (each.before, each.after) for each in proposals.differences(waits)}
    assert changes["leeway"] == (60, 10)
    assert changes["authorities"][1] == {"BE-1": "Police BE", "BE-2": "Customs BE"}
    assert set(changes) == set(ledger("provider.proposed")[-1]["changed"]) == {"leeway", "authorities"}
    proposals.approve(ada, "be")
    made = again(made)
    assert (made.leeway, made.version, len(made.authorities)) == (10, before + 1, 2)
    assert ledger("provider.changed")[-1]["proposed_by"] == str(bo.id)


def test_a_proposal_can_be_refused_and_taken_back(ada: User, bo: User) -> None:
    for who in (bo, ada):
        proposals.propose(ada, ROW)
        proposals.refuse(who, "be")
        assert registry.known("be") is None
    assert [each["proposed_by"] for each in ledger("provider.refused")] == [str(ada.id)] * 2


def test_one_proposal_waits_at_a_time_and_says_something_new(ada: User, bo: User) -> None:
    proposals.propose(ada, ROW)
    with pytest.raises(Refused):
        proposals.propose(bo, replace(ROW, leeway=1))
    proposals.approve(bo, "be")
    with pytest.raises(Invalid):
        proposals.propose(ada, ROW)


def test_what_was_proposed_for_another_row_than_there_is_now_is_not_approved(ada: User, bo: User) -> None:
    registry.ensure_providers([ROW])
    proposals.propose(ada, replace(ROW, leeway=10))
    registry.ensure_providers([replace(ROW, keys_seconds=300)])
    with pytest.raises(Refused):
        proposals.approve(bo, "be")
    assert [each.decided_at for each in proposals.waiting()] == [None]


def test_a_login_that_people_have_used_changes_its_country_for_nobody(
    french: IdentityProvider, ada: User, bo: User
) -> None:
    registry.ensure_providers([ROW])
    registry.ensure_providers([replace(ROW, country="NL")])
    be = registry.known("be")
    assert be
    operator(be, "Cy", None)
    for other in (replace(ROW, country="FR"), replace(ROW, country="NL", kind=PartyKind.THIRD_COUNTRY)):
        proposals.propose(ada, other)
        with pytest.raises(Refused):
            proposals.approve(bo, "be")
        proposals.refuse(bo, "be")
    assert again(be).country == "NL"


def test_a_row_that_would_no_longer_be_entered_is_withdrawn_all_the_same(ada: User) -> None:
    [made] = registry.ensure_providers([ROW])
    with transaction():
        again(made).algorithms = ["none"]
    assert proposals.withdraw(ada, "be") == 0
    assert not again(made).is_enabled


@pytest.mark.parametrize("duty", [None, Duty.NATIONAL_ADMINISTRATOR])
def test_only_operators_decide(french: IdentityProvider, ada: User, duty: Duty | None) -> None:
    someone = operator(french, "Cy", duty)
    with pytest.raises((NotAllowed, NotFound)):
        proposals.propose(someone, ROW)
    proposals.propose(ada, ROW)
    for verb in (proposals.approve, proposals.refuse):
        with pytest.raises((NotAllowed, NotFound)):
            verb(someone, "be")
    for alone in (proposals.withdraw, proposals.reopen):
        with pytest.raises((NotAllowed, NotFound)):
            alone(someone, "fr")
    assert registry.known("be") is None


def test_the_database_itself_wants_two_people(ada: User, environ: dict[str, str]) -> None:
    made = proposals.propose(ada, ROW)
    decide = "UPDATE provider_proposal SET decided_at = now(), decided_by_id = %s, is_approved = true WHERE id = %s"
    with psycopg.connect(environ["JIT_DATABASE_URL"]) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(decide, [ada.id, made.id])
