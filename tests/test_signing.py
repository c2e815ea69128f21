"""The document of an agreement, and its signatures: what opens when, and what nobody can do alone."""

import datetime as dt
import io
import uuid
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid, NotAllowed, NotFound, Refused, StoreUnavailable
from jit_portal.files import storage
from jit_portal.jits import documents, service, signing, versions
from jit_portal.jits.models import Agreement, Jit
from jit_portal.messages.models import Channel
from jit_portal.messages.words import channel_name
from jit_portal.tasks.models import Board
from jit_portal.tasks.words import board_name, column_name
from jit_portal.vocabulary import AgreementState, May, Role
from tests import factories
from tests.drafting import PDF, TODAY, UNCHECKED, Browse, Desk, at, members, sees, sign_for, submit, workspace_of

__all__ = ["at"]


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
    assert acts.count("agreement.document_read") == 1


def test_the_key_of_a_jit_is_made_once_and_on_record(at: Desk) -> None:
    agreement = at.begin()
    for _ in range(2):
        documents.attach(at["fr_one"], agreement, "Accord.pdf", io.BytesIO(PDF), agreement.edition)
    made = select(LedgerEntry.object_id).where(LedgerEntry.act == "key.made").execution_options(**UNCHECKED)
    assert session().scalars(made).all() == [agreement.id]
    acts = select(LedgerEntry.act).where(LedgerEntry.object_id == agreement.id).execution_options(**UNCHECKED)
    assert session().scalars(acts).all().count("agreement.document_attached") == 2


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
    stumps = (documents.MAGIC, genuine[:40], documents.MAGIC + b"\x01\xff" + bytes(100))
    for planted in (swapped, swapped[:60], b"", PDF, *stumps):
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


def test_third_countries_without_a_controller_are_remarked_on(at: Desk, browse: Browse) -> None:
    agreement = at.begin("fr", "nl", "al")
    [remark] = signing.remarks(agreement)
    assert "for the data of Albania (Article 23(2))" in remark
    assert "With or without one, they cannot upload yet" in remark, "naming one would not let them"
    page = browse(at["fr_one"]).get(f"/agreements/{agreement.id}/edit").text
    assert "With or without one, third countries and international bodies cannot upload yet" in page
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
