"""What the pages of the vault show, gathered through the policy."""

from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from jit_portal import policy
from jit_portal.custody.models import CustodyEvent
from jit_portal.database import session, transaction
from jit_portal.exhibits import history, moving
from jit_portal.exhibits.descriptions import Description
from jit_portal.exhibits.limits import leaders
from jit_portal.exhibits.models import CountryRule, Entrustment, Exhibit, Release, VaultVisit
from jit_portal.exhibits.moving import Move
from jit_portal.exhibits.service import try_classification
from jit_portal.files.models import StoredFile
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.vocabulary import May, Sight
from jit_portal.workspaces.models import Workspace

SHOWN = 10
"""Acts of its history on the page of an exhibit; the rest has a page of its own."""


def visit(person: User, workspace: Workspace) -> None:
    """She has looked into this vault now: what comes later is new to her."""
    with transaction():
        seen = insert(VaultVisit).values(workspace_id=workspace.id, user_id=person.id)
        again = {"visited_at": func.clock_timestamp()}
        session().execute(seen.on_conflict_do_update(index_elements=["workspace_id", "user_id"], set_=again))


def about(person: User, exhibit: Exhibit) -> dict[str, Any]:
    """One exhibit as far as she sees it: acts, custody, releases, and for its own party everyone's sight with
    reasons.
    """
    may = policy.allowed(person, exhibit)
    sight = policy.sights(person, [exhibit]).get(exhibit.id, Sight.SEE)
    context: dict[str, Any] = {"exhibit": exhibit, "may": may, "sight": sight, "seers": [], "rules": {}}
    context["releases"] = _releases(person, exhibit)
    context["unsaid"] = _unsaid(person, exhibit)
    if sight >= Sight.READ:
        chain = policy.which(person, CustodyEvent).where(CustodyEvent.exhibit_id == exhibit.id)
        context["custody"] = list(session().scalars(chain.order_by(CustodyEvent.number.desc())))
    if May.SEE_AUDIENCE in may:
        context["history"] = history.of(person, exhibit, SHOWN)
        context["seers"] = policy.seers(exhibit)
        ids = {id for seer in context["seers"] for id in (*seer.rules, *seer.forbids)}
        rules = session().scalars(policy.which(person, CountryRule).where(CountryRule.id.in_(ids)))
        context["rules"] = {rule.id: rule for rule in rules}
    else:
        context["is_shown_by_rule"] = policy.is_shown_by_rule(person, exhibit)
    context["release_by_id"] = {release.id: release for release in context["releases"]}
    return context


def _unsaid(person: User, exhibit: Exhibit) -> StoredFile | None:
    """The exhibit's file, if it stays undecided until this person says what she sent."""
    file = exhibit.file
    return file if file and file.lacks_hash and policy.may(person, May.UPLOAD, file) else None


def _releases(person: User, exhibit: Exhibit) -> list[Release]:
    statement = policy.which(person, Release).where(Release.exhibit_id == exhibit.id)
    return list(session().scalars(statement.order_by(Release.live_until.is_not(None), Release.released_at.desc())))


def who_releases(person: User, workspace: Workspace, party: Party) -> dict[str, Any]:
    """Who may release for her party: its leaders, and each entrustment she sees with whether it holds."""
    ours = policy.which(person, Entrustment).where(
        Entrustment.workspace_id == workspace.id, Entrustment.party_id == party.id
    )
    newest = ours.order_by(Entrustment.live_until <= func.now(), Entrustment.live_from.desc())
    entrusted = list(session().scalars(newest))
    ids = [each.id for each in entrusted]
    holding = session().execute(policy.pairs(Entrustment, May.RELEASE, Entrustment.id.in_(ids)))
    ending = policy.which(person, Entrustment, May.WITHDRAW).where(Entrustment.id.in_(ids))
    return {
        "party": party,
        "leaders": leaders(party),
        "entrusted": entrusted,
        "holding": {id for id, _ in holding},
        "endable": set(session().scalars(ending.with_only_columns(Entrustment.id))),
        "may_entrust": policy.may(person, May.ENTRUST, party),
    }


def reclassified(person: User, exhibit: Exhibit, said: Description) -> list[Move]:
    """Whose sight would rise and whose would fall, found by classifying anew and taking it back."""
    policy.require_right(person, May.RECLASSIFY, exhibit)
    before = moving.sights([exhibit.id])
    with try_classification(person, exhibit, said):
        after = moving.sights([exhibit.id])
    return moving.moves(before, after)
