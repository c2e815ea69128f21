"""SAML 2.0 with a national login: its signed assertions, one sign-in each, as far as its row in the registry says.

Whether a signature is true ``signatures`` finds out; before that the portal has read the same document by itself, and
both must have read the same.
"""

import datetime as dt
import uuid
from collections.abc import Mapping
from functools import cached_property
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from jit_portal.identity import claims
from jit_portal.identity.models import IdentityProvider
from jit_portal.identity.ourselves import Portal
from jit_portal.identity.refusals import NOT_AS_AGREED, ProviderAway, SignInRefused, Why
from jit_portal.identity.saml import eidas, metadata, redirects
from jit_portal.identity.saml.assertion import (
    FRESH,
    STATUS,
    STAYS,
    Expected,
    Said,
    check_made,
    check_success,
    moment,
    read,
    refuse,
)
from jit_portal.identity.saml.encryption import decrypted, is_encrypted
from jit_portal.identity.saml.envelope import SAML, SAMLP, decoded, is_signed, opened, parsed
from jit_portal.identity.saml.names import Name
from jit_portal.identity.saml.own import NoKey, OwnKey, own
from jit_portal.identity.saml.signatures import Verifier
from jit_portal.identity.vouching import Answer, Farewell, Once, Vouched
from jit_portal.vocabulary import Assurance, AssuranceAsked

for _prefix, _name in (("samlp", SAMLP), ("saml", SAML)):
    register_namespace(_prefix, _name[1:-1])


class SamlLogin:
    """One registry row that speaks SAML."""

    def __init__(self, row: IdentityProvider, portal: Portal) -> None:
        self.version, self.portal = row.version, portal
        self.slug, self.issuer, self.client_id, self.leeway = row.slug, row.issuer, row.client_id, row.leeway
        self.algorithms, self.levels, self.claim_map = list(row.algorithms), dict(row.acr_levels), dict(row.claim_map)
        self.asks, self.has_rp_logout, self.hears_logout = (
            row.asks_assurance,
            row.has_rp_logout,
            row.has_back_channel_logout,
        )
        self.answers, self.sign_out = (f"{portal.origin}/sign-in/{row.slug}/{place}" for place in ("acs", "logout"))
        self.metadata = row.saml_metadata

    def pinned(self) -> metadata.Pinned:
        """The login's own addresses and certificates, while they hold."""
        try:
            pinned = metadata.read(self.metadata)
        except metadata.Senseless as error:
            raise ProviderAway(self.slug, f"metadata: {error}", NOT_AS_AGREED) from error
        if pinned.valid_until is not None and pinned.valid_until <= dt.datetime.now(dt.UTC):
            raise ProviderAway(self.slug, "metadata: over", NOT_AS_AGREED)
        return pinned

    def own(self) -> OwnKey:
        try:
            return own(self.portal.saml_key)
        except NoKey as error:
            raise ProviderAway(self.slug, f"key: {error}", NOT_AS_AGREED) from error

    def ours(self) -> bytes:
        """The metadata that the login is to be given of the portal."""
        return metadata.ours(self.client_id, self.own(), self.answers, self.sign_out)

    @property
    def highest(self) -> Assurance:
        """The most that this login can vouch for."""
        return Assurance(max(self.levels.values()))

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
        """Where to send the browser, with a request whose id is made of ``nonce``, signed so that nobody changes it.

        With ``max_age`` it asks that she prove anew who she is (ForceAuthn), whatever the number.
        """
        root = self._document("AuthnRequest", _request_id(nonce), self.pinned().sign_in)
        root.set("AssertionConsumerServiceURL", self.answers)
        root.set("ProtocolBinding", metadata.POST)
        if max_age is not None:
            root.set("ForceAuthn", "true")
        if eidas.is_spoken(self.claim_map):
            eidas.ask(root, self.claim_map)
        SubElement(root, f"{SAMLP}NameIDPolicy", {"AllowCreate": "true"})
        self._ask_strength(root, min(assurance or Assurance.LOW, self.highest))
        return redirects.signed(root.get("Destination", ""), "SAMLRequest", tostring(root), state, self.own())

    def _ask_strength(self, root: Element, least: Assurance) -> None:
        words = [word for _, word in sorted((level, word) for word, level in self.levels.items() if level >= least)]
        if self.asks == AssuranceAsked.NOT_ASKED:
            return
        is_minimum = self.asks == AssuranceAsked.ACR_MINIMUM
        wanted = SubElement(root, f"{SAMLP}RequestedAuthnContext", {"Comparison": "minimum" if is_minimum else "exact"})
        for word in words[:1] if is_minimum else words:
            SubElement(wanted, f"{SAML}AuthnContextClassRef").text = word

    def _document(self, kind: str, id: str, destination: str, **more: str) -> Element:
        made = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        said = {"ID": id, "Version": "2.0", "IssueInstant": made, "Destination": destination, **more}
        root = Element(f"{SAMLP}{kind}", said)
        SubElement(root, f"{SAML}Issuer").text = self.client_id
        return root

    def vouch(self, answer: Answer, redirect_uri: str, *, nonce: str, code_verifier: str) -> Vouched:
        """What the login vouches for by its response; SignInRefused for anything less than sound."""
        if answer.response is None:
            raise SignInRefused(Why.MIXED_UP, "an answer of another kind")
        document = decoded(answer.response)
        root = parsed(document)
        check_success(root)
        if is_encrypted(root):
            self._verified().response(document, is_signed=is_signed(root, self.algorithms))
            document = decrypted(root, self.own())
            root = parsed(document)
        assertion = opened(root, self.algorithms)
        expected = Expected(self.issuer, self.client_id, self.answers, _request_id(nonce), self.leeway)
        said = read(root, assertion, expected)
        self._verified().assertion(document, said, expected.request_id)
        return self._vouched(said)

    def _verified(self) -> Verifier:
        """What is pinned must hold still, whatever was made of it before."""
        self.pinned()
        return self._verifier

    @cached_property
    def _verifier(self) -> Verifier:
        return Verifier(self.metadata, self.client_id, self.answers, self.leeway)

    def _vouched(self, said: Said) -> Vouched:
        level = self.levels.get(said.acr)
        if level is None:
            raise SignInRefused(Why.ASSURANCE, f"acr is missing or not in the row: {claims.plain(said.acr, 60)}")
        read = {
            name: claims.plain(" ".join(filter(None, (_first(said.attributes, each) for each in names.split()))))
            for name, names in self.claim_map.items()
        }
        return Vouched(
            issuer=self.issuer,
            subject=self._subject(said),
            assurance=Assurance(level),
            acr=said.acr,
            authenticated_at=said.proved_at.timestamp(),
            provider_session=said.session,
            id_token=said.name.stored(),
            name=read.get("name", ""),
            email=read.get("email", ""),
            title=read.get("title", ""),
            authority=_only(said.attributes, self.claim_map["authority"]) if self.claim_map["authority"] else None,
            language=claims.language(read.get("language")),
            time_zone=claims.time_zone(read.get("time_zone")),
            proved_at=said.proved_at.timestamp(),
            once=Once(said.id, said.until.timestamp()),
            ends_at=None if said.ends_at is None else said.ends_at.timestamp(),
        )

    def _subject(self, said: Said) -> str:
        """Who it is: the attribute that the row names, or the name itself, if it is hers for good and of this login."""
        if names := self.claim_map.get("subject"):
            values = said.attributes.get(names, [])
            if len(values) != 1 or not values[0].strip():
                refuse("subject")
            return claims.subject(values[0]) or refuse("unfit subject")
        name = said.name
        is_own = name.qualifier in ("", self.issuer) and name.sp_qualifier in ("", self.client_id)
        if name.format not in STAYS or not is_own:
            refuse("a name that is not for good")
        return claims.subject(name.value) or refuse("unfit subject")

    def farewell_address(
        self, id_token: str | None, state: str | None = None, provider_session: str | None = None, *, nonce: str
    ) -> str | None:
        """Where the browser ends the login at the provider, which gives ``state`` back; None where it cannot.

        The request's id is made of ``nonce``.
        """
        try:
            place = self.pinned().sign_out if self.has_rp_logout and id_token else None
            if place is None:
                return None
            root = self._document("LogoutRequest", _request_id(nonce), place)
            root.append(_named(Name.read(id_token or "")))
            if provider_session is not None:
                SubElement(root, f"{SAMLP}SessionIndex").text = provider_session
            return redirects.signed(place, "SAMLRequest", tostring(root), state, self.own())
        except ProviderAway:
            return None

    def check_parting(self, said: str, nonce: str | None) -> None:
        """Refuse an answer, as the query that the browser brought, that does not say that she is signed out there.

        It must be to the one request whose id is made of ``nonce``.
        """
        root = parsed(redirects.taken(said, "SAMLResponse", self.algorithms, self.pinned().certificates))
        if root.tag != f"{SAMLP}LogoutResponse" or root.findtext(f"{SAML}Issuer") != self.issuer:
            refuse("logout response")
        if nonce is None or root.get("InResponseTo") != _request_id(nonce):
            refuse("answer to another request")
        if root.get("Destination") != self.sign_out:
            refuse("destination")
        check_made(root, dt.datetime.now(dt.UTC), dt.timedelta(seconds=self.leeway))
        check_success(root)

    def farewell(self, said: str) -> Farewell:
        """Read a request for logout, as the query that the browser brought from the login."""
        if not self.hears_logout:
            raise SignInRefused(Why.UNSOUND, "no logout of its own")
        pinned = self.pinned()
        root = parsed(redirects.taken(said, "SAMLRequest", self.algorithms, pinned.certificates))
        if root.tag != f"{SAMLP}LogoutRequest" or root.findtext(f"{SAML}Issuer") != self.issuer:
            refuse("logout request")
        if root.get("Destination") != self.sign_out:
            refuse("destination")
        id = root.get("ID") or refuse("logout request")
        now, leeway = dt.datetime.now(dt.UTC), dt.timedelta(seconds=self.leeway)
        made = moment(root.get("IssueInstant"), "moment")
        ends = root.get("NotOnOrAfter")
        until = made + FRESH if ends is None else min(made + FRESH, moment(ends, "moment"))
        if not made - leeway <= now < until + leeway:
            refuse("over: logout request")
        name = Name.of(root.find(f"{SAML}NameID"))
        sessions = [each.text for each in root.findall(f"{SAMLP}SessionIndex") if each.text]
        # Of several sessions it ends all that the person has by this login: more, never less, than was asked.
        session = sessions[0] if len(sessions) == 1 else None
        return Farewell(id, until.timestamp(), None, session, name, id)

    def farewell_answer(self, farewell: Farewell, state: str | None, *, is_known: bool) -> str | None:
        """Where the browser tells the login that it is done, or that nobody is known here by that name."""
        pinned = self.pinned()
        if pinned.sign_out_answers is None or farewell.answer_to is None:
            return None
        more = {"InResponseTo": farewell.answer_to}
        root = self._document("LogoutResponse", f"_{uuid.uuid4().hex}", pinned.sign_out_answers, **more)
        place = SubElement(root, f"{SAMLP}Status")
        # It is said openly that nobody was known: only the login itself, under its own signature, can ask, once, and of
        # nobody but its own people. Were it told of success, it would tell her that she is signed out here.
        for word in ("Success",) if is_known else ("Requester", "UnknownPrincipal"):
            place = SubElement(place, f"{SAMLP}StatusCode", {"Value": f"{STATUS}{word}"})
        return redirects.signed(pinned.sign_out_answers, "SAMLResponse", tostring(root), state, self.own())


def _request_id(nonce: str) -> str:
    return f"_{nonce}"


def _first(attributes: Mapping[str, list[str]], name: str) -> str:
    return next(iter(attributes.get(name, ())), "")


def _only(attributes: Mapping[str, list[str]], name: str) -> str:
    """The value of what decides something: two are none."""
    values = attributes.get(name, [])
    return claims.plain(values[0]) if len(values) == 1 else ""


def _named(name: Name) -> Element:
    said = {"Format": name.format, "NameQualifier": name.qualifier, "SPNameQualifier": name.sp_qualifier}
    element = Element(f"{SAML}NameID", {key: value for key, value in said.items() if value})
    element.text = name.value
    return element


_logins: dict[uuid.UUID, SamlLogin] = {}


def client(row: IdentityProvider, portal: Portal) -> SamlLogin:
    """The client of a registry row, made anew whenever the row has changed."""
    kept = _logins.get(row.id)
    if kept is None or kept.version != row.version or kept.portal is not portal:
        kept = _logins[row.id] = SamlLogin(row, portal)
    return kept
