"""The demo providers as the portal's register of national logins enters them."""

from jit_portal.demo.case.people import PEOPLE, PROVIDERS
from jit_portal.demo.providers.protocol import CLIENT_ID
from jit_portal.demo.providers.schemes import SCHEMES
from jit_portal.identity.provider_rows import ProviderRow
from jit_portal.vocabulary import Assurance, PartyKind


def rows(base: str) -> list[ProviderRow]:
    """A row for each demo provider that is served at ``base``, such as ``http://127.0.0.1:9100``."""
    named = {provider.slug: provider for provider in PROVIDERS}
    return [
        ProviderRow(
            slug=scheme.slug,
            name=named[scheme.slug].name,
            kind=PartyKind(named[scheme.slug].kind),
            country=named[scheme.slug].country,
            issuer=f"{base}/{scheme.slug}",
            client_id=CLIENT_ID,
            algorithms=(scheme.algorithm,),
            acr_levels={word: Assurance[level.upper()] for level, word in scheme.acr.items()},
            claim_map=scheme.claim_map(),
            authorities={p.authority: p.authority_name for p in PEOPLE if p.provider == scheme.slug},
        )
        for scheme in SCHEMES
    ]
