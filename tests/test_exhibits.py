"""The verbs and pages of the vault: release, withdraw, rules, custody, and who sees what of it."""

import datetime as dt
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from zoneinfo import ZoneInfo

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from jit_portal import policy
from jit_portal.audit.models import LedgerEntry
from jit_portal.audit.service import CHANNEL
from jit_portal.custody import service as custody
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import OWNER, Postgres
from jit_portal.errors import NotAllowed, NotFound, Refused
from jit_portal.exhibits import rules, service, windows
from jit_portal.exhibits.descriptions import is_marked, read
from jit_portal.exhibits.models import Exhibit, Release
from jit_portal.exhibits.rules import RuleDescription
from jit_portal.identity.models import Authority, User
from jit_portal.notices.models import Notice
from jit_portal.vocabulary import Duty, ExhibitKind, HandlingCode, May, NoticeKind, Purpose, Role, Sight
from jit_portal.workspaces.models import Workspace
from tests import factories
from tests.factories import World
from tests.waiting import status_after_the_wait, until_somebody_waits

Browse = Callable[[User], FlaskClient]


def acts() -> list[str]:
    entries = select(LedgerEntry.act).order_by(LedgerEntry.at)
    return list(session().scalars(entries.execution_options(policy=True)))


def token(page: str) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert found
    return found[1]


def post(client: FlaskClient, path: str, **fields: str) -> tuple[int, str]:
    answer = client.post(path, data={"csrf_token": token(client.get("/").text), **fields})
    return answer.status_code, answer.text


def test_release_and_withdrawal_move_sight_at_once(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    leader, other = world["fr_leader"], world["nl_member"]
    with pytest.raises(NotFound):
        policy.fetch(other, Exhibit, exhibit.id)
    made = service.release(
        leader, exhibit, f"party:{world.parties['nl'].id}", Sight.READ, Purpose.JIT_PURPOSE, conditions="No copies."
    )
    assert policy.allowed(other, exhibit) == {May.SEE, May.READ}
    service.withdraw(leader, made, "Released by mistake.")
    assert policy.allowed(other, exhibit) == frozenset()
    assert acts() == ["exhibit.released", "exhibit.withdrawn"]
    with pytest.raises(Refused):
        service.withdraw(leader, made, "Again.")


def told_of_releases() -> Counter[uuid.UUID]:
    told = select(Notice.user_id).where(Notice.kind == NoticeKind.RELEASED).execution_options(policy=True)
    return Counter(session().scalars(told))


def test_a_release_is_told_to_all_who_see_further_by_it(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    other, to = world["nl_member"], f"party:{world.parties['nl'].id}"
    factories.release(world, exhibit, other, Sight.READ)
    for sight in (Sight.READ, Sight.READ, Sight.USE):
        service.release(world["fr_leader"], exhibit, to, sight, Purpose.JIT_PURPOSE)
    assert told_of_releases() == {other.id: 1, world["nl_leader"].id: 2}


@pytest.mark.parametrize("name", ["fr_member", "nl_leader", "eu_participant"])
def test_only_a_leader_of_the_seizing_party_releases(app: Flask, name: str) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    to = f"party:{world.parties['nl'].id}"
    with pytest.raises((NotAllowed, NotFound)):
        service.release(world[name], exhibit, to, Sight.SEE, Purpose.JIT_PURPOSE)
    assert session().scalars(select(Release).execution_options(policy=True)).all() == []


def test_whom_the_agreement_does_not_name_is_refused(app: Flask) -> None:
    world, elsewhere = factories.world(), factories.world("Kestrel", ("ro",))
    exhibit = factories.exhibit(world)
    for stranger in (f"party:{elsewhere.parties['ro'].id}", f"person:{elsewhere['ro_member'].id}", "party:x", ""):
        with pytest.raises(Refused, match="does not name them"):
            service.release(world["fr_leader"], exhibit, stranger, Sight.SEE, Purpose.JIT_PURPOSE)


@pytest.mark.parametrize("name", ["al_member", "icc_participant"])
def test_releases_to_third_countries_and_international_bodies_are_refused_with_a_reason(app: Flask, name: str) -> None:
    world = factories.world(slugs=("fr", "nl", "al", "icc"))
    exhibit = factories.exhibit(world)
    party = f"party:{world.members[name].party_id}"
    for target in (party, f"person:{world[name].id}"):
        with pytest.raises(Refused, match="Articles 17 and 18") as refused:
            service.release(world["fr_leader"], exhibit, target, Sight.SEE, Purpose.JIT_PURPOSE)
        assert refused.value.status == 409
    with pytest.raises(Refused, match="Articles 17 and 18"):
        rules.set_rule(
            world["fr_leader"], world.workspace, world.parties["fr"], RuleDescription(False, party, Sight.SEE)
        )


def test_nothing_is_released_after_the_agreement_has_ended(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    made = factories.release(world, exhibit, "nl")
    factories.end_agreement(world)
    with pytest.raises(NotAllowed):
        service.release(world["fr_leader"], exhibit, f"party:{world.parties['nl'].id}", Sight.USE, Purpose.JIT_PURPOSE)
    assert May.READ in policy.allowed(world["nl_member"], exhibit)
    service.withdraw(world["fr_leader"], made, "The case is over.")
    assert policy.allowed(world["nl_member"], exhibit) == frozenset()


def test_a_standing_release_shows_and_a_forbid_takes_away(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world, kind=ExhibitKind.DOCUMENT, tags=("bank",))
    leader, party, other = world["fr_leader"], world.parties["fr"], world["nl_member"]
    to = f"party:{world.parties['nl'].id}"
    shown = RuleDescription(is_forbid=False, to=to, sight=Sight.DOWNLOAD, kind=ExhibitKind.DOCUMENT)
    preview = rules.preview(leader, world.workspace, party, shown)
    assert preview.exhibits == 1
    assert {move.person.id for move in preview.moves if move.rises} == {world["nl_leader"].id, other.id}
    assert policy.allowed(other, exhibit) == frozenset(), "a preview changes nothing"
    rules.set_rule(leader, world.workspace, party, shown)
    assert May.DOWNLOAD in policy.allowed(other, exhibit)
    forbid = rules.set_rule(
        leader, world.workspace, party, RuleDescription(is_forbid=True, to=to, sight=Sight.READ, tag="bank")
    )
    assert policy.allowed(other, exhibit) == {May.SEE}
    assert May.USE in policy.allowed(world["fr_member"], exhibit), "a forbid never touches the seizing party"
    rules.close_rule(leader, forbid)
    assert May.DOWNLOAD in policy.allowed(other, exhibit)


def test_a_release_of_what_a_forbid_hides_is_hidden_too(app: Flask) -> None:
    world = factories.world()
    made = factories.release(world, factories.exhibit(world), "nl")
    assert policy.may(world["nl_member"], May.SEE, made)
    said = RuleDescription(is_forbid=True, to=f"party:{world.parties['nl'].id}", sight=Sight.SEE)
    rules.set_rule(world["fr_leader"], world.workspace, world.parties["fr"], said)
    assert not policy.may(world["nl_member"], May.SEE, made)
    assert policy.may(world["fr_member"], May.SEE, made)


def test_only_leaders_set_rules_for_their_own_party(app: Flask) -> None:
    world = factories.world()
    said = RuleDescription(is_forbid=False, to=f"party:{world.parties['nl'].id}", sight=Sight.SEE)
    for name in ("fr_member", "nl_leader", "eu_participant"):
        with pytest.raises(NotAllowed):
            rules.set_rule(world[name], world.workspace, world.parties["fr"], said)


def test_custody_goes_from_hand_to_hand(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    holder, receiver = world["fr_member"], world["nl_member"]
    custody.receive(holder, exhibit)
    session().commit()
    with pytest.raises(Refused, match="Release it to them first"):
        custody.hand_over(holder, exhibit, receiver.id, "For examination.")
    factories.release(world, exhibit, receiver, Sight.READ)
    custody.hand_over(holder, exhibit, receiver.id, "For examination.")
    with pytest.raises(NotAllowed):
        custody.hand_over(holder, exhibit, world["fr_leader"].id, "To another.")
    with pytest.raises(NotAllowed):
        custody.accept(world["fr_leader"], exhibit)
    custody.accept(receiver, policy.fetch(receiver, Exhibit, exhibit.id))
    after = policy.fetch(receiver, Exhibit, exhibit.id)
    assert after.holder_id == receiver.id
    assert acts()[-2:] == ["exhibit.handed_over", "exhibit.accepted"]


def test_the_holder_keeps_seeing_while_holding(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world, by=world["nl_member"])
    assert policy.allowed(world["nl_member"], exhibit) == {May.SEE, May.HAND_OVER}


@pytest.mark.parametrize(
    ("details", "error"),
    [
        *(({"handling": code, "unclassified": "1"}, "handling code H0") for code in ("H1", "H2", "H3", "H0,H1")),
        ({"handling": "", "unclassified": "1"}, "handling code H0"),
        ({"handling": "H0"}, "Classified information"),
        ({"handling": "H0", "unclassified": "1", "title": "Note restreint-UE 12"}, "bears a marking"),
        ({"handling": "H0", "unclassified": "1", "tags": "eu  secret"}, "bears a marking"),
        ({"handling": "H0", "unclassified": "1", "place": "VS-Nur für den Dienstgebrauch"}, "bears a marking"),
    ],
)
def test_what_cannot_be_protected_is_refused(app: Flask, details: dict[str, str], error: str) -> None:
    world = factories.world()
    file = factories.exhibit(world).file
    assert file
    with pytest.raises(Refused, match=error):
        service.register(world["fr_member"], world.workspace, details, file)


@pytest.mark.parametrize(
    "text",
    [
        *("EU SECRET annex", "(EU\u00a0SECRET)", "R-UE/EU-R", "très_secret UE", "NATO  SECRET", "Confidentiel Défense"),
        *("CONFIDENTIEL DE\u0301FENSE", "Stg. GEHEIM", "strict secret de importanță deosebită"),
    ],
    ids=ascii,
)
def test_a_marking_is_found_however_it_is_spelt(text: str) -> None:
    assert is_marked("Report", text)


@pytest.mark.parametrize("text", ["EU Secretariat", "neu secret", "EU R&D report", "Secret door", "Restreinte"])
def test_ordinary_words_are_no_marking(text: str) -> None:
    assert not is_marked(text)


def test_nothing_is_described_or_tagged_as_classified(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    for field in ("title", "description", "place"):
        said = {"title": "Ledger", "description": "", "place": "", field: "EU SECRET annex"}
        with pytest.raises(Refused, match="bears a marking"):
            service.describe(world["fr_member"], exhibit, **said, edition=1)
    tagged = read({"title": "Ledger", "handling": "H0", "tags": "nato-secret", "unclassified": "1"})
    with pytest.raises(Refused, match="bears a marking"):
        service.reclassify(world["fr_leader"], exhibit, tagged, 1)
    session().refresh(exhibit)
    assert (exhibit.edition, exhibit.tags) == (1, [])


@pytest.mark.parametrize("code", ["H1", "H2", "H3"])
def test_nothing_is_given_a_handling_code_that_is_not_enforced(app: Flask, code: str) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    said = read({"title": "Ledger", "handling": code, "unclassified": "1"})
    with pytest.raises(Refused, match="handling code H0") as refused:
        service.reclassify(world["fr_leader"], exhibit, said, 1)
    assert refused.value.status == 409
    with (
        pytest.raises(Refused, match="handling code H0"),
        service.try_classification(world["fr_leader"], exhibit, said),
    ):
        pass
    session().refresh(exhibit)
    assert (exhibit.edition, exhibit.handling) == (1, ["H0"])


@pytest.mark.parametrize("name", ["al_member", "al_leader", "seconded"])
def test_uploads_by_third_countries_and_international_bodies_are_refused_with_a_reason(app: Flask, name: str) -> None:
    """Also where somebody who signs in at such a body acts for a member state."""
    world = factories.world(slugs=("fr", "al", "icc"))
    with transaction():
        world.join("seconded", "icc", Role.SECONDED_MEMBER, as_party="fr")
    file = factories.exhibit(world).file
    assert file
    with pytest.raises(Refused, match=r"Article 17\(3\)") as refused:
        service.register(world[name], world.workspace, {"handling": "H0", "unclassified": "1"}, file)
    assert refused.value.status == 409


def test_the_parties_of_one_country_share_its_numbers_also_at_once(app: Flask, cluster: Postgres) -> None:
    """France takes part with two logins, each a party of its own; the Netherlands count for themselves."""
    logins = {slug: factories.provider(slug) for slug in ("fr", "frm")}
    logins["frm"].country = "FR"
    world = factories.world(slugs=("fr", "frm", "nl"), providers=logins)

    def register(slug: str) -> str:
        actor, details = world[f"{slug}_member"], {"handling": "H0", "unclassified": "1"}
        workspace = policy.fetch(actor, Workspace, world.workspace.id)
        return service.register(actor, workspace, details, factories.file(world, slug)).reference

    def apart(slug: str) -> str:
        try:
            return register(slug)
        finally:
            session.remove()

    assert [register(slug) for slug in ("fr", "nl", "frm")] == ["FR-0001", "NL-0001", "FR-0002"]
    with ThreadPoolExecutor(1) as beside:
        with transaction():
            assert register("fr") == "FR-0003"
            second = beside.submit(apart, "frm")
            until_somebody_waits(cluster)
        assert second.result(timeout=20) == "FR-0004"


def test_the_vault_shows_each_country_its_own_view(app: Flask, browse: Browse) -> None:
    world = factories.world()
    seen = factories.exhibit(world, title="Shown ledger")
    factories.exhibit(world, title="Hidden ledger")
    factories.release(world, seen, "nl", Sight.SEE)
    page = browse(world["nl_member"]).get(f"/workspaces/{world.workspace.id}/vault").text
    assert "Shown ledger" in page
    assert "Hidden ledger" not in page
    assert 'id="vault-count" class="count">1<' in page
    assert seen.file is not None
    assert seen.file.sha256 is not None
    assert seen.file.sha256[:4] not in page, "no fingerprint for who only sees"
    page = browse(world["fr_member"]).get(f"/workspaces/{world.workspace.id}/vault").text
    assert "Hidden ledger" in page
    assert 'id="vault-count" class="count">2<' in page


def test_an_exhibit_page_follows_sight(app: Flask, browse: Browse) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    path = f"/exhibits/{exhibit.id}"
    assert browse(world["nl_member"]).get(path).status_code == 404
    factories.release(world, exhibit, "nl", Sight.SEE)
    only_seen = browse(world["nl_member"]).get(path)
    assert only_seen.status_code == 200
    assert "SHA-256" not in only_seen.text
    factories.release(world, exhibit, "nl", Sight.READ)
    read = browse(world["nl_member"]).get(path).text
    assert "SHA-256" in read
    assert "Fr_Leader" not in read.split("Who can see this")[1], "who else sees it is for its own party to know"
    own = browse(world["fr_member"]).get(path).text
    assert "Nl_Member" in own
    assert "Released to" in own


def test_releasing_in_the_browser(app: Flask, browse: Browse) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    client = browse(world["fr_leader"])
    fields = {"to": f"party:{world.parties['nl'].id}", "sight": "2", "purpose": "jit_purpose", "conditions": ""}
    status, page = post(client, f"/exhibits/{exhibit.id}/release", **(fields | {"to": ""}))
    assert status == 422
    assert "Say to whom" in page
    status, page = post(client, f"/exhibits/{exhibit.id}/release", **(fields | {"live_until": "2020-01-01T10:00"}))
    assert status == 422
    status, _ = post(client, f"/exhibits/{exhibit.id}/release", **fields)
    assert status == 303
    made = session().scalars(select(Release).execution_options(policy=True)).one()
    status, page = post(client, f"/releases/{made.id}/withdraw", reason="")
    assert status == 422
    assert post(client, f"/releases/{made.id}/withdraw", reason="Enough.")[0] == 303
    assert browse(world["nl_member"]).get(f"/exhibits/{exhibit.id}").status_code == 404


def test_a_release_does_not_begin_in_the_past(app: Flask, browse: Browse, cluster: Postgres) -> None:
    """The minute in which it is sent means at once; a later beginning stands on record."""
    world = factories.world()
    exhibit, client = factories.exhibit(world), browse(world["fr_leader"])
    path, there = f"/exhibits/{exhibit.id}/release", ZoneInfo(world["fr_leader"].time_zone)
    fields = {
        "to": f"party:{world.parties['nl'].id}",
        "sight": "2",
        "purpose": "jit_purpose",
        "conditions": "No copies.",
    }

    def typed(minutes: float) -> str:
        return (factories.now() + dt.timedelta(minutes=minutes)).astimezone(there).strftime("%Y-%m-%dT%H:%M")

    over, this_minute, tomorrow, token = typed(-10), typed(0), typed(24 * 60), str(uuid.uuid4())
    status, page = post(client, path, live_from=over, **fields)
    assert (status, "cannot begin in the past" in page, "No copies." in page, over in page) == (422, True, True, True)
    assert post(client, path, live_from=tomorrow, **fields)[0] == 303
    assert "They see it now" not in client.get(f"/exhibits/{exhibit.id}").text
    assert post(client, path, live_from=this_minute, token=token, **fields)[0] == 303
    assert "They see it now" in client.get(f"/exhibits/{exhibit.id}").text
    made = select(Release.live_from).order_by(Release.released_at).execution_options(policy=True)
    later, at_once = session().scalars(made).all()
    assert later == dt.datetime.fromisoformat(tomorrow).replace(tzinfo=there)
    assert at_once > dt.datetime.fromisoformat(this_minute).replace(tzinfo=there), "when it was sent, and not before"
    ours = select(LedgerEntry.details).where(LedgerEntry.act == "exhibit.released").order_by(LedgerEntry.number)
    begins = [json.loads(each)["begins"] for each in session().scalars(ours.execution_options(policy=True))]
    assert [said and dt.datetime.fromisoformat(said) for said in begins] == [later, None]
    with psycopg.connect(cluster.url(OWNER), autocommit=True) as owner:
        back = {"then": dt.datetime.fromisoformat(over).replace(tzinfo=there), "now": at_once}
        owner.execute("UPDATE release SET live_from = %(then)s, released_at = %(then)s WHERE live_from = %(now)s", back)
    assert post(client, path, live_from=over, token=token, **fields)[0] == 303, "the answer to it was lost"


def test_a_time_that_the_clocks_left_out_is_refused(app: Flask, browse: Browse) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    status, page = post(
        browse(world["fr_leader"]),
        f"/exhibits/{exhibit.id}/release",
        to=f"party:{world.parties['nl'].id}",
        sight="2",
        purpose="jit_purpose",
        live_until="2027-03-28T02:30",
    )
    assert status == 422
    assert "clocks change" in page


def test_a_stale_description_is_refused_and_kept(app: Flask, browse: Browse) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    service.describe(world["fr_leader"], exhibit, "First", "", "", 1)
    status, page = post(
        browse(world["fr_member"]), f"/exhibits/{exhibit.id}/edit", title="Second <b>", description="", edition="1"
    )
    assert status == 409
    assert "Second &lt;b&gt;" in page, "what was typed comes back, harmless"
    assert "First" in page


def test_classifying_anew_shows_who_gains_and_loses(app: Flask, browse: Browse) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world, kind=ExhibitKind.IMAGE)
    to = f"party:{world.parties['nl'].id}"
    rule = RuleDescription(is_forbid=False, to=to, sight=Sight.SEE, kind=ExhibitKind.VIDEO, handling=HandlingCode.H0)
    rules.set_rule(world["fr_leader"], world.workspace, world.parties["fr"], rule)
    client, path = browse(world["fr_leader"]), f"/exhibits/{exhibit.id}/reclassify"
    fields = {"kind": "video", "handling": "H0", "tags": "", "edition": "1"}
    status, page = post(client, path, look="1", **fields)
    assert status == 200
    assert "Nl_Member" in page
    assert policy.allowed(world["nl_member"], exhibit) == frozenset(), "looking changes nothing"
    assert post(client, path, **fields)[0] == 303
    assert policy.allowed(world["nl_member"], exhibit) == {May.SEE}


def test_lists_do_not_grow_queries_with_exhibits(app: Flask, browse: Browse, count_queries: Callable[[], int]) -> None:
    world = factories.world()
    client = browse(world["fr_member"])
    path = f"/workspaces/{world.workspace.id}/vault"
    factories.exhibit(world)
    client.get(path)
    count_queries()
    client.get(path)
    few = count_queries()
    for number in range(12):
        factories.exhibit(world, title=f"Exhibit {number}")
        # The page has every party of the workspace: it asks for none again that an exhibit is of.
        factories.release(world, factories.exhibit(world, "nl", f"From the Netherlands {number}"), "fr", Sight.READ)
    count_queries()
    page = client.get(path).text
    assert count_queries() <= few
    assert "From the Netherlands" in page


def test_an_expert_sees_only_what_is_released_to_them_by_name(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    expert = world.join("expert", "nl", Role.EXPERT)
    session().commit()
    factories.release(world, exhibit, "nl", Sight.USE)
    assert policy.allowed(expert, exhibit) == frozenset()
    factories.release(world, exhibit, expert, Sight.READ)
    assert policy.allowed(expert, exhibit) == {May.SEE, May.READ}


def test_an_expert_of_the_seizing_party_is_shown_things_by_name(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    with transaction():
        expert = world.join("fr_expert", "fr", Role.EXPERT)
        for role in (Role.SECRETARIAT, Role.AUDITOR):
            world.join(f"fr_{role}", "fr", role)
    assert policy.allowed(expert, exhibit) == frozenset()
    service.release(world["fr_leader"], exhibit, f"person:{expert.id}", Sight.READ, Purpose.JIT_PURPOSE)
    assert policy.allowed(expert, exhibit) == {May.SEE, May.READ}
    for name in ("fr_member", "fr_leader", "fr_secretariat", "fr_auditor"):
        to = f"person:{world[name].id}"
        with pytest.raises(Refused, match="does not name them"):
            service.release(world["fr_leader"], exhibit, to, Sight.READ, Purpose.JIT_PURPOSE)


def test_no_form_offers_an_authority_whose_people_all_have_a_duty_for_the_portal(app: Flask, browse: Browse) -> None:
    """Nobody there is in any JIT; where somebody has no duty, it is an authority like any other."""
    world = factories.world()
    exhibit = factories.exhibit(world)
    with transaction():
        portal = Authority(provider_id=world.providers["nl"].id, code="nl-portal", name="Portaalbeheer")
        session().add(portal)
        session().flush()
        factories.user(world.providers["nl"], "Beheerder", portal).duty = Duty.NATIONAL_ADMINISTRATOR
    client = browse(world["fr_leader"])
    pages = (f"/exhibits/{exhibit.id}/release", f"/workspaces/{world.workspace.id}/rules/new")
    for page in pages:
        assert "Police NL" in client.get(page).text
        assert "Portaalbeheer" not in client.get(page).text
    with transaction():
        factories.user(world.providers["nl"], "Rechercheur", portal)
    for page in pages:
        assert "Portaalbeheer" in client.get(page).text


def test_ids_of_another_jit_are_missing(app: Flask, browse: Browse) -> None:
    world, other = factories.world(), factories.world("Kestrel", ("ro",))
    exhibit = factories.exhibit(world)
    client = browse(other["ro_leader"])
    for path in ("", "/edit", "/release", "/reclassify", "/hand-over"):
        assert client.get(f"/exhibits/{exhibit.id}{path}").status_code == 404
        assert client.get(f"/exhibits/{uuid.uuid4()}{path}").status_code == 404
    for path in ("vault", "rules", "rules/new"):
        assert client.get(f"/workspaces/{world.workspace.id}/{path}").status_code == 404


def test_a_refusal_says_why_and_who_could_and_is_on_record(app: Flask, browse: Browse) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    answer = browse(world["fr_member"]).get(f"/exhibits/{exhibit.id}/release")
    assert answer.status_code == 403
    assert "Only a leader of its party" in answer.text
    assert "Fr_Leader" in answer.text
    status, _ = post(
        browse(world["fr_leader"]), f"/exhibits/{exhibit.id}/reclassify", kind="", handling="H2", tags="", edition="1"
    )
    assert status == 409
    refused = select(LedgerEntry).where(LedgerEntry.outcome == "refused").order_by(LedgerEntry.at)
    entries = session().scalars(refused.execution_options(policy=True)).all()
    assert [(entry.act, entry.object_id, entry.chain) for entry in entries] == [
        ("exhibits.release", exhibit.id, world.jit.id),
        ("exhibits.reclassify_submit", exhibit.id, world.jit.id),
    ]


VERBS: dict[str, Callable[[World, User, Exhibit], object]] = {
    "release": lambda world, actor, exhibit: service.release(
        actor, exhibit, f"party:{world.parties['nl'].id}", Sight.READ, Purpose.JIT_PURPOSE
    ),
    "describe": lambda _, actor, exhibit: service.describe(actor, exhibit, "Anew", "", "", 1),
    "reclassify": lambda _, actor, exhibit: service.reclassify(actor, exhibit, read({"handling": "H0"}), 1),
    "withdraw": lambda _, actor, exhibit: service.withdraw(
        actor, session().scalars(policy.which(actor, Release)).one(), "Enough."
    ),
}


@pytest.mark.parametrize("verb", VERBS)
def test_the_right_is_asked_again_after_the_wait_for_the_exhibit(app: Flask, cluster: Postgres, verb: str) -> None:
    """She stops leading, or being a member, while her act waits for whoever holds the exhibit's row."""
    world = factories.world()
    exhibit = factories.exhibit(world)
    factories.release(world, exhibit, "nl")

    role = "member" if verb in ("release", "reclassify") else "expert"
    status = status_after_the_wait(
        cluster,
        lambda: VERBS[verb](world, world["fr_leader"], exhibit),
        held=("SELECT FROM exhibit WHERE id = %s FOR UPDATE", [exhibit.id]),
        meanwhile=("UPDATE membership SET role = %s WHERE id = %s", [role, world.members["fr_leader"].id]),
    )
    assert status in (403, 404)
    assert acts() == []


def test_the_right_to_set_rules_is_asked_after_the_wait(app: Flask, cluster: Postgres) -> None:
    world = factories.world()
    party = world.parties["fr"]
    said = RuleDescription(is_forbid=True, to=f"party:{world.parties['nl'].id}", sight=Sight.SEE)

    status = status_after_the_wait(
        cluster,
        lambda: rules.set_rule(world["fr_leader"], world.workspace, party, said),
        held=("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"rules {party.id}"]),
        meanwhile=("UPDATE membership SET role = 'member' WHERE id = %s", [world.members["fr_leader"].id]),
    )
    assert status == 403
    assert acts() == []


def test_what_three_hundred_people_see_can_be_withdrawn_and_all_are_told(app: Flask, cluster: Postgres) -> None:
    world = factories.world()
    with transaction():
        for number in range(300):
            world.join(f"nl_{number}", "nl")
    exhibit = factories.exhibit(world)
    told: set[str] = set()
    wanted = {str(world[f"nl_{number}"].id) for number in range(300)}
    with psycopg.connect(cluster.url(OWNER), autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        made = service.release(
            world["fr_leader"], exhibit, f"party:{world.parties['nl'].id}", Sight.READ, Purpose.JIT_PURPOSE
        )
        service.withdraw(world["fr_leader"], made, "Too many.")
        for notice in connection.notifies(timeout=20):
            said = json.loads(notice.payload)
            told |= set(said["also"]) if said["act"] == "exhibit.withdrawn" else set()
            if wanted <= told:
                break
    assert wanted <= told
    assert policy.allowed(world["nl_0"], exhibit) == frozenset()


def test_a_window_that_passes_is_told_to_whom_the_release_reaches_now(app: Flask, cluster: Postgres) -> None:
    world = factories.world()
    with transaction():
        world.join("nl_gone", "nl")
        for role in (Role.AUDITOR, Role.SECRETARIAT, Role.EXPERT):
            world.join(f"nl_{role}", "nl", role)
    factories.end_membership(world, "nl_gone")
    factories.release(world, factories.exhibit(world), "nl", live_until=factories.now())
    assert told_by_a_sweep(cluster) == {world[name].id for name in ("nl_leader", "nl_member")}


def told_by_a_sweep(cluster: Postgres) -> set[uuid.UUID]:
    """Who is named in what the sweep says of the one exhibit whose release has begun or ended."""
    with psycopg.connect(cluster.url(OWNER), autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        assert windows.tell_of_changes() == 1
        (notice,) = connection.notifies(timeout=20, stop_after=1)
    return {uuid.UUID(told) for told in json.loads(notice.payload)["also"]}


@pytest.mark.parametrize("passed", ["begun", "ended"])
def test_a_window_that_passes_is_not_told_to_whom_a_forbid_hides_the_exhibit(
    app: Flask, cluster: Postgres, passed: str
) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    hidden = RuleDescription(is_forbid=True, to=f"person:{world['nl_member'].id}", sight=Sight.SEE)
    rules.set_rule(world["fr_leader"], world.workspace, world.parties["fr"], hidden)
    a_moment_ago = factories.now() - dt.timedelta(seconds=5)
    begun, ended = (a_moment_ago, None) if passed == "begun" else (None, a_moment_ago)
    factories.release(world, exhibit, "nl", live_from=begun, live_until=ended)
    assert told_by_a_sweep(cluster) == {world["nl_leader"].id}


def test_a_release_withdrawn_before_it_began_is_told_to_nobody_whom_it_would_have_meant(
    app: Flask, cluster: Postgres
) -> None:
    world = factories.world()
    tomorrow = factories.now() + dt.timedelta(days=1)
    made = factories.release(world, factories.exhibit(world), "nl", live_from=tomorrow)
    service.withdraw(world["fr_leader"], made, "Not needed.")
    assert told_by_a_sweep(cluster) == set()


def test_a_window_that_passes_is_not_told_to_third_countries(app: Flask, cluster: Postgres) -> None:
    world = factories.world(slugs=("fr", "nl", "al"))
    factories.release(world, factories.exhibit(world), "al", live_until=factories.now())
    assert told_by_a_sweep(cluster) == set()
