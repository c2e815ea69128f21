"""Why a person may not do what she tried: which condition does not hold, and who could do it."""

from flask_babel import lazy_gettext as _

from jit_portal import policy
from jit_portal.database import Thing, session
from jit_portal.exhibits.models import Exhibit
from jit_portal.identity.models import User
from jit_portal.vocabulary import May
from jit_portal.wording import gettext

MOST_NAMED = 5

REASONS = {
    "agreement_in_force": _("The agreement is not in force: reading goes on, but nothing may be changed."),
    "another": _("This is about yourself: somebody else must do it."),
    "asked_party": _("Only the party that was asked may answer."),
    "assigned": _("Nobody has this task."),
    "assignee_or_leader": _("Only whoever has the task, or a leader of its party, may do this."),
    "closed": _("This account is open."),
    "flagged": _("There are no other details to take over."),
    "has_leader": _("Its party has no leader now: this waits until it names one."),
    "holder": _("Only whoever holds the exhibit may do this."),
    "investigator": _("Only leaders, members and seconded members may do this."),
    "is_draft": _("This version is signed or given up; make a new one to change it."),
    "leader": _("Only a leader of its party may do this."),
    "leader_or_administrator": _("Only a leader of their party or a space administrator may do this."),
    "leader_or_auditor": _("The record is read by leaders and auditors."),
    "leader_or_entrusted": _("Only a leader of its party, or whom a leader has entrusted with it, may do this."),
    "leader_or_yours": _("Only a leader of its party, or the person who is entrusted, may end this."),
    "leads_or_drafts": _("Only those who draft the agreement, and leaders, may do this."),
    "listed": _("This authority is no longer on the list of its country."),
    "live": _("It has already ended."),
    "login_open": _("Nobody can sign in there now."),
    "member_or_assignee": _("Only members, and whoever the task is assigned to, may do this."),
    "minded": _(
        "An administrator of their country does this, or an operator where they have a duty for the portal or nobody "
        "administers their country. Nobody does it to themselves, or to the last operator."
    ),
    "not_asked": _("Another party has been asked to take this task. Its leader answers first."),
    "not_forbidden": _("A rule of its party keeps this from you."),
    "not_offered": _("It is being handed over: the receiver must first accept or decline."),
    "of_a_national_login": _("A break-glass account keeps both of its keys."),
    "offered": _("It is not being handed over."),
    "offered_to_you": _("It is not offered to you."),
    "open": _("This account is closed."),
    "operator": _("Only an operator of the portal may do this."),
    "own_or_shown": _("It is not released to you this far."),
    "own_party": _("It belongs to another party."),
    "own_people": _("Only an administrator of their country may do this."),
    "own_people_or_operator": _("Only an administrator of their country, or an operator of the portal, may do this."),
    "party_live": _(
        "Your party has left this JIT: you keep a view of what is its own, and can withdraw what it released."
    ),
    "unassigned": _("Somebody has it already."),
    "waits": _("No closing of this account waits for a decision."),
    "widens_nothing": _("Ending a forbid shows more, and no version of the agreement is in force."),
    "yours": _("It is not yours."),
}


def why_not(person: User, may: May, thing: Thing) -> str:
    """What stands in the way, in the reader's words, and who could do it: leaders by name, or their authority."""
    failed = [each.name for each in policy.explain(person, may, thing) if not each.holds]
    said = [str(REASONS[name]) for name in failed if name in REASONS]
    able = sorted(session().scalars(policy.who(thing, _asked_of(person, may, thing))), key=lambda each: each.name)
    if able and policy.is_guest(person, thing):
        names = sorted({each.authority.name for each in able})
    else:
        names = [each.name for each in able]
    if names:
        said.append(gettext("Who could: %(names)s.", names=", ".join(names[:MOST_NAMED])))
    return " ".join(said)


def _asked_of(person: User, may: May, thing: Thing) -> May:
    """Whose names to give: who sees or holds an exhibit is for its own party; others learn who releases it."""
    if isinstance(thing, Exhibit) and not policy.may(person, May.SEE_AUDIENCE, thing):
        return May.RELEASE
    return may
