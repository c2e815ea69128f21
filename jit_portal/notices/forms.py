"""How somebody wants to be told."""

from flask_wtf import FlaskForm
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice

from jit_portal.identity.models import User
from jit_portal.notices.topics import TOPIC_WORDS, WAY_WORDS, way
from jit_portal.vocabulary import NoticeTopic, NoticeWay


def _field(topic: NoticeTopic) -> SelectField:
    return SelectField(TOPIC_WORDS[topic], choices=[SelectChoice(each.value, said) for each, said in WAY_WORDS.items()])


class NoticeWaysForm(FlaskForm):
    """The way of each topic."""

    mentions = _field(NoticeTopic.MENTIONS)
    tasks = _field(NoticeTopic.TASKS)
    evidence = _field(NoticeTopic.EVIDENCE)

    @classmethod
    def chosen_by(cls, person: User) -> "NoticeWaysForm":
        """As it stands; what a request sent is not looked at."""
        return cls(formdata=None, data={topic.value: way(person, topic) for topic in NoticeTopic})

    @property
    def ways(self) -> dict[NoticeTopic, NoticeWay]:
        return {topic: NoticeWay(self[topic.value].data) for topic in NoticeTopic}
