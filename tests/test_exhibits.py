"""What becomes an exhibit, how it is described and numbered; and what does not, for the portal cannot protect it."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from jit_portal import policy
from jit_portal.database import session, transaction
from jit_portal.demo.postgres import Postgres
from jit_portal.errors import Refused
from jit_portal.exhibits import service
from jit_portal.exhibits.descriptions import is_marked, read
from jit_portal.exhibits.models import Exhibit
from jit_portal.vocabulary import Role
from jit_portal.workspaces.models import Workspace
from tests import factories
from tests.exhibits import Browse, exhibit, world
from tests.factories import World
from tests.vault import Sender, error_in
from tests.waiting import until_somebody_waits

FIXTURES = (exhibit, world)
"""They are asked for by name."""


@pytest.mark.parametrize(
    ("details", "error"),
    [
        *(({"handling": code, "unclassified": "1"}, "handling code H0") for code in ("H1", "H2", "H3", "H0,H1")),
        ({"handling": "", "unclassified": "1"}, "handling code H0"),
        ({"handling": "H0"}, "Classified information"),
        ({"handling": "H0", "unclassified": "1", "title": "Note restreint-UE 12"}, "bears a marking"),
        ({"handling": "H0", "unclassified": "1", "tags": "eu  secret"}, "bears a marking"),
        ({"handling": "H0", "unclassified": "1", "place": "VS-Nur für den Dienstgebrauch"}, "bears a marking"),
    ],
)
def test_what_cannot_be_protected_is_refused(app: Flask, details: dict[str, str], error: str) -> None:
    world = factories.world()
    file = factories.exhibit(world).file
    assert file
    with pytest.raises(Refused, match=error):
        service.register(world["fr_member"], world.workspace, details, file)


@pytest.mark.parametrize(
    "text",
    [
        *("EU SECRET annex", "(EU\u00a0SECRET)", "R-UE/EU-R", "très_secret UE", "NATO  SECRET", "Confidentiel Défense"),
        *("CONFIDENTIEL DE\u0301FENSE", "Stg. GEHEIM", "strict secret de importanță deosebită"),
    ],
    ids=ascii,
)
def test_a_marking_is_found_however_it_is_spelt(text: str) -> None:
    assert is_marked("Report", text)


@pytest.mark.parametrize("text", ["EU Secretariat", "neu secret", "EU R&D report", "Secret door", "Restreinte"])
def test_ordinary_words_are_no_marking(text: str) -> None:
    assert not is_marked(text)


def test_nothing_is_described_or_tagged_as_classified(app: Flask) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    for field in ("title", "description", "place"):
        said = {"title": "Ledger", "description": "", "place": "", field: "EU SECRET annex"}
        with pytest.raises(Refused, match="bears a marking"):
            service.describe(world["fr_member"], exhibit, **said, edition=1)
    tagged = read({"title": "Ledger", "handling": "H0", "tags": "nato-secret", "unclassified": "1"})
    with pytest.raises(Refused, match="bears a marking"):
        service.reclassify(world["fr_leader"], exhibit, tagged, 1)
    with (
        pytest.raises(Refused, match="bears a marking"),
        service.try_classification(world["fr_leader"], exhibit, tagged),
    ):
        pass
    session().refresh(exhibit)
    assert (exhibit.edition, exhibit.tags) == (1, [])


@pytest.mark.parametrize("code", ["H1", "H2", "H3"])
def test_nothing_is_given_a_handling_code_that_is_not_enforced(app: Flask, code: str) -> None:
    world = factories.world()
    exhibit = factories.exhibit(world)
    said = read({"title": "Ledger", "handling": code, "unclassified": "1"})
    with pytest.raises(Refused, match="handling code H0") as refused:
        service.reclassify(world["fr_leader"], exhibit, said, 1)
    assert refused.value.status == 409
    with (
        pytest.raises(Refused, match="handling code H0"),
        service.try_classification(world["fr_leader"], exhibit, said),
    ):
        pass
    session().refresh(exhibit)
    assert (exhibit.edition, exhibit.handling) == (1, ["H0"])


@pytest.mark.parametrize("name", ["al_member", "al_leader", "seconded"])
def test_uploads_by_third_countries_and_international_bodies_are_refused_with_a_reason(app: Flask, name: str) -> None:
    """Also where somebody who signs in at such a body acts for a member state."""
    world = factories.world(slugs=("fr", "al", "icc"))
    with transaction():
        world.join("seconded", "icc", Role.SECONDED_MEMBER, as_party="fr")
    file = factories.exhibit(world).file
    assert file
    with pytest.raises(Refused, match=r"Article 17\(3\)") as refused:
        service.register(world[name], world.workspace, {"handling": "H0", "unclassified": "1"}, file)
    assert refused.value.status == 409


def test_the_parties_of_one_country_share_its_numbers_also_at_once(app: Flask, cluster: Postgres) -> None:
    """France takes part with two logins, each a party of its own; the Netherlands count for themselves."""
    logins = {slug: factories.provider(slug) for slug in ("fr", "frm")}
    logins["frm"].country = "FR"
    world = factories.world(slugs=("fr", "frm", "nl"), providers=logins)

    def register(slug: str) -> str:
        actor, details = world[f"{slug}_member"], {"handling": "H0", "unclassified": "1"}
        workspace = policy.fetch(actor, Workspace, world.workspace.id)
        return service.register(actor, workspace, details, factories.file(world, slug)).reference

    def apart(slug: str) -> str:
        try:
            return register(slug)
        finally:
            session.remove()

    assert [register(slug) for slug in ("fr", "nl", "frm")] == ["FR-0001", "NL-0001", "FR-0002"]
    with ThreadPoolExecutor(1) as beside:
        with transaction():
            assert register("fr") == "FR-0003"
            second = beside.submit(apart, "frm")
            until_somebody_waits(cluster)
        assert second.result(timeout=20) == "FR-0004"


class TestNotYet:
    @pytest.mark.parametrize(
        ("name", "is_refused"),
        [("al_member", True), ("eu_participant", True), ("icc_participant", True), ("fr_member", False)],
    )
    def test_who_cannot_upload_yet_is_told_why(self, app: Flask, browse: Browse, name: str, is_refused: bool) -> None:
        world = factories.world(slugs=("fr", "al", "eu", "icc"))
        for path in ("", "/vault", "/board/latest"):
            page = browse(world[name]).get(f"/workspaces/{world.workspace.id}{path}").text
            assert ("Article 17(3)" in page) == (is_refused and path != "/board/latest"), path
            assert ("#upload" in page or 'popovertarget="upload"' in page or "upload-files" in page) != is_refused, path

    @pytest.mark.parametrize(
        ("name", "status", "words"),
        [
            ("al_member", 409, "Article 17(3)"),
            ("eu_participant", 403, "Only leaders, members and seconded members"),
            ("icc_participant", 403, "Only leaders, members and seconded members"),
        ],
    )
    def test_who_sends_a_file_all_the_same_is_told_too(
        self, app: Flask, browse: Browse, name: str, status: int, words: str
    ) -> None:
        world = factories.world(slugs=("fr", "al", "eu", "icc"))
        answer = Sender(browse(world[name])).create(world, 5)
        assert (answer.status_code, words in error_in(answer)) == (status, True), answer.text

    def test_codes_that_cannot_be_given_yet_cannot_be_chosen(
        self, world: World, browse: Browse, exhibit: Exhibit
    ) -> None:
        for path in (f"/workspaces/{world.workspace.id}/vault", f"/exhibits/{exhibit.id}/reclassify"):
            page = browse(world["fr_leader"]).get(path).text
            for code, is_offered in (("H0", True), ("H1", False), ("H2", False), ("H3", False)):
                option = re.search(rf'<option[^>]*value="{code}"[^>]*>', page)
                assert option
                assert ("disabled" not in option[0]) == is_offered
            assert "cannot be given yet" in page
