"""National logins and their people, some of them with a duty."""

import datetime as dt
import secrets
import uuid
from collections.abc import Sequence

from sqlalchemy.orm.attributes import set_committed_value

from jit_portal.database import session, transaction
from jit_portal.identity.entering import written
from jit_portal.identity.models import Authority, IdentityProvider, ProviderProposal, ProviderTest, User
from jit_portal.identity.provider_rows import row_of
from jit_portal.vocabulary import Duty, PartyKind
from tests.factories.logins import OF_VERBS, new_login, now

KINDS = {"al": PartyKind.THIRD_COUNTRY, "eu": PartyKind.EU_BODY, "icc": PartyKind.INTERNATIONAL_JUDICIAL}


def provider(slug: str) -> IdentityProvider:
    """The national login of a country: fr, nl, ro member states, al a third one, eu an EU body, icc a world court."""
    made = new_provider(slug)
    session().add(made)
    session().flush()
    return made


def new_provider(slug: str) -> IdentityProvider:
    """A national login that is not in the database yet; see ``provider``."""
    return IdentityProvider(
        slug=slug,
        name=f"Login {slug.upper()}",
        kind=KINDS.get(slug, PartyKind.MEMBER_STATE),
        country="EUROJUST" if slug == "eu" else slug.upper(),
        issuer=f"http://127.0.0.1:9/{slug}",
        client_id="jit-portal",
        uses_par=True,
        algorithms=["ES256"],
        acr_levels={"high": 3},
        claim_map={},
        authorities=[Authority(code=f"{slug}-police", name=f"Police {slug.upper()}")],
    )


def user(at: IdentityProvider, name: str, authority: Authority | None = None) -> User:
    """Somebody who calls verbs in a login that she has just proved as strongly as there is; see ``acts_in``."""
    (made,) = users([(at, name, authority or police(at))])
    return made


def users(described: Sequence[tuple[IdentityProvider, str, Authority]]) -> list[User]:
    """Several people at once, in as few queries as one; see ``user``."""
    made = [_user(*each) for each in described]
    session().add_all(made)
    session().flush()
    logins = [new_login(each, secrets.token_urlsafe(32), browser=OF_VERBS) for each in made]
    session().add_all(logins)
    session().flush()
    for someone, login, (at, _, authority) in zip(made, logins, described, strict=True):
        set_committed_value(someone, "provider", at)
        set_committed_value(someone, "authority", authority)
        someone.current_login = login.id
    return made


def _user(at: IdentityProvider, name: str, authority: Authority) -> User:
    return User(
        provider_id=at.id,
        issuer=at.issuer,
        subject=f"{at.slug}-{uuid.uuid4().hex[:8]}",
        authority_id=authority.id,
        name=name,
        title="",
        email="",
        language="en",
        time_zone="Europe/Paris",
    )


def police(at: IdentityProvider) -> Authority:
    """The authority that ``provider`` made, or the first: those of a row loaded earlier are in no order."""
    return min(at.authorities, key=lambda each: (each.code != f"{at.slug}-police", each.code))


def administrator(at: IdentityProvider, duty: Duty = Duty.NATIONAL_ADMINISTRATOR) -> User:
    """Somebody with a duty for a country, or for the installation."""
    with transaction():
        made = user(at, f"{duty.value.title()} {at.slug.upper()}")
        made.duty = duty
    return made


def proposal(at: IdentityProvider) -> ProviderProposal:
    """What an operator wants of this login, and no other has decided yet: a longer leeway."""
    proposer = administrator(at, Duty.OPERATOR)
    row = written(row_of(at)) | {"leeway": 90, "claim_map": {"name": "/name", "authority": "/office"}}
    made = ProviderProposal(slug=at.slug, row=row, base_version=at.version, proposed_by_id=proposer.id)
    with transaction():
        session().add(made)
    return made


def provider_test(someone: User, at: IdentityProvider) -> ProviderTest:
    """A test of this login that somebody has run, and not finished."""
    later = now() + dt.timedelta(hours=1)
    made = ProviderTest(provider_id=at.id, tested_by_id=someone.id, version=at.version, findings=[], expires_at=later)
    with transaction():
        session().add(made)
    return made
