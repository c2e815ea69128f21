"""How fast requests may come: from one address, from one person, and where nothing is counted."""

import uuid

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jit_portal.extensions import REQUESTS, WRITES
from tests import factories
from tests.asking import JSON, Browse, anybody, at_most, statuses, world
from tests.factories import World
from tests.vault import Sender, token_in

FIXTURES = (anybody, world)
"""They are asked for by name."""


def test_addresses_are_counted_apart(anybody: FlaskClient) -> None:
    """A form without token is refused, and counts."""
    most = at_most(WRITES)
    one, other = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"}
    assert statuses(anybody, most + 2, **one) == [400] * most + [429] * 2
    assert statuses(anybody, 1, **other) == [400]
    forged = {"X-Forwarded-For": "198.51.100.7, 192.0.2.1"}
    assert statuses(anybody, 1, **forged) == [429], "only the hop that the proxy itself adds is believed"
    page = anybody.get("/signed-out", headers=one)
    assert page.status_code == 200, "reading goes on"
    refused = anybody.post("/language", headers=one)
    assert "Too many attempts" in refused.text


def test_people_are_counted_apart_from_one_address(world: World, browse: Browse) -> None:
    french, dutch = browse(world["fr_leader"]), browse(world["nl_leader"])
    most = at_most(WRITES)
    again = browse(world["fr_leader"])
    assert statuses(french, most) == [400] * most
    assert statuses(french, 1) == [429]
    assert statuses(again, 1) == [429], "another browser of the same person"
    assert statuses(dutch, 1) == [400]
    refused = french.post("/language")
    assert refused.status_code == 429
    assert world.jit.name not in refused.text, "nothing is read for somebody who asks too much"


def test_reading_has_a_limit_too_but_health_and_assets_have_none(anybody: FlaskClient) -> None:
    most = at_most(REQUESTS)
    answers = [anybody.get("/signed-out", headers=JSON).status_code for _ in range(most + 1)]
    assert answers == [200] * most + [429]
    for path in ("/healthz", "/readyz", "/static/x"):
        assert anybody.get(path).status_code in (200, 404), path


def test_a_folder_of_small_files_is_not_held_up(world: World, browse: Browse) -> None:
    sender = Sender(browse(world["fr_member"]))
    asked = [sender.client.get("/vault/uploads/token", headers=JSON).status_code for _ in range(at_most(REQUESTS) + 1)]
    assert set(asked) == {200}
    assert sender.client.get("/").status_code == 200


def test_messages_by_page_and_by_socket_are_counted_together(world: World, browse: Browse) -> None:
    channel = factories.channel(world)
    client = browse(world["fr_leader"])
    token = token_in(client.get("/").text)

    def post(number: int) -> TestResponse:
        form = {"csrf_token": token, "text": f"Message {number}", "token": str(uuid.uuid4())}
        return client.post(f"/channels/{channel.id}/messages", data=form)

    answers = [post(number) for number in range(41)]
    refused = [answer for answer in answers if answer.status_code != 303]
    assert refused, "forty messages within ten seconds are as many as one person says"
    assert "very much at once" in refused[0].text
    assert "Message" in refused[0].text, "what was typed comes back"
