"""Any range of a file is sent alike, and what is no range is the whole."""

import pytest

from jit_portal.exhibits.models import Exhibit
from tests.delivery import Browse, get, mp4, world
from tests.factories import World
from tests.vault import MIB, acts, put

FIXTURES = (world,)
"""They are asked for by name."""


class TestRanges:
    DATA = mp4(3 * MIB + 100)

    @pytest.fixture
    def exhibit(self, world: World) -> Exhibit:
        return put(world, self.DATA, "film.mp4")

    @pytest.mark.parametrize(
        ("first", "last"),
        [
            (0, 0),
            (0, 99),
            (MIB - 1, MIB - 1),
            (MIB - 1, MIB),
            (MIB, 2 * MIB - 1),
            (5, 3 * MIB + 99),
            (3 * MIB, 3 * MIB + 99),
            (3 * MIB + 99, 3 * MIB + 99),
            (0, 3 * MIB + 99),
        ],
    )
    def test_any_range_is_what_the_file_has_there(
        self, world: World, browse: Browse, exhibit: Exhibit, first: int, last: int
    ) -> None:
        client = browse(world["fr_member"])
        for way in ("preview", "download"):
            answer = get(client, exhibit, way, Range=f"bytes={first}-{last}")
            assert answer.status_code == 206
            assert answer.data == self.DATA[first : last + 1]
            assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(self.DATA)}"
            assert answer.headers["Content-Length"] == str(last - first + 1)

    @pytest.mark.parametrize(("asked", "first"), [("-100", -100), ("-99999999", 0), (f"{2 * MIB + 5}-", 2 * MIB + 5)])
    def test_open_ranges(self, world: World, browse: Browse, exhibit: Exhibit, asked: str, first: int) -> None:
        answer = get(browse(world["fr_member"]), exhibit, Range=f"bytes={asked}")
        assert (answer.status_code, answer.data) == (206, self.DATA[first:])

    def test_a_range_past_the_end_ends_with_the_file(self, world: World, browse: Browse, exhibit: Exhibit) -> None:
        answer = get(browse(world["fr_member"]), exhibit, Range="bytes=100-99999999")
        assert (answer.status_code, answer.data) == (206, self.DATA[100:])

    def test_a_range_that_begins_past_the_end(self, world: World, browse: Browse, exhibit: Exhibit) -> None:
        answer = get(browse(world["fr_member"]), exhibit, Range="bytes=99999999-")
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(self.DATA)}")

    @pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "lines=0-1", "bytes=5-1", "bytes=x", "bytes"])
    def test_what_is_no_single_range_gets_the_whole(
        self, world: World, browse: Browse, exhibit: Exhibit, asked: str
    ) -> None:
        answer = get(browse(world["fr_member"]), exhibit, Range=asked)
        assert (answer.status_code, answer.data) == (200, self.DATA)

    def test_if_range_names_the_same_bytes_or_gets_the_whole(
        self, world: World, browse: Browse, exhibit: Exhibit
    ) -> None:
        client = browse(world["fr_member"])
        mark = get(client, exhibit).headers["ETag"]
        for known, status in ((mark, 206), ('"another"', 200)):
            answer = client.get(
                f"/vault/exhibits/{exhibit.id}/content", headers={"Range": "bytes=1-2", "If-Range": known}
            )
            assert answer.status_code == status

    def test_a_player_gets_a_long_film_in_portions(
        self, world: World, browse: Browse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = mp4(17 * MIB)
        client, exhibit = browse(world["fr_member"]), put(world, data, "film.mp4")
        answer = get(client, exhibit, Range="bytes=0-")
        assert (answer.status_code, answer.data) == (206, data[: 16 * MIB])
        assert get(client, exhibit, "download", Range="bytes=0-").data == data

    def test_head_says_all_and_sends_nothing(self, world: World, browse: Browse, exhibit: Exhibit) -> None:
        answer = browse(world["fr_member"]).head(f"/vault/exhibits/{exhibit.id}/content?as=download")
        assert (answer.status_code, answer.data) == (200, b"")
        assert answer.headers["Content-Length"] == str(len(self.DATA))
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert acts(exhibit.id) == ["exhibit.registered"]
