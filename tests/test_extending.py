"""Extending an agreement: a new version beside the one in force, and what it changes when."""

import dataclasses
import datetime as dt
import io
import re

import pytest
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.errors import NotAllowed, NotFound, Refused
from jit_portal.exhibits import history
from jit_portal.exhibits.models import CountryRule, Release
from jit_portal.jits import documents, service, versions
from jit_portal.jits.models import Agreement
from jit_portal.jits.terms import Terms
from jit_portal.vocabulary import AgreementState, May, PrincipalKind, Role, Sight
from jit_portal.web import context, home
from jit_portal.workspaces import service as workspaces
from jit_portal.workspaces.principals import principal
from tests import factories
from tests.drafting import (
    PDF,
    TODAY,
    UNCHECKED,
    Browse,
    Desk,
    at,
    members,
    sees,
    sign_for,
    workspace_of,
    world_of,
)
from tests.waiting import Statement, record_is_free_while_it_waits

__all__ = ["at"]


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
    made = world_of(first, space, at)
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
    told = [each.meant for each in history.of(at["fr_one"], ours).events if each.entry.act == "exhibit.withdrawn"]
    assert {each.id for each in told if each} == {to_them.principal_id, to_person.principal_id}, "in its history"
    ends = select(LedgerEntry.act, LedgerEntry.object_id).where(LedgerEntry.object_party_id == made.parties["fr"].id)
    ends = ends.where(LedgerEntry.act.in_(("exhibit.withdrawn", "country_rule.closed")))
    on_record = session().execute(ends.execution_options(**UNCHECKED)).all()
    assert sorted(on_record) == [("country_rule.closed", rules[1].id), *2 * [("exhibit.withdrawn", ours.id)]]


@pytest.mark.parametrize("table", ["release", "country_rule"])
def test_whoever_signs_and_waits_for_what_ends_by_it_has_not_the_record(
    at: Desk, cluster: Postgres, table: str
) -> None:
    """Or whoever withdraws it in the same moment would wait for her, and she for them."""
    first = at.in_force("fr", "nl", "ro")
    space = workspace_of(first)
    assert space is not None
    made = world_of(first, space, at)
    release = factories.release(made, factories.exhibit(made, "fr", "Ours"), "ro")
    with transaction():
        rule = CountryRule(
            workspace_id=space.id,
            party_id=made.parties["fr"].id,
            is_forbid=False,
            principal_id=release.principal_id,
            sight=Sight.SEE,
            set_by_id=at["fr_one"].id,
        )
        session().add(rule)
    draft = service.extend(at["fr_one"], first.jit)
    service.edit(at["fr_one"], draft, at.terms("fr", "nl"), draft.edition)
    documents.attach(at["fr_one"], draft, "agreement.pdf", io.BytesIO(PDF), draft.edition)
    sign_for(at["fr_one"], draft, "fr", at)
    things: dict[str, Release | CountryRule] = {"release": release, "country_rule": rule}
    held: Statement = (f"SELECT 1 FROM {table} WHERE id = %s FOR UPDATE", [things[table].id])
    chain = first.jit_id
    assert record_is_free_while_it_waits(cluster, lambda: sign_for(at["nl_one"], draft, "nl", at), held, chain=chain)
    session().expire_all()
    for model in (Release, CountryRule):
        ended = select(model.live_until).execution_options(**UNCHECKED)
        assert session().scalars(ended).one() is not None


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
    made = world_of(drafted, space, at)
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
