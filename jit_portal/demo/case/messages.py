"""The messages of the demo case.

A file of talk holds blocks: `channel <jit>/<channel>`, then `at <days>d <hours>h` for how long before now the talk
begins, then one line a message: minutes since the one before, the author's subject, a colon, the text. A backslash and
an n in a text stand for a new line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jit_portal.demo.case.tables import lines

_CHANNEL = re.compile(r"channel (?P<jit>\w+)/(?P<channel>\w+)")
_AT = re.compile(r"at (?P<days>\d+)d(?: (?P<hours>\d+)h)?")
_SAID = re.compile(r"(?P<gap>\d+) (?P<author>[a-z]{2}-\d{4}): (?P<text>.+)")


@dataclass(frozen=True)
class DemoMessage:
    """Something said in a channel, so many minutes before now; `@Name` mentions, [[exhibit:…]] and [[task:…]] cite."""

    jit: str
    channel: str
    author: str
    minutes_ago: int
    text: str


def _talk(name: str) -> Iterator[DemoMessage]:
    jit = channel = ""
    minutes = 0
    for line in lines(name):
        if found := _CHANNEL.fullmatch(line):
            jit, channel = found["jit"], found["channel"]
        elif found := _AT.fullmatch(line):
            minutes = (int(found["days"]) * 24 + int(found["hours"] or 0)) * 60
        elif found := _SAID.fullmatch(line):
            minutes -= int(found["gap"])
            yield DemoMessage(jit, channel, found["author"], minutes, found["text"].replace("\\n", "\n"))
        else:
            raise ValueError(f"{name}: not a line of talk: {line}")


TALKS = ("talk_lantern.txt", "talk_lantern_restricted.txt", "talk_others.txt")
MESSAGES = tuple(message for name in TALKS for message in _talk(name))
