"""A national login that lies in its tokens and answers: nobody is signed in by what is not sound."""

import base64
import hmac
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey

from jit_portal.audit.models import LedgerEntry
from tests import hostile
from tests.hostile import NO_TIMES, NOW, Hostile, by_another_key, unsigned, with_its_own_key_inside, without_seal
from tests.signing_in import Browser, count, known, liar, logins, national, open_browser, refused, registered, xenia

FIXTURES = (liar, national, open_browser, registered)
"""They are asked for by name."""


@pytest.mark.parametrize(
    ("name", "lie", "detail"),
    [
        ("sign", unsigned, "Algorithm of 'none' is not allowed"),
        ("sign", by_another_key, "BadSignatureError"),
        ("sign", with_its_own_key_inside, "BadSignatureError"),
        ("claims", {"iss": "https://other.test"}, "Invalid claim: 'iss'"),
        ("claims", {"iss": None}, "Missing claim: 'iss'"),
        ("claims", {"aud": "somebody-else"}, "Invalid claim: 'aud'"),
        ("claims", {"aud": "somebody-else", "azp": "jit-portal"}, "Invalid claim: 'aud'"),
        ("claims", {"aud": ["somebody-else", "jit-portal"], "azp": "jit-portal"}, "Invalid claim: 'aud'"),
        ("claims", {"aud": ["jit-portal", "somebody-else"]}, "Invalid claim: 'aud'"),
        ("claims", {"aud": None}, "Invalid claim: 'aud'"),
        ("claims", {"azp": "somebody-else"}, "Invalid claim: 'azp'"),
        ("claims", {"exp": NOW - 100}, "The token is expired"),
        ("claims", {"exp": None}, "Missing claim: 'exp'"),
        ("claims", {"iat": NOW + 3000, "exp": NOW + 4000}, "issued in the future"),
        ("claims", {"iat": None}, "Missing claim: 'iat'"),
        ("claims", {"nbf": NOW + 3000}, "not yet valid"),
        ("claims", {"auth_time": NOW + 3000}, "auth_time lies ahead"),
        ("claims", {"auth_time": "yesterday"}, "Invalid claim: 'auth_time'"),
        *(("claims", {"auth_time": time}, "Invalid claim: 'auth_time'") for time in NO_TIMES),
        *(("claims", {"auth_time": None, "iat": time}, "Invalid claim: 'iat'") for time in NO_TIMES),
        *(("claims", {"exp": time}, "Invalid claim: 'exp'") for time in NO_TIMES),
        ("claims", {"nbf": -1}, "Invalid claim: 'nbf'"),
        ("claims", {"nonce": None}, "Missing claim: 'nonce'"),
        ("claims", {"nonce": "of another sign-in"}, "Invalid claim: 'nonce'"),
        ("claims", {"sub": None}, "Missing claim: 'sub'"),
        ("claims", {"sub": ""}, "Invalid claim: 'sub'"),
        ("claims", {"sub": "xx-1\x00"}, "Invalid claim: 'sub'"),
        ("claims", {"sid": "session-1\x00"}, "Invalid claim: 'sid'"),
        ("claims", {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "Invalid claim: 'at_hash'"),
        ("claims", {"padding": "x" * 200_000}, "Value size exceeds"),
        ("header", {"typ": "logout+jwt"}, "typ"),
        ("header", {"typ": "at+jwt"}, "typ"),
        ("header", {"x5c": ["A" * 600]}, "Header size exceeds 512"),
        ("token", {"id_token": None}, "KeyError: 'id_token'"),
        ("token", {"id_token": "not.a.token"}, "DecodeError"),
        ("token", {"id_token": 7}, "DecodeError"),
        ("token", {"error": "invalid_grant"}, "OAuthError: invalid_grant"),
        ("info", {"sub": "somebody-else"}, "userinfo is of another sub"),
        ("info", {"sub": None}, "userinfo is of another sub"),
    ],
)
def test_what_is_not_sound_signs_nobody_in(
    open_browser: Callable[[], Browser], liar: Hostile, told: Callable[[], str], name: str, lie: Any, detail: str
) -> None:
    xenia()
    one = open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    before = count(LedgerEntry)
    setattr(liar, name, lie)
    other = open_browser()
    assert refused(other.come_back("xx", liar.callback(other.begin("xx"))), 400, "unsound")
    assert (len(logins()), count(LedgerEntry)) == (1, before + 1)
    assert detail in told()


def test_weaker_algorithms_are_not_taken_for_being_offered(
    open_browser: Callable[[], Browser], liar: Hostile, told: Callable[[], str]
) -> None:
    xenia()
    liar.metadata = {"id_token_signing_alg_values_supported": ["none", "HS256", "ES256"], "default_timeout": 999}
    public = liar.key.as_pem(private=False)

    def by_the_public_key(header: dict[str, Any], claims: dict[str, Any]) -> str:
        said = without_seal({**header, "alg": "HS256"}, claims)
        seal = hmac.digest(public, said.rstrip(".").encode(), "sha256")
        return said + base64.urlsafe_b64encode(seal).rstrip(b"=").decode()

    for sign, algorithm in ((unsigned, "none"), (by_the_public_key, "HS256")):
        liar.sign = sign
        one = open_browser()
        assert refused(one.come_back("xx", liar.callback(one.begin("xx"))), 400, "unsound")
        assert f"Algorithm of '{algorithm}' is not allowed" in told()


def test_a_token_that_demands_what_the_portal_does_not_know_is_none(
    open_browser: Callable[[], Browser], liar: Hostile, told: Callable[[], str]
) -> None:
    xenia()
    liar.sign = lambda header, claims: hostile.sign_by_hand(header, claims, liar.key)
    one, other = open_browser(), open_browser()
    assert one.come_back("xx", liar.callback(one.begin("xx"))).status_code == 303
    liar.header = {"crit": ["whole"], "whole": True}
    assert refused(other.come_back("xx", liar.callback(other.begin("xx"))), 400, "unsound")
    assert "Unsupported ['whole'] in header" in told()


def test_an_algorithm_outside_the_row_is_refused_even_with_a_published_key(
    open_browser: Callable[[], Browser], liar: Hostile, told: Callable[[], str]
) -> None:
    xenia()
    stronger = ECKey.generate_key("P-384", {"kid": "two"})
    liar.published.append(stronger)
    liar.sign = lambda header, claims: hostile.sign({"alg": "ES384", "kid": "two"}, claims, stronger)
    one = open_browser()
    assert refused(one.come_back("xx", liar.callback(one.begin("xx"))), 400, "unsound")
    assert "Algorithm of 'ES384' is not allowed" in told()


@pytest.mark.parametrize("acr", [None, "medium", ["high"], "eidas3"])
def test_a_strength_that_the_row_does_not_name_is_none(
    open_browser: Callable[[], Browser], liar: Hostile, acr: Any
) -> None:
    xenia()
    liar.claims = {"acr": acr}
    one = open_browser()
    assert refused(one.come_back("xx", liar.callback(one.begin("xx"))), 403, "assurance")


def test_nobody_is_signed_in_as_somebody_else_by_a_link(open_browser: Callable[[], Browser]) -> None:
    """Login CSRF: the victim opens the callback of a sign-in that the attacker began and finished."""
    known("fr-0001")
    user = known("fr-0002")
    attacker, victim = open_browser(), open_browser()
    link = attacker.choose(attacker.begin("fr"), subject="fr-0001")
    victim.sign_in("fr-0002")
    before = victim.cookie()
    victim.begin("fr")
    assert refused(victim.come_back("fr", link), 400, "over")
    assert victim.cookie() == before
    assert [login.user_id for login in logins()] == [user.id]
