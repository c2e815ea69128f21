"""What a row of the register must say of a login that speaks SAML."""

from flask_babel import lazy_gettext as _

from jit_portal.errors import Invalid
from jit_portal.identity.provider_rows import ProviderRow
from jit_portal.identity.saml import metadata
from jit_portal.identity.saml.envelope import SIGNATURES
from jit_portal.vocabulary import AssuranceAsked
from jit_portal.wording import gettext

_SENSELESS = {
    "not one login": _("This is not the metadata of one login: an EntityDescriptor with one IDPSSODescriptor."),
    "no address to sign in at by redirect": _("It names no address to sign in at by HTTP-Redirect."),
    "an address that is not https": _("It names an address that does not begin with https."),
    "a certificate that is none": _("It holds a certificate that is none."),
    "no certificate to sign with": _("It holds no certificate to sign with."),
}


def check(row: ProviderRow) -> None:
    """Invalid for what makes no sense, or would believe more than the portal believes anybody."""
    _check_metadata(row)
    if row.hosts:
        raise Invalid(gettext("The portal asks nothing of a login that speaks SAML: it has no hosts."), field="hosts")
    if not set(row.algorithms) <= SIGNATURES.keys():
        raise Invalid(gettext("Of these, the portal cannot check all in SAML."), field="algorithms")
    if row.asks_assurance == AssuranceAsked.CLAIMS:
        raise Invalid(gettext("A login that speaks SAML takes no conditions (claims)."), field="asks_assurance")
    if "authority" not in row.claim_map:
        raise Invalid(gettext("Where it says the authority must be said, or that it never does."), field="claim_map")
    if any(len(row.claim_map.get(name, "").split()) > 1 for name in ("authority", "subject")):
        raise Invalid(gettext("Who somebody is, and of which authority, stands in one attribute."), field="claim_map")


def _check_metadata(row: ProviderRow) -> None:
    if len(row.saml_metadata) > metadata.LONGEST:
        raise Invalid(gettext("This is too long."), field="saml_metadata")
    try:
        pinned = metadata.read(row.saml_metadata)
    except metadata.Senseless as error:
        wrong = _SENSELESS.get(str(error), _("This is no plain XML: without DTD, entities, comments and instructions."))
        raise Invalid(str(wrong), field="saml_metadata") from None
    if pinned.issuer != row.issuer:
        wrong = gettext("The metadata is of another issuer: %(issuer)s.", issuer=pinned.issuer[:200])
        raise Invalid(wrong, field="issuer")
