"""What each act on record is called to a reader."""

from flask_babel import lazy_gettext as _

ACTS = {
    "agreement.amended": _("Agreement drafted or changed"),
    "agreement.signed": _("Signature recorded"),
    "board.opened": _("Board opened"),
    "channel.opened": _("Channel opened"),
    "country_rule.closed": _("Country rule ended"),
    "country_rule.forbidden": _("Forbid set"),
    "country_rule.released": _("Standing release set"),
    "entrustment.ended": _("Entrusting ended"),
    "entrustment.made": _("Releases entrusted"),
    "exhibit.accepted": _("Exhibit accepted"),
    "exhibit.declined": _("Exhibit declined"),
    "exhibit.described": _("Exhibit described"),
    "exhibit.downloaded": _("Exhibit downloaded"),
    "exhibit.handed_over": _("Exhibit handed over"),
    "exhibit.opened": _("Exhibit opened"),
    "exhibit.read": _("Exhibit previewed"),
    "exhibit.reclassified": _("Exhibit classified anew"),
    "exhibit.registered": _("Exhibit registered"),
    "exhibit.released": _("Exhibit released"),
    "exhibit.taken_back": _("Exhibit taken back by its holder"),
    "exhibit.withdrawn": _("Release withdrawn"),
    "file.cancelled": _("Upload cancelled"),
    "file.mismatch": _("Bytes found not to be those that were sent"),
    "file.verified": _("Bytes verified"),
    "membership.began": _("Membership began"),
    "membership.ended": _("Membership ended"),
    "message.edited": _("Message edited"),
    "message.posted": _("Message posted"),
    "message.withdrawn": _("Message withdrawn"),
    "record.exported": _("Record exported"),
    "task.assigned": _("Task assigned"),
    "task.created": _("Task created"),
    "task.moved": _("Task moved"),
}


def label(act: str) -> str:
    """The act in the reader's language; its bare name where none is written down."""
    return str(ACTS.get(act, act))
