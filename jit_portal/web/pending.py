"""What an act that waits would do, in words of the record: to which thing, for whom, how far; as its sender sees it."""

import uuid
from collections.abc import Iterator
from typing import TypeVar
from urllib.parse import urlsplit

from flask import current_app, request
from flask_babel import lazy_gettext as _
from werkzeug.exceptions import HTTPException

from jit_portal import policy
from jit_portal.audit.showing import NAMES, Fact
from jit_portal.database import Thing, session
from jit_portal.errors import NotFound
from jit_portal.exhibits.forms import target_label
from jit_portal.exhibits.models import CountryRule, Entrustment, Exhibit, Release
from jit_portal.exhibits.targets import targets
from jit_portal.exhibits.words import SIGHT_WORDS
from jit_portal.identity import endings
from jit_portal.identity.models import User
from jit_portal.identity.sign_in_models import LoginSession, Passkey, WaitingAct
from jit_portal.jits.models import Party
from jit_portal.vocabulary import Sight
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Membership, Workspace

T = TypeVar("T", bound=Thing)

_MODELS: dict[str, type[Thing]] = {
    "exhibit": Exhibit,
    "party": Party,
    "country_rule": CountryRule,
    "entrustment": Entrustment,
    "workspace": Workspace,
    "passkey": Passkey,
    "login_session": LoginSession,
}
"""Every thing that a step-up is asked for."""
_NAMES = {
    **NAMES,
    "about": _("About"),
    "exhibit": _("Exhibit"),
    "passkey": _("Passkey"),
    "login": _("Sign-in"),
    "rule": _("What it does"),
    "workspace": _("Workspace"),
}
_RULES = {False: _("Standing release"), True: _("Forbid")}


def facts(person: User, act: WaitingAct) -> list[Fact]:
    """What tells this act from another of its kind; what she may not see any more is said not to be shown."""
    thing = _seen(person, _MODELS.get(act.noun), act.object_id)
    if thing is None:
        return [_fact("about", "unseen", None)]
    place = _place(act)
    if isinstance(thing, LoginSession) and "login_id" not in place:
        others = (each for each in endings.mine(person) if each.id != person.current_login)
        return [fact for each in others for fact in _of(each)]
    release = _seen(person, Release, place.get("release_id"))
    space = thing.workspace_id if isinstance(thing, Exhibit) else place.get("workspace_id")
    said = [*_of(thing), *_sent(person, act, thing, _seen(person, Workspace, space))]
    return said if release is None else [*said, *_of(release)]


def _place(act: WaitingAct) -> dict[str, uuid.UUID]:
    """The ids in the address that it was sent to."""
    addresses = current_app.url_map.bind(request.host)
    try:
        _endpoint, found = addresses.match(urlsplit(act.address).path, "POST")
    except HTTPException:
        return {}
    return dict(found)


def _seen(person: User, model: type[T] | None, id: uuid.UUID | None) -> T | None:
    if model is None or id is None:
        return None
    try:
        return policy.fetch(person, model, id)
    except NotFound:
        return None


def _of(thing: Thing) -> Iterator[Fact]:
    match thing:
        case Exhibit():
            yield _fact("exhibit", "word", f"{thing.reference} · {thing.title}")
        case Party():
            yield _fact("party", "party", thing)
        case Workspace():
            yield _fact("workspace", "word", thing.name)
        case Passkey():
            yield _fact("passkey", "word", thing.name)
        case LoginSession():
            yield _fact("login", "word", thing.device or gettext("Unknown device"))
        case Entrustment():
            yield _fact("person", "person", thing.user)
            yield _sight(thing.sight)
        case CountryRule() | Release():
            if isinstance(thing, CountryRule):
                yield _fact("rule", "word", _RULES[thing.is_forbid])
            yield _fact("principal", "principal", thing.principal)
            yield _sight(thing.sight)


def _sent(person: User, act: WaitingAct, thing: Thing, workspace: Workspace | None) -> Iterator[Fact]:
    """What the form says of whom and how far, where its words are known."""
    said = dict(act.form)
    if "is_forbid" in said:
        yield _fact("rule", "word", _RULES[said["is_forbid"] == "1"])
    if "to" in said and workspace is not None:
        seizing = thing.party_id if isinstance(thing, Exhibit) else thing.id
        chosen = (each for each in targets(person, workspace, seizing) if each.value == said["to"])
        yield from (_fact("to", "word", target_label(target)) for target in chosen)
    if "person" in said and workspace is not None:
        members = policy.which(person, Membership).where(Membership.workspace_id == workspace.id)
        known = {str(member.user_id): member.user for member in session().scalars(members).unique()}
        if said["person"] in known:
            yield _fact("person", "person", known[said["person"]])
    if said.get("sight") in {str(int(each)) for each in Sight}:
        yield _sight(int(said["sight"]))


def _sight(sight: int) -> Fact:
    return _fact("sight", "word", SIGHT_WORDS[Sight(sight)])


def _fact(key: str, look: str, value: object) -> Fact:
    return Fact(key, str(_NAMES[key]), look, value)
