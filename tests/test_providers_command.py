"""Which national logins there are is kept by command too, from files."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from jit_portal import cli
from jit_portal.database import factory, session
from jit_portal.identity import registry
from jit_portal.identity.entering import row_from
from jit_portal.identity.models import ProviderProposal, User
from jit_portal.identity.presets import PRESETS
from jit_portal.vocabulary import Speaks
from tests.hostile_saml import ISSUER, metadata
from tests.register import SAID_BY_WHOEVER_ENTERS, ada, bo, french, pinned
from tests.signing_in import ledger

FIXTURES = (ada, bo, french)
"""They are asked for by name."""

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
