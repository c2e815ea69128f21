"""The pages of the register: for operators alone, two of whom decide, and nothing that was typed is lost."""

import re
from dataclasses import replace

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.identity import oidc, proposals, registry
from jit_portal.identity.entering import row_from, written
from jit_portal.identity.models import IdentityProvider, ProviderProposal, User
from jit_portal.identity.presets import PRESETS
from jit_portal.identity.provider_forms import typed
from jit_portal.identity.provider_rows import row_of
from jit_portal.identity.provider_words import GROUPS, LABELS, UNVERIFIED
from jit_portal.identity.provider_words import PRESETS as NAMED
from jit_portal.vocabulary import ClientAuthentication, Duty, Outcome
from tests import factories
from tests.drafting import submit
from tests.register import (
    ROW,
    SAID_BY_WHOEVER_ENTERS,
    Browse,
    ada,
    belgian,
    bo,
    enter,
    french,
    newest,
    operator,
    pinned,
    sent,
)
from tests.signing_in import UNCHECKED, again

FIXTURES = (ada, belgian, bo, french)
"""They are asked for by name."""


def test_the_register_is_missing_to_everybody_but_operators(
    french: IdentityProvider, belgian: IdentityProvider, ada: User, browse: Browse
) -> None:
    proposal = proposals.propose(ada, replace(ROW, leeway=1))
    addresses = [
        "/providers", "/providers/new", f"/providers/{belgian.id}", f"/providers/{belgian.id}/change",
        f"/providers/{belgian.id}/test", f"/providers/proposals/{proposal.id}",
    ]  # fmt: skip
    for duty in (None, Duty.NATIONAL_ADMINISTRATOR):
        client = browse(operator(french, "Cy", duty))
        assert [client.get(address).status_code for address in addresses] == [404] * len(addresses)
        assert 'href="/providers"' not in client.get("/account").text
        for act in ("approve", "refuse"):
            assert submit(client, "/account", f"/providers/proposals/{proposal.id}/{act}", {}).status_code == 404
    assert again(proposal).decided_at is None
    client = browse(ada)
    assert [client.get(address).status_code for address in addresses] == [200] * len(addresses)
    assert 'href="/providers"' in client.get("/account").text


def test_an_operator_whose_account_is_closed_keeps_nothing(ada: User, browse: Browse) -> None:
    client = browse(ada)
    assert client.get("/providers").status_code == 200
    with transaction():
        ada.deactivated_at = factories.now()
        session().merge(ada)
    assert client.get("/providers").status_code == 302


def test_every_field_of_a_row_has_its_place_and_its_words() -> None:
    asked = [name for _, names in GROUPS for name in names]
    assert sorted(asked) == sorted(LABELS) == sorted(written(ROW))
    assert set(NAMED) == set(UNVERIFIED) == set(PRESETS)


def test_one_enters_a_login_and_another_lets_it_in(ada: User, bo: User, browse: Browse) -> None:
    hers, his = browse(ada), browse(bo)
    answer = enter(hers, ROW)
    proposal = newest()
    assert answer.headers["Location"] == f"/providers/proposals/{proposal.id}"
    assert row_from(proposal.row) == ROW
    assert "New: waits for approval" in his.get("/providers").text
    approving = f"/providers/proposals/{proposal.id}/approve"
    own = submit(hers, "/providers", approving, {})
    assert (own.status_code, "Another operator must approve" in own.text) == (403, True)
    assert registry.known("be") is None
    assert 'approve"' not in hers.get(f"/providers/proposals/{proposal.id}").text
    assert submit(his, "/providers", approving, {}).status_code == 303
    made = registry.known("be")
    assert made
    assert row_of(made) == ROW
    page = his.get(f"/providers/{made.id}").text
    assert all(word in page for word in ("https://login.example/be", "Police BE", "Ada", "Bo", "Open"))
    twice = submit(his, "/providers", approving, {})
    assert (twice.status_code, "decided already" in twice.text) == (409, True)


def test_a_change_is_shown_side_by_side(belgian: IdentityProvider, ada: User, bo: User, browse: Browse) -> None:
    client = browse(ada)
    address = f"/providers/{belgian.id}/change"
    fields = sent(ROW, leeway="10", authorities="BE-1 = Police BE\nBE-2 = Customs = BE", edition=belgian.version)
    assert submit(client, address, address, fields).status_code == 303
    page = browse(bo).get(f"/providers/proposals/{newest().id}").text
    table = re.sub(r"<[^>]+>|\s+", " ", page[page.index("<tbody ") : page.index("</tbody>")])
    assert re.sub(" +", " ", table).strip() == (
        "Leeway of clocks 60 seconds 10 seconds "
        "Allowed authorities BE-1 Police BE BE-1 Police BE BE-2 Customs = BE: new"
    )
    assert "A change waits" in client.get("/providers").text
    assert again(belgian).leeway == 60


def test_a_form_sent_as_it_was_opened_changes_nothing(belgian: IdentityProvider, ada: User, browse: Browse) -> None:
    client = browse(ada)
    address = f"/providers/{belgian.id}/change"
    answer = submit(client, address, address, sent(ROW, edition=belgian.version))
    assert (answer.status_code, "what the portal goes by already" in answer.text) == (422, True)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fills_the_form_and_is_a_row_once_completed(name: str, ada: User, browse: Browse) -> None:
    client = browse(ada)
    page = client.get(f"/providers/new?preset={name}").text
    assert "Not verified" in page
    speaks_saml = name in ("eidas", "saml")
    read = " ".join(re.findall(r">([^<]+)<", page))
    assert [word in read for word in ("acr_values", "RequestedAuthnContext")] == [not speaks_saml, speaks_saml]
    said = {**SAID_BY_WHOEVER_ENTERS, **pinned(name)}
    own = {key: value for key, value in said.items() if key not in PRESETS[name]()}
    row = row_from({"preset": name, **own})
    form = typed(PRESETS[name]())
    for field in ("acr_levels", "scope", "hosts"):
        for line in str(form.get(field, "")).splitlines():
            assert line in page
    at = f"/providers/new?preset={name}"
    assert submit(client, at, at, sent(row)).status_code == 303
    assert row_from(newest().row) == row
    assert client.get("/providers/new?preset=nowhere").status_code == 404


WRONG = [
    ("issuer", "http://login.example", "begins with https"),
    ("slug", "Be!", "small letters"),
    ("hosts", "https://a.example\nhttps://b.example/x", "A host is https"),
    ("acr_levels", "low = medium", "low, substantial or high"),
    ("acr_levels", "low", "There is no ="),
    ("authorities", "A = One\nA = Two", "stands there twice"),
    ("authorities", "A =", "a code and a name"),
    ("claim_name", "name", "JSON pointers"),
    ("scope", "profile", "must hold openid"),
    ("leeway", "500", "a number from 0 to 120"),
    ("leeway", "soon", "valid integer"),
    ("idle_minutes", "31", "a number from 5 to 30"),
    ("algorithms", "HS256", "HS256"),
    ("authenticates_by", "by magic", "choice"),
    ("name", "Two\nlines", "one line"),
]


@pytest.mark.parametrize(("field", "value", "said"), WRONG, ids=[f"{field} {said}" for field, _, said in WRONG])
def test_what_makes_no_sense_is_said_beside_it_and_stays_typed(
    field: str, value: str, said: str, ada: User, browse: Browse
) -> None:
    answer = enter(browse(ada), ROW, **{field: value, "client_id": "typed with care"})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert said in answer.text
    assert "typed with care" in answer.text
    assert session().query(ProviderProposal).count() == 0


def test_what_was_written_over_an_older_row_is_refused_and_kept(
    belgian: IdentityProvider, ada: User, browse: Browse
) -> None:
    client, address = browse(ada), f"/providers/{belgian.id}/change"
    registry.ensure_providers([replace(ROW, keys_seconds=300)])
    answer = submit(client, address, address, sent(ROW, leeway="77", edition="1"))
    assert (answer.status_code, "changed while you were writing" in answer.text) == (409, True)
    assert 'value="77"' in answer.text


def test_a_new_login_takes_no_others_place(belgian: IdentityProvider, ada: User, browse: Browse) -> None:
    answer = enter(browse(ada), replace(ROW, leeway=1))
    assert (answer.status_code, 'id="slug-error"' in answer.text) == (422, True)


def test_the_page_says_where_a_secret_is_put_and_asks_for_none(ada: User, bo: User, browse: Browse) -> None:
    client = browse(ada)
    assert not re.search('type="password"|name="[^"]*secret', client.get("/providers/new").text)
    enter(client, replace(ROW, authenticates_by=ClientAuthentication.CLIENT_SECRET_POST))
    page = client.get(f"/providers/proposals/{newest().id}").text
    assert "under the name <code>be</code>" in page
    assert "<code>JIT_PROVIDER_SECRETS</code>" in page


def test_the_page_says_what_the_login_must_know_of_the_portal(
    belgian: IdentityProvider, ada: User, bo: User, browse: Browse, app: Flask
) -> None:
    client, origin = browse(ada), app.config["SETTINGS"].origin
    places = [f"{origin}/sign-in/be/callback", f"{origin}/signed-out", f"{origin}/sign-in/be/logout"]
    page = client.get(f"/providers/{belgian.id}").text
    assert [f'<code dir="ltr">{place}</code>' in page for place in places] == [True] * 3
    answer = client.get("/providers/key")
    assert (answer.content_type, "/providers/key" in page) == ("application/jwk-set+json", True)
    keys = KeySet.import_key_set(answer.get_json())
    assert not any(key.is_private for key in keys.keys)
    proof = oidc.client(again(belgian)).proof()[1]["client_assertion"]
    assert jwt.decode(proof, keys, algorithms=["ES256"]).claims["sub"] == ROW.client_id
    assert browse(operator(belgian, "Cy", None)).get("/providers/key").status_code == 404
    off = replace(ROW, slug="new", has_rp_logout=False, has_back_channel_logout=False)
    enter(client, replace(off, authenticates_by=ClientAuthentication.CLIENT_SECRET_POST))
    page = client.get(f"/providers/proposals/{newest().id}").text
    assert f"{origin}/sign-in/new/callback" in page
    assert [each in page for each in ("/signed-out", "/sign-in/new/logout", "/providers/key")] == [False] * 3


def test_what_was_proposed_is_a_click_away_from_who_decided(
    belgian: IdentityProvider, ada: User, bo: User, browse: Browse
) -> None:
    proposal = proposals.propose(ada, replace(ROW, leeway=7))
    proposals.approve(bo, "be")
    client = browse(bo)
    assert f'href="/providers/proposals/{proposal.id}"' in client.get(f"/providers/{belgian.id}").text
    assert "7 seconds" in client.get(f"/providers/proposals/{proposal.id}").text


def test_what_is_refused_is_on_the_portals_record(ada: User, browse: Browse) -> None:
    client = browse(ada)
    enter(client, ROW)
    submit(client, "/providers", f"/providers/proposals/{newest().id}/approve", {})
    refused = select(LedgerEntry).where(LedgerEntry.outcome == Outcome.REFUSED).execution_options(**UNCHECKED)
    [entry] = session().scalars(refused).all()
    assert (entry.act, entry.actor_id, entry.object_id) == ("providers.approve", ada.id, newest().id)


def test_nobody_approves_by_her_keys_what_she_proposed_by_her_login(ada: User, bo: User, browse: Browse) -> None:
    """Nor the other way; two who break the glass decide between them, for when there is no login to come by."""
    keys, others = factories.glass_account("Ada"), factories.glass_account("Cy")
    for proposer, wrong, right in ((ada, keys, bo), (keys, ada, others)):
        made = proposals.propose(proposer, ROW)
        client, approving = browse(wrong), f"/providers/proposals/{made.id}/approve"
        page = client.get(f"/providers/proposals/{made.id}").text
        assert ("behind both may be one person" in page, approving in page) == (True, False)
        assert submit(client, "/providers", approving, {}).status_code == 403
        assert again(made).decided_at is None
        assert approving in browse(right).get(f"/providers/proposals/{made.id}").text
        assert submit(client, "/providers", f"/providers/proposals/{made.id}/refuse", {}).status_code == 303
    proposals.propose(keys, ROW)
    assert proposals.approve(others, "be").slug == "be"


def test_no_later_proposal_is_approved_in_place_of_the_one_that_was_read(ada: User, bo: User, browse: Browse) -> None:
    read = proposals.propose(ada, ROW)
    proposals.refuse(ada, "be")
    proposals.propose(ada, replace(ROW, leeway=120))
    answer = submit(browse(bo), "/providers", f"/providers/proposals/{read.id}/approve", {})
    assert (answer.status_code, "decided already" in answer.text) == (409, True)
    assert registry.known("be") is None
