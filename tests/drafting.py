"""What tests of drafting start from: five national logins with people, the terms of an agreement, and its signing."""

import dataclasses
import datetime as dt
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from jit_portal import policy
from jit_portal.database import session, transaction
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.jits import documents, service, signing
from jit_portal.jits.models import Agreement
from jit_portal.jits.signing import Signature
from jit_portal.jits.terms import NamedParty, Terms
from jit_portal.jits.words import ROLES_OF
from jit_portal.vocabulary import May, PartyKind
from jit_portal.workspaces.models import Membership, Workspace
from tests import factories

UNCHECKED = {"policy": True}
PDF = b"%PDF-1.7\nthe signed agreement\n%%EOF"
TODAY = dt.datetime.now(dt.UTC).date()
SLUGS = ("fr", "nl", "ro", "al", "eu")
HOSTILE = '"><script>alert(1)</script><b onclick=x>'
Browse = Callable[[User], FlaskClient]


@dataclass
class Desk:
    """National logins and two people of each: ``fr_one``, ``fr_two``, …"""

    providers: dict[str, IdentityProvider] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)

    def __getitem__(self, name: str) -> User:
        return self.people[name]

    def named(self, slug: str, leader: str = "one", **more: Any) -> NamedParty:
        """A party with its leader (none for a body), every role it can have, and for ``fr`` the space administrator."""
        provider = self.providers[slug]
        is_state = provider.kind in (PartyKind.MEMBER_STATE, PartyKind.THIRD_COUNTRY)
        said = NamedParty(
            provider_id=provider.id,
            roles=ROLES_OF[provider.kind],
            leaders=(self[f"{slug}_{leader}"].id,) if is_state else (),
            administrators=(self["fr_one"].id,) if slug == "fr" else (),
        )
        return dataclasses.replace(said, **more)

    def terms(self, *slugs: str, **more: Any) -> Terms:
        said = Terms(
            reference="JIT-2026-0318",
            name="Heron",
            purpose="Forged residence documents.",
            legal_bases=("EU-MLA2000-13",),
            states_of_operation=("FR", "NL"),
            starts_on=TODAY - dt.timedelta(days=1),
            ends_on=TODAY + dt.timedelta(days=300),
            time_zone="Europe/Paris",
            parties=tuple(self.named(slug) for slug in slugs or ("fr", "nl")),
        )
        return dataclasses.replace(said, **more)

    def begin(self, *slugs: str, **more: Any) -> Agreement:
        return service.begin(self["fr_one"], self.terms(*slugs, **more))

    def in_force(self, *slugs: str, **more: Any) -> Agreement:
        """A JIT whose first version every party has signed, drafted by ``fr_one``."""
        return self.sign(self.begin(*slugs, **more), everybody="fr_one")

    def sign(self, agreement: Agreement, everybody: str | None = None) -> Agreement:
        """Attach a document and record every signature, by the leaders ``<slug>_one`` or by one person for all."""
        attacher = self[everybody or "fr_one"]
        if agreement.document_sha256 is None:
            documents.attach(attacher, agreement, "agreement.pdf", io.BytesIO(PDF), agreement.edition)
        for named in sorted(agreement.named_parties, key=lambda each: each.party.country == "EUROJUST"):
            slug = "eu" if named.party.country == "EUROJUST" else named.party.country.lower()
            by = everybody or ("fr_one" if slug == "eu" else f"{slug}_one")
            sign_for(self[by], agreement, slug, self)
        return agreement


def desk() -> Desk:
    made = Desk()
    with transaction():
        for slug in SLUGS:
            made.providers[slug] = factories.provider(slug)
            for place in ("one", "two"):
                made.people[f"{slug}_{place}"] = factories.user(made.providers[slug], f"{slug.upper()} {place.title()}")
    return made


def sign_for(actor: User, agreement: Agreement, slug: str, at: Desk) -> Agreement:
    """Record the signature of one party."""
    party = next(each for each in agreement.named_parties if each.party.provider_id == at.providers[slug].id)
    return signing.record_signature(
        actor, agreement, party.party_id, Signature("Somebody", TODAY, "Paris"), agreement.edition
    )


def workspace_of(agreement: Agreement) -> Workspace | None:
    found = select(Workspace).where(Workspace.jit_id == agreement.jit_id)
    return session().scalar(found.execution_options(**UNCHECKED))


def submit(client: FlaskClient, page: str, path: str, data: Mapping[str, Any], **more: Any) -> TestResponse:
    """Send a form as the page at ``page`` would: with its token."""
    token = re.search(r'name="csrf-token" content="([^"]+)"', client.get(page).text)
    assert token is not None
    return client.post(path, data={**data, "csrf_token": token[1]}, headers={"Referer": "https://localhost/"}, **more)


def typed(at: Desk, terms: Terms, **more: str) -> dict[str, Any]:
    """The fields of the draft's page as a browser sends them."""
    slugs = {provider.id: slug for slug, provider in at.providers.items()}
    sent: dict[str, Any] = {
        "reference": terms.reference,
        "name": terms.name,
        "purpose": terms.purpose,
        "legal_bases": list(terms.legal_bases),
        "states_of_operation": list(terms.states_of_operation),
        "starts_on": terms.starts_on.isoformat(),
        "ends_on": terms.ends_on.isoformat(),
        "time_zone": terms.time_zone,
        "controller": str(terms.controller or ""),
    }
    for named in terms.parties:
        prefix = f"{slugs[named.provider_id]}-"
        sent |= {
            f"{prefix}is_party": "y",
            f"{prefix}roles": [role.value for role in named.roles],
            f"{prefix}leaders": [str(id) for id in named.leaders],
            f"{prefix}administrators": [str(id) for id in named.administrators],
            f"{prefix}invites_until": named.invites_until.isoformat() if named.invites_until else "",
        }
    return {**sent, **more}


@pytest.fixture
def at(app: Flask) -> Iterator[Desk]:
    with app.test_request_context():
        yield desk()


def members(agreement: Agreement) -> dict[str, Membership]:
    """Who is in the workspace now, by name."""
    space = workspace_of(agreement)
    assert space is not None
    live = policy.person.live(Membership.live_from, Membership.live_until)
    found = select(Membership).where(Membership.workspace_id == space.id, live).execution_options(**UNCHECKED)
    return {member.user.name: member for member in session().scalars(found).unique()}


def sees(person: User, agreement: Agreement) -> bool:
    space = workspace_of(agreement)
    return space is not None and policy.may(person, May.SEE, space)


def world_of(agreement: Agreement, space: Workspace, at: Desk) -> factories.World:
    parties = {
        slug: named.party
        for named in agreement.named_parties
        for slug, provider in at.providers.items()
        if provider.id == named.party.provider_id
    }
    people = {f"{slug}_member": at[f"{slug}_one"] for slug in parties}
    return factories.World(agreement.jit, space, agreement, at.providers, parties, people)
