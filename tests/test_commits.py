"""Every verb of JITs and workspaces commits exactly once: what is done and its record stand or fall together."""

import io
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import event

from jit_portal.database import factory, session
from jit_portal.identity import invitations
from jit_portal.jits import documents, service, signing
from jit_portal.vocabulary import Role
from jit_portal.workspaces import service as workspaces
from tests import factories
from tests.drafting import PDF, Desk, desk, sign_for, workspace_of


@pytest.fixture
def at(app: Flask) -> Iterator[Desk]:
    with app.test_request_context():
        yield desk()


@pytest.fixture
def once() -> Iterator[Callable[..., None]]:
    """Does a verb and holds it to one commit."""
    commits: list[object] = []

    def count(committed: object) -> None:
        commits.append(committed)

    event.listen(factory, "after_commit", count)

    def once(verb: Callable[[], object]) -> None:
        commits.clear()
        verb()
        assert len(commits) == 1, verb

    yield once
    event.remove(factory, "after_commit", count)


def test_every_verb_of_a_jit_commits_once(at: Desk, once: Callable[..., None]) -> None:
    actor = at["fr_one"]
    once(lambda: service.begin(actor, at.terms(reference="JIT-1")))
    draft = at.begin()
    once(lambda: service.edit(actor, draft, at.terms(), draft.edition))
    once(lambda: documents.attach(actor, draft, "agreement.pdf", io.BytesIO(PDF), draft.edition))
    once(lambda: sign_for(actor, draft, "nl", at))
    once(lambda: signing.remove_signatures(actor, draft))
    sign_for(actor, draft, "nl", at)
    once(lambda: sign_for(actor, draft, "fr", at))
    once(lambda: documents.deliver(actor, draft))
    made = service.extend(actor, draft.jit)
    once(lambda: service.abandon(actor, made, made.edition))
    once(lambda: service.extend(actor, draft.jit))


def test_every_verb_of_a_workspace_commits_once(at: Desk, once: Callable[..., None]) -> None:
    agreement = at.in_force()
    space, leader = workspace_of(agreement), at["fr_one"]
    assert space is not None
    france = next(named.party for named in agreement.named_parties if named.party.country == "FR")
    seated = []
    once(lambda: seated.append(workspaces.enrol(leader, space, at["fr_two"], france, Role.MEMBER)))
    once(lambda: workspaces.end(leader, seated[0], "Works on another case"))
    authority = at.providers["fr"].authorities[0]
    once(lambda: workspaces.invite(leader, space, authority, "Somebody New", Role.MEMBER))
    made, _token = workspaces.invite(leader, space, authority, "Somebody Else", Role.MEMBER)
    once(lambda: invitations.revoke(leader, made))
    administrator = factories.administrator(at.providers["fr"])
    once(lambda: invitations.ask_in(administrator, authority, "Somebody Third"))
    session().rollback()
