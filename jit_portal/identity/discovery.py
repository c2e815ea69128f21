"""What a provider publishes about itself: read from its own host, filtered, and not believed for long."""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import requests
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from jit_portal.identity.refusals import AWAY, NOT_AS_AGREED, ProviderAway
from jit_portal.identity.wire import Wire, home_of, is_at, time_is_up

METADATA_SECONDS = 600.0
REFETCH_SECONDS = 60.0
SIGNS_ANSWERS = "authorization_response_iss_parameter_supported"
NEEDED = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
OFFERED = ("pushed_authorization_request_endpoint", "end_session_endpoint")
NONSENSE = (requests.RequestException, ValueError, KeyError, TypeError, JoseError, RecursionError)
"""What a provider that is down, slow or confused makes an attempt to read it end in."""


def addresses(said: Mapping[str, Any]) -> dict[str, Any]:
    """The addresses that count of a discovery document; KeyError where one is missing that is needed."""
    return {name: said[name] for name in (*NEEDED, *OFFERED) if name in NEEDED or name in said}


class Published:
    """The discovery document and the keys of one issuer.

    Of the document only the addresses count, and only those at the issuer's own host and ``hosts``: algorithms, issuer
    and client authentication are the registry row's. A key that the provider no longer publishes is trusted
    ``keys_seconds`` at most. What could not be read is not asked for again within ``REFETCH_SECONDS``.
    """

    def __init__(self, slug: str, issuer: str, hosts: Collection[str] = (), keys_seconds: float = 600) -> None:
        self.slug, self.issuer, self.home, self.hosts = slug, issuer, home_of(issuer), tuple(hosts)
        self._keys_seconds = keys_seconds
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._asked_again = float("-inf")
        self._failed: dict[str, tuple[float, str]] = {}

    def metadata(self, *, fresh: bool = False) -> dict[str, Any]:
        """The addresses by their names in discovery, and ``SIGNS_ANSWERS``; ProviderAway when it cannot be read.

        ``fresh`` asks at once, for somebody who is signed in.
        """
        if not fresh and self._metadata and time.monotonic() - self._metadata[0] < METADATA_SECONDS:
            return self._metadata[1]
        with self._asking("discovery", at_once=fresh):
            said = self.document()
            try:
                kept = addresses(said)
            except KeyError as error:
                raise ProviderAway(self.slug, f"discovery: no {error}", NOT_AS_AGREED) from error
            if said.get("issuer") != self.issuer or self.elsewhere(kept):
                raise ProviderAway(self.slug, "discovery names another issuer or host", NOT_AS_AGREED)
        self._metadata = (time.monotonic(), {**kept, SIGNS_ANSWERS: said.get(SIGNS_ANSWERS) is True})
        return self._metadata[1]

    def document(self) -> dict[str, Any]:
        """What the issuer publishes, as it came, and not believed; ProviderAway when it cannot be read."""
        try:
            return self._fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        except NONSENSE as error:
            raise ProviderAway(self.slug, f"discovery: {type(error).__name__}") from error

    def elsewhere(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        """Those of these addresses that are not at the issuer's own hosts."""
        return {name: url for name, url in kept.items() if not is_at((self.home, *self.hosts), url)}

    @property
    def keys_age(self) -> float | None:
        """For how many seconds this process has had the keys; None while it has none."""
        return time.monotonic() - self._keys[0] if self._keys else None

    def keys(self, *, again: bool = False) -> KeySet:
        """The issuer's keys; ``again`` asks anew for a key that is not among them, at most once a minute."""
        now = time.monotonic()
        if self._keys and now - self._keys[0] < self._keys_seconds:
            if not again or now - self._asked_again < REFETCH_SECONDS:
                return self._keys[1]
            self._asked_again = now
        address = self.metadata()["jwks_uri"]
        with self._asking("keys"):
            found = KeySet.import_key_set(cast(KeySetSerialization, self._fetch(address)))
        self._keys = (now, found)
        return found

    @contextmanager
    def _asking(self, what: str, *, at_once: bool = False) -> Iterator[None]:
        """ProviderAway for whatever goes wrong, and without asking where it has gone wrong a moment ago."""
        failed_at, why = self._failed.get(what, (float("-inf"), AWAY))
        if not at_once and time.monotonic() - failed_at < REFETCH_SECONDS:
            raise ProviderAway(self.slug, f"{what}: failed a moment ago", why)
        try:
            yield
        except (ProviderAway, *NONSENSE) as error:
            if not time_is_up():  # who had used up her time elsewhere says nothing of this
                self._failed[what] = (time.monotonic(), getattr(error, "why", AWAY))
            if isinstance(error, ProviderAway):
                raise
            raise ProviderAway(self.slug, f"{what}: {type(error).__name__}") from error
        self._failed.pop(what, None)

    def _fetch(self, url: str) -> dict[str, Any]:
        with Wire(home=self.home, also=self.hosts) as wire:
            response = wire.request("GET", url, withhold_token=True)
        response.raise_for_status()
        said = response.json()
        if not isinstance(said, dict):
            raise TypeError("not an object")
        return said
