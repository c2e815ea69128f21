"""The page on which somebody confirms who she is says what is confirmed, so that it is taken for no other."""

import pytest

from jit_portal.database import transaction
from tests import factories
from tests.stepup import ACTS, Browse, Case, browse, case, send, told, waits

FIXTURES = (browse, case)
"""They are asked for by name."""


def expected(case: Case) -> dict[str, dict[str, str]]:
    """What the page must say of each act, so that it is taken for no other."""
    exhibit, netherlands = f"{case.exhibit.reference} · {case.exhibit.title}", "Netherlands"
    return {
        "release": {"Exhibit": exhibit, "To": netherlands, "Sight": "Download"},
        "withdraw a release": {"Exhibit": exhibit, "To whom": netherlands, "Sight": "Read"},
        "reclassify": {"Exhibit": exhibit},
        "set a standing release": {"Party": "France", "What it does": "Standing release", "To": netherlands},
        "set a forbid": {"Party": "France", "What it does": "Forbid", "To": netherlands, "Sight": "Download"},
        "end a rule": {"What it does": "Standing release", "To whom": netherlands, "Sight": "See"},
        "entrust": {"Party": "France", "Person": case.world["fr_other"].name, "Sight": "Read"},
        "end entrusting": {"Person": case.world["fr_member"].name},
        "export the record": {"Workspace": case.world.workspace.name},
    }


@pytest.mark.parametrize("act", ACTS)
def test_the_page_says_what_is_confirmed(case: Case, browse: Browse, act: str) -> None:
    client = browse(case.leader, minutes=6)
    address, form = ACTS[act].sent(case)
    said = told(client.get(f"/confirm/{waits(send(client, address, form))}").text)
    assert expected(case)[act].items() <= said.items(), said


def test_what_she_does_not_see_any_more_is_not_named(case: Case, browse: Browse) -> None:
    client = browse(case.leader, minutes=6)
    address, form = ACTS["release"].sent(case)
    act_id = waits(send(client, address, form))
    factories.end_membership(case.world, "fr_leader")
    page = client.get(f"/confirm/{act_id}").text
    assert told(page)["About"] == "not shown to you"
    assert case.exhibit.title not in page


def test_every_sign_in_that_is_to_end_is_named(case: Case, browse: Browse) -> None:
    client = browse(case.leader, minutes=6)
    for browser in ("Firefox/153.0 (X11; Linux)", "Edg/156.0 (Windows NT 10.0)", "Version/20 Safari/605 (iPhone)"):
        factories.login(case.leader, browser=browser)
    page = client.get(f"/confirm/{waits(send(client, '/account/sign-ins/end-others', {}))}").text
    assert all(device in page for device in ("Firefox, Linux", "Edge, Windows", "Safari, iPhone"))


def test_a_passkey_that_is_to_go_is_named(case: Case, browse: Browse) -> None:
    client = browse(case.leader, minutes=6)
    with transaction():
        passkey = factories.passkey(case.leader, "Old <b>laptop</b>")
    act_id = waits(send(client, f"/account/passkeys/{passkey.id}/remove", {}))
    assert told(client.get(f"/confirm/{act_id}").text)["Passkey"] == "Old <b>laptop</b>"
