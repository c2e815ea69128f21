"""What can be registered, by whom, and as what; whatever else comes is refused, with the reason."""

from collections.abc import Mapping
from typing import Any

from jit_portal import policy
from jit_portal.database import session
from jit_portal.errors import Invalid, Refused
from jit_portal.exhibits.descriptions import Description, is_marked, read
from jit_portal.identity.models import Authority, User
from jit_portal.vocabulary import HandlingCode, May, PartyKind
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Membership, Workspace
from jit_portal.workspaces.own import own_membership


def admitted(
    actor: User, workspace: Workspace, details: Mapping[str, Any], file_name: str
) -> tuple[Membership, Description]:
    """Through whose membership, and as what, such a file is registered; refused where it cannot be."""
    policy.require(actor, May.UPLOAD, workspace)
    said = read(details, file_name)
    member = own_membership(actor, workspace.id)
    refuse_unbuilt(member, said)
    _refuse_classified(said, file_name)
    refuse_foreign_authority(member, said)
    return member, said


def upload_refusal(member: Membership) -> str:
    """Why nothing can be uploaded through this membership yet, where that is so."""
    if member.party.kind == PartyKind.MEMBER_STATE and not member.is_outside_union:
        return ""
    return gettext(
        "Uploads by third countries and by bodies need the verification of Article 17(3), which this portal "
        "does not offer yet. Ask a member state's member to register the item."
    )


def refuse_unbuilt(member: Membership, said: Description) -> None:
    """Go on only if the portal can protect what comes through this membership under these handling codes."""
    if refusal := upload_refusal(member):
        raise Refused(refusal)
    if tuple(said.handling) != (HandlingCode.H0,):
        raise Refused(
            gettext(
                "Only handling code H0 can be given yet: the portal does not enforce H1, H2 and H3 so far, and does "
                "not take what it cannot protect."
            )
        )


def _refuse_classified(said: Description, file_name: str) -> None:
    refuse_marked(said.title, said.description, said.place, *said.tags, file_name)
    if not said.is_unclassified:
        raise Refused(
            gettext(
                "Classified information (EU RESTRICTED and above, or its national equal) may not be stored here. "
                "Confirm that the item is not classified, or send it through the channel for classified information."
            )
        )


def refuse_marked(*texts: str) -> None:
    """Go on only if none of the texts bears the marking of classified information."""
    if is_marked(*texts):
        raise Refused(
            gettext(
                "This bears a marking of classified information (EU RESTRICTED and above, or its national equal), "
                "which may not be stored here. Send it through the channel for classified information."
            )
        )


def refuse_foreign_authority(member: Membership, said: Description) -> None:
    """Go on only if the authority, where one is named, is one of the member's own country."""
    if said.authority_id is None:
        return
    authority = session().get(Authority, said.authority_id)
    if authority is None or authority.provider_id != member.party.provider_id:
        raise Invalid(gettext("This authority is not one of your country's."), field="authority")
