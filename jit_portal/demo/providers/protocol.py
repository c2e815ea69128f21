"""OpenID Connect as the demo providers speak it: Authlib's provider side, set to its strict ways."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from authlib.oidc.rpinitiated import EndSessionEndpoint
from joserfc.jwk import KeySet

from jit_portal.demo.providers.state import Code, Login, SigningKey

if TYPE_CHECKING:
    from jit_portal.demo.providers.issuer import Issuer

CLIENT_ID = "jit-portal"
CLIENT_AUTHENTICATION: str = JWTBearerClientAssertion.CLIENT_AUTH_METHOD
SCOPES = ("openid", "profile", "email")


class Portal(ClientMixin):
    """The one client these providers know: the JIT portal at ``origin``."""

    def __init__(self, origin: str, slug: str) -> None:
        self.redirect_uri = f"{origin}/sign-in/{slug}/callback"
        self.logout_uri = f"{origin}/sign-in/{slug}/logout"
        self.client_metadata = {"post_logout_redirect_uris": [f"{origin}/signed-out"]}

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(word for word in (scope or "openid").split() if word in SCOPES)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == CLIENT_AUTHENTICATION

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class StoredRequest(OAuth2Request):
    """An authorization request whose parameters were kept here and never stood in the browser's address line."""

    def __init__(self, uri: str, parameters: dict[str, str]) -> None:
        super().__init__("GET", uri)
        self.payload = BasicOAuth2Payload(parameters)


class Server(AuthorizationServer):
    """Authlib's server for one issuer, which also reads stored requests."""

    def __init__(self, issuer: "Issuer") -> None:
        super().__init__()
        self.issuer = issuer
        self.register_token_generator("default", self.create_bearer_token_generator({}))
        self.register_client_auth_method(CLIENT_AUTHENTICATION, Assertion(issuer))
        self.register_grant(Grant, [Identity(issuer), Challenge(required=True)])
        self.register_endpoint(EndSession)
        self.register_extension(Signature(issuer.url))

    def query_client(self, client_id: str) -> Portal | None:
        return self.issuer.client(client_id)

    def save_token(self, token: Mapping[str, Any], request: OAuth2Request) -> None:
        self.issuer.keep_token(token["access_token"], request.user)

    def create_oauth2_request(self, request: StoredRequest | None) -> OAuth2Request:
        return request if request is not None else super().create_oauth2_request(None)


class Signature(IssuerParameter):
    """Says in every answer who gives it (RFC 9207)."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get_issuer(self) -> str:
        return self._url


class Challenge(CodeChallenge):
    """PKCE with S256, always."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: AuthorizationCodeGrant, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("A code_challenge by S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)


class Assertion(JWTBearerClientAssertion):
    """The portal proves itself with its own key, each time with a new assertion."""

    def __init__(self, issuer: "Issuer") -> None:
        super().__init__()
        self._issuer = issuer

    def get_audiences(self) -> list[str]:
        return [self._issuer.url, f"{self._issuer.url}/token", f"{self._issuer.url}/par"]

    def validate_jti(self, claims: Mapping[str, Any], jti: str) -> bool:
        return self._issuer.seen.put_once(f"jti {jti}", True)

    def resolve_client_public_key(self, client: Portal) -> KeySet:
        return self._issuer.portal_keys


class Grant(AuthorizationCodeGrant):
    """The code flow: a code is taken out when it is first shown, so it works once."""

    TOKEN_ENDPOINT_AUTH_METHODS = [CLIENT_AUTHENTICATION]

    @property
    def _issuer(self) -> "Issuer":
        issuer: Issuer = self.server.issuer
        return issuer

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        asked = request.payload.data
        self._issuer.seen.put(f"nonce {asked.get('nonce')}", True)
        made = Code(
            redirect_uri=request.payload.redirect_uri,
            scope=request.scope,
            nonce=asked.get("nonce"),
            code_challenge=asked.get("code_challenge"),
            code_challenge_method=asked.get("code_challenge_method"),
            login=request.user,
        )
        self._issuer.codes.put(code, made)

    def query_authorization_code(self, code: str, client: Portal) -> Code | None:
        return self._issuer.codes.take(code)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Nothing is left to delete: it was taken out when it was shown."""

    def authenticate_user(self, authorization_code: Code) -> Login:
        return authorization_code.login


class Identity(OpenIDCode):
    """The ID token: who, how strongly, when; names and offices are for userinfo."""

    def __init__(self, issuer: "Issuer") -> None:
        super().__init__(require_nonce=True)
        self._issuer = issuer

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        return self._issuer.seen.get(f"nonce {nonce}") is not None

    def get_client_algorithm(self, client: Portal) -> str:
        return self._issuer.scheme.algorithm

    def get_client_claims(self, client: Portal) -> dict[str, Any]:
        return {"iss": self._issuer.url, "aud": CLIENT_ID, "exp": int(time.time()) + 300}

    def get_encode_header(self, client: Portal) -> dict[str, Any]:
        return {"alg": self._issuer.scheme.algorithm, "kid": self._issuer.key.kid}

    def resolve_client_private_key(self, client: Portal) -> SigningKey:
        return self._issuer.key

    def generate_user_info(self, user: Login, scope: str) -> UserInfo:
        return UserInfo(sub=user.person.subject, sid=user.sid)


class EndSession(EndSessionEndpoint):
    """Sign-out asked for by the portal, for the login its ID token names."""

    def get_server_jwks(self) -> KeySet:
        return KeySet([self.server.issuer.key])

    def get_algorithms(self) -> list[str]:
        return [self.server.issuer.scheme.algorithm]

    def end_session(self, end_session_request: Any) -> None:
        self.server.issuer.sign_out((end_session_request.id_token_claims or {}).get("sid", ""))
