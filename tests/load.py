"""People who go on with what they do, whatever becomes of the portal's database: they talk, read, and move a card."""

import itertools
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Event

import requests

from jit_portal import policy
from jit_portal.database import session
from jit_portal.messages.models import Channel, Message
from jit_portal.tasks import service as tasks
from tests import factories
from tests.factories import World
from tests.test_worker import wait_until
from tests.web import PATIENCE, Ear, Signed

LONGEST = 60.0
"""Seconds that anything here may take: a dozen people ask one process as fast as it answers."""
Answer = tuple[int, str]
Say = Callable[[str, uuid.UUID], Answer]


class Load:
    """What people go on doing, each in a thread of their own, until it is over; and what they were answered."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.answers: defaultdict[str, list[Answer]] = defaultdict(list)
        self.acknowledged: list[str] = []
        self.editions: list[int] = []
        self._threads = threads
        self._begun: list[Future[None]] = []
        self._over = Event()

    def read(self, signed: Signed, path: str) -> None:
        """Open this page again and again."""

        def go_on() -> None:
            while not self._over.wait(0.3):
                answer = signed.get(path)
                self.answers[path].append((answer.status_code, answer.text))

        self._begun.append(self._threads.submit(go_on))

    def talk(self, name: str, say: Say) -> None:
        """Say one thing after another, each until it is acknowledged, and then, as by a double click, once more."""

        def go_on() -> None:
            for number in itertools.count(1):
                if self._over.wait(0.4):
                    return
                text, token = f"{name} {number}", uuid.uuid4()
                for _ in range(2):
                    self._insist(name, partial(say, text, token))
                self.acknowledged.append(text)

        self._begun.append(self._threads.submit(go_on))

    def move(self, ear: Ear, task: uuid.UUID, columns: list[uuid.UUID]) -> None:
        """Bring a new card to one column after another, each time until it is there, and then once more."""
        edition = 1

        def bring(to: uuid.UUID) -> Answer:
            answer = ear.ask("task:move", {"task": str(task), "edition": edition, "column": str(to)})
            if answer["ok"]:
                self.editions.append(answer["place"]["edition"])
            return answer.get("status", 200), answer.get("reason", "")

        def go_on() -> None:
            nonlocal edition
            for column in itertools.cycle(columns):
                if self._over.wait(0.4):
                    return
                for _ in range(2):
                    self._insist("card", partial(bring, column))
                edition += 1

        self._begun.append(self._threads.submit(go_on))

    def _insist(self, name: str, act: Callable[[], Answer]) -> None:
        end = time.monotonic() + LONGEST
        while True:
            self.answers[name].append(act())
            if self.answers[name][-1][0] == 200:
                return
            assert time.monotonic() < end, self.answers[name][-1]
            time.sleep(0.2)

    def end(self) -> None:
        self._over.set()
        for each in self._begun:
            each.result(2 * LONGEST)

    def meets(self, status: int, times: int) -> None:
        """Wait until everybody has been answered so, so many times from now on."""
        before = {name: len(answers) for name, answers in self.answers.items()}
        end = time.monotonic() + LONGEST

        def met() -> dict[str, list[int]]:
            return {name: [said for said, _ in list(self.answers[name])[begun:]] for name, begun in before.items()}

        while any(said.count(status) < times for said in met().values()):
            for each in self._begun:
                if each.done():
                    each.result()
            assert time.monotonic() < end, met()
            time.sleep(0.05)

    def begins(self) -> None:
        """Wait until everybody has begun."""
        wait_until(lambda: len(self.answers) == len(self._begun), LONGEST)


def by_socket(ear: Ear, channel: Channel) -> Say:
    def say(text: str, token: uuid.UUID) -> tuple[int, str]:
        answer = ear.post(channel.id, text, token)
        return answer.get("status", 200), answer.get("reason", "")

    return say


def by_page(signed: Signed, channel: Channel) -> Say:
    headers = signed.open_form()

    def say(text: str, token: uuid.UUID) -> tuple[int, str]:
        address = f"{signed.web.origin}/channels/{channel.id}/messages"
        sent = {"text": text, "token": str(token)}
        answer = requests.post(address, sent, headers=headers, timeout=PATIENCE, allow_redirects=False)
        return 200 if answer.status_code == 303 else answer.status_code, answer.text

    return say


def card(world: World) -> tuple[uuid.UUID, list[uuid.UUID]]:
    """A card, and the columns that it can be brought to in turn."""
    board = session().merge(factories.board(world))
    first, second, *_ = (column.id for column in board.columns)
    return tasks.create_task(world["fr_leader"], board.id, first, "Trace the lorry").id, [second, first]


def pages_of(world: World, task: uuid.UUID) -> list[str]:
    exhibit, space = factories.exhibit(world, "fr"), f"/workspaces/{world.workspace.id}"
    within = [f"{space}/{part}" for part in ("chat", "board", "vault", "record")]
    return ["/", "/account", *within, f"/tasks/{task}", f"/exhibits/{exhibit.id}"]


def said_in(world: World, channel: Channel) -> list[tuple[int, str]]:
    heard = policy.which(world["fr_leader"], Message).where(Message.channel_id == channel.id)
    return [(message.number, message.text) for message in session().scalars(heard.order_by(Message.number)).unique()]
