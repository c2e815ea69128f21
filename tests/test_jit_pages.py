"""The pages of a JIT and its agreements: for whom they are, and what they say."""

import datetime as dt
import io
import re
import uuid

import pytest
from flask import Flask
from sqlalchemy import func, select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid
from jit_portal.exhibits.models import Exhibit
from jit_portal.jits import documents, service
from jit_portal.jits.models import Agreement, Jit
from jit_portal.messages.models import Channel
from jit_portal.tasks.models import Board
from jit_portal.vocabulary import Outcome
from jit_portal.web import context
from jit_portal.workspaces.models import Workspace
from tests.drafting import HOSTILE, PDF, TODAY, UNCHECKED, Browse, Desk, at, submit, typed, workspace_of, world_of

__all__ = ["at"]


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


def test_a_draft_is_begun_in_the_time_zone_of_whoever_begins_it(at: Desk, browse: Browse) -> None:
    for zone in ("Europe/Bucharest", "UTC"):
        with transaction():
            session().merge(at["fr_one"]).time_zone = zone
        page = browse(at["fr_one"]).get("/jits/new").text
        assert re.findall(r'<option selected value="([^"]+/[^"]+|UTC)">', page) == [zone]


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


@pytest.mark.parametrize("nothing", ["  ", "\u200b", "\u202a\u202c"], ids=ascii)
@pytest.mark.parametrize("field", ["reference", "name", "purpose"])
def test_what_shows_nothing_is_not_said(at: Desk, browse: Browse, field: str, nothing: str) -> None:
    answer = submit(browse(at["fr_one"]), "/jits/new", "/jits", typed(at, at.terms()) | {field: nothing})
    assert answer.status_code == 422
    assert "This is needed." in answer.text
    assert session().scalar(select(func.count()).select_from(Jit).execution_options(**UNCHECKED)) == 0


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
    made = world_of(agreement, space, at)
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


def test_exhibits_are_stored_only_in_a_workspace(at: Desk) -> None:
    """Before a signature there is no workspace, and every exhibit, task and message needs one."""
    at.begin()
    for model in (Exhibit, Board, Channel):
        column = model.__table__.c.workspace_id
        assert not column.nullable
    assert session().scalar(select(func.count(Workspace.id)).execution_options(**UNCHECKED)) == 0
