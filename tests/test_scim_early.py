"""How fast a directory that closes an account ends its browsers, sockets and uploads."""

import subprocess
import sys

import requests

from jit_portal.identity.scim import tokens as scim_tokens
from tests.factories import World
from tests.scim import DAY, PATCH, USERS, Browse, Directory, directory, french, world
from tests.vault import Sender
from tests.web import PATIENCE, Web

FIXTURES = (directory, french, world)
"""They are asked for by name."""


LOADS = """
import sys
from jit_portal.config import Settings
from jit_portal.identity.scim.early import load_for_those_who_may_ask
from jit_portal.portal import create_app
with create_app(Settings.read()).app_context():
    load_for_those_who_may_ask()
print("jit_portal.identity.scim.views" in sys.modules)
"""


def is_loaded_early(environ: dict[str, str]) -> bool:
    answer = subprocess.run([sys.executable, "-c", LOADS], env=environ, capture_output=True, text=True, check=True)
    return answer.stdout.strip() == "True"


def test_what_answers_is_there_before_a_directory_asks(world: World, environ: dict[str, str]) -> None:
    assert not is_loaded_early(environ)
    made, _ = scim_tokens.make(world["operator"], "fr", DAY)
    assert is_loaded_early(environ)
    scim_tokens.revoke(world["operator"], made.id)
    assert not is_loaded_early(environ)


def test_an_open_browser_and_its_socket_end_within_a_second(process: Web, world: World) -> None:
    """By the portal as it runs: a directory's request, and everything of that person is over."""
    _, secret = scim_tokens.make(world["operator"], "fr", DAY)
    visitor, staying = process.sign_in(world["fr_member"]), process.sign_in(world["fr_leader"]).connect()
    ear = visitor.connect()
    change = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    answer = requests.patch(
        f"http://localhost:{process.port}{USERS}/{world['fr_member'].id}",
        json=change,
        headers={"Authorization": f"Bearer {secret}"},
        timeout=PATIENCE,
    )
    ear.hear("signed_out")
    ear.hear("disconnect")
    assert answer.status_code == 200
    assert staying.client.connected
    ear.close()
    staying.close()


def test_a_running_upload_ends_before_its_bytes_do(world: World, browse: Browse, french: Directory) -> None:
    member = world["fr_member"]
    sender = Sender(browse(member))

    def leave() -> None:
        french.turn(member, False)

    assert sender.cut_short_by(world, leave) == 401
