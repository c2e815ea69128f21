"""What notices are about, and how each reaches its reader: as she chose, unless it guards her account or the portal."""

from flask_babel import lazy_gettext as _

from jit_portal.identity.models import User
from jit_portal.vocabulary import NoticeKind, NoticeTopic, NoticeWay

KINDS = {
    NoticeTopic.MENTIONS: {NoticeKind.MENTIONED},
    NoticeTopic.TASKS: {NoticeKind.ASSIGNED, NoticeKind.ASKED, NoticeKind.ASK_ACCEPTED, NoticeKind.ASK_DECLINED},
    NoticeTopic.EVIDENCE: {
        *(NoticeKind.RELEASED, NoticeKind.HANDED_OVER, NoticeKind.TAKEN_BACK),
        *(NoticeKind.ACCEPTED, NoticeKind.DECLINED),
        *(NoticeKind.ENTRUSTED, NoticeKind.ENTRUSTING_ENDED),
    },
}
"""Notices of other kinds are of no topic: they are counted, and nobody can choose otherwise."""

TOPIC_WORDS = {
    NoticeTopic.MENTIONS: _("When somebody mentions you"),
    NoticeTopic.TASKS: _(
        "When a task is given to you or asked of your party, or your question to another party is answered"
    ),
    NoticeTopic.EVIDENCE: _(
        "When evidence is released or handed over to you, what you hand over is answered, or releasing is entrusted "
        "to you"
    ),
}
WAY_WORDS = {
    NoticeWay.POP_UP: _("Show it on the page I am on, and count it"),
    NoticeWay.COUNT: _("Count it as unread"),
    NoticeWay.LIST: _("Only list it among my notices"),
}


def way(person: User, topic: NoticeTopic) -> NoticeWay:
    """How notices of this topic reach her; counted, where she chose nothing that is known here."""
    chosen = person.notice_ways.get(topic)
    return NoticeWay(chosen) if chosen in set(NoticeWay) else NoticeWay.COUNT


def topic_of(kind: NoticeKind) -> NoticeTopic | None:
    """What a notice of this kind is about; None where nobody chooses."""
    return next((topic for topic, kinds in KINDS.items() if kind in kinds), None)


def popping_up(person: User) -> set[NoticeKind]:
    """The kinds that she wants to see on the page she is on."""
    return {kind for topic, kinds in KINDS.items() if way(person, topic) == NoticeWay.POP_UP for kind in kinds}
