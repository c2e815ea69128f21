"""Signing in and being signed out: the portal's own share, the check of every request, and how soon it is over.

By hand: ``python -m benchmarks.signing_in``. PostgreSQL, ``web`` and the demo's national login
are real; load generator and servers share this machine. A round trip is the portal's two answers of one sign-in, in
this process and without a network, less what it waited for the login. 10,000 other sign-ins are live meanwhile. Chat is
measured in turns with and without 200 sign-ins a minute. What is over is timed from before the act until the socket is
cut.
"""

import asyncio
import datetime as dt
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import aiohttp
import requests
from flask import Flask
from sqlalchemy import event

from benchmarks.chat import Room, p95, people_of, providers, settings
from jit_portal import database, migrate
from jit_portal.config import Settings
from jit_portal.database import session, transaction
from jit_portal.demo import postgres
from jit_portal.demo.postgres import OWNER
from jit_portal.demo.providers.registration import rows
from jit_portal.demo.secrets import Secrets
from jit_portal.extensions import limiter
from jit_portal.identity import endings, registry, sessions
from jit_portal.identity.models import IdentityProvider, User
from jit_portal.identity.scim import tokens as scim_tokens
from jit_portal.identity.wire import Wire
from jit_portal.portal import create_app
from jit_portal.vocabulary import Duty
from tests import factories, services
from tests.factories import World
from tests.providers import logins
from tests.providers.logins import Demo
from tests.providers.visiting import Visitor
from tests.signing_in import Browser, known
from tests.web import Signed, Web, running_web

LIVE = 10_000
TRIPS = 200
CHECKS = 2_000
ENDINGS = 20
A_MINUTE = 200
ROUNDS = 3
MESSAGES = 40


@dataclass
class Bench:
    """Everything that runs, and who there is."""

    app: Flask
    web: Web
    login: Demo
    providers: dict[str, IdentityProvider]
    numbers: "count[int]" = field(default_factory=count)

    def world(self) -> World:
        """Another case of the same two countries."""
        here = {slug: session().merge(provider) for slug, provider in self.providers.items()}
        return factories.world(f"Case {next(self.numbers)}", ("fr", "nl"), here)


def many_sign_ins(world: World, how_many: int) -> list[str]:
    """So many live sign-ins of a quarter as many people; their tokens."""
    tokens = []
    with transaction():
        people = [world.join(f"member {number}", "fr") for number in range(how_many // 4)]
    for someone in people:
        tokens += [factories.login(someone) for _ in range(4)]
    return tokens


def round_trips(bench: Bench) -> str:
    """A person signs in again and again: what of each the portal spent itself."""
    waited = 0.0
    ask = Wire.request

    def timed(wire: Wire, *arguments: Any, **more: Any) -> requests.Response:
        nonlocal waited
        began = time.perf_counter()
        try:
            return ask(wire, *arguments, **more)
        finally:
            waited += time.perf_counter() - began

    Wire.request = timed  # type: ignore[assignment,method-assign]
    own, whole = [], []
    for turn in range(TRIPS + 10):
        limiter.reset()
        browser = Browser(bench.app)
        waited = 0.0
        began = time.perf_counter()
        address = browser.begin(bench.login.slug)
        there = time.perf_counter()
        query = browser.choose(address, subject=bench.login.someone)
        back = time.perf_counter()
        answer = browser.come_back(bench.login.slug, query)
        took = (time.perf_counter() - back) + (there - began)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/"), answer.text
        if turn >= 10:
            whole.append(took * 1000)
            own.append((took - waited) * 1000)
    Wire.request = ask  # type: ignore[method-assign]
    return (
        f"sign-in, the portal's own share: median {statistics.median(own):.1f} ms, p95 {p95(own):.1f}; "
        f"with its waits for the login: median {statistics.median(whole):.1f}, p95 {p95(whole):.1f}"
    )


def checks(bench: Bench, tokens: list[str]) -> str:
    """What every request asks first: whether this is a live login, and whose."""
    engine = bench.app.extensions["database"]
    asked = 0

    def one_more(*_: object) -> None:
        nonlocal asked
        asked += 1

    event.listen(engine, "before_cursor_execute", one_more)
    times = []
    for turn in range(CHECKS + 50):
        token = tokens[turn * 7919 % len(tokens)]
        began = time.perf_counter()
        found = sessions.load(token)
        took = time.perf_counter() - began
        assert found is not None
        database.leave()
        if turn == 49:
            asked = 0
        if turn >= 50:
            times.append(took * 1000)
    event.remove(engine, "before_cursor_execute", one_more)
    return (
        f"check of one request among {len(tokens):,} live sign-ins: median {statistics.median(times):.2f} ms, "
        f"p95 {p95(times):.2f}, {asked / CHECKS:.2f} statements"
    )


def chat(bench: Bench) -> str:
    """Chat to 20 people in turns with and without 200 sign-ins a minute."""
    providers.update({slug: session().merge(provider) for slug, provider in providers.items()})
    channel, tokens = people_of(20)
    room = Room(bench.web.origin, [f"{bench.web.cookie}={token}" for token in tokens], channel)
    return asyncio.run(_talk(bench, room))


async def _talk(bench: Bench, room: Room) -> str:
    quiet: list[float] = []
    busy: list[float] = []
    turns = count()
    done = 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        await room.enter(client)
        await _say(room, turns, 10)
        for _ in range(ROUNDS):
            quiet += await _say(room, turns, MESSAGES)
            over = threading.Event()
            with ThreadPoolExecutor(1) as apart:
                signing = apart.submit(_sign_in_steadily, bench, over)
                busy += await _say(room, turns, MESSAGES)
                over.set()
                done += await asyncio.to_thread(signing.result)
        await room.leave()
    return (
        f"chat to 20, all have it: at rest median {statistics.median(quiet):.1f} ms, p95 {p95(quiet):.1f}; during "
        f"{A_MINUTE} sign-ins a minute ({done} of them) median {statistics.median(busy):.1f}, p95 {p95(busy):.1f}: "
        f"{p95(busy) / p95(quiet):.2f} times"
    )


async def _say(room: Room, turns: "count[int]", messages: int) -> list[float]:
    taken = []
    for _ in range(messages):
        taken.append(max(await room.say(next(turns))))
        await asyncio.sleep(0.25)
    return taken


def visitor_from(bench: Bench, number: int) -> Visitor:
    """A browser at an address of its own: the tries of one address are few."""
    return Visitor(bench.web, address=f"198.18.{number // 250}.{number % 250 + 1}")


def _sign_in_steadily(bench: Bench, over: threading.Event) -> int:
    """As many as are due, each from another address; how many that were."""
    began = time.monotonic()
    for turn in count():
        if over.wait(max(0.0, began + turn * 60 / A_MINUTE - time.monotonic())):
            return turn
        answer = visitor_from(bench, turn).sign_in(bench.login)
        assert answer.status_code == 303, answer.text
    raise AssertionError


def by_button(bench: Bench, world: World) -> Callable[[], object]:
    member = world["fr_member"]
    login = session().scalars(factories.logins_of(member)).unique().first()
    assert login is not None
    return lambda: endings.end_one(member, login.id)


def by_directory(bench: Bench, world: World) -> Callable[[], object]:
    operator = factories.administrator(world.providers["fr"], Duty.OPERATOR)
    _, secret = scim_tokens.make(operator, "fr", dt.timedelta(days=1))
    change = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "active", "value": False}],
    }
    address = f"{bench.web.origin}/scim/v2/Users/{world['fr_member'].id}"
    headers = {"Authorization": f"Bearer {secret}"}
    # A directory has asked before: the first time in a process loads what answers it.
    requests.get(address, headers=headers, timeout=20).raise_for_status()
    return lambda: requests.patch(address, json=change, headers=headers, timeout=20).raise_for_status()


def sockets(bench: Bench, name: str, way: Callable[[Bench, World], Callable[[], object]]) -> str:
    """From the act until the open browser's socket is cut, and its next page refused."""
    times = []
    for _ in range(ENDINGS):
        world = bench.world()
        signed = bench.web.sign_in(world["fr_member"])
        ear = signed.connect()
        end = way(bench, world)
        began = time.perf_counter()
        end()
        ear.hear("disconnect")
        times.append((time.perf_counter() - began) * 1000)
        assert signed.get("/account", allow_redirects=False).status_code == 302
        ear.close()
    return f"over by {name}: socket cut after median {statistics.median(times):.0f} ms, at most {max(times):.0f}"


def at_the_provider(bench: Bench, someone: User) -> str:
    """The same, when the person signs out at the national login itself."""
    times = []
    for turn in range(ENDINGS):
        visitor = visitor_from(bench, turn)
        visitor.sign_in(bench.login)
        ear = Signed(bench.web, someone, visitor.cookies[bench.web.cookie]).connect()
        began = time.perf_counter()
        bench.login.leave(visitor.providers)
        ear.hear("disconnect")
        times.append((time.perf_counter() - began) * 1000)
        ear.close()
    return f"over at the national login: cut after median {statistics.median(times):.0f} ms, at most {max(times):.0f}"


def measure(bench: Bench) -> Iterator[str]:
    registry.ensure_providers([row for row in rows(bench.login.base) if row.slug == bench.login.slug])
    someone = known(bench.login.someone)
    tokens = many_sign_ins(bench.world(), LIVE)
    yield round_trips(bench)
    yield checks(bench, tokens)
    yield chat(bench)
    yield sockets(bench, "its person's button", by_button)
    yield sockets(bench, "its country's directory", by_directory)
    yield at_the_provider(bench, someone)


def main() -> None:
    print(f"{time.strftime('%Y-%m-%d')}, {platform.platform()}, {os.cpu_count()} cores for load and servers together")
    with services.scratch() as folder:
        cluster = postgres.prepare(folder, folder, Secrets())
        with services.running(cluster.component(), folder / "postgres.log"):
            cluster.make_roles()
            migrate.upgrade(cluster.url(OWNER))
            environ = settings(folder, cluster)
            with (
                running_web(environ, folder) as web,
                logins.running_demo(folder, web.origin, folder / "signing-key.json") as login,
            ):
                app = create_app(Settings.read({**environ, "JIT_ROLE": "web", "JIT_ORIGIN": web.origin}))
                with app.test_request_context():
                    providers.update(factories.world("First", ("fr", "nl")).providers)
                    login = replace(login, slug="ro", someone="ro-0001")
                    for line in measure(Bench(app, web, login, providers)):
                        print(line, flush=True)


if __name__ == "__main__":
    main()
