"""Which national logins there are: what a row may say, presets, and two operators who decide, by command too."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask

from jit_portal import cli
from jit_portal.database import factory, session, transaction
from jit_portal.errors import Invalid, NotAllowed, NotFound, Refused
from jit_portal.identity import proposals, registry
from jit_portal.identity.entering import row_from, written
from jit_portal.identity.models import IdentityProvider, ProviderProposal, User
from jit_portal.identity.presets import PRESETS
from jit_portal.vocabulary import Assurance, AssuranceAsked, ClientAuthentication, Duty, PartyKind, Speaks, UserinfoForm
from tests.hostile_saml import ISSUER, metadata
from tests.register import ROW, SAID_BY_WHOEVER_ENTERS, ada, bo, french, operator, pinned
from tests.signing_in import again, ledger

FIXTURES = (ada, bo, french)
"""They are asked for by name."""


# What a row may say


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slug", "Be"),
        ("slug", "../be"),
        ("name", " "),
        ("client_id", ""),
        ("scope", "profile"),
        ("hosts", ("http://login.example",)),
        ("hosts", ("https://login.example/path",)),
        ("leeway", 121),
        ("leeway", -1),
        ("keys_seconds", 59),
        ("keys_seconds", 86_400),
        ("header_limit", 70_000),
        ("acr_levels", {"two words": Assurance.LOW}),
        ("claim_map", {"authority": "office"}),
        ("claim_map", {"authority": "/office", "subject": "/id"}),
        ("saml_metadata", "<a/>"),
    ],
)
def test_a_row_that_believes_too_much_is_refused(app: Flask, name: str, value: Any) -> None:
    with pytest.raises(Invalid):
        registry.ensure_providers([replace(ROW, **{name: value})])
    assert registry.is_empty()


def test_a_row_is_stored_whole_and_reads_back_the_same(app: Flask) -> None:
    full = replace(
        ROW, scope="openid siret", hosts=("https://graph.example",), uses_pkce=False, uses_par=False, leeway=30,
        authenticates_by=ClientAuthentication.CLIENT_SECRET_BASIC, asks_assurance=AssuranceAsked.CLAIMS,
        userinfo=UserinfoForm.JWT, has_rp_logout=False, has_back_channel_logout=False, takes_untyped_logout=True,
        proves_anew=False, keys_seconds=120, header_limit=4096, idle_minutes=10, absolute_hours=8, most_logins=2,
        is_enabled=False,
    )  # fmt: skip
    ordinary = replace(ROW, slug="x")
    same = {each.name for each in fields(ROW) if getattr(full, each.name) == getattr(ordinary, each.name)}
    assert same == {
        "name", "kind", "country", "issuer", "client_id", "algorithms", "acr_levels", "claim_map", "authorities",
        "protocol", "saml_metadata",
    }  # fmt: skip
    registry.ensure_providers([full])
    session.remove()
    kept = registry.known("be")
    assert kept
    assert {name: getattr(kept, name) for name in full.stored()} == full.stored()
    assert row_from(json.loads(json.dumps(written(full)))) == full


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"preset": "nowhere"}, "preset"),
        ({"colour": "blue"}, "colour"),
        ({"issuer": None}, "issuer"),
        ({"uses_par": "yes"}, "uses_par"),
        ({"leeway": True}, "leeway"),
        ({"algorithms": "RS256"}, "algorithms"),
        ({"algorithms": ["none"]}, "algorithms"),
        ({"kind": "empire"}, "kind"),
        ({"userinfo": "xml"}, "userinfo"),
        ({"acr_levels": {"x": "medium"}}, "acr_levels"),
        ({"acr_levels": {"x": 4}}, "acr_levels"),
        ({"authorities": {"A": 1}}, "authorities"),
        ({"claim_map": ["/name"]}, "claim_map"),
    ],
)
def test_what_is_written_down_wrongly_is_named(said: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        row_from({"algorithms": ["ES256"], **SAID_BY_WHOEVER_ENTERS, **said})
    assert refused.value.field == field


def test_what_is_missing_is_named() -> None:
    own = {name: value for name, value in SAID_BY_WHOEVER_ENTERS.items() if name != "issuer"}
    with pytest.raises(Invalid, match="missing: issuer"):
        row_from({"preset": "adfs", **own})


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_with_what_is_ones_own_is_a_row(app: Flask, name: str) -> None:
    own = {
        key: value for key, value in {**SAID_BY_WHOEVER_ENTERS, **pinned(name)}.items() if key not in PRESETS[name]()
    }
    row = row_from({"preset": name, **own})
    assert {key: getattr(row, key) for key in own if key in ("slug", "issuer", "client_id")}
    assert "Not verified" in (PRESETS[name].__doc__ or "")
    assert row_from({"preset": name, **own, "leeway": 5}).leeway == 5


def test_presets_say_what_their_schemes_ask(app: Flask) -> None:
    rows = {name: row_from({**SAID_BY_WHOEVER_ENTERS, **pinned(name), **PRESETS[name]()}) for name in PRESETS}
    assert (rows["proconnect"].userinfo, rows["proconnect"].asks_assurance) == (UserinfoForm.JWT, AssuranceAsked.CLAIMS)
    assert rows["tara"].asks_assurance == AssuranceAsked.ACR_MINIMUM
    assert rows["tara"].authenticates_by == ClientAuthentication.CLIENT_SECRET_BASIC
    assert (rows["spid_cie"].uses_pkce, min(rows["spid_cie"].acr_levels)) == (True, "https://www.spid.gov.it/SpidL1")
    assert rows["csam"].acr_levels["400"] == Assurance.SUBSTANTIAL
    assert {row.country for name, row in rows.items() if name in ("proconnect", "tara", "spid_cie", "csam")} == {
        "FR", "EE", "IT", "BE",
    }  # fmt: skip


# Two people


def test_what_one_operator_proposes_is_nothing_until_another_approves(ada: User, bo: User) -> None:
    proposals.propose(ada, ROW)
    assert registry.known("be") is None
    with pytest.raises(NotAllowed):
        proposals.approve(ada, "be")
    assert registry.known("be") is None
    made = proposals.approve(bo, "be")
    assert (made.issuer, [each.code for each in made.authorities]) == (ROW.issuer, ["BE-1"])
    (proposed,), (entered,) = ledger("provider.proposed"), ledger("provider.entered")[-1:]
    assert (proposed["slug"], entered["proposed_by"]) == ("be", str(ada.id))
    assert proposals.waiting() == []
    with pytest.raises(NotFound):
        proposals.approve(bo, "be")


def test_a_login_in_use_keeps_its_row_until_the_approval(ada: User, bo: User) -> None:
    proposals.propose(ada, ROW)
    made = proposals.approve(bo, "be")
    before = made.version
    proposals.propose(bo, replace(ROW, leeway=10, authorities={"BE-1": "Police BE", "BE-2": "Customs BE"}))
    made = again(made)
    assert (made.leeway, made.version) == (60, before)
    (waits,) = proposals.waiting()
    changes = {each.field: (each.before, each.after) for each in proposals.differences(waits)}
    assert changes["leeway"] == (60, 10)
    assert changes["authorities"][1] == {"BE-1": "Police BE", "BE-2": "Customs BE"}
    assert set(changes) == set(ledger("provider.proposed")[-1]["changed"]) == {"leeway", "authorities"}
    proposals.approve(ada, "be")
    made = again(made)
    assert (made.leeway, made.version, len(made.authorities)) == (10, before + 1, 2)
    assert ledger("provider.changed")[-1]["proposed_by"] == str(bo.id)


def test_a_proposal_can_be_refused_and_taken_back(ada: User, bo: User) -> None:
    for who in (bo, ada):
        proposals.propose(ada, ROW)
        proposals.refuse(who, "be")
        assert registry.known("be") is None
    assert [each["proposed_by"] for each in ledger("provider.refused")] == [str(ada.id)] * 2


def test_one_proposal_waits_at_a_time_and_says_something_new(ada: User, bo: User) -> None:
    proposals.propose(ada, ROW)
    with pytest.raises(Refused):
        proposals.propose(bo, replace(ROW, leeway=1))
    proposals.approve(bo, "be")
    with pytest.raises(Invalid):
        proposals.propose(ada, ROW)


def test_what_was_proposed_for_another_row_than_there_is_now_is_not_approved(ada: User, bo: User) -> None:
    registry.ensure_providers([ROW])
    proposals.propose(ada, replace(ROW, leeway=10))
    registry.ensure_providers([replace(ROW, keys_seconds=300)])
    with pytest.raises(Refused):
        proposals.approve(bo, "be")
    assert [each.decided_at for each in proposals.waiting()] == [None]


def test_a_login_that_people_have_used_changes_its_country_for_nobody(
    french: IdentityProvider, ada: User, bo: User
) -> None:
    registry.ensure_providers([ROW])
    registry.ensure_providers([replace(ROW, country="NL")])
    be = registry.known("be")
    assert be
    operator(be, "Cy", None)
    for other in (replace(ROW, country="FR"), replace(ROW, country="NL", kind=PartyKind.THIRD_COUNTRY)):
        proposals.propose(ada, other)
        with pytest.raises(Refused):
            proposals.approve(bo, "be")
        proposals.refuse(bo, "be")
    assert again(be).country == "NL"


def test_a_row_that_would_no_longer_be_entered_is_withdrawn_all_the_same(ada: User) -> None:
    [made] = registry.ensure_providers([ROW])
    with transaction():
        again(made).algorithms = ["none"]
    assert proposals.withdraw(ada, "be") == 0
    assert not again(made).is_enabled


@pytest.mark.parametrize("duty", [None, Duty.NATIONAL_ADMINISTRATOR])
def test_only_operators_decide(french: IdentityProvider, ada: User, duty: Duty | None) -> None:
    someone = operator(french, "Cy", duty)
    with pytest.raises(NotAllowed):
        proposals.propose(someone, ROW)
    proposals.propose(ada, ROW)
    for verb in (proposals.approve, proposals.refuse):
        with pytest.raises(NotAllowed):
            verb(someone, "be")
    for alone in (proposals.withdraw, proposals.reopen):
        with pytest.raises(NotAllowed):
            alone(someone, "fr")
    assert registry.known("be") is None


def test_the_database_itself_wants_two_people(ada: User, environ: dict[str, str]) -> None:
    made = proposals.propose(ada, ROW)
    decide = "UPDATE provider_proposal SET decided_at = now(), decided_by_id = %s, is_approved = true WHERE id = %s"
    with psycopg.connect(environ["JIT_DATABASE_URL"]) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(decide, [ada.id, made.id])


# The command


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    app: Flask, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """The command itself: its exit code, and what it said."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def providers(*arguments: str | Path) -> tuple[int, str]:
        session.remove()
        code = cli.main(["providers", *map(str, arguments)])
        # The command connects the sessions of its process, which here is also the portal's.
        factory.configure(bind=app.extensions["database"])
        said = capsys.readouterr()
        return code, said.out + said.err

    return providers


TOML = """
preset = "tara"
slug = "ee"
name = "TARA"
issuer = "https://tara.example"
client_id = "jit"
[authorities]
EE-1 = "Politsei"
"""


def test_the_register_is_kept_by_command(run: Run, tmp_path: Path, ada: User, bo: User) -> None:
    file = tmp_path / "tara.toml"
    file.write_text(TOML)
    one, two = (f"fr:{each.subject}" for each in (ada, bo))
    assert run("enter", file) == (1, "Not done: say who you are: --by SLUG:SUBJECT\n")
    assert run("enter", file, "--by", "fr:nobody") == (1, "Not done: no operator is fr:nobody\n")
    code, said = run("enter", file, "--by", one)
    assert (code, said.splitlines()[0]) == (0, "ee: proposed; another operator must approve.")
    assert "  issuer: None → https://tara.example" in said
    code, said = run("list")
    assert "fr: Login FR (FR), http://127.0.0.1:9/fr\nee: proposed by Ada, waits for another operator\n" in said
    code, said = run("approve", "ee", "--by", one)
    assert (code, "Another operator must approve" in said) == (1, True)
    assert run("approve", "ee", "--by", two) == (0, "ee: approved.\n")
    assert "ee: TARA (EE), https://tara.example\n" in run("list")[1]
    file.write_text(TOML.replace("TARA", "TARA 2"))
    assert run("enter", file, "--by", two)[0] == 0
    assert run("refuse", "ee", "--by", one) == (0, "ee: refused; the row is as it was.\n")
    assert run("approve", "ee", "--by", one) == (1, "Not done: there is no such provider proposal\n")
    assert run("withdraw", "ee") == (1, "Not done: say who you are: --by SLUG:SUBJECT\n")
    assert run("withdraw", "ee", "--by", one) == (0, "ee: withdrawn; sign-ins ended: 0.\n")
    assert "ee: TARA (EE), https://tara.example, closed\n" in run("list")[1]


def test_what_a_row_says_is_shown_as_a_file_that_can_be_entered_again(run: Run, tmp_path: Path, ada: User) -> None:
    file = tmp_path / "row.toml"
    tara = row_from(tomllib.loads(TOML.replace("Politsei", r"Põhja \"A\" = 1\\2")))
    rows = (tara, row_from({**SAID_BY_WHOEVER_ENTERS, **pinned("saml"), **PRESETS["saml"]()}))
    for row in rows:
        registry.ensure_providers([row])
        code, said = run("show", row.slug)
        assert (code, row_from(tomllib.loads(said))) == (0, row)
        file.write_text(said.replace("leeway = 60", "leeway = 5"))
        code, said = run("enter", file, "--by", f"fr:{ada.subject}")
        assert (code, said.splitlines()[1:]) == (0, ["  leeway: 60 → 5"])
    assert run("show", "xx") == (1, "Not done: there is no such identity provider\n")


def test_the_first_login_of_all_needs_nobody(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "tara.toml"
    file.write_text(TOML)
    assert run("enter", file) == (0, "ee: entered, as the first login of this portal.\n")
    assert run("enter", file)[0] == 1
    assert "acr_levels" in ledger("provider.entered")[-1]["changed"]


SAML_TOML = """
preset = "saml"
slug = "xx"
name = "XX"
kind = "member_state"
country = "XX"
issuer = "ISSUER"
client_id = "https://portal.test/saml"
acr_levels = { "urn:strong" = "high" }
claim_map = { authority = "office" }
authorities = { A = "An agency" }
"""


def test_a_login_that_speaks_saml_is_entered_by_command(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "saml.toml"
    said = f"{SAML_TOML}saml_metadata = '''{metadata()}'''\n"
    file.write_text(said.replace("ISSUER", "https://other.test"))
    assert run("enter", file) == (1, f"Not done: issuer: The metadata is of another issuer: {ISSUER}.\n")
    file.write_text(said.replace("ISSUER", ISSUER))
    assert run("enter", file) == (0, "xx: entered, as the first login of this portal.\n")
    made = registry.known("xx")
    assert made
    assert (made.protocol, made.saml_metadata) == (Speaks.SAML, metadata())


def test_a_file_that_makes_no_sense_is_said_so(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    assert run("enter", file)[1].startswith("Not done: the file cannot be read")
    for text, said in (("slug", "the file cannot be read"), (TOML.replace("tara.example", ""), "issuer")):
        file.write_text(text)
        code, told = run("enter", file)
        assert (code, said in told) == (1, True)
    file.write_bytes(TOML.replace("Politsei", "Põhja").encode("latin-1"))
    assert run("enter", file)[1].startswith("Not done: the file cannot be read")
    assert session().query(ProviderProposal).count() == 0
