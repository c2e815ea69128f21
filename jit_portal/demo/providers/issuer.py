"""One demo national login: its keys, the people who may use it, and what it remembers of them."""

import secrets
import threading
import time
from typing import Any

import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from jit_portal.demo.case.people import Person, Provider
from jit_portal.demo.providers.protocol import CLIENT_ID, SCOPES, Portal, Server
from jit_portal.demo.providers.schemes import METHODS, Scheme
from jit_portal.demo.providers.state import Code, Login, Pending, Shelf, SigningKey

BACK_CHANNEL = "http://schemas.openid.net/event/backchannel-logout"


class Issuer:
    """A country's or body's provider at ``url``, for the one client it knows: the portal at ``origin``."""

    def __init__(
        self, scheme: Scheme, provider: Provider, people: tuple[Person, ...], *,
        key: SigningKey, base: str, origin: str, portal_keys: KeySet,
    ) -> None:  # fmt: skip
        self.scheme = scheme
        self.provider = provider
        self.people = {person.subject: person for person in people if person.provider == scheme.slug}
        self.key = key
        self.url = f"{base}/{scheme.slug}"
        self.portal = Portal(origin, scheme.slug)
        self.portal_keys = portal_keys
        self.codes: Shelf[Code] = Shelf(60)
        self.tokens: Shelf[Login] = Shelf(300)
        self.pushed: Shelf[dict[str, str]] = Shelf(60)
        self.pending: Shelf[Pending] = Shelf(900)
        self.logins: Shelf[Login] = Shelf(8 * 3600)
        self.seen: Shelf[bool] = Shelf(900)
        self.server = Server(self)

    def client(self, client_id: str) -> Portal | None:
        return self.portal if client_id == CLIENT_ID else None

    def keep_token(self, access_token: str, login: Login) -> None:
        login.is_known_to_portal = True
        self.tokens.put(access_token, login)

    def metadata(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks",
            "pushed_authorization_request_endpoint": f"{self.url}/par",
            "end_session_endpoint": f"{self.url}/end-session",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "acr_values_supported": list(self.scheme.acr.values()),
            "id_token_signing_alg_values_supported": [self.scheme.algorithm],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
            "require_pushed_authorization_requests": True,
            "authorization_response_iss_parameter_supported": True,
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
        }

    def search(self, words: str) -> list[Person]:
        """The people whose name, title or authority has every one of ``words``."""
        wanted = words.casefold().split()
        found = [
            person
            for person in self.people.values()
            if all(word in f"{person.name} {person.title} {person.authority_name}".casefold() for word in wanted)
        ]
        return sorted(found, key=lambda person: (person.authority_name, person.name))

    def sign_in(self, subject: str) -> Login | None:
        """A new login of ``subject``, as strong as her means of signing in; None for who is not here."""
        person = self.people.get(subject)
        if person is None:
            return None
        login = Login(person, acr=self.scheme.acr[person.assurance], amr=METHODS[person.assurance])
        self.logins.put(login.sid, login)
        return login

    def sign_out(self, sid: str) -> None:
        """End a login here, and tell the portal at its back door if it knows of it."""
        login = self.logins.take(sid)
        if login and login.is_known_to_portal:
            threading.Thread(target=self._tell_portal, args=(login,), daemon=True).start()

    def logout_token(self, login: Login) -> str:
        now = int(time.time())
        header = {"alg": self.scheme.algorithm, "kid": self.key.kid, "typ": "logout+jwt"}
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(16),
            "sub": login.person.subject,
            "sid": login.sid,
            "events": {BACK_CHANNEL: {}},
        }
        return jwt.encode(header, claims, self.key, algorithms=[self.scheme.algorithm])

    def _tell_portal(self, login: Login) -> None:
        form = {"logout_token": self.logout_token(login)}
        try:
            answer = requests.post(self.portal.logout_uri, data=form, timeout=20, allow_redirects=False)
        except requests.RequestException as error:
            print(f"{self.scheme.slug}: the portal cannot be told of a logout: {type(error).__name__}", flush=True)
            return
        print(f"{self.scheme.slug}: the portal answered {answer.status_code} to a logout", flush=True)
