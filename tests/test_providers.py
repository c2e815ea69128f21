"""Which national logins there may be: what a row may say, written down or by a preset."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from flask import Flask

from jit_portal.database import session
from jit_portal.errors import Invalid
from jit_portal.identity import registry
from jit_portal.identity.entering import row_from, written
from jit_portal.identity.presets import PRESETS
from jit_portal.vocabulary import Assurance, AssuranceAsked, ClientAuthentication, UserinfoForm
from tests.register import ROW, SAID_BY_WHOEVER_ENTERS, pinned


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slug", "Be"),
        ("slug", "../be"),
        ("name", " "),
        ("client_id", ""),
        ("scope", "profile"),
        ("hosts", ("http://login.example",)),
        ("hosts", ("https://login.example/path",)),
        ("leeway", 121),
        ("leeway", -1),
        ("keys_seconds", 59),
        ("keys_seconds", 86_400),
        ("header_limit", 70_000),
        ("acr_levels", {"two words": Assurance.LOW}),
        ("claim_map", {"authority": "office"}),
        ("claim_map", {"authority": "/office", "subject": "/id"}),
        ("saml_metadata", "<a/>"),
    ],
)
def test_a_row_that_believes_too_much_is_refused(app: Flask, name: str, value: Any) -> None:
    with pytest.raises(Invalid):
        registry.ensure_providers([replace(ROW, **{name: value})])
    assert registry.is_empty()


def test_a_row_is_stored_whole_and_reads_back_the_same(app: Flask) -> None:
    full = replace(
        ROW, scope="openid siret", hosts=("https://graph.example",), uses_pkce=False, uses_par=False, leeway=30,
        authenticates_by=ClientAuthentication.CLIENT_SECRET_BASIC, asks_assurance=AssuranceAsked.CLAIMS,
        userinfo=UserinfoForm.JWT, has_rp_logout=False, has_back_channel_logout=False, takes_untyped_logout=True,
        proves_anew=False, keys_seconds=120, header_limit=4096, idle_minutes=10, absolute_hours=8, most_logins=2,
        is_enabled=False,
    )  # fmt: skip
    ordinary = replace(ROW, slug="x")
    same = {each.name for each in fields(ROW) if getattr(full, each.name) == getattr(ordinary, each.name)}
    assert same == {
        "name", "kind", "country", "issuer", "client_id", "algorithms", "acr_levels", "claim_map", "authorities",
        "protocol", "saml_metadata",
    }  # fmt: skip
    registry.ensure_providers([full])
    session.remove()
    kept = registry.known("be")
    assert kept
    assert {name: getattr(kept, name) for name in full.stored()} == full.stored()
    assert row_from(json.loads(json.dumps(written(full)))) == full


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"preset": "nowhere"}, "preset"),
        ({"colour": "blue"}, "colour"),
        ({"issuer": None}, "issuer"),
        ({"uses_par": "yes"}, "uses_par"),
        ({"leeway": True}, "leeway"),
        ({"algorithms": "RS256"}, "algorithms"),
        ({"algorithms": ["none"]}, "algorithms"),
        ({"kind": "empire"}, "kind"),
        ({"userinfo": "xml"}, "userinfo"),
        ({"acr_levels": {"x": "medium"}}, "acr_levels"),
        ({"acr_levels": {"x": 4}}, "acr_levels"),
        ({"authorities": {"A": 1}}, "authorities"),
        ({"claim_map": ["/name"]}, "claim_map"),
    ],
)
def test_what_is_written_down_wrongly_is_named(said: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        row_from({"algorithms": ["ES256"], **SAID_BY_WHOEVER_ENTERS, **said})
    assert refused.value.field == field


def test_what_is_missing_is_named() -> None:
    own = {name: value for name, value in SAID_BY_WHOEVER_ENTERS.items() if name != "issuer"}
    with pytest.raises(Invalid, match="missing: issuer"):
        row_from({"preset": "adfs", **own})


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_with_what_is_ones_own_is_a_row(app: Flask, name: str) -> None:
    own = {
        key: value for key, value in {**SAID_BY_WHOEVER_ENTERS, **pinned(name)}.items() if key not in PRESETS[name]()
    }
    row = row_from({"preset": name, **own})
    assert {key: getattr(row, key) for key in own if key in ("slug", "issuer", "client_id")}
    assert "Not verified" in (PRESETS[name].__doc__ or "")
    assert row_from({"preset": name, **own, "leeway": 5}).leeway == 5


def test_presets_say_what_their_schemes_ask(app: Flask) -> None:
    rows = {name: row_from({**SAID_BY_WHOEVER_ENTERS, **pinned(name), **PRESETS[name]()}) for name in PRESETS}
    assert (rows["proconnect"].userinfo, rows["proconnect"].asks_assurance) == (UserinfoForm.JWT, AssuranceAsked.CLAIMS)
    assert rows["tara"].asks_assurance == AssuranceAsked.ACR_MINIMUM
    assert rows["tara"].authenticates_by == ClientAuthentication.CLIENT_SECRET_BASIC
    assert (rows["spid_cie"].uses_pkce, min(rows["spid_cie"].acr_levels)) == (True, "https://www.spid.gov.it/SpidL1")
    assert rows["csam"].acr_levels["400"] == Assurance.SUBSTANTIAL
    assert {row.country for name, row in rows.items() if name in ("proconnect", "tara", "spid_cie", "csam")} == {
        "FR", "EE", "IT", "BE",
    }  # fmt: skip
