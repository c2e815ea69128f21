"""Commands for whoever runs the portal: ``python -m jit_portal.cli verify-ledger``, ``providers``, ``break-glass`` …"""

import argparse
import datetime as dt
import json
import sys
import tomllib
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jit_portal.config import Settings
from jit_portal.database import bind, session
from jit_portal.errors import NotFound, Refusal
from jit_portal.identity import invitations, ourselves, proposals, registry
from jit_portal.identity.entering import row_from, written
from jit_portal.identity.glass import accounts as glass
from jit_portal.identity.glass import switch
from jit_portal.identity.glass.models import GlassAccount
from jit_portal.identity.models import ProviderProposal, User
from jit_portal.identity.presets import PRESETS
from jit_portal.identity.provider_rows import row_of
from jit_portal.identity.scim import tokens
from jit_portal.verifying import verify_ledger
from jit_portal.vocabulary import Duty


def providers(settings: Settings, chosen: argparse.Namespace) -> int:
    """Show the national logins, or change one: by two operators, whom ``--by`` names as SLUG:SUBJECT, one at a time; to
    withdraw one, by one of them.

    Into an empty register the first login is entered at once: there is nobody yet who could approve.
    """
    ourselves.use(settings)
    return _said_of(settings, lambda: _with_providers(chosen))


def invite(settings: Settings, chosen: argparse.Namespace) -> int:
    """Ask in who is to have a duty for the portal, and print the address that lets that person in, once.

    ``--by`` names the operator who does so; while there is none, the first operators are asked in without.
    """
    return _said_of(settings, lambda: _invited(settings, chosen))


def _invited(settings: Settings, chosen: argparse.Namespace) -> str:
    provider = registry.provider(chosen.slug)
    authority = next((each for each in provider.open_authorities if each.code == chosen.authority), None)
    if authority is None:
        listed = ", ".join(each.code for each in provider.open_authorities)
        raise Refusal(f"{provider.slug} has no authority {chosen.authority}, only {listed}")
    actor = _operator(chosen.by) if chosen.by else None
    made, token = invitations.appoint(actor, authority, chosen.name, Duty(chosen.duty), subject=chosen.subject)
    return (
        f"{made.name}, {authority.name}: invited as {chosen.duty.replace('_', ' ')}.\n"
        f"Once, until {made.expires_at:%Y-%m-%d %H:%M %Z}, and only with {provider.name}:\n"
        f"{settings.origin}/invitations/{token}\n"
    )


def _said_of(settings: Settings, act: Callable[[], str]) -> int:
    """Do this with the database, and say what came of it."""
    engine = bind(settings.database_url)
    try:
        sys.stdout.write(act())
    except Refusal as refusal:
        field = getattr(refusal, "field", None)
        sys.stderr.write(f"Not done: {f'{field}: ' if field else ''}{refusal.reason or _nameless(refusal)}\n")
        return 1
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        sys.stderr.write(f"Not done: the file cannot be read: {error}\n")
        return 1
    finally:
        session.remove()
        engine.dispose()
    return 0


def _nameless(refusal: Refusal) -> str:
    is_missing = isinstance(refusal, NotFound) and refusal.noun
    return f"there is no such {refusal.noun.replace('_', ' ')}" if is_missing else type(refusal).__name__


def _with_providers(chosen: argparse.Namespace) -> str:
    if chosen.act == "list":
        return _listed()
    if chosen.act == "show":
        return _shown(chosen.slug)
    row = row_from(tomllib.loads(chosen.file.read_text())) if chosen.act == "enter" else None
    if row is not None and registry.is_empty():
        registry.ensure_providers([row])
        return f"{row.slug}: entered, as the first login of this portal.\n"
    actor = _operator(chosen.by)
    if row is not None:
        proposal = proposals.propose(actor, row)
        return f"{row.slug}: proposed; another operator must approve.\n{_changes(proposal)}"
    if chosen.act == "approve":
        proposals.approve(actor, chosen.slug)
        return f"{chosen.slug}: approved.\n"
    if chosen.act == "withdraw":
        ended = proposals.withdraw(actor, chosen.slug)
        return f"{chosen.slug}: withdrawn; sign-ins ended: {ended}.\n"
    proposals.refuse(actor, chosen.slug)
    return f"{chosen.slug}: refused; the row is as it was.\n"


def scim(settings: Settings, chosen: argparse.Namespace) -> int:
    """Show the tokens of directories, make one or revoke one; a new token is shown here, once, and never again."""
    return _said_of(settings, lambda: _with_tokens(chosen))


def _with_tokens(chosen: argparse.Namespace) -> str:
    if chosen.act == "list":
        return "".join(
            f"{each.id}: {each.provider.slug}, until {each.expires_at:%Y-%m-%d}{', revoked' * bool(each.revoked_at)}\n"
            for each in tokens.every_one()
        )
    actor = _operator(chosen.by)
    if chosen.act == "make":
        made, secret = tokens.make(actor, chosen.slug, dt.timedelta(days=chosen.days))
        return f"{made.id}: for {chosen.slug} until {made.expires_at:%Y-%m-%d}; the token is\n{secret}\n"
    return f"{tokens.revoke(actor, chosen.id).id}: revoked.\n"


def break_glass(settings: Settings, chosen: argparse.Namespace) -> int:
    """Show the break-glass accounts, make one or close one; the link to enrol its keys is shown here, once.

    ``--by`` names the operator who does so; without, it is the portal itself that stands on record.
    """
    switch.use(settings)
    return _said_of(settings, lambda: _with_glass(settings, chosen))


def _with_glass(settings: Settings, chosen: argparse.Namespace) -> str:
    if chosen.act == "list":
        return "".join(f"{each.id}: {each.user.name}, {_state(each)}\n" for each in glass.every_one())
    glass.require_on()
    actor = _operator(chosen.by) if chosen.by else None
    if chosen.act == "close":
        return f"{glass.close(actor, chosen.id).user.name}: closed.\n"
    made, token = glass.make(actor, chosen.name)
    return (
        f"{made.id}: {made.user.name}, of no use until two security keys are enrolled.\n"
        f"Once, until {made.link_expires_at:%Y-%m-%d %H:%M %Z}:\n"
        f"{settings.origin}/break-glass/keys/{token}\n"
    )


def _state(account: GlassAccount) -> str:
    if not account.user.is_active:
        return "closed"
    if account.enrolled_at is not None:
        return f"usable since {account.enrolled_at:%Y-%m-%d}"
    return f"waits for its keys until {account.link_expires_at:%Y-%m-%d %H:%M %Z}"


def _operator(by: str | None) -> User:
    if by is None or ":" not in by:
        raise Refusal("say who you are: --by SLUG:SUBJECT")
    try:
        return proposals.operator(*by.split(":", 1))
    except NotFound:
        raise Refusal(f"no operator is {by}") from None


def _shown(slug: str) -> str:
    """The row of a login as a file that ``enter`` reads, to be changed there."""
    known = registry.known(slug)
    if known is None:
        raise NotFound(noun="identity_provider")
    return "".join(f"{name} = {_toml(value)}\n" for name, value in written(row_of(known)).items())


def _toml(value: Any) -> str:
    """As TOML: of the kinds that a row is made of, tables alone are written there in another way than in JSON."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_toml(name)} = {_toml(each)}' for name, each in value.items())} }}"
    return json.dumps(value, ensure_ascii=False)


def _listed() -> str:
    lines = [
        f"{row.slug}: {row.name} ({row.country}), {row.issuer}{'' if row.is_enabled else ', closed'}\n"
        for row in registry.every_one()
    ]
    for proposal in proposals.waiting():
        lines.append(f"{proposal.slug}: proposed by {proposal.proposed_by.name}, waits for another operator\n")
        lines.append(_changes(proposal))
    return "".join(lines)


def _changes(proposal: ProviderProposal) -> str:
    return "".join(f"  {each.field}: {each.before} → {each.after}\n" for each in proposals.differences(proposal))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command with the settings of the environment."""
    parser = argparse.ArgumentParser(prog="jit-portal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    verifying = commands.add_parser("verify-ledger", help="compute every seal of the record again")
    verifying.add_argument("--heads", type=Path, metavar="FILE", help="compare the heads of chains, then keep them")
    registering = commands.add_parser(
        "providers", help="national logins: list, show SLUG, enter FILE, approve SLUG, refuse SLUG, withdraw SLUG"
    )
    acts = registering.add_subparsers(dest="act", required=True)
    acts.add_parser("list", help="the logins there are, and the proposals that wait")
    showing = acts.add_parser("show", help="what the row of a login says, as a TOML file that enter reads")
    entering = acts.add_parser("enter", help="propose what a TOML file says: the fields of the row")
    entering.add_argument("file", type=Path, metavar="FILE", help=f"may name a preset: {', '.join(PRESETS)}")
    deciding = [acts.add_parser(act, help=f"{act} what another operator proposed") for act in ("approve", "refuse")]
    withdrawing = acts.add_parser("withdraw", help="close a login and end every sign-in by it, at once")
    for each in (showing, *deciding, withdrawing):
        each.add_argument("slug", metavar="SLUG")
    inviting = commands.add_parser("invite", help="ask in an operator or a country's administrator")
    inviting.add_argument("slug", metavar="SLUG", help="the national login of that person")
    inviting.add_argument("authority", metavar="AUTHORITY", help="the code of the authority, as the login lists it")
    inviting.add_argument("name", metavar="NAME")
    inviting.add_argument("--duty", required=True, choices=[each.value for each in Duty])
    inviting.add_argument("--subject", help="the identifier at the login: nobody else can then use the invitation")
    _add_scim(commands)
    _add_break_glass(commands)
    for each in (entering, *deciding, withdrawing, inviting):
        each.add_argument("--by", metavar="SLUG:SUBJECT", help="which operator you are: her login, her subject there")
    chosen = parser.parse_args(arguments)
    if chosen.command == "scim":
        return scim(Settings.read(), chosen)
    if chosen.command == "break-glass":
        return break_glass(Settings.read(), chosen)
    if chosen.command == "providers":
        return providers(Settings.read(), chosen)
    if chosen.command == "invite":
        return invite(Settings.read(), chosen)
    return verify_ledger(Settings.read(), chosen.heads)


def _add_scim(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    directing = commands.add_parser("scim", help="tokens of directories: list, make SLUG, revoke ID")
    acts = directing.add_subparsers(dest="act", required=True)
    acts.add_parser("list", help="the tokens there are, by id: which login, until when")
    making = acts.add_parser("make", help="a token for the directory of one national login, shown once")
    making.add_argument("slug", metavar="SLUG")
    making.add_argument("--days", type=int, default=180, help="how long it is valid (180)")
    revoking = acts.add_parser("revoke", help="let nobody in by a token from now on")
    revoking.add_argument("id", type=uuid.UUID, metavar="ID")
    for each in (making, revoking):
        each.add_argument("--by", metavar="SLUG:SUBJECT", help="which operator you are: her login, her subject there")


def _add_break_glass(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    breaking = commands.add_parser("break-glass", help="accounts for when logins fail: list, make NAME, close ID")
    acts = breaking.add_subparsers(dest="act", required=True)
    acts.add_parser("list", help="the accounts there are, by id")
    making = acts.add_parser("make", help="an account, and the link by which its two keys are enrolled, once")
    making.add_argument("name", metavar="NAME", help="of whoever is to hold the keys")
    closing = acts.add_parser("close", help="close an account for good, and what it has open")
    closing.add_argument("id", type=uuid.UUID, metavar="ID")
    for each in (making, closing):
        each.add_argument("--by", metavar="SLUG:SUBJECT", help="which operator you are: her login, her subject there")


if __name__ == "__main__":
    sys.exit(main())
