"""What is known of the logins that countries use: the fields of a row that its people need not find out themselves.

What a preset leaves out – always slug, name, issuer, client_id and authorities – whoever enters the login must say.
Each says what was read in the scheme's own documents and what was not verified; the latter is tried before it is
approved. None says how a country's own agency login answers: that is between the operator and the agency.
"""

from collections.abc import Callable, Mapping
from typing import Any

from jit_portal.vocabulary import AssuranceAsked, ClientAuthentication, PartyKind, Speaks, UserinfoForm

Preset = Callable[[], dict[str, Any]]
_AT_ONCE = {"uses_par": False}
_STATE = {"kind": PartyKind.MEMBER_STATE}


def proconnect() -> dict[str, Any]:
    """ProConnect (FR), the login of French agents.

    Read in its documents of May 2025: signed userinfo, client secret, nonce of 32 characters or more, assurance by
    essential claims with URIs of proconnect.gouv.fr, ``eidas1`` from the agencies' own logins; siret names the
    organisation. Second-hand: eidas2 and eidas3, which are FranceConnect's words.
    Not verified: PKCE, secret by post, back-channel logout (off), and the URIs of the higher levels: add them.
    """
    return {
        **_STATE,
        **_AT_ONCE,
        "country": "FR",
        "algorithms": ["RS256"],
        "scope": "openid uid given_name usual_name email siret",
        "authenticates_by": ClientAuthentication.CLIENT_SECRET_POST,
        "uses_pkce": False,
        "asks_assurance": AssuranceAsked.CLAIMS,
        "acr_levels": {"eidas1": "low", "eidas2": "substantial", "eidas3": "high"},
        "claim_map": {"name": "/given_name /usual_name", "email": "/email", "authority": "/siret"},
        "userinfo": UserinfoForm.JWT,
        "has_back_channel_logout": False,
    }


def tara() -> dict[str, Any]:
    """TARA (EE), the login of the Estonian state.

    Read in its documents: acr low, substantial, high; acr_values is a minimum, one word; a secret by basic or post; a
    list of the addresses that may ask. The subject is ``EE`` and the personal code: shown nowhere, logged nowhere. It
    knows people and not agencies: the invitation alone says whose they are.
    Not verified: PKCE, the place of the names, userinfo as JSON. It has no logout of its own (not verified either).
    """
    return {
        **_STATE,
        **_AT_ONCE,
        "country": "EE",
        "algorithms": ["RS256"],
        "scope": "openid",
        "authenticates_by": ClientAuthentication.CLIENT_SECRET_BASIC,
        "uses_pkce": False,
        "asks_assurance": AssuranceAsked.ACR_MINIMUM,
        "acr_levels": {"low": "low", "substantial": "substantial", "high": "high"},
        "claim_map": {"name": "/given_name /family_name", "authority": ""},
        "has_rp_logout": False,
        "has_back_channel_logout": False,
    }


def spid_cie() -> dict[str, Any]:
    """SPID and CIE (IT) through a bridge that speaks plain OpenID Connect to the portal.

    Read in its documents: levels ``https://www.spid.gov.it/SpidL1`` to ``SpidL3``, PKCE and acr_values required.
    Joining directly needs OpenID Federation, which the portal does not speak; the bridge does. How long the headers of
    the bridge's tokens are depends on it: those that carry a chain of trust need a higher ``header_limit``.
    Not verified: everything about the bridge, which is the country's own. It knows people and not agencies.
    """
    return {
        **_STATE,
        **_AT_ONCE,
        "country": "IT",
        "algorithms": ["RS256"],
        "scope": "openid profile email",
        "asks_assurance": AssuranceAsked.ACR_VALUES,
        "acr_levels": {
            "https://www.spid.gov.it/SpidL1": "low",
            "https://www.spid.gov.it/SpidL2": "substantial",
            "https://www.spid.gov.it/SpidL3": "high",
        },
        "claim_map": {"name": "/given_name /family_name", "email": "/email", "authority": ""},
        "has_back_channel_logout": False,
    }


def csam() -> dict[str, Any]:
    """CSAM (BE), the login of the Belgian federal authentication service.

    Second-hand: levels 100 to 500, of which 200 is low, 400 substantial, 450 and 500 high; roles come from a service of
    attributes that the portal does not ask, so the invitation alone says whose somebody is.
    Not verified: the words in which acr carries these levels, the client's secret, PKCE, the claims, every logout.
    """
    return {
        **_STATE,
        **_AT_ONCE,
        "country": "BE",
        "algorithms": ["RS256"],
        "authenticates_by": ClientAuthentication.CLIENT_SECRET_BASIC,
        "asks_assurance": AssuranceAsked.ACR_VALUES,
        "acr_levels": {"200": "low", "400": "substantial", "450": "high", "500": "high"},
        "claim_map": {"name": "/given_name /family_name", "email": "/email", "authority": ""},
        "has_back_channel_logout": False,
    }


def keycloak() -> dict[str, Any]:
    """A plain Keycloak of an agency: discovery, private_key_jwt, PKCE, PAR and both logouts.

    Not verified: no Keycloak could be run where this was written. Which words its acr uses is set in the realm, so
    acr_levels must be said; so must the claim that names the agency, if the realm's mapper puts it elsewhere.
    """
    return {
        "algorithms": ["RS256", "PS256", "ES256"],
        "asks_assurance": AssuranceAsked.CLAIMS,
        "claim_map": {"name": "/name", "email": "/email", "authority": "/organisation", "language": "/locale"},
    }


def adfs() -> dict[str, Any]:
    """A plain AD FS of an agency, with a client secret.

    Not verified at all, but from memory: no PAR, no back-channel logout, PKCE since 2019; its tokens may carry chains
    of certificates. Its words of assurance, and the claim that names the agency, must be said by whoever enters it.
    """
    return {
        **_AT_ONCE,
        "algorithms": ["RS256"],
        "authenticates_by": ClientAuthentication.CLIENT_SECRET_POST,
        "asks_assurance": AssuranceAsked.ACR_VALUES,
        "has_back_channel_logout": False,
        "header_limit": 8192,
    }


def entra() -> dict[str, Any]:
    """An agency's own tenant of Microsoft Entra, by an issuer that names the tenant, with a client secret.

    Not verified at all, but from memory: no PAR, no back-channel logout, userinfo at graph.microsoft.com. Whether its
    ID tokens say acr is the tenant's to set up; without, nobody is signed in. acr_levels and claim_map must be said.
    """
    return {
        **_AT_ONCE,
        "algorithms": ["RS256"],
        "hosts": ["https://graph.microsoft.com"],
        "authenticates_by": ClientAuthentication.CLIENT_SECRET_POST,
        "asks_assurance": AssuranceAsked.NOT_ASKED,
        "has_back_channel_logout": False,
    }


def saml() -> dict[str, Any]:
    """An agency's login that speaks SAML and nothing else: signed assertions, redirects out, forms back.

    Not verified: its words for assurance and the names of its attributes are its own, and must be said.
    """
    return {
        "protocol": Speaks.SAML,
        "algorithms": ["RS256", "RS512"],
        "asks_assurance": AssuranceAsked.ACR_VALUES,
    }


def eidas() -> dict[str, Any]:
    """An eIDAS node, or what stands before one and speaks SAML to those who rely on it.

    Second-hand: the levels ``http://eidas.europa.eu/LoA/…``, asked for as a minimum, and the attributes of a natural
    person, of which PersonIdentifier (``CC/CC/…``) is who it is. It knows people and not agencies.
    It is told that a public body asks, and for the least that a request must name; it may encrypt its assertions.
    Not verified: everything; whether it has a way to sign out must be asked.
    """
    person = "http://eidas.europa.eu/attributes/naturalperson"
    return {
        "protocol": Speaks.SAML,
        "algorithms": ["RS256", "RS512", "ES256", "ES384", "ES512"],
        "asks_assurance": AssuranceAsked.ACR_MINIMUM,
        "acr_levels": {f"http://eidas.europa.eu/LoA/{level}": level for level in ("low", "substantial", "high")},
        "claim_map": {
            "subject": f"{person}/PersonIdentifier",
            "name": f"{person}/CurrentGivenName {person}/CurrentFamilyName",
            "authority": "",
        },
        "has_rp_logout": False,
        "has_back_channel_logout": False,
    }


PRESETS: Mapping[str, Preset] = {
    preset.__name__: preset for preset in (proconnect, tara, spid_cie, csam, keycloak, adfs, entra, eidas, saml)
}
