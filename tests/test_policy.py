"""Who may do what: a table to be read, and what ends with an agreement, a party or a membership."""

from sqlalchemy import select

from jit_portal import policy
from jit_portal.database import session, transaction
from jit_portal.exhibits import releasing
from jit_portal.exhibits.models import CountryRule, Entrustment, Exhibit, Release
from jit_portal.identity.scim.models import ProposedClosing
from jit_portal.vocabulary import (
    Duty,
    May,
    Role,
    Sight,
)
from tests import factories
from tests.factories import World, now
from tests.policy_things import PEOPLE, Things, things, world

FIXTURES = (things, world)
"""They are asked for by name."""


FRANCE = "fr_leader fr_member fr_seconded"
MEMBERS = f"{FRANCE} nl_leader nl_member al_leader"
EVERYBODY = f"{MEMBERS} fr_expert fr_auditor fr_secretariat nl_expert eu_participant"
NOBODY = ""

# Thing, act, who may; everybody else of PEOPLE may not. Whoever is gone, inactive, a stranger or has a duty is nowhere.
TABLE: list[tuple[str, May, str]] = [
    ("exhibit secret", May.SEE, FRANCE),
    ("exhibit secret", May.USE, FRANCE),
    ("exhibit shown", May.SEE, f"{FRANCE} nl_leader nl_member nl_expert"),
    ("exhibit shown", May.READ, f"{FRANCE} nl_leader nl_member"),
    ("exhibit shown", May.DOWNLOAD, FRANCE),
    ("exhibit shown", May.USE, FRANCE),
    ("exhibit shown", May.DESCRIBE, FRANCE),
    ("exhibit shown", May.SEE_AUDIENCE, FRANCE),
    ("exhibit shown", May.RECLASSIFY, "fr_leader fr_seconded"),
    ("exhibit shown", May.RELEASE, "fr_leader fr_seconded"),
    ("exhibit shown", May.WITHDRAW, "fr_leader fr_seconded"),
    ("exhibit secret", May.HAND_OVER, "fr_member"),
    ("exhibit secret", May.TAKE_BACK, NOBODY),
    ("exhibit secret", May.ACCEPT, NOBODY),
    ("exhibit secret", May.DECLINE, NOBODY),
    ("exhibit given", May.HAND_OVER, NOBODY),
    ("exhibit given", May.TAKE_BACK, "fr_member"),
    ("exhibit given", May.ACCEPT, "nl_member"),
    ("exhibit given", May.DECLINE, "nl_member"),
    ("exhibit lost", May.ACCEPT, NOBODY),
    ("exhibit lost", May.DECLINE, NOBODY),
    ("exhibit lost", May.TAKE_BACK, "fr_member"),
    ("exhibit kept", May.SEE, FRANCE),
    ("exhibit kept", May.HAND_OVER, NOBODY),
    ("release", May.SEE, f"{FRANCE} nl_leader nl_member"),
    ("rule", May.SEE, FRANCE),
    ("rule", May.WITHDRAW, "fr_leader"),
    ("entrustment", May.SEE, FRANCE),
    ("entrustment", May.RELEASE, "fr_seconded"),
    ("entrustment", May.WITHDRAW, "fr_leader fr_seconded"),
    ("custody", May.SEE, f"{FRANCE} nl_leader nl_member"),
    ("file", May.SEE, "fr_leader"),
    ("file", May.UPLOAD, "fr_leader"),
    ("file of who became an auditor", May.SEE, NOBODY),
    ("file of who became an auditor", May.UPLOAD, NOBODY),
    ("channel everyone", May.SEE, MEMBERS),
    ("channel everyone", May.POST, MEMBERS),
    ("channel parties", May.SEE, f"{FRANCE} eu_participant"),
    ("channel parties", May.POST, f"{FRANCE} eu_participant"),
    ("channel people", May.SEE, "fr_expert nl_member"),
    ("message", May.SEE, f"{FRANCE} eu_participant"),
    ("message", May.EDIT, "fr_leader"),
    ("message", May.WITHDRAW, "fr_leader"),
    ("message", May.READ, "fr_leader"),
    ("board everyone", May.SEE, MEMBERS),
    ("board everyone", May.CREATE_TASK, MEMBERS),
    ("board parties", May.SEE, f"{FRANCE} eu_participant"),
    ("board parties", May.CREATE_TASK, FRANCE),
    ("board people", May.SEE, "fr_expert nl_member"),
    ("task", May.SEE, MEMBERS),
    ("task", May.MOVE, MEMBERS),
    ("task", May.EDIT, MEMBERS),
    ("task", May.ASSIGN, "fr_leader"),
    ("task", May.TAKE, NOBODY),
    ("task", May.GIVE_BACK, "fr_leader fr_member"),
    ("task", May.DELETE, "fr_leader"),
    ("task", May.ANSWER, NOBODY),
    ("task open", May.TAKE, FRANCE),
    ("task open", May.GIVE_BACK, NOBODY),
    ("task asked", May.TAKE, NOBODY),
    ("task asked", May.ANSWER, "nl_leader"),
    ("task asked", May.DELETE, "fr_leader"),
    ("jit", May.SEE, EVERYBODY),
    ("jit", May.AMEND, "fr_leader nl_leader al_leader"),
    ("agreement", May.SEE, EVERYBODY),
    ("agreement", May.AMEND, NOBODY),
    ("draft", May.SEE, "fr_leader nl_leader al_leader"),
    ("draft", May.AMEND, "fr_leader nl_leader al_leader"),
    ("draft", May.SIGN, "fr_leader nl_leader al_leader"),
    ("workspace", May.SEE, EVERYBODY),
    ("workspace", May.READ, EVERYBODY),
    ("workspace", May.UPLOAD, MEMBERS),
    ("workspace", May.OPEN_CHANNEL, MEMBERS),
    ("workspace", May.OPEN_BOARD, MEMBERS),
    ("workspace", May.INVITE, "fr_leader nl_leader al_leader"),
    ("workspace", May.READ_RECORD, "fr_leader nl_leader al_leader fr_auditor"),
    ("workspace", May.EXPORT_RECORD, "fr_leader nl_leader al_leader fr_auditor"),
    ("membership", May.SEE, EVERYBODY),
    ("membership", May.READ, "fr_leader nl_leader nl_member al_leader"),
    ("membership", May.END_MEMBERSHIP, "fr_leader nl_leader"),
    ("party", May.SEE, EVERYBODY),
    ("party", May.SET_RULES, "fr_leader"),
    ("party", May.ENTRUST, "fr_leader"),
    ("party", May.INVITE, "fr_leader"),
    ("body", May.INVITE, "fr_leader"),
    ("entry by fr on fr", May.SEE, f"{FRANCE} fr_auditor"),
    ("entry by nl on fr", May.SEE, f"{FRANCE} fr_auditor"),
    ("entry by fr on rule", May.SEE, "fr_leader fr_auditor"),
    ("entry by nl", May.SEE, "fr_leader nl_leader al_leader"),
    ("entry on channel everyone", May.SEE, "fr_leader nl_leader al_leader fr_auditor"),
    ("entry on board everyone", May.SEE, "fr_leader nl_leader al_leader fr_auditor"),
    ("entry on channel parties", May.SEE, "fr_leader fr_auditor"),
    ("entry on board parties", May.SEE, "fr_leader fr_auditor"),
    ("entry on channel people", May.SEE, "fr_leader fr_auditor"),
    ("entry on board people", May.SEE, "fr_leader fr_auditor"),
    ("entry of every party on board people", May.SEE, "fr_auditor"),
    ("entry on message", May.SEE, "fr_leader fr_auditor"),
    ("entry on task", May.SEE, "fr_leader fr_auditor"),
    ("notice", May.SEE, "fr_leader"),
    ("login", May.SEE, "fr_leader"),
    ("login", May.END_LOGINS, "fr_administrator fr_operator"),
    ("login", May.END_OWN_LOGIN, "fr_leader"),
    ("person", May.SEE, "fr_administrator fr_operator"),
    ("person", May.READ, "fr_administrator"),
    ("person", May.END_LOGINS, "fr_administrator fr_operator"),
    ("person", May.ACCEPT_CLAIMS, NOBODY),
    ("person", May.CONFIRM, "fr_administrator"),
    ("person", May.DEACTIVATE, "fr_administrator"),
    ("person", May.REACTIVATE, NOBODY),
    ("person flagged", May.ACCEPT_CLAIMS, "fr_administrator"),
    ("person closed", May.SEE, "fr_administrator fr_operator"),
    ("person closed", May.CONFIRM, NOBODY),
    ("person closed", May.DEACTIVATE, NOBODY),
    ("person closed", May.REACTIVATE, "fr_administrator"),
    ("person with a duty", May.SEE, "nl_administrator fr_operator"),
    ("person with a duty", May.READ, "nl_administrator"),
    ("person with a duty", May.CONFIRM, NOBODY),
    ("person with a duty", May.DEACTIVATE, "fr_operator"),
    ("person with a duty", May.REACTIVATE, NOBODY),
    ("authority", May.SEE, "fr_administrator fr_operator"),
    ("authority", May.INVITE, "fr_administrator"),
    ("authority", May.APPOINT, "fr_operator"),
    ("authority of a closed login", May.SEE, "fr_administrator fr_operator"),
    ("authority of a closed login", May.INVITE, NOBODY),
    ("authority of a closed login", May.APPOINT, NOBODY),
    ("invitation", May.SEE, "fr_leader"),
    ("invitation to an account", May.SEE, "fr_administrator"),
    ("invitation to a duty", May.SEE, "fr_operator"),
    ("person", May.DECIDE_CLOSING, NOBODY),
    ("person waiting", May.DECIDE_CLOSING, "fr_administrator fr_operator"),
    ("waiting act", May.SEE, "fr_leader"),
    ("passkey", May.SEE, "fr_leader"),
    ("passkey", May.DELETE, "fr_leader"),
    ("person", May.KEEP_REGISTER, NOBODY),
    ("person who runs the portal", May.KEEP_REGISTER, "fr_operator"),
    ("national login", May.SEE, "fr_operator"),
    ("proposal", May.SEE, "fr_operator"),
    ("test", May.SEE, "fr_operator"),
    ("test of another", May.SEE, NOBODY),
    ("opening", May.SEE, "fr_leader fr_operator"),
]


def test_who_may_what(world: World, things: Things) -> None:
    wrong = []
    for name, may, allowed in TABLE:
        want = set(allowed.split())
        assert want <= set(PEOPLE)
        got = {person for person in PEOPLE if policy.may(world[person], may, things[name])}
        if got != want:
            wrong.append(f"{may} {name}: too many {sorted(got - want)}, too few {sorted(want - got)}")
    assert not wrong, "\n".join(wrong)


def test_the_table_speaks_of_every_rule() -> None:
    """Every kind of thing and act that has a rule stands in the table."""
    told = {(_MODELS.get(name) or _MODELS[name.split()[0]], may) for name, may, _ in TABLE}
    rules = {(policy.noun(model), may) for model, may in policy.RULES}
    assert rules == told


_MODELS = {
    "exhibit": "exhibit",
    "release": "release",
    "rule": "country_rule",
    "entrustment": "entrustment",
    "custody": "custody_event",
    "file": "stored_file",
    "channel": "channel",
    "message": "message",
    "board": "board",
    "task": "task",
    "jit": "jit",
    "agreement": "agreement",
    "draft": "agreement",
    "workspace": "workspace",
    "membership": "membership",
    "party": "party",
    "body": "party",
    "entry": "ledger_entry",
    "notice": "notice",
    "login": "login_session",
    "person": "user",
    "authority": "authority",
    "invitation": "invitation",
    "waiting act": "waiting_act",
    "passkey": "passkey",
    "national login": "identity_provider",
    "proposal": "provider_proposal",
    "test": "provider_test",
    "opening": "glass_opening",
}

_OF_PERSONS = {
    *("notice", "login", "person", "waiting", "passkey", "authority", "invitation"),
    *("national", "proposal", "test", "opening"),
}

AFTER_THE_END = {
    May.RELEASE,
    May.RECLASSIFY,
    May.DESCRIBE,
    May.POST,
    May.EDIT,
    May.CREATE_TASK,
    May.MOVE,
    May.ASSIGN,
    May.TAKE,
    May.GIVE_BACK,
    May.ANSWER,
    May.DELETE,
    May.UPLOAD,
    May.OPEN_CHANNEL,
    May.OPEN_BOARD,
    May.INVITE,
    May.SET_RULES,
    May.ENTRUST,
}
"""What ends with the agreement; what is not here goes on: reading, use, custody, withdrawing, ending memberships."""


def test_after_the_last_agreement_nothing_is_done_that_widens_a_sight(world: World, things: Things) -> None:
    factories.end_agreement(world)
    for name, may, allowed in TABLE:
        if name == "file" and may == May.SEE:
            continue  # an upload cannot go on, so nothing is left to see of it
        if name.split()[0] in {"passkey", "authority"}:
            continue  # what is a person's own, or her country's, has no part in any agreement
        ends = may in AFTER_THE_END or (name == "rule" and may == May.WITHDRAW)  # ending a forbid shows more
        want = set() if ends else set(allowed.split())
        assert {person for person in PEOPLE if policy.may(world[person], may, things[name])} == want, (name, may)


def test_the_last_leaders_of_a_party_that_left_look_at_what_is_theirs_and_withdraw(
    world: World, things: Things
) -> None:
    france = world.parties["fr"]
    with transaction():
        session().merge(france).live_until = now()
        session().merge(world.members["fr_leader"]).keeps_own_exhibits = True
        another = world.join("fr_another", "fr", Role.LEADER)
    kept = {
        ("exhibit shown", May.SEE),
        ("exhibit shown", May.READ),
        ("exhibit shown", May.WITHDRAW),
        ("exhibit secret", May.SEE),
        ("exhibit kept", May.SEE),
        ("release", May.SEE),
        ("custody", May.SEE),
        ("rule", May.SEE),
        ("rule", May.WITHDRAW),
        ("workspace", May.READ),
    }
    for name, may, _ in TABLE:
        own = {
            "notice",
            "login",
            "person",
            "waiting",
            "passkey",
            "authority",
            "invitation",
            "national",
            "proposal",
            "test",
            "opening",
        }
        if name.split()[0] in own:
            continue  # these are a person's own, or her country's, or the operators', in a JIT or not
        left = {
            person for person in PEOPLE if person.startswith("fr_") and policy.may(world[person], may, things[name])
        }
        assert left == ({"fr_leader"} if (name, may) in kept else set()), (name, may)
    assert not [(name, may) for name, may in kept if policy.may(another, may, things[name])], "she keeps nothing"
    assert policy.may(world["nl_member"], May.READ, things["exhibit shown"]), "what it had released stays released"
    release = things["release"]
    assert isinstance(release, Release)
    releasing.withdraw(world["fr_leader"], release, "We left.")
    assert not policy.may(world["nl_member"], May.READ, things["exhibit shown"])


def test_without_a_live_leader_releases_wait_and_any_member_withdraws(world: World, things: Things) -> None:
    """For the entrusted too; when the party names a leader again, what was entrusted goes on."""
    exhibit, entrustment = things["exhibit shown"], things["entrustment"]
    factories.end_membership(world, "fr_leader")
    for may in (May.RELEASE, May.RECLASSIFY):
        assert not [person for person in PEOPLE if policy.may(world[person], may, exhibit)], may
    assert {name for name in PEOPLE if policy.may(world[name], May.WITHDRAW, exhibit)} == {"fr_member", "fr_seconded"}
    assert not policy.may(world["fr_seconded"], May.RELEASE, entrustment)
    failed = [each.name for each in policy.explain(world["fr_seconded"], May.RELEASE, exhibit) if not each.holds]
    assert failed == ["has_leader"]
    with transaction():
        world.join("fr_new_leader", "fr", Role.LEADER)
    assert policy.may(world["fr_seconded"], May.RELEASE, exhibit)


def test_what_was_entrusted_ends_with_the_membership_it_was_given_to(world: World, things: Things) -> None:
    """Whoever comes back later, or in another role, is entrusted anew or not at all."""
    exhibit = things["exhibit shown"]
    factories.end_membership(world, "fr_seconded")
    assert not policy.may(world["fr_seconded"], May.RELEASE, exhibit)
    with transaction():
        again = world.join("fr_seconded", "fr", Role.MEMBER, person=world["fr_seconded"], live_from=now())
    assert policy.may(again, May.SEE, exhibit)
    assert not policy.may(again, May.RELEASE, exhibit)
    entrustment = things["entrustment"]
    assert isinstance(entrustment, Entrustment)
    assert policy.may(again, May.WITHDRAW, entrustment), "what is without effect can still be ended"


def test_a_forbid_beats_every_release_and_spares_its_own_party(world: World, things: Things) -> None:
    exhibit = things["exhibit shown"]
    assert isinstance(exhibit, Exhibit)
    factories.release(world, exhibit, world["nl_member"], Sight.USE)
    assert policy.may(world["nl_member"], May.USE, exhibit) is False, "France forbids use to the Netherlands"
    assert policy.may(world["nl_member"], May.DOWNLOAD, exhibit)
    rule = things["rule"]
    assert isinstance(rule, CountryRule)
    with transaction():
        session().merge(rule).live_until = now()
    assert policy.may(world["nl_member"], May.USE, exhibit)
    assert policy.may(world["fr_member"], May.USE, exhibit)
    with transaction():
        said = {"workspace_id": rule.workspace_id, "party_id": rule.party_id, "principal_id": rule.principal_id}
        session().add(CountryRule(is_forbid=True, sight=int(Sight.READ), set_by_id=rule.set_by_id, **said))
    custody = things["custody"]
    assert policy.may(world["nl_member"], May.SEE, exhibit)
    assert not policy.may(world["nl_member"], May.SEE, custody), "its custody is read by who reads it"
    assert policy.may(world["fr_member"], May.SEE, custody)


def test_nobody_decides_whether_her_own_account_closes(world: World, things: Things) -> None:
    france, waiting = world.providers["fr"], things["person waiting"]
    first, second = (factories.administrator(france, Duty.OPERATOR) for _ in range(2))
    administrator = world["fr_administrator"]
    with transaction():
        proposed = session().scalars(select(ProposedClosing.proposed_by_id)).one()
        session().add_all(ProposedClosing(user_id=each.id, proposed_by_id=proposed) for each in (first, administrator))
    assert {each for each in (first, second, administrator) if policy.may(each, May.DECIDE_CLOSING, first)} == {second}
    operators = {first, second}
    assert {each for each in (first, second, administrator) if policy.may(each, May.DECIDE_CLOSING, administrator)} == (
        operators
    )
    assert policy.may(administrator, May.DECIDE_CLOSING, waiting)
