"""Drafting, signing and extending an agreement: who may, what opens when, and what nobody can do alone."""

import dataclasses
import datetime as dt
import io
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale
from sqlalchemy import func, select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotAllowed, NotFound, Refused, StoreUnavailable
from jit_portal.exhibits.models import CountryRule, Exhibit, Release
from jit_portal.files import storage
from jit_portal.identity.models import User
from jit_portal.jits import documents, service, signing, versions
from jit_portal.jits.models import Agreement, Jit, Party
from jit_portal.jits.terms import Terms
from jit_portal.messages.models import Channel
from jit_portal.messages.words import channel_name
from jit_portal.tasks.models import Board
from jit_portal.tasks.words import board_name, column_name
from jit_portal.vocabulary import AgreementState, Duty, May, Outcome, PrincipalKind, Role, Sight
from jit_portal.web import context, home
from jit_portal.workspaces import service as workspaces
from jit_portal.workspaces.models import Membership, Workspace
from jit_portal.workspaces.principals import principal
from tests import factories
from tests.drafting import PDF, TODAY, UNCHECKED, Desk, desk, sign_for, submit, typed, workspace_of

Browse = Callable[[User], FlaskClient]
HOSTILE = '"><script>alert(1)</script><b onclick=x>'


@pytest.fixture
def at(app: Flask) -> Iterator[Desk]:
    with app.test_request_context():
        yield desk()


def members(agreement: Agreement) -> dict[str, Membership]:
    """Who is in the workspace now, by name."""
    space = workspace_of(agreement)
    assert space is not None
    live = policy.person.live(Membership.live_from, Membership.live_until)
    found = select(Membership).where(Membership.workspace_id == space.id, live).execution_options(**UNCHECKED)
    return {member.user.name: member for member in session().scalars(found).unique()}


def sees(person: User, agreement: Agreement) -> bool:
    space = workspace_of(agreement)
    return space is not None and policy.may(person, May.SEE, space)


# Who may begin


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


# Who sees and writes a draft


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


# What a draft cannot say


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


# Two at one draft


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


# The document


def test_the_document_is_sealed_hashed_and_given_back(at: Desk) -> None:
    agreement = at.begin()
    digest = documents.attach(at["fr_one"], agreement, "Accord – signé.pdf", io.BytesIO(PDF), agreement.edition)
    assert agreement.document_object is not None
    store = storage.store()
    with store.read(agreement.document_object, 0, store.size(agreement.document_object)) as reading:
        lying = reading.exactly(10_000)
    assert PDF not in lying
    assert b"signed agreement" not in lying
    assert (agreement.document_name, agreement.document_sha256) == ("Accord – signé.pdf", digest)
    assert documents.deliver(at["nl_one"], agreement) == PDF
    with pytest.raises(NotFound):
        documents.deliver(at["ro_one"], agreement)
    acts = session().scalars(select(LedgerEntry.act).execution_options(**UNCHECKED)).all()
    assert "agreement.document_attached" in acts
    assert acts.count("agreement.document_read") == 1


def test_what_is_no_document_is_not_taken(at: Desk) -> None:
    wrong = [
        ("agreement.pdf", b""),
        ("agreement.pdf", b"MZ\x90\x00 not a document"),
        ("agreement.exe", PDF),
        ("../agreement.pdf", PDF),
        ("agreement\u202efdp.pdf", PDF),
        ("a\x00b.pdf", PDF),
        ("a" * 300 + ".pdf", PDF),
        ("agreement.pdf", PDF + b"\0" * documents.LARGEST),
    ]
    agreement = at.begin()
    for name, data in wrong:
        with pytest.raises(Invalid):
            documents.attach(at["fr_one"], agreement, name, io.BytesIO(data), agreement.edition)
    assert agreement.document_sha256 is None


def test_a_document_of_many_chunks_comes_back_whole(at: Desk) -> None:
    agreement = at.begin()
    data = PDF + bytes(range(256)) * 12_000
    documents.attach(at["fr_one"], agreement, "long.pdf", io.BytesIO(data), agreement.edition)
    assert documents.deliver(at["fr_one"], agreement) == data


def test_another_document_in_its_place_in_the_store_is_noticed(at: Desk) -> None:
    agreement, other = at.begin(), at.begin(reference="JIT-2", name="Other")
    for each in (agreement, other):
        documents.attach(at["fr_one"], each, "agreement.pdf", io.BytesIO(PDF), each.edition)
    store = storage.store()
    assert agreement.document_object is not None
    assert other.document_object is not None
    with store.read(other.document_object, 0, store.size(other.document_object)) as reading:
        swapped = reading.exactly(10_000)
    with store.read(agreement.document_object, 0, store.size(agreement.document_object)) as reading:
        genuine = reading.exactly(10_000)
    for planted in (swapped, swapped[:60], b"", PDF):
        store.put(agreement.document_object, planted)
        with pytest.raises((Refused, StoreUnavailable)):
            documents.deliver(at["fr_one"], agreement)
    store.put(agreement.document_object, genuine)
    with transaction():
        agreement.document_sha256 = "0" * 64
    with pytest.raises(Refused):
        documents.deliver(at["fr_one"], agreement)
    store.remove(agreement.document_object)
    with pytest.raises(Refused):
        documents.deliver(at["fr_one"], agreement)


def test_a_store_that_is_away_is_said_on_the_page_and_changes_nothing(at: Desk, browse: Browse) -> None:
    agreement, working = at.begin(), storage.store()
    storage.use(storage.Store("127.0.0.1:9", "a", "b", "c", secure=False))
    try:
        page = f"/jits/{agreement.jit_id}/agreement"
        sent = {"document": (io.BytesIO(PDF), "agreement.pdf"), "edition": str(agreement.edition)}
        answer = submit(browse(at["fr_one"]), page, f"/agreements/{agreement.id}/document", sent)
        assert answer.status_code == 503
        assert "The store does not answer." in answer.text
        assert "Attach the document" in answer.text
    finally:
        storage.use(working)
    session().expire_all()
    assert policy.fetch(at["fr_one"], Agreement, agreement.id).document_sha256 is None


# Signing


def test_what_lacks_is_named_before_anybody_can_sign(at: Desk) -> None:
    agreement = at.begin(legal_bases=(), states_of_operation=(), parties=(at.named("al", leaders=()),))
    lacking = " ".join(signing.lacking(agreement))
    for said in ("two States", "one Member State", "legal basis", "States of operation", "leader for Albania"):
        assert said in lacking
    for said in ("space administrator", "Attach the document"):
        assert said in lacking
    with pytest.raises(Refused):
        sign_for(at["fr_one"], agreement, "al", at)


def test_a_period_that_is_over_is_not_signed(at: Desk) -> None:
    over = TODAY - dt.timedelta(days=10)
    agreement = at.begin(starts_on=over, ends_on=over)
    documents.attach(at["fr_one"], agreement, "a.pdf", io.BytesIO(PDF), agreement.edition)
    assert signing.lacking(agreement) == ["The last day has passed."]


def test_third_countries_without_a_controller_are_remarked_on(at: Desk) -> None:
    agreement = at.begin("fr", "nl", "al")
    assert "Article 23(2)" in signing.remarks(agreement)[0]
    service.edit(at["fr_one"], agreement, at.terms("fr", "nl", "al", controller=at["fr_one"].id), agreement.edition)
    assert signing.remarks(agreement) == []


def test_the_last_signature_opens_the_workspace_and_nothing_opens_before(at: Desk) -> None:
    agreement = at.begin("fr", "nl", "al", "eu", controller=at["fr_one"].id)
    documents.attach(at["fr_one"], agreement, "a.pdf", io.BytesIO(PDF), agreement.edition)
    for slug in ("fr", "nl", "eu"):
        sign_for(at["fr_one"], agreement, slug, at)
        assert workspace_of(agreement) is None
        assert agreement.state == AgreementState.DRAFT
    sign_for(at["fr_one"], agreement, "al", at)
    assert agreement.state == AgreementState.SIGNED
    space = workspace_of(agreement)
    assert space is not None
    seated = members(agreement)
    assert {name: member.role for name, member in seated.items()} == {
        "FR One": Role.LEADER,
        "NL One": Role.LEADER,
        "AL One": Role.LEADER,
    }
    assert [name for name, member in seated.items() if member.is_space_administrator] == ["FR One"]
    assert seated["AL One"].is_outside_union
    assert all(sees(at[name], agreement) for name in ("fr_one", "nl_one", "al_one"))
    assert not any(sees(at[name], agreement) for name in ("fr_two", "ro_one", "eu_one"))
    heard = session().scalars(policy.which(at["nl_one"], Channel)).unique().one()
    board = session().scalars(policy.which(at["nl_one"], Board)).unique().one()
    assert channel_name(heard) == "everyone"
    assert [column_name(column) for column in board.columns] == ["To do", "In progress", "With partner", "Done"]
    assert board.prefix == "HER"
    assert policy.may(at["nl_one"], May.UPLOAD, space)


def test_what_a_workspace_opens_with_goes_by_the_readers_words(at: Desk, app: Flask) -> None:
    at.in_force("fr", "nl")
    heard = session().scalars(policy.which(at["nl_one"], Channel)).unique().one()
    board = session().scalars(policy.which(at["nl_one"], Board)).unique().one()
    with app.test_request_context(), force_locale("fr"):
        assert (channel_name(heard), board_name(board)) == ("tous", "Plan d’action")
        assert [column_name(column) for column in board.columns] == [
            "À faire",
            "En cours",
            "Chez un partenaire",
            "Fait",
        ]


def test_a_version_holds_from_its_first_day_to_the_end_of_its_last_in_its_zone(at: Desk) -> None:
    """The last day is 25 October 2026's next like: a day of 25 hours in Bucharest."""
    year = TODAY.year + 1
    last = max(day for day in (dt.date(year, 10, each) for each in range(25, 32)) if day.weekday() == 6)
    agreement = at.in_force(ends_on=last, time_zone="Europe/Bucharest")
    assert agreement.in_force_until == dt.datetime(last.year, 10, last.day, 22, tzinfo=dt.UTC)
    assert agreement.in_force_until == dt.datetime.combine(
        last + dt.timedelta(days=1), dt.time(), ZoneInfo("Europe/Bucharest")
    )
    assert agreement.in_force_from is not None
    assert abs(agreement.in_force_from - factories.now()) < dt.timedelta(minutes=1)


def test_a_version_that_begins_later_opens_nothing_yet(at: Desk) -> None:
    start = TODAY + dt.timedelta(days=5)
    agreement = at.in_force(starts_on=start)
    assert agreement.in_force_from == dt.datetime.combine(start, dt.time(), ZoneInfo("Europe/Paris"))
    assert workspace_of(agreement) is not None
    assert not sees(at["fr_one"], agreement)
    assert policy.fetch(at["fr_one"], Jit, agreement.jit_id)


def test_a_signature_is_for_the_edition_that_was_read(at: Desk) -> None:
    agreement = at.begin()
    documents.attach(at["fr_one"], agreement, "a.pdf", io.BytesIO(PDF), agreement.edition)
    party, read = agreement.named_parties[0].party_id, agreement.edition
    service.edit(at["nl_one"], agreement, at.terms(purpose="Changed"), read)
    signature = signing.Signature("Somebody", TODAY, "Paris")
    with pytest.raises(service.Stale):
        signing.record_signature(at["fr_one"], agreement, party, signature, read)


def test_a_signature_is_recorded_once_and_not_from_the_future(at: Desk) -> None:
    agreement = at.begin()
    documents.attach(at["fr_one"], agreement, "a.pdf", io.BytesIO(PDF), agreement.edition)
    party = agreement.named_parties[0].party_id
    later = signing.Signature("Somebody", TODAY + dt.timedelta(days=3), "Paris")
    with pytest.raises(Invalid):
        signing.record_signature(at["fr_one"], agreement, party, later, agreement.edition)
    now = signing.Signature("Somebody", TODAY, "Paris")
    signing.record_signature(at["fr_one"], agreement, party, now, agreement.edition)
    with pytest.raises(Refused):
        signing.record_signature(at["fr_one"], agreement, party, now, agreement.edition)
    with pytest.raises(Invalid):
        signing.record_signature(at["fr_one"], agreement, uuid.uuid4(), now, agreement.edition)


def test_a_text_that_was_signed_is_not_changed_under_the_signature(at: Desk) -> None:
    agreement = at.begin()
    documents.attach(at["fr_one"], agreement, "a.pdf", io.BytesIO(PDF), agreement.edition)
    sign_for(at["nl_one"], agreement, "nl", at)
    with pytest.raises(Refused):
        service.edit(at["fr_one"], agreement, at.terms(purpose="Changed"), agreement.edition)
    with pytest.raises(Refused):
        documents.attach(at["fr_one"], agreement, "b.pdf", io.BytesIO(PDF), agreement.edition)
    with pytest.raises(Refused):
        service.abandon(at["fr_one"], agreement, agreement.edition)
    signing.remove_signatures(at["fr_one"], agreement)
    service.edit(at["fr_one"], agreement, at.terms(purpose="Changed"), agreement.edition)
    assert not any(named.recorded_at for named in agreement.named_parties)


def test_a_signed_version_is_not_touched_again(at: Desk) -> None:
    agreement = at.in_force()
    for attempt in (
        lambda: service.edit(at["fr_one"], agreement, at.terms(purpose="Changed"), agreement.edition),
        lambda: service.abandon(at["fr_one"], agreement, agreement.edition),
        lambda: signing.remove_signatures(at["fr_one"], agreement),
        lambda: documents.attach(at["fr_one"], agreement, "b.pdf", io.BytesIO(PDF), agreement.edition),
    ):
        with pytest.raises(NotAllowed):
            attempt()


def test_a_draft_is_given_up_and_another_begun(at: Desk) -> None:
    agreement = at.begin()
    service.abandon(at["nl_one"], agreement, agreement.edition)
    assert agreement.state == AgreementState.ABANDONED
    with pytest.raises(NotFound):
        policy.fetch(at["nl_one"], Jit, agreement.jit_id)
    again = service.extend(at["fr_one"], policy.fetch(at["fr_one"], Jit, agreement.jit_id))
    assert again.version == 2
    assert [version.agreement.id for version in versions.versions_of(at["fr_one"], again.jit)] == [again.id]


# Extending


def test_extending_copies_the_last_version_once(at: Desk) -> None:
    first = at.in_force("fr", "nl", "eu")
    draft = service.extend(at["nl_one"], first.jit)
    assert (draft.version, draft.state) == (2, AgreementState.DRAFT)
    assert draft.purpose == first.purpose
    assert len(draft.named_people) == len(first.named_people)
    assert draft.document_sha256 is None
    with pytest.raises(Refused):
        service.extend(at["fr_one"], first.jit)


def test_only_live_leaders_extend(at: Desk) -> None:
    first = at.in_force()
    space = workspace_of(first)
    assert space is not None
    for name in ("fr_two", "ro_one"):
        with pytest.raises(NotFound):
            service.extend(at[name], first.jit)
    with transaction():
        members(first)["NL One"].live_until = factories.now()
    with pytest.raises(NotFound):
        service.extend(at["nl_one"], first.jit)


def test_who_leads_a_country_signs_for_it_and_nobody_else(at: Desk) -> None:
    """Nobody can put a country out, or other leaders in, without the leaders it has now."""
    first = at.in_force("fr", "nl", "eu")
    draft = service.extend(at["fr_one"], first.jit)
    service.edit(at["fr_one"], draft, at.terms(parties=(at.named("fr"), at.named("nl", "two"), at.named("eu"))), 1)
    documents.attach(at["fr_one"], draft, "a.pdf", io.BytesIO(PDF), draft.edition)
    for name in ("fr_one", "nl_two"):
        with pytest.raises(NotAllowed):
            sign_for(at[name], draft, "nl", at)
    sign_for(at["fr_one"], draft, "eu", at)
    assert sign_for(at["nl_one"], draft, "nl", at).state == AgreementState.DRAFT
    assert sign_for(at["fr_one"], draft, "fr", at).state == AgreementState.SIGNED


def test_a_new_party_signs_by_the_leader_it_is_named_with(at: Desk) -> None:
    first = at.in_force("fr", "nl")
    draft = service.extend(at["fr_one"], first.jit)
    service.edit(at["fr_one"], draft, at.terms("fr", "nl", "ro"), draft.edition)
    documents.attach(at["fr_one"], draft, "a.pdf", io.BytesIO(PDF), draft.edition)
    with pytest.raises(NotAllowed):
        sign_for(at["fr_one"], draft, "ro", at)
    for slug in ("ro", "fr", "nl"):
        assert not sees(at["ro_one"], first)
        sign_for(at[f"{slug}_one"], draft, slug, at)
    assert sees(at["ro_one"], first)
    assert first.in_force_until == draft.in_force_from


def test_the_next_version_seats_people_as_it_names_them(at: Desk) -> None:
    first = at.in_force("fr", "nl")
    draft = service.extend(at["fr_one"], first.jit)
    changed = (at.named("fr"), at.named("nl", "two", administrators=(at["nl_two"].id,)))
    service.edit(
        at["fr_one"], draft, at.terms(parties=(dataclasses.replace(changed[0], administrators=()), changed[1])), 1
    )
    at.sign(draft)
    seated = members(draft)
    assert {name: (member.role, member.is_space_administrator) for name, member in seated.items()} == {
        "FR One": (Role.LEADER, False),
        "NL One": (Role.MEMBER, False),
        "NL Two": (Role.LEADER, True),
    }
    assert policy.may(at["nl_two"], May.AMEND, draft.jit)
    assert not policy.may(at["nl_one"], May.AMEND, draft.jit)


def test_a_party_no_longer_named_leaves_with_its_own_and_loses_what_it_was_shown(at: Desk) -> None:
    first = at.in_force("fr", "nl", "ro")
    space = workspace_of(first)
    assert space is not None
    made = _world_of(first, space, at)
    theirs, ours = factories.exhibit(made, "ro", "Theirs"), factories.exhibit(made, "fr", "Ours")
    to_them, by_them = factories.release(made, ours, "ro"), factories.release(made, theirs, "fr")
    to_person = factories.release(made, ours, at["ro_one"])
    with transaction():
        meant = principal(space.id, PrincipalKind.PARTY, party_id=made.parties["ro"].id)
        rules = [
            CountryRule(
                workspace_id=space.id,
                party_id=made.parties["fr"].id,
                is_forbid=is_forbid,
                principal_id=meant.id,
                sight=Sight.USE if is_forbid else Sight.SEE,
                set_by_id=at["fr_one"].id,
            )
            for is_forbid in (True, False)
        ]
        session().add_all(rules)
    assert policy.may(at["ro_one"], May.READ, ours)
    draft = service.extend(at["fr_one"], first.jit)
    service.edit(at["fr_one"], draft, at.terms("fr", "nl"), draft.edition)
    at.sign(draft)
    session().expire_all()
    assert policy.may(at["ro_one"], May.READ, theirs)
    assert not policy.may(at["ro_one"], May.DOWNLOAD, theirs)
    assert not policy.may(at["ro_one"], May.SEE, ours)
    assert not sees(at["ro_one"], first)
    ended = {
        row.id: row.live_until for row in session().scalars(select(Release).execution_options(**UNCHECKED)).unique()
    }
    assert ended[to_them.id] == ended[to_person.id] == draft.in_force_from
    assert ended[by_them.id] is None
    assert policy.may(at["fr_one"], May.READ, theirs)
    closed = {
        rule.is_forbid: rule.live_until
        for rule in session().scalars(select(CountryRule).execution_options(**UNCHECKED)).unique()
    }
    assert closed == {True: None, False: draft.in_force_from}


def test_a_party_that_left_comes_back(at: Desk) -> None:
    first = at.in_force("fr", "nl", "ro")
    for slugs in (("fr", "nl"), ("fr", "nl", "ro")):
        draft = service.extend(at["fr_one"], first.jit)
        service.edit(at["fr_one"], draft, at.terms(*slugs), draft.edition)
        at.sign(draft)
        assert sees(at["ro_one"], first) == ("ro" in slugs)
    assert members(first)["RO One"].role == Role.LEADER
    assert not members(first)["RO One"].keeps_own_exhibits


def _next(at: Desk, first: Agreement, terms: Terms, by: str = "fr_one") -> Agreement:
    """The next version of a JIT, signed by everybody who has to."""
    draft = service.extend(at[by], first.jit)
    service.edit(at[by], draft, terms, draft.edition)
    return at.sign(draft)


def test_who_kept_a_view_is_a_plain_member_when_the_party_comes_back_under_others(at: Desk) -> None:
    first = at.in_force("fr", "nl", "ro")
    _next(at, first, at.terms("fr", "nl"))
    assert members(first)["RO One"].keeps_own_exhibits
    back = at.terms(parties=(at.named("fr"), at.named("nl"), at.named("ro", "two")))
    draft = service.extend(at["fr_one"], first.jit)
    service.edit(at["fr_one"], draft, back, draft.edition)
    documents.attach(at["fr_one"], draft, "agreement.pdf", io.BytesIO(PDF), draft.edition)
    assert not policy.jits.signs_for(at["ro_one"], draft), "the last leader of a party that left speaks for it no more"
    for by, slug in (("fr_one", "fr"), ("nl_one", "nl"), ("ro_two", "ro")):
        sign_for(at[by], draft, slug, at)
    seated = members(first)
    assert (seated["RO Two"].role, seated["RO One"].role) == (Role.LEADER, Role.MEMBER)
    assert not seated["RO One"].keeps_own_exhibits
    assert not policy.may(at["ro_one"], May.AMEND, first.jit)


def test_a_party_that_never_began_is_dropped_by_the_next_version(at: Desk) -> None:
    first = at.in_force("fr", "nl")
    _next(at, first, at.terms("fr", "nl", "ro", starts_on=TODAY + dt.timedelta(days=30)))
    _next(at, first, at.terms("fr", "nl", starts_on=TODAY + dt.timedelta(days=30)))
    romania = policy.jits.party_at(first.jit_id, at.providers["ro"].id)
    assert romania is not None
    assert romania.live_from is not None
    assert romania.live_until == romania.live_from


def test_a_party_that_is_only_drafted_is_shown_to_those_who_see_the_draft(at: Desk, browse: Browse) -> None:
    first = at.in_force("fr", "nl")
    space = workspace_of(first)
    assert space is not None
    france = next(named.party for named in first.named_parties if named.party.country == "FR")
    workspaces.enrol(at["fr_one"], space, at["fr_two"], france, Role.MEMBER)
    draft = service.extend(at["fr_one"], first.jit)
    service.edit(at["fr_one"], draft, at.terms("fr", "nl", "ro"), draft.edition)

    def flags(name: str) -> set[str]:
        return {country for jit in context.sidebar(at[name]) for country in jit.flags}

    def on_card(name: str) -> set[str]:
        return {party.country for card in home.home(at[name]).cards for party in card.parties}

    assert flags("fr_one") == on_card("fr_one") == {"FR", "NL", "RO"}
    assert flags("fr_two") == on_card("fr_two") == {"FR", "NL"}
    page = browse(at["fr_two"]).get(f"/workspaces/{space.id}").text
    assert "flags/fr" in page
    assert "flags/ro" not in page
    at.sign(draft)
    assert flags("fr_two") == {"FR", "NL", "RO"}


def test_an_expert_is_tied_to_the_party_of_her_own_login_once_it_joins(at: Desk) -> None:
    first = at.in_force("fr", "nl")
    space = workspace_of(first)
    assert space is not None
    drafted = service.extend(at["fr_one"], first.jit)
    service.edit(at["fr_one"], drafted, at.terms("fr", "nl", "ro"), drafted.edition)
    france = next(named.party for named in first.named_parties if named.party.country == "FR")
    workspaces.enrol(at["fr_one"], space, at["ro_two"], france, Role.EXPERT, purpose="Interpreting")
    service.edit(at["fr_one"], drafted, at.terms("fr", "nl"), drafted.edition)  # what was only drafted is forgotten
    service.edit(at["fr_one"], drafted, at.terms("fr", "nl", "ro"), drafted.edition)
    at.sign(drafted)
    made = _world_of(drafted, space, at)
    shown = factories.exhibit(made, "fr", "Shown")
    factories.release(made, shown, at["ro_two"])
    assert policy.may(at["ro_two"], May.READ, shown)
    with transaction():
        meant = principal(space.id, PrincipalKind.PARTY, party_id=made.parties["ro"].id)
        forbid = {"is_forbid": True, "sight": int(Sight.SEE), "set_by_id": at["fr_one"].id}
        session().add(CountryRule(workspace_id=space.id, party_id=france.id, principal_id=meant.id, **forbid))
    assert not policy.may(at["ro_two"], May.SEE, shown), "a forbid on Romania reaches people of its login"


def test_a_version_that_begins_later_changes_nothing_before(at: Desk) -> None:
    first = at.in_force("fr", "nl", "ro")
    draft = service.extend(at["fr_one"], first.jit)
    service.edit(at["fr_one"], draft, at.terms("fr", "nl", starts_on=TODAY + dt.timedelta(days=9)), draft.edition)
    at.sign(draft)
    assert sees(at["ro_one"], first)
    assert policy.agreement_of(first.jit_id) is not None
    assert policy.agreement_of(first.jit_id) != draft
    assert first.in_force_until == draft.in_force_from


def test_after_the_end_it_can_be_read_and_extended(at: Desk) -> None:
    first = at.in_force()
    space = workspace_of(first)
    assert space is not None
    with transaction():
        first.in_force_until = factories.now() - dt.timedelta(seconds=1)
    assert sees(at["fr_one"], first)
    for may in (May.UPLOAD, May.INVITE, May.OPEN_CHANNEL, May.OPEN_BOARD):
        assert not policy.may(at["fr_one"], may, space), may
    draft = service.extend(at["fr_one"], first.jit)
    at.sign(draft)
    assert policy.may(at["fr_one"], May.UPLOAD, space)


def test_an_agreement_is_read_part_by_part(at: Desk, browse: Browse) -> None:
    first = at.in_force("fr", "nl")
    page = browse(at["fr_one"]).get(f"/jits/{first.jit_id}/agreement").text
    text = page[page.index('class="agreement-text"') : page.index("<details")]
    headings = re.findall(r"<h3[^>]*>(.*?)</h3>", text, re.DOTALL)
    assert [plain(each) for each in headings] == ["The team", "Period", "France", "Netherlands"]
    assert "Purpose Forged residence documents. Legal basis" in plain(text)


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_history_says_what_each_version_changed(at: Desk) -> None:
    first = at.in_force("fr", "nl")
    draft = service.extend(at["fr_one"], first.jit)
    service.edit(at["fr_one"], draft, at.terms("fr", "nl", "ro", purpose="Wider."), draft.edition)
    newest, oldest = versions.versions_of(at["fr_one"], first.jit)
    said = {change.what: (change.before, change.after) for change in newest.changes}
    assert said["Purpose"] == ("Forged residence documents.", "Wider.")
    assert said["Romania: Leaders"] == ("", "RO One")
    assert "Reference" not in said
    assert oldest.changes == []


def test_in_which_order_it_was_ticked_changes_nothing(at: Desk) -> None:
    bases, states = ("FD-2002-465", "EU-MLA2000-13"), ("NL", "FR")
    first = at.in_force("fr", "nl", legal_bases=bases, states_of_operation=states)
    draft = service.extend(at["fr_one"], first.jit)
    other_way = at.terms("fr", "nl", legal_bases=bases[::-1], states_of_operation=states[::-1])
    service.edit(at["fr_one"], draft, other_way, draft.edition)
    newest, _ = versions.versions_of(at["fr_one"], first.jit)
    assert {change.what for change in newest.changes} & {"Legal basis", "States of operation"} == set()


# Pages


def test_the_pages_of_an_agreement_from_the_first_word_to_the_open_workspace(at: Desk, browse: Browse) -> None:
    drafter = browse(at["fr_one"])
    assert "A new JIT" in drafter.get("/jits/new").text
    made = submit(drafter, "/jits/new", "/jits", typed(at, at.terms("fr", "nl")))
    assert made.status_code == 303, made.text
    page = made.headers["Location"]
    agreement = session().scalars(select(Agreement).execution_options(**UNCHECKED)).one()
    assert "Attach the document" in drafter.get(page).text
    sent = {"document": (io.BytesIO(PDF), "agreement.pdf"), "edition": str(agreement.edition)}
    assert submit(drafter, page, f"/agreements/{agreement.id}/document", sent).status_code == 303
    session().refresh(agreement)
    for named in agreement.named_parties:
        signature = {
            "party": str(named.party_id),
            "signed_by": "Claire",
            "signed_on": TODAY.isoformat(),
            "place": "Paris",
            "edition": str(agreement.edition),
        }
        answer = submit(drafter, page, f"/agreements/{agreement.id}/signatures", signature)
        assert answer.status_code == 303, answer.text
    arrived = drafter.get(answer.headers["Location"], follow_redirects=True)
    assert "What is new" in arrived.text
    assert "In force" in drafter.get(page).text
    fetched = drafter.get(f"/agreements/{agreement.id}/document")
    assert fetched.data == PDF
    assert fetched.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in fetched.headers["Content-Security-Policy"]
    extended = submit(drafter, page, f"/jits/{agreement.jit_id}/extend", {})
    assert "Version 2" in drafter.get(extended.headers["Location"]).text


def test_what_is_typed_is_shown_as_text(at: Desk, browse: Browse) -> None:
    agreement = at.in_force("fr", "nl", reference=f"R{HOSTILE}", name=f"N{HOSTILE}", purpose=f"P{HOSTILE}")
    drafter = browse(at["fr_one"])
    space = workspace_of(agreement)
    assert space is not None
    for path in (
        "/",
        f"/jits/{agreement.jit_id}/agreement",
        f"/workspaces/{space.id}",
        f"/workspaces/{space.id}/people",
    ):
        page = drafter.get(path)
        assert page.status_code == 200, path
        assert "<script>alert" not in page.text, path
        assert "&lt;script&gt;alert" in page.text, path


def test_what_cannot_be_typed_comes_back_with_the_reason(at: Desk, browse: Browse) -> None:
    wrong = [
        ("reference", ""),
        ("reference", "x" * 300),
        ("name", "x" * 300),
        ("name", "Her\u202eon"),
        ("name", "Her\non"),
        ("name", "Her\x07on"),
        ("purpose", ""),
        ("purpose", "x" * 5001),
        ("purpose", "\x1b[2J"),
        ("starts_on", "tomorrow"),
        ("ends_on", "2026-02-30"),
        ("ends_on", "1999-01-01"),
        ("time_zone", "Mars/Olympus"),
        ("legal_bases", "none"),
        ("states_of_operation", "XX"),
        ("controller", "nobody"),
        ("fr-roles", "participant"),
        ("fr-leaders", "not-an-id"),
        ("fr-invites_until", "soon"),
    ]
    drafter = browse(at["fr_one"])
    for field, value in wrong:
        answer = submit(drafter, "/jits/new", "/jits", {**typed(at, at.terms()), field: value})
        assert answer.status_code == 422, (field, value)
        assert "There is a problem" in answer.text, (field, value)
    assert session().scalar(select(func.count(Jit.id)).execution_options(**UNCHECKED)) == 0


def test_a_signature_that_makes_no_sense_is_not_recorded(at: Desk, browse: Browse) -> None:
    wrong = [
        ("party", "x"),
        ("party", str(uuid.uuid4())),
        ("signed_by", "x" * 300),
        ("signed_on", "never"),
        ("place", "\u202e"),
    ]
    agreement = at.begin()
    documents.attach(at["fr_one"], agreement, "a.pdf", io.BytesIO(PDF), agreement.edition)
    good = {
        "party": str(agreement.named_parties[0].party_id),
        "signed_by": "Claire",
        "signed_on": TODAY.isoformat(),
        "place": "Paris",
        "edition": str(agreement.edition),
    }
    page = f"/jits/{agreement.jit_id}/agreement"
    drafter = browse(at["fr_one"])
    for field, value in wrong:
        answer = submit(drafter, page, f"/agreements/{agreement.id}/signatures", {**good, field: value})
        assert answer.status_code == 422, (field, value)
    session().refresh(agreement, ["named_parties"])
    assert not any(named.recorded_at for named in agreement.named_parties)


def test_a_period_that_no_calendar_reaches_is_said_at_its_field(at: Desk, browse: Browse) -> None:
    for field, day in (("ends_on", dt.date(9999, 12, 31)), ("starts_on", dt.date(1, 1, 1))):
        with pytest.raises(Invalid) as caught:
            at.begin(**{field: day})
        assert caught.value.field == field
    page = submit(browse(at["fr_one"]), "/jits/new", "/jits", typed(at, at.terms(ends_on=dt.date(9999, 12, 31))))
    assert page.status_code == 422
    assert "Choose a day from 2000 to 2099." in page.text


def test_refusals_of_drafting_and_signing_are_on_the_jits_record(at: Desk, browse: Browse) -> None:
    draft = at.begin()
    service.edit(at["fr_one"], draft, at.terms(purpose="Meanwhile"), draft.edition)
    page, client = f"/agreements/{draft.id}/edit", browse(at["fr_one"])
    assert submit(client, page, page, typed(at, at.terms(), edition="1")).status_code == 409
    party = next(named.party_id for named in draft.named_parties)
    sent = {"party": str(party), "signed_by": "A", "signed_on": TODAY.isoformat(), "place": "Paris", "edition": "2"}
    sign = f"/agreements/{draft.id}/signatures"
    assert submit(client, f"/jits/{draft.jit_id}/agreement", sign, sent).status_code == 409  # no document yet
    refused = select(LedgerEntry).where(LedgerEntry.outcome == Outcome.REFUSED).execution_options(**UNCHECKED)
    entries = {entry.act: entry for entry in session().scalars(refused)}
    assert set(entries) == {"jits.update", "jits.sign"}
    assert {(entry.chain, entry.object_id) for entry in entries.values()} == {(draft.jit_id, draft.id)}


def test_a_party_is_named_in_the_readers_language(at: Desk, app: Flask, browse: Browse) -> None:
    draft = at.begin("fr", "nl", parties=(at.named("fr"), at.named("nl", leaders=())))
    client = browse(at["fr_one"])
    client.set_cookie(context.LANGUAGE_COOKIE, "fr", secure=True)
    page = client.get(f"/jits/{draft.jit_id}/agreement").text
    assert "Pays-Bas" in page
    assert "Netherlands" not in page


def test_right_to_left_and_combining_text_is_kept(at: Desk) -> None:
    purpose = "تحقيق مشترك في وثائق مزورة é 👩\u200d⚖️"
    agreement = at.begin(purpose=purpose, name="عملية الفانوس")
    session().expire_all()
    assert policy.fetch(at["fr_one"], Agreement, agreement.id).purpose == purpose


def test_a_double_click_makes_one_jit_and_one_extension(at: Desk, browse: Browse) -> None:
    drafter = browse(at["fr_one"])
    form = typed(at, at.terms())
    assert submit(drafter, "/jits/new", "/jits", form).status_code == 303
    assert submit(drafter, "/jits/new", "/jits", form).status_code == 422
    agreement = session().scalars(select(Agreement).execution_options(**UNCHECKED)).one()
    at.sign(agreement, everybody="fr_one")
    page = f"/jits/{agreement.jit_id}/agreement"
    assert submit(drafter, page, f"/jits/{agreement.jit_id}/extend", {}).status_code == 303
    assert submit(drafter, page, f"/jits/{agreement.jit_id}/extend", {}).status_code == 409


def test_nobody_else_gets_any_page_of_it(at: Desk, app: Flask, browse: Browse) -> None:
    agreement = at.begin()
    gets = [f"/jits/{agreement.jit_id}", f"/jits/{agreement.jit_id}/agreement", f"/agreements/{agreement.id}/edit"]
    gets.append(f"/agreements/{agreement.id}/document")
    posts = [f"/agreements/{agreement.id}/{verb}" for verb in ("edit", "abandon", "document", "signatures")]
    posts += [f"/agreements/{agreement.id}/signatures/remove", f"/jits/{agreement.jit_id}/extend"]
    stranger = browse(at["ro_two"])
    assert {stranger.get(path).status_code for path in gets} == {404}
    assert {submit(stranger, "/", path, {"edition": "1"}).status_code for path in posts} == {404}
    nobody = app.test_client()
    assert {nobody.get(path, base_url="https://localhost").status_code for path in [*gets, "/jits/new"]} == {302}
    assert browse(at["al_one"]).get("/jits/new").status_code == 403
    without_token = browse(at["fr_one"]).post(f"/agreements/{agreement.id}/abandon", data={"edition": "1"})
    assert without_token.status_code == 400


def test_a_member_reads_versions_but_does_not_write_them(at: Desk, browse: Browse) -> None:
    agreement = at.in_force()
    space = workspace_of(agreement)
    assert space is not None
    made = _world_of(agreement, space, at)
    made.join("member", "nl", person=at["nl_two"])
    session().commit()
    draft = service.extend(at["fr_one"], agreement.jit)
    member = browse(at["nl_two"])
    page = member.get(f"/jits/{agreement.jit_id}/agreement").text
    assert "Version 1" in page
    assert "Version 2" not in page
    assert member.get(f"/agreements/{draft.id}/edit").status_code == 404
    assert submit(member, "/", f"/jits/{agreement.jit_id}/extend", {}).status_code == 403


def test_every_act_is_on_record(at: Desk) -> None:
    agreement = at.in_force()
    acts = (
        session()
        .scalars(
            select(LedgerEntry.act)
            .where(LedgerEntry.chain == agreement.jit_id)
            .order_by(LedgerEntry.number)
            .execution_options(**UNCHECKED)
        )
        .all()
    )
    assert acts[0] == "jit.begun"
    for act in ("agreement.document_attached", "agreement.signature_recorded", "agreement.signed", "workspace.opened"):
        assert act in acts
    assert acts.count("membership.begun") == 2
    details = session().scalars(select(LedgerEntry.details).execution_options(**UNCHECKED)).all()
    assert not any("Forged" in detail or "Heron" in detail for detail in details)


def _world_of(agreement: Agreement, space: Workspace, at: Desk) -> factories.World:
    parties = {
        slug: named.party
        for named in agreement.named_parties
        for slug, provider in at.providers.items()
        if provider.id == named.party.provider_id
    }
    people = {f"{slug}_member": at[f"{slug}_one"] for slug in parties}
    return factories.World(agreement.jit, space, agreement, at.providers, parties, people)


def test_exhibits_are_stored_only_in_a_workspace(at: Desk) -> None:
    """Before a signature there is no workspace, and every exhibit, task and message needs one."""
    at.begin()
    for model in (Exhibit, Board, Channel):
        column = model.__table__.c.workspace_id
        assert not column.nullable
    assert session().scalar(select(func.count(Workspace.id)).execution_options(**UNCHECKED)) == 0
