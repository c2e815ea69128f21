"""Every text is there in every language: extracted afresh, translated, with the same placeholders."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient

from jit_portal.identity.models import User
from jit_portal.resources import TRANSLATIONS
from tests import factories

ROOT = Path(__file__).parents[1]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}|</?\w+>")
KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}


@pytest.fixture(scope="module")
def texts() -> Catalog:
    """Every text of the project, as the sources say it now."""
    with (ROOT / "deploy" / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = Catalog()
    for folder in ("jit_portal", "templates"):
        mapping = [(pattern.removeprefix(f"{folder}/"), method) for pattern, method in methods]
        narrowed = {pattern.removeprefix(f"{folder}/"): each for pattern, each in options.items()}
        for _, _, text, _, context in extract_from_dir(ROOT / folder, mapping, narrowed, KEYWORDS):
            found.add(text, context=context)
    return found


@pytest.fixture(scope="module", params=["fr"])
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    with (TRANSLATIONS / request.param / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=request.param)


def forms(message: Message, *, translated: bool) -> list[str]:
    said = message.string if translated else message.id
    return [said] if isinstance(said, str) else list(said or ())


def test_every_text_is_translated(texts: Catalog, catalogue: Catalog) -> None:
    assert len(texts) > 900, "the extraction found the texts"
    missing = [text.id for text in texts if text.id and text.id not in catalogue]
    assert missing == []


def test_nothing_is_empty_unsure_or_left_over(texts: Catalog, catalogue: Catalog) -> None:
    for message in catalogue:
        if message.id:
            assert all(forms(message, translated=True)), message.id
            assert not message.fuzzy, message.id
            assert message.id in texts, f"no longer used: {message.id!r}"


def test_placeholders_are_kept(catalogue: Catalog) -> None:
    for message in catalogue:
        if message.id:
            wanted = sorted(set(PLACEHOLDER.findall(forms(message, translated=False)[-1])))
            for said in forms(message, translated=True):
                assert sorted(set(PLACEHOLDER.findall(said))) == wanted, message.id


def test_a_reader_of_french_reads_french(app: Flask, browse: Callable[[User], FlaskClient]) -> None:
    world = factories.world()
    client = browse(world["fr_member"])
    client.set_cookie("__Host-language", "fr", secure=True)
    page = client.get(f"/workspaces/{world.workspace.id}/vault").text
    assert '<html lang="fr"' in page
    assert "Coffre" in page
    assert "Vault" not in page


def test_no_line_of_french_begins_with_what_ends_one(catalogue: Catalog) -> None:
    for message in catalogue:
        for said in forms(message, translated=True):
            assert not re.search(" [;:!?»]|« ", said), said
