"""What a national login says beside its ID token: signed where that is agreed, and what it counts for."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey

from jit_portal.vocabulary import UserinfoForm
from tests import hostile
from tests.hostile import Hostile
from tests.provider_rows import Row, SignIn, liar, row, secrets, sign_in
from tests.signing_in import ledger, logins, refused, xenia

FIXTURES = (liar, row, secrets, sign_in)
"""They are asked for by name."""


@pytest.mark.parametrize("name", ["acr", "auth_time", "sid"])
def test_how_strong_and_when_counts_under_the_signature_only(
    liar: Hostile, row: Row, sign_in: SignIn, name: str
) -> None:
    row()
    xenia()
    liar.claims = {name: None}
    liar.info = {"acr": "high", "auth_time": int(time.time()) + 9999, "sid": "of-somebody"}
    answer = sign_in()
    if name == "acr":
        assert refused(answer, 403, "assurance")
        return
    assert answer.status_code == 303
    (login,) = logins()
    assert login.provider_session == (None if name == "sid" else "session-1")


def test_signed_userinfo_is_read(liar: Hostile, row: Row, sign_in: SignIn) -> None:
    row(userinfo=UserinfoForm.JWT)
    xenia()
    liar.info_token = liar.signed_info
    assert sign_in().status_code == 303
    liar.info_token = lambda: liar.signed_info(office={"code": "XX-9"})
    assert refused(sign_in(), 403, "authority")


@pytest.mark.parametrize(
    ("lie", "detail"),
    [
        ({"iss": "https://other.test"}, "Invalid claim: 'iss'"),
        ({"iss": None}, "Missing claim: 'iss'"),
        ({"aud": "somebody-else"}, "Invalid claim: 'aud'"),
        ({"aud": ["somebody-else", "jit-portal"]}, "Invalid claim: 'aud'"),
        ({"aud": None}, "Invalid claim: 'aud'"),
        ({"exp": 1}, "The token is expired"),
        ({"iat": int(time.time()) + 3000}, "issued in the future"),
        ({"sub": "somebody-else"}, "userinfo is of another sub"),
        ({"sub": None}, "userinfo is of another sub"),
        ({"nonce": "that of an ID token"}, "another kind of token"),
    ],
)
def test_signed_userinfo_that_is_not_for_this_sign_in_is_none(
    liar: Hostile, row: Row, sign_in: SignIn, told: Callable[[], str], lie: dict[str, Any], detail: str
) -> None:
    row(userinfo=UserinfoForm.JWT)
    xenia()
    liar.info_token = lambda: liar.signed_info(**lie)
    assert refused(sign_in(), 400, "unsound")
    assert detail in told()


def by_another_key(liar: Hostile) -> str:
    other = ECKey.generate_key("P-256", {"kid": "one"})
    return hostile.sign({"alg": "ES256", "kid": "one"}, {"iss": liar.issuer, "aud": "jit-portal", "sub": "xx-1"}, other)


def unsigned(liar: Hostile) -> str:
    said = {"iss": liar.issuer, "aud": "jit-portal", "sub": "xx-1", "office": {"code": "XX-1"}}
    parts = (base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in ({"alg": "none"}, said))
    return ".".join(part.decode() for part in parts) + "."


def of_another_kind(liar: Hostile) -> str:
    liar.header = {"typ": "logout+jwt"}
    try:
        return liar.signed_info()
    finally:
        liar.header = {}


@pytest.mark.parametrize(
    ("lie", "detail"),
    [
        (by_another_key, "BadSignatureError"),
        (unsigned, "Algorithm of 'none' is not allowed"),
        (of_another_kind, "another kind of token"),
        (lambda liar: "not a token", "DecodeError"),
    ],
)
def test_userinfo_with_another_signature_or_none_is_none(
    liar: Hostile, row: Row, sign_in: SignIn, told: Callable[[], str], lie: Callable[[Hostile], str], detail: str
) -> None:
    row(userinfo=UserinfoForm.JWT)
    xenia()
    liar.info_token = lambda: lie(liar)
    assert refused(sign_in(), 400, "unsound")
    assert detail in told()


def test_each_row_takes_userinfo_in_its_own_form_only(
    liar: Hostile, row: Row, sign_in: SignIn, told: Callable[[], str]
) -> None:
    row(userinfo=UserinfoForm.JWT)
    xenia()
    assert refused(sign_in(), 400, "unsound")
    liar.replies["/userinfo"] = lambda: (200, "application/json", liar.signed_info().encode())
    assert refused(sign_in(), 400, "unsound")
    assert told() == "userinfo is not signed"
    row(userinfo=UserinfoForm.JSON)
    del liar.replies["/userinfo"]
    liar.info_token = liar.signed_info
    assert sign_in().status_code == 503
    assert (ledger("login.refused")[-1]["why"], logins()) == ("away", [])
