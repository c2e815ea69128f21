"""A right or a login that ends in the middle of a long download ends the download."""

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.exceptions import Unauthorized

from jit_portal.audit.models import LedgerEntry
from jit_portal.database import session, transaction
from jit_portal.errors import NotAllowed, NotFound
from jit_portal.exhibits import delivery, releasing
from jit_portal.files import again
from jit_portal.identity import endings, sessions
from jit_portal.identity.sign_in_models import LoginSession
from jit_portal.vocabulary import Sight
from jit_portal.workspaces.models import Membership
from tests import factories
from tests.delivery import Browse, get, mp4, world
from tests.factories import World
from tests.vault import MIB, put

FIXTURES = (world,)
"""They are asked for by name."""


class TestAgain:
    """A right or a login that ends in the middle of a long download ends the download."""

    LENGTH = 5 * MIB

    @pytest.fixture(autouse=True)
    def asked_soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """After so few bytes that no test needs more of them."""
        monkeypatch.setattr(again, "EVERY_BYTES", 3 * MIB)
        monkeypatch.setattr(delivery, "_AT_ONCE", 2 * MIB)

    @pytest.mark.parametrize("asked", [None, "bytes=0-{last}"], ids=["whole", "closed range"])
    @pytest.mark.parametrize(
        ("way", "given", "left", "most"),
        [
            ("download", Sight.DOWNLOAD, Sight.READ, 3 * MIB),
            ("preview", Sight.DOWNLOAD, Sight.SEE, 2 * MIB),
            ("preview", Sight.READ, None, 2 * MIB),
        ],
    )
    def test_a_sight_that_falls_meanwhile_ends_the_bytes(
        self, world: World, browse: Browse, way: str, given: Sight, left: Sight | None, most: int, asked: str | None
    ) -> None:
        exhibit = put(world, mp4(self.LENGTH), "film.mp4")
        release = factories.release(world, exhibit, "nl", given)
        if left:
            factories.release(world, exhibit, "nl", left)
        headers = {"Range": asked.format(last=self.LENGTH - 1)} if asked else {}
        path = f"/vault/exhibits/{exhibit.id}/content?as={way}"
        answer = browse(world["nl_member"]).get(path, headers=headers)
        coming = iter(answer.response)
        came = [len(next(coming))]
        releasing.withdraw(world["fr_leader"], release, "Not so far.")
        with pytest.raises(NotAllowed if left else NotFound):
            came.extend(map(len, coming))
        answer.close()
        # What came before the end may have been asked about after some time, and is counted anew since.
        assert sum(came[1:]) < most, "the last of them were refused before they went"

    def test_a_preview_that_is_still_seen_is_whole(self, world: World, browse: Browse) -> None:
        exhibit = put(world, mp4(self.LENGTH), "film.mp4")
        assert len(get(browse(world["fr_member"]), exhibit).data) == self.LENGTH

    @pytest.mark.parametrize("how", ["withdrawn", "membership ended", "signed out"])
    def test_what_ends_meanwhile_ends_the_bytes(self, world: World, browse: Browse, how: str) -> None:
        exhibit = put(world, bytes(self.LENGTH), "disk.img")
        release = factories.release(world, exhibit, "nl", Sight.DOWNLOAD)
        wanted = {"Range": f"bytes=5-{self.LENGTH - 1}"}
        path = f"/vault/exhibits/{exhibit.id}/content?as=download"
        answer = browse(world["nl_member"]).get(path, headers=wanted)
        assert answer.status_code == 206
        coming = iter(answer.response)
        first = len(next(coming))
        if how == "withdrawn":
            releasing.withdraw(world["fr_leader"], release, "Not for them.")
        elif how == "membership ended":
            with transaction():
                mine = update(Membership).where(Membership.id == world.members["nl_member"].id)
                session().execute(mine.values(live_until=factories.now()))
        else:
            with transaction():
                session().execute(update(LoginSession).values(ended_at=factories.now()))
        came = [first]
        with pytest.raises((NotFound, Unauthorized)):
            came.extend(map(len, coming))
        answer.close()
        assert sum(came) <= again.EVERY_BYTES
        refused = select(LedgerEntry.outcome).where(LedgerEntry.act == "delivery.content")
        on_record = session().scalars(refused.execution_options(policy=True)).all()
        assert on_record == ([] if how == "signed out" else ["refused"])

    def test_what_goes_on_is_whole(self, world: World, browse: Browse) -> None:
        exhibit = put(world, bytes(self.LENGTH), "disk.img")
        answer = get(browse(world["fr_member"]), exhibit, "download", Range=f"bytes=5-{self.LENGTH - 1}")
        assert len(answer.data) == self.LENGTH - 5

    def test_a_step_up_meanwhile_ends_nothing_and_the_end_of_its_login_does(
        self, app: Flask, world: World, browse: Browse
    ) -> None:
        """In whichever tab she proved anew who she is, what began in her login goes on in it."""
        exhibit = put(world, bytes(2 * self.LENGTH), "disk.img")
        client = browse(world["fr_member"])
        answer = client.get(f"/vault/exhibits/{exhibit.id}/content?as=download")
        cookie = client.get_cookie(app.config["SETTINGS"].session_cookie)
        assert cookie is not None
        coming = iter(answer.response)
        came = len(next(coming))
        token = factories.step_up(cookie.value)
        while came < self.LENGTH:
            came += len(next(coming))
        login = sessions.load(token)
        assert login is not None
        endings.sign_out(login, "nonce")
        with pytest.raises(Unauthorized):
            came += sum(map(len, coming))
        answer.close()
        assert self.LENGTH <= came < 2 * self.LENGTH

    def test_it_is_asked_after_so_many_bytes_or_so_long(self) -> None:
        asked: list[str] = []
        by_bytes = again.Again(lambda: asked.append("bytes"), every_bytes=10)
        for _ in range(5):
            by_bytes.passed(4)
        assert asked == ["bytes"]
        again.Again(lambda: asked.append("time"), every_seconds=0).passed(1)
        assert asked == ["bytes", "time"]
