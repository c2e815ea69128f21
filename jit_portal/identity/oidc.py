"""OpenID Connect with a national login, trusted no further than its row in the registry says."""

import base64
import json
import logging
import time
import uuid
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

import requests
from authlib.common.urls import add_params_to_qs
from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OpenIDMixin
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from authlib.oidc.core import CodeIDToken
from joserfc import jwt

from jit_portal.identity import claims as reading
from jit_portal.identity import client_secrets, jwts, ourselves
from jit_portal.identity.discovery import NONSENSE, SIGNS_ANSWERS, Published
from jit_portal.identity.models import IdentityProvider
from jit_portal.identity.ourselves import Portal
from jit_portal.identity.refusals import NOT_AS_AGREED, ProviderAway, SignInRefused, Why
from jit_portal.identity.vouching import Answer, Farewell, Vouched
from jit_portal.identity.wire import Wire, patience
from jit_portal.vocabulary import Assurance, AssuranceAsked, ClientAuthentication, UserinfoForm

# Authlib writes code verifiers to its log at DEBUG.
logging.getLogger("authlib").setLevel(logging.INFO)

ONLY_SIGNED = ("acr", "auth_time", "sid")
"""What counts in the ID token alone, and not in userinfo."""

BACK_CHANNEL = "http://schemas.openid.net/event/backchannel-logout"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class NationalLogin(OAuth2Mixin, OpenIDMixin, BaseApp):
    """Authlib's client for one registry row, with everything that the remote side could weaken pinned to the row."""

    client_cls = Wire

    def __init__(self, row: IdentityProvider, portal: Portal) -> None:
        self.slug, self.issuer = row.slug, row.issuer
        self.published = Published(row.slug, row.issuer, row.hosts, row.keys_seconds)
        self.authenticates_by, self.uses_pkce, self.uses_par = row.authenticates_by, row.uses_pkce, row.uses_par
        self.algorithms, self.header_limit, self.leeway = list(row.algorithms), row.header_limit, row.leeway
        self.levels, self.asks, self.claim_map = dict(row.acr_levels), row.asks_assurance, dict(row.claim_map)
        self.userinfo_form, self.has_rp_logout = row.userinfo, row.has_rp_logout
        self.has_back_channel_logout, self.takes_untyped_logout = row.has_back_channel_logout, row.takes_untyped_logout
        self.portal = portal
        client = {
            "home": self.published.home,
            "also": self.published.hosts,
            "scope": row.scope,
            "code_challenge_method": "S256" if row.uses_pkce else None,
            "token_endpoint_auth_method": self._prove,
            "leeway": 0,  # the access token is used at once, however short its life
        }
        super().__init__(None, row.slug, client_id=row.client_id, client_secret=portal.key, client_kwargs=client)

    def load_server_metadata(self) -> dict[str, Any]:
        return self.published.metadata()

    def _prove(self, _auth: Any, _method: str, url: str, headers: dict[str, str], body: str) -> tuple[Any, ...]:
        more, form = self.proof()
        return url, {**headers, **more}, add_params_to_qs(body or "", list(form.items()))

    def proof(self) -> tuple[dict[str, str], dict[str, str]]:
        """What shows the provider that it is the portal who asks: a header, or fields of the form."""
        if self.authenticates_by == ClientAuthentication.PRIVATE_KEY_JWT:
            return {}, self._assertion()
        try:
            secret = client_secrets.of(self.portal.secrets, self.slug)
        except client_secrets.NoSecret as error:
            raise ProviderAway(self.slug, f"client secret: {error}", NOT_AS_AGREED) from error
        if self.authenticates_by == ClientAuthentication.CLIENT_SECRET_POST:
            return {}, {"client_id": self.client_id, "client_secret": secret}
        # RFC 6749, 2.3.1: both are written as in a form before they are joined.
        pair = f"{quote_plus(self.client_id)}:{quote_plus(secret)}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, {}

    def _assertion(self) -> dict[str, str]:
        key = self.portal.key
        signed = private_key_jwt_sign(
            key, self.client_id, self.issuer, alg="ES256", header={"kid": key.kid}, expires_in=60
        )
        return {"client_assertion_type": ASSERTION, "client_assertion": signed}

    @property
    def highest(self) -> Assurance:
        """The most that this login can vouch for."""
        return Assurance(max(self.levels.values()))

    @patience()
    def address(
        self,
        redirect_uri: str,
        *,
        state: str,
        nonce: str,
        code_verifier: str,
        assurance: Assurance | None = None,
        max_age: int | None = None,
    ) -> str:
        """Where to send the browser; the request itself goes ahead by the back door where the row says so.

        ``assurance`` asks for a sign-in at least that strong, or as strong as there is here; ``max_age`` for one that
        the person has proven within so many seconds. Whether she did is for whoever reads the answer.
        """
        asked = self._strength(assurance or Assurance.LOW) | ({} if max_age is None else {"max_age": str(max_age)})
        made = self.create_authorization_url(
            redirect_uri, state=state, nonce=nonce, **self._verified_by(code_verifier), **asked
        )
        if not self.uses_par:
            return str(made["url"])
        metadata = self.published.metadata()
        headers, proof = self.proof()
        form = {**dict(parse_qsl(urlsplit(made["url"]).query)), **proof}
        try:
            with self._get_session() as wire:
                there = metadata["pushed_authorization_request_endpoint"]
                response = wire.request("POST", there, data=form, headers=headers, withhold_token=True)
            response.raise_for_status()
            query = {"client_id": self.client_id, "request_uri": response.json()["request_uri"]}
        except NONSENSE as error:
            raise ProviderAway(self.slug, f"pushed request: {type(error).__name__}") from error
        return f"{metadata['authorization_endpoint']}?{urlencode(query)}"

    def _strength(self, least: Assurance) -> dict[str, str]:
        """The row's way of asking for ``least`` and above in the provider's own words, the weakest that will do first.

        It is asked, too, to say how strong the sign-in was.
        """
        least = min(least, self.highest)
        enough = [word for _, word in sorted((level, word) for word, level in self.levels.items() if level >= least)]
        said: dict[str, Any] = {"acr": None}
        match self.asks:
            case AssuranceAsked.NOT_ASKED:
                return {}
            case AssuranceAsked.ACR_MINIMUM:
                return {"acr_values": enough[0]}
            case AssuranceAsked.ACR_VALUES:
                return {"acr_values": " ".join(enough), "claims": json.dumps({"id_token": said})}
            case AssuranceAsked.CLAIMS:
                said["acr"] = {"essential": True, "values": enough}
                return {"claims": json.dumps({"id_token": said})}

    def _verified_by(self, code_verifier: str) -> dict[str, str]:
        return {"code_verifier": code_verifier} if self.uses_pkce else {}

    def check_answer(self, iss: str | None) -> None:
        """Refuse an answer that says, or fails to say, that it comes from this issuer (RFC 9207)."""
        if iss != self.issuer and (iss is not None or self.published.metadata()[SIGNS_ANSWERS]):
            raise SignInRefused(Why.MIXED_UP, "iss of the answer")

    @patience()
    def vouch(self, answer: Answer, redirect_uri: str, *, nonce: str, code_verifier: str) -> Vouched:
        """What the provider vouches for, in exchange for its answer; SignInRefused for anything less than sound."""
        self.check_answer(answer.iss)
        if answer.error is not None or answer.code is None:
            raise SignInRefused(Why.CANCELLED, reading.plain(answer.error, 60))
        return self.redeem(answer.code, redirect_uri, nonce=nonce, code_verifier=code_verifier)

    def redeem(self, code: str, redirect_uri: str, *, nonce: str, code_verifier: str) -> Vouched:
        """Exchange ``code`` for what the provider vouches for; SignInRefused for anything less than sound."""
        try:
            token = self.fetch_access_token(redirect_uri, code=code, **self._verified_by(code_verifier))
            said = self.parse_id_token(token, nonce)
            info = self.userinfo(token=token)
        except requests.RequestException as error:
            raise ProviderAway(self.slug, f"token: {type(error).__name__}") from error
        except jwts.UNREADABLE as error:
            raise SignInRefused(Why.UNSOUND, jwts.wrong(error)) from error
        if info.get("sub") != said["sub"]:
            raise SignInRefused(Why.UNSOUND, "userinfo is of another sub")
        return self._vouched(token["id_token"], {**info, **dict.fromkeys(ONLY_SIGNED), **said})

    def parse_id_token(self, token: dict[str, Any], nonce: str, **_ignored: Any) -> dict[str, Any]:
        """The claims of an ID token made by this issuer, for this portal, for this sign-in, and not over."""
        opened = self._open(token["id_token"])
        if str(opened.header.get("typ", "JWT")).upper() != "JWT":
            raise SignInRefused(Why.UNSOUND, "typ")
        options = {"iss": {"essential": True, "value": self.issuer}, "sub": {"essential": True}}
        more = {"nonce": nonce, "client_id": self.client_id, "access_token": token.get("access_token")}
        said = CodeIDToken(opened.claims, opened.header, options, more)
        said.validate(leeway=self.leeway)
        return dict(said)

    def userinfo(self, **more: Any) -> dict[str, Any]:
        """What the provider says of the person beyond the ID token."""
        response = self.get(self.published.metadata()["userinfo_endpoint"], **more)
        response.raise_for_status()
        said = self._signed(response) if self.userinfo_form == UserinfoForm.JWT else response.json()
        if not isinstance(said, dict):
            raise TypeError("userinfo is not an object")
        return said

    def _signed(self, response: requests.Response) -> dict[str, Any]:
        """Userinfo that this issuer has signed for this portal."""
        if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/jwt":
            raise SignInRefused(Why.UNSOUND, "userinfo is not signed")
        opened = self._open(response.text)
        if str(opened.header.get("typ", "JWT")).upper() != "JWT" or "nonce" in opened.claims:
            raise SignInRefused(Why.UNSOUND, "another kind of token in place of userinfo")
        jwts.claims(self.issuer, self.leeway).validate(opened.claims)
        return dict(opened.claims)

    def _open(self, token: str) -> jwt.Token:
        return jwts.opened(token, self.published, self.client_id, self.algorithms, self.header_limit)

    def _vouched(self, id_token: str, said: dict[str, Any]) -> Vouched:
        acr = said.get("acr")
        level = self.levels.get(acr) if isinstance(acr, str) else None
        if level is None:
            raise SignInRefused(Why.ASSURANCE, f"acr is missing or not in the row: {reading.plain(acr, 60)}")
        proved_at = said["auth_time"]
        when = said["iat"] if proved_at is None else proved_at
        if when > time.time() + self.leeway:
            raise SignInRefused(Why.UNSOUND, "auth_time lies ahead")
        subject = reading.subject(said["sub"])
        if subject is None:
            raise SignInRefused(Why.UNSOUND, "unfit subject")
        read = {name: reading.text(said, pointers) for name, pointers in self.claim_map.items()}
        return Vouched(
            issuer=self.issuer,
            subject=subject,
            assurance=Assurance(level),
            acr=str(acr),
            authenticated_at=when,
            provider_session=said.get("sid") if isinstance(said.get("sid"), str) else None,
            id_token=id_token,
            name=read.get("name", ""),
            email=read.get("email", ""),
            title=read.get("title", ""),
            authority=read["authority"] if self.claim_map["authority"] else None,
            language=reading.language(read.get("language")),
            time_zone=reading.time_zone(read.get("time_zone")),
            proved_at=None if proved_at is None else min(proved_at, time.time()),
        )

    def farewell_address(
        self, id_token: str | None, state: str | None = None, provider_session: str | None = None, *, nonce: str
    ) -> str | None:
        """Where the browser ends the login at the provider, which gives ``state`` back; None where it cannot."""
        if not self.has_rp_logout:
            return None
        try:
            endpoint = self.published.metadata(fresh=True).get("end_session_endpoint")
        except ProviderAway:
            return None
        query = {
            "client_id": self.client_id,
            "post_logout_redirect_uri": f"{self.portal.origin}/signed-out",
            **({"id_token_hint": id_token} if id_token else {}),
            **({"state": state} if state else {}),
        }
        return f"{endpoint}?{urlencode(query)}" if endpoint else None

    @patience()
    def farewell(self, logout_token: str) -> Farewell:
        """Read a back-channel logout token (OpenID Connect Back-Channel Logout 1.0, section 2.6)."""
        if not self.has_back_channel_logout:
            raise SignInRefused(Why.UNSOUND, "no logout of its own")
        types = {"logout+jwt", "", "jwt"} if self.takes_untyped_logout else {"logout+jwt"}
        try:
            opened = self._open(logout_token)
            said = opened.claims
            needed = {name: {"essential": True} for name in ("iat", "exp", "jti", "events")}
            jwts.claims(self.issuer, self.leeway, **needed).validate(said)
            named = [said.get(name) for name in ("sub", "sid")]
            holds = {
                "typ": str(opened.header.get("typ", "")).lower() in types,
                "events": said["events"].get(BACK_CHANNEL) == {},
                "nonce": "nonce" not in said,
                "sub and sid": any(named) and all(each is None or isinstance(each, str) for each in named),
            }
        except jwts.UNREADABLE as error:
            raise SignInRefused(Why.UNSOUND, f"logout token: {jwts.wrong(error)}") from error
        if not all(holds.values()):
            raise SignInRefused(Why.UNSOUND, f"logout token: {', '.join(name for name in holds if not holds[name])}")
        return Farewell(said["jti"], said["exp"], said.get("sub"), said.get("sid"))


_clients: dict[uuid.UUID, tuple[int, Portal, NationalLogin]] = {}


def client(row: IdentityProvider) -> NationalLogin:
    """The client of a registry row, made anew whenever the row has changed."""
    kept = _clients.get(row.id)
    if kept is None or kept[0] != row.version or kept[1] is not ourselves.portal():
        kept = (row.version, ourselves.portal(), NationalLogin(row, ourselves.portal()))
        _clients[row.id] = kept
    return kept[2]


def unbelieving(row: IdentityProvider) -> NationalLogin:
    """A client of its own for a test: it knows nothing yet of what the login publishes."""
    return NationalLogin(row, ourselves.portal())
