"""How a portal gets its first people: by command, until one of them is its operator."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import update

from jit_portal import cli
from jit_portal.database import factory, session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.identity import invitations
from jit_portal.identity.models import IdentityProvider, Invitation
from jit_portal.identity.refusals import SignInRefused
from jit_portal.vocabulary import Duty
from tests import factories
from tests.accounts import names, put
from tests.factories import now
from tests.inviting import sent, signs_in, world
from tests.signing_in import again, ledger
from tests.waiting import status_after_the_wait

FIXTURES = (world,)
"""They are asked for by name."""

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    app: Flask, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """The command itself: its exit code, and what it said."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def invite(*arguments: str) -> tuple[int, str]:
        session.remove()
        code = cli.main(["invite", *arguments])
        # The command connects the sessions of its process, which here is also the portal's.
        factory.configure(bind=app.extensions["database"])
        said = capsys.readouterr()
        return code, said.out + said.err

    return invite


def invited_by(said: str, origin: str) -> Invitation:
    token = re.search(rf"^{re.escape(origin)}/invitations/([\w-]+)$", said, re.MULTILINE)
    assert token is not None, said
    return invitations.find(token[1])


@pytest.fixture
def french(app: Flask) -> IdentityProvider:
    with transaction():
        return factories.provider("fr")


def test_a_portal_gets_its_first_people_by_command(run: Run, french: IdentityProvider, environ: dict[str, str]) -> None:
    origin, at = environ["JIT_ORIGIN"], ("fr", "fr-police")
    to_administer = (*at, "Eve", "--duty", "national_administrator")
    code, said = run(*to_administer)
    assert (code, "Only an operator gives somebody a duty" in said) == (1, True)
    code, said = run(*at, "Ada", "--duty", "operator", "--subject", "fr-ada")
    assert (code, said.splitlines()[0]) == (0, "Ada, Police FR: invited as operator.")
    first = invited_by(said, origin)
    assert (first.invited_by_id, first.duty, first.subject) == (None, Duty.OPERATOR, "fr-ada")
    with pytest.raises(SignInRefused):
        signs_in(first, "fr-mallory")
    ada = signs_in(first, "fr-ada")
    assert ada.duty == Duty.OPERATOR
    for command in ((*at, "Bo", "--duty", "operator"), to_administer):
        code, said = run(*command)
        assert (code, "Only an operator gives somebody a duty" in said) == (1, True)
        assert run(*command, "--by", "fr:nobody") == (1, "Not done: no operator is fr:nobody\n")
        assert run(*command, "--by", "fr") == (1, "Not done: say who you are: --by SLUG:SUBJECT\n")
    code, said = run(*to_administer, "--by", "fr:fr-ada")
    made = invited_by(said, origin)
    assert (code, made.invited_by_id, made.duty) == (0, ada.id, Duty.NATIONAL_ADMINISTRATOR)
    administrator = signs_in(made, "fr-eve")
    assert administrator.name in names(administrator)
    assert run(*to_administer, "--by", "fr:fr-eve") == (1, "Not done: no operator is fr:fr-eve\n")
    assert [each["duty"] for each in ledger("invitation.sent")] == ["operator", "national_administrator"]


def test_what_the_portal_itself_sent_ends_with_its_first_operator(
    run: Run, french: IdentityProvider, environ: dict[str, str]
) -> None:
    asked = [run("fr", "fr-police", name, "--duty", "operator") for name in ("Ada", "Bo", "Cy")]
    first, second, third = (invited_by(said, environ["JIT_ORIGIN"]) for _, said in asked)
    ada = signs_in(first, "fr-ada")
    assert ada.duty == Duty.OPERATOR
    with pytest.raises(SignInRefused) as caught:
        signs_in(second, "fr-bo")
    assert caught.value.detail == "there is an operator, who invites the others"
    put(ada, deactivated_at=now())
    assert signs_in(third, "fr-cy").duty == Duty.OPERATOR, "a portal without operators is not lost"


def test_of_two_first_operators_at_once_there_is_one(
    run: Run, french: IdentityProvider, environ: dict[str, str], cluster: Postgres
) -> None:
    _, said = run("fr", "fr-police", "Ada", "--duty", "operator")
    made = invited_by(said, environ["JIT_ORIGIN"])
    with transaction():
        other = factories.user(again(french), "Bo")
    status = status_after_the_wait(
        cluster,
        lambda: signs_in(made, "fr-ada"),
        held=("SELECT pg_advisory_xact_lock(hashtextextended('first operator', 0))", []),
        meanwhile=("UPDATE \"user\" SET duty = 'operator' WHERE id = %s", [other.id]),
    )
    assert (status, again(made).used_at) == (403, None)


def test_a_command_that_names_nothing_known_invites_nobody(run: Run, french: IdentityProvider) -> None:
    asked = ("Ada", "--duty", "operator")
    assert run("xx", "fr-police", *asked) == (1, "Not done: there is no such identity provider\n")
    assert run("fr", "fr-navy", *asked) == (1, "Not done: fr has no authority fr-navy, only fr-police\n")
    assert run("fr", "fr-police", " ", "--duty", "operator") == (1, "Not done: name: Say whom you invite.\n")
    with transaction():
        session().execute(update(IdentityProvider).values(is_enabled=False))
    assert run("fr", "fr-police", *asked) == (1, "Not done: there is no such identity provider\n")
    with pytest.raises(SystemExit):
        run("fr", "fr-police", "Ada")
    assert sent() == []
