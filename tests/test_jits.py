"""Drafting an agreement: who may begin, who sees and writes it, and what it cannot say."""

import datetime as dt
import io
import re
import threading
import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from jit_portal import policy
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotAllowed, NotFound
from jit_portal.jits import documents, service
from jit_portal.jits.models import Agreement, Jit, Party
from jit_portal.jits.terms import Terms
from jit_portal.vocabulary import AgreementState, Duty, May, Role
from tests import factories
from tests.drafting import PDF, TODAY, UNCHECKED, Browse, Desk, at, submit, typed, workspace_of

__all__ = ["at"]


@pytest.mark.parametrize("name", ["fr_one", "nl_two"])
def test_a_person_of_a_member_state_begins_a_jit(at: Desk, name: str) -> None:
    agreement = service.begin(at[name], at.terms())
    assert (agreement.state, agreement.version) == (AgreementState.DRAFT, 1)
    assert agreement.in_force_from is None
    assert workspace_of(agreement) is None


@pytest.mark.parametrize("name", ["al_one", "eu_one"])
def test_people_of_third_countries_and_bodies_begin_none(at: Desk, name: str) -> None:
    with pytest.raises(NotAllowed):
        service.begin(at[name], at.terms())
    assert session().scalar(select(func.count(Jit.id)).execution_options(**UNCHECKED)) == 0


@pytest.mark.parametrize("duty", list(Duty))
def test_who_has_a_duty_begins_none(at: Desk, duty: Duty) -> None:
    with transaction():
        at["fr_one"].duty = duty
        session().merge(at["fr_one"])
    with pytest.raises(NotAllowed):
        service.begin(at["fr_one"], at.terms())


def test_a_deactivated_person_begins_none(at: Desk) -> None:
    with transaction():
        at["fr_one"].deactivated_at = factories.now()
        session().merge(at["fr_one"])
    with pytest.raises(NotAllowed):
        service.begin(at["fr_one"], at.terms())


def test_a_draft_is_seen_by_its_drafter_and_by_whom_it_names(at: Desk) -> None:
    agreement = service.begin(at["fr_two"], at.terms())
    for name in ("fr_one", "fr_two", "nl_one"):
        assert policy.may(at[name], May.AMEND, agreement), name
    for name in ("nl_two", "ro_one", "al_one", "eu_one"):
        with pytest.raises(NotFound):
            policy.fetch(at[name], Agreement, agreement.id)
        with pytest.raises(NotFound):
            service.edit(at[name], agreement, at.terms(), agreement.edition)


def test_who_is_no_longer_named_no_longer_sees_the_draft(at: Desk) -> None:
    agreement = at.begin("fr", "nl", "ro")
    service.edit(at["fr_one"], agreement, at.terms("fr", "nl"), agreement.edition)
    with pytest.raises(NotFound):
        policy.fetch(at["ro_one"], Jit, agreement.jit_id)
    countries = session().scalars(
        select(Party.country).where(Party.jit_id == agreement.jit_id).execution_options(**UNCHECKED)
    )
    assert set(countries) == {"FR", "NL"}


def test_what_a_draft_cannot_say(at: Desk) -> None:
    wrong: list[Terms] = [
        at.terms(ends_on=TODAY - dt.timedelta(days=2)),
        at.terms(parties=(at.named("fr"), at.named("al", administrators=(at["al_one"].id,)))),
        at.terms(parties=(at.named("fr", leaders=(at["nl_one"].id,)),)),
        at.terms(parties=(at.named("fr", roles=(Role.PARTICIPANT,)),)),
        at.terms(parties=(at.named("eu", roles=(Role.LEADER,)),)),
        at.terms(parties=(at.named("fr", provider_id=uuid.uuid4()),)),
        at.terms(controller=at["nl_one"].id),
        at.terms(controller=uuid.uuid4()),
    ]
    for terms in wrong:
        with pytest.raises(Invalid):
            service.begin(at["fr_one"], terms)
    assert session().scalar(select(func.count(Jit.id)).execution_options(**UNCHECKED)) == 0


def test_people_with_a_duty_or_deactivated_are_not_named(at: Desk) -> None:
    with transaction():
        at["nl_one"].duty = Duty.OPERATOR
        at["nl_two"].deactivated_at = factories.now()
        session().merge(at["nl_one"])
        session().merge(at["nl_two"])
    for leader in ("one", "two"):
        with pytest.raises(Invalid):
            service.begin(at["fr_one"], at.terms(parties=(at.named("fr"), at.named("nl", leader))))


def test_a_reference_is_used_once(at: Desk) -> None:
    at.begin()
    with pytest.raises(Invalid) as caught:
        at.begin(name="Another")
    assert caught.value.field == "reference"


def test_the_second_of_two_is_refused_and_nothing_is_lost(at: Desk) -> None:
    agreement = at.begin()
    read = agreement.edition
    service.edit(at["nl_one"], agreement, at.terms(purpose="Theirs"), read)
    with pytest.raises(service.Stale) as caught:
        service.edit(at["fr_one"], agreement, at.terms(purpose="Mine"), read)
    assert caught.value.agreement.purpose == "Theirs"
    session().expire_all()
    assert policy.fetch(at["fr_one"], Agreement, agreement.id).purpose == "Theirs"


@pytest.mark.parametrize("act", ["attach", "abandon"])
def test_whoever_read_another_text_neither_puts_a_document_under_it_nor_gives_it_up(at: Desk, act: str) -> None:
    agreement = at.begin()
    read = agreement.edition
    service.edit(at["nl_one"], agreement, at.terms(purpose="Theirs"), read)
    acts: dict[str, Callable[[], object]] = {
        "attach": lambda: documents.attach(at["fr_one"], agreement, "a.pdf", io.BytesIO(PDF), read),
        "abandon": lambda: service.abandon(at["fr_one"], agreement, read),
    }
    with pytest.raises(service.Stale):
        acts[act]()
    session().expire_all()
    held = policy.fetch(at["fr_one"], Agreement, agreement.id)
    assert (held.document_sha256, held.state) == (None, AgreementState.DRAFT)


def test_two_at_the_same_moment_end_with_one_text(app: Flask, at: Desk) -> None:
    agreement = at.begin()
    read, together = agreement.edition, threading.Barrier(2)
    outcomes: list[str] = []

    def save(name: str) -> None:
        with app.test_request_context():
            together.wait()
            try:
                held = policy.fetch(at[name], Agreement, agreement.id)
                service.edit(at[name], held, at.terms(purpose=name), read)
                outcomes.append(name)
            except service.Stale:
                outcomes.append("stale")
            finally:
                session.remove()

    both = [threading.Thread(target=save, args=(name,)) for name in ("fr_one", "nl_one")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert sorted(outcomes)[1:] == ["stale"]
    session().expire_all()
    assert policy.fetch(at["fr_one"], Agreement, agreement.id).purpose == sorted(outcomes)[0]


def test_the_page_tells_the_second_what_changed_and_keeps_what_was_typed(at: Desk, browse: Browse) -> None:
    agreement = at.begin()
    path = f"/agreements/{agreement.id}/edit"
    second = browse(at["fr_one"])
    page = second.get(path).text
    hidden = {name: re.search(rf'name="{name}"[^>]*value="([^"]*)"', page) for name in ("edition", "base")}
    assert hidden["edition"] is not None
    assert hidden["base"] is not None
    base = hidden["base"][1].replace("&#34;", '"')
    service.edit(at["nl_one"], agreement, at.terms(purpose="Theirs"), agreement.edition)
    mine = typed(at, at.terms(purpose="Mine", name="Egret"), edition=hidden["edition"][1], base=base)
    refused = submit(second, path, path, mine)
    assert refused.status_code == 409
    assert "<del>Forged residence documents.</del>" in refused.text
    assert "<ins>Theirs</ins>" in refused.text
    assert "Mine</textarea>" in refused.text
    assert 'value="Egret"' in refused.text
    edition = re.search(r'name="edition"[^>]*value="(\d+)"', refused.text)
    assert edition is not None
    saved = submit(second, path, path, {**mine, "edition": edition[1]})
    assert saved.status_code == 303
    session().expire_all()
    assert policy.fetch(at["fr_one"], Agreement, agreement.id).purpose == "Mine"
