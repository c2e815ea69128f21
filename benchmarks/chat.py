"""Chat: from emit until every socket has it, at 20, 50 and 200 receivers, beside a bare Flask-SocketIO relay.

By hand: ``python -m benchmarks.chat``. The portal's message is ruled, persisted, and its act sealed on the record, all
durably committed before anybody hears of it; the relay hands on what it gets. Both run under gunicorn with one gevent
worker; load generator, servers and database share this machine. Messages to the one and to the other take turns.
"""

import asyncio
import json
import os
import platform
import statistics
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import requests

from jit_portal import database, migrate
from jit_portal.database import session
from jit_portal.demo import postgres
from jit_portal.demo.postgres import APP, OWNER
from jit_portal.demo.process import Component
from jit_portal.demo.secrets import Secrets, make_signing_key
from jit_portal.files.keys import FileKeyring
from jit_portal.identity.models import IdentityProvider
from tests import factories, services
from tests.web import Web, running_web

RECEIVERS = (20, 50, 200)
MESSAGES = 60
WARM_UP = 10
PAUSE = 0.12
TEXT = "Mailbox 3 of 7 is out. The invoices link the carrier to two of the accounts; the judge sits tomorrow at ten."


@dataclass
class Room:
    """Everybody's sockets at one server, and when each had the message that is under way."""

    origin: str
    cookies: list[str]
    channel: str
    sockets: list[aiohttp.ClientWebSocketResponse] = field(default_factory=list)
    had_it: list[float] = field(default_factory=list)
    everybody: asyncio.Event = field(default_factory=asyncio.Event)
    readers: list["asyncio.Task[None]"] = field(default_factory=list)

    async def enter(self, client: aiohttp.ClientSession) -> None:
        for cookie in self.cookies:
            address = f"{self.origin}/socket.io/?EIO=4&transport=websocket"
            socket = await client.ws_connect(address, headers={"Cookie": cookie, "Origin": self.origin})
            await socket.receive_str()
            await socket.send_str("40")
            assert (await socket.receive_str()).startswith("40")
            self.sockets.append(socket)
            self.readers.append(asyncio.create_task(self._listen(socket)))

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            now = time.perf_counter()
            said = str(frame.data)
            if said == "2":
                await socket.send_str("3")
            elif said.startswith('42["message"'):
                self.had_it.append(now)
                if len(self.had_it) == len(self.sockets):
                    self.everybody.set()
            elif said.startswith("43"):
                assert '"ok":true' in said, said

    async def say(self, turn: int) -> list[float]:
        """Milliseconds from emit until each socket had it, the slowest last."""
        self.had_it.clear()
        self.everybody.clear()
        said = {"channel": self.channel, "text": TEXT, "token": str(uuid.uuid4())}
        packet = f"42{turn}" + json.dumps(["message:post", said])
        began = time.perf_counter()
        await self.sockets[turn % len(self.sockets)].send_str(packet)
        await asyncio.wait_for(self.everybody.wait(), 20)
        return [(at - began) * 1000 for at in self.had_it]

    async def leave(self) -> None:
        for reader in self.readers:
            reader.cancel()
        for socket in self.sockets:
            await socket.close()


async def take_turns(portal: Room, relay: Room) -> tuple[list[list[float]], list[list[float]]]:
    """What each message took, at the portal and at the relay."""
    taken: tuple[list[list[float]], list[list[float]]] = ([], [])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        for room in (portal, relay):
            await room.enter(client)
        for turn in range(WARM_UP + MESSAGES):
            for room, kept in zip((portal, relay), taken, strict=True):
                times = await room.say(turn)
                if turn >= WARM_UP:
                    kept.append(times)
                await asyncio.sleep(PAUSE)
        for room in (portal, relay):
            await room.leave()
    return taken


def settings(folder: Path, cluster: postgres.Postgres) -> dict[str, str]:
    """The environment of a portal whose store is not there: chat needs none."""
    make_signing_key(folder / "signing-key.json")
    FileKeyring.create(folder / "keyring.json")
    return {
        "JIT_INSTANCE": "bench",
        "JIT_DATABASE_URL": cluster.url(APP),
        "JIT_STORE_ENDPOINT": "127.0.0.1:9",
        "JIT_STORE_SECURE": "0",
        "JIT_STORE_ACCESS_KEY": "none",
        "JIT_STORE_SECRET_KEY": "none",
        "JIT_STORE_BUCKET": "none",
        "JIT_KEYRING": str(folder / "keyring.json"),
        "JIT_SECRET_KEY": "only for this benchmark, never anywhere else",
        "JIT_SIGNING_KEY": str(folder / "signing-key.json"),
        "JIT_PROXY_HOPS": "1",
        "PATH": os.environ["PATH"],
    }


@contextmanager
def running_relay(folder: Path) -> Iterator[str]:
    port = services.free_ports(1)
    component = Component(
        name="relay",
        argv=[
            *(sys.executable, "-m", "gunicorn", "--no-control-socket", "--worker-class=gevent", "--workers=1"),
            *(f"--bind=127.0.0.1:{port}", "benchmarks.relay:app"),
        ],
        environ={"PATH": os.environ["PATH"]},
        ready=lambda: requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code == 200,
        cwd=Path(__file__).parent.parent,
    )
    with services.running(component, folder / "relay.log"):
        yield f"http://127.0.0.1:{port}"


def people_of(count: int) -> tuple[str, list[str]]:
    """A channel that ``count`` people of two countries hear, and a login of each."""
    world = factories.world(f"With {count}", ("fr", "nl"), providers)
    providers.update(world.providers)
    people = [world[name] for name in ("fr_leader", "fr_member", "nl_leader", "nl_member")]
    people += [world.join(f"member {number}", "fr" if number % 2 else "nl") for number in range(count - len(people))]
    session().commit()
    channel = factories.channel(world)
    return str(channel.id), [factories.login(someone) for someone in people]


providers: dict[str, IdentityProvider] = {}
"""The logins that every case of a benchmark shares."""


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def measure(count: int, web: Web, relay: str) -> str:
    channel, logins = people_of(count)
    portal_room = Room(web.origin, [f"{web.cookie}={login}" for login in logins], channel)
    portal, bare = asyncio.run(take_turns(portal_room, Room(relay, [""] * count, channel)))
    columns = []
    for taken in (portal, bare):
        slowest = [max(times) for times in taken]
        receipts = [each for times in taken for each in times]
        columns += [statistics.median(slowest), p95(slowest), p95(receipts)]
    ratios = statistics.median(max(ours) / max(theirs) for ours, theirs in zip(portal, bare, strict=True))
    figures = " | ".join(f"{value:5.1f}" for value in columns)
    return f"| {count:3} | {figures} | {ratios:4.1f} | {columns[1] / columns[4]:4.1f} |"


def main() -> None:
    with services.scratch() as folder:
        cluster = postgres.prepare(folder, folder, Secrets())
        with services.running(cluster.component(), folder / "postgres.log"):
            cluster.make_roles()
            migrate.upgrade(cluster.url(OWNER))
            environ = settings(folder, cluster)
            database.bind(cluster.url(APP))
            with running_web(environ, folder) as web, running_relay(folder) as relay:
                rows = [measure(count, web, relay) for count in RECEIVERS]
    print(f"{time.strftime('%Y-%m-%d')}, {platform.platform()}, {os.cpu_count()} cores for load and servers together")
    print(f"milliseconds over {MESSAGES} messages, which took turns")
    columns = (
        "to",
        "portal: all have it, median",
        "p95",
        "each, p95",
        "relay: all have it, median",
        "p95",
        "each, p95",
    )
    print("|", " | ".join((*columns, "median ratio", "ratio of p95")), "|")
    print("|---:" * 9 + "|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
