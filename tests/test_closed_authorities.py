"""An authority of a login is closed and opened again by two operators; its people are signed out at once."""

import re
from dataclasses import replace

import pytest

from jit_portal.database import transaction
from jit_portal.errors import Refused
from jit_portal.identity import accounts, proposals, registry
from jit_portal.identity.entering import written
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.provider_forms import typed
from jit_portal.identity.provider_rows import row_of
from tests import factories
from tests.drafting import submit
from tests.register import ROW, Browse, ada, belgian, bo, french, newest, sent
from tests.signing_in import again, ledger

FIXTURES = (ada, belgian, bo, french)
"""They are asked for by name."""


def test_an_authority_is_closed_renamed_and_opened_again_by_two_in_plain_words(
    belgian: IdentityProvider, ada: User, bo: User, browse: Browse
) -> None:
    hers, his, address = browse(ada), browse(bo), f"/providers/{belgian.id}/change"
    for lines, said in (
        ("BE-2 = Customs BE", "BE-1 Police BE BE-1 Police BE: closed, nobody of it gets in BE-2 Customs BE: new"),
        ("BE-2 = Douane BE", "BE-2 Customs BE BE-2 Douane BE: this name instead of Customs BE"),
        ("BE-1 = Police BE\nBE-2 = Douane BE", "BE-2 Douane BE BE-1 Police BE: open again BE-2 Douane BE"),
    ):
        before = row_of(again(belgian))
        fields = sent(ROW, authorities=lines, edition=again(belgian).version)
        assert submit(hers, address, address, fields).status_code == 303
        assert row_of(again(belgian)) == before, "nothing before the second person"
        page = his.get(f"/providers/proposals/{newest().id}").text
        table = re.sub(r"<[^>]+>|\s+", " ", page[page.index("<tbody ") : page.index("</tbody>")])
        assert re.sub(" +", " ", table).strip() == f"Allowed authorities {said}"
        assert submit(his, "/providers", f"/providers/proposals/{newest().id}/approve", {}).status_code == 303
        listed = typed(written(row_of(again(belgian))))["authorities"]
        assert sorted(listed.splitlines()) == lines.splitlines()
        assert ("Closed authorities" in his.get(f"/providers/{belgian.id}").text) == ("BE-1" not in lines)
    assert [each["changed"] for each in ledger("provider.changed")] == [
        ["authority BE-1 closed", "authority BE-2"], ["authority BE-2 renamed"], ["authority BE-1 opened"],
    ]  # fmt: skip


def test_a_list_that_was_written_over_an_older_one_is_refused(
    belgian: IdentityProvider, ada: User, bo: User, browse: Browse
) -> None:
    """Or an authority that was let in meanwhile would be closed by whoever does not know of it."""
    client, address = browse(ada), f"/providers/{belgian.id}/change"
    seen = belgian.version
    proposals.propose(bo, replace(ROW, authorities={**ROW.authorities, "BE-2": "Customs BE"}))
    proposals.approve(ada, "be")
    answer = submit(client, address, address, sent(ROW, leeway="5", edition=seen))
    assert (answer.status_code, "changed while you were writing" in answer.text) == (409, True)


def test_the_people_of_an_authority_that_is_closed_are_signed_out(
    belgian: IdentityProvider, ada: User, bo: User, browse: Browse
) -> None:
    registry.ensure_providers([replace(ROW, authorities={**ROW.authorities, "BE-2": "Customs BE"})])
    one, other = again(belgian).authorities
    with transaction():
        theirs, staying = (browse(factories.user(belgian, each.code, each)) for each in (one, other))
    proposals.propose(ada, replace(ROW, authorities={other.code: other.name}))
    proposals.approve(bo, "be")
    assert [theirs.get("/account").status_code, staying.get("/account").status_code] == [302, 200]
    assert "your authority is on the list" in theirs.get("/sign-in").text


def test_whoever_comes_of_a_closed_authority_by_claim_is_signed_out_and_not_taken_over(
    belgian: IdentityProvider, ada: User, bo: User, browse: Browse
) -> None:
    """Her account is of another, but her login said lately that she is of the one that is closed."""
    registry.ensure_providers([replace(ROW, authorities={**ROW.authorities, "BE-2": "Customs BE"})])
    one, other = again(belgian).authorities
    with transaction():
        someone = factories.user(belgian, "Cy", one)
        someone.claimed_authority_id, someone.flagged = other.id, "authority"
    client = browse(someone)
    proposals.propose(ada, replace(ROW, authorities={one.code: one.name}))
    proposals.approve(bo, "be")
    assert client.get("/account").status_code == 302
    administrator = factories.administrator(again(belgian))
    held = again(someone)
    with pytest.raises(Refused):
        accounts.accept_claims(administrator, held, *accounts.read_claims(held))
    assert again(someone).authority_id == one.id
