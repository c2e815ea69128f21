"""What each act on record is called to a reader."""

from flask_babel import lazy_gettext as _l

ACTS = {
    "agreement.amended": _l("Agreement drafted or changed"),
    "agreement.signed": _l("Signature recorded"),
    "board.opened": _l("Board opened"),
    "channel.opened": _l("Channel opened"),
    "country_rule.closed": _l("Country rule ended"),
    "country_rule.forbidden": _l("Forbid set"),
    "country_rule.released": _l("Standing release set"),
    "exhibit.accepted": _l("Exhibit accepted"),
    "exhibit.declined": _l("Exhibit declined"),
    "exhibit.described": _l("Exhibit described"),
    "exhibit.downloaded": _l("Exhibit downloaded"),
    "exhibit.handed_over": _l("Exhibit handed over"),
    "exhibit.read": _l("Exhibit opened"),
    "exhibit.reclassified": _l("Exhibit classified anew"),
    "exhibit.registered": _l("Exhibit registered"),
    "exhibit.released": _l("Exhibit released"),
    "exhibit.withdrawn": _l("Release withdrawn"),
    "membership.began": _l("Membership began"),
    "membership.ended": _l("Membership ended"),
    "message.edited": _l("Message edited"),
    "message.posted": _l("Message posted"),
    "message.withdrawn": _l("Message withdrawn"),
    "record.exported": _l("Record exported"),
    "task.assigned": _l("Task assigned"),
    "task.created": _l("Task created"),
    "task.moved": _l("Task moved"),
}


def label(act: str) -> str:
    """The act in the reader's language; its bare name where none is written down."""
    return str(ACTS.get(act, act))
