"""The record: entries a second with four writers, the time of one fsync, and verifying a million entries.

By hand: ``python -m benchmarks.record``. Load and database share this machine. Prints one table.
"""

import os
import statistics
import tempfile
import threading
import time
import uuid
from pathlib import Path

import psycopg
import sqlalchemy as sa

from jit_portal import migrate
from jit_portal.audit.proof import verify
from jit_portal.demo import postgres
from jit_portal.demo.postgres import APP, OWNER
from jit_portal.demo.secrets import Secrets
from tests import services

WRITERS = 4
SECONDS = 5
RUNS = 3
ENTRIES = 1_000_000

INSERT = """
INSERT INTO ledger_entry (id, chain, zone, actor_id, actor_name, actor_country, actor_authority, act, outcome, noun,
    object_id, reference, details)
VALUES (gen_random_uuid(), %s, 'Europe/Paris', gen_random_uuid(), 'A. Member', 'FR', 'Criminal Police', 'exhibit.read',
    'done', 'exhibit', gen_random_uuid(), 'FR-0001', '{"sha256":"0"}')
"""


def fsync_milliseconds(folder: Path) -> float:
    """Median time to make 8 kB durable, as a commit does."""
    taken = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(b"x" * 8192)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def entries_per_second(url: str, chains: list[uuid.UUID]) -> float:
    """Committed entries a second by four writers, each entry a transaction of its own."""
    counts = [0] * WRITERS
    stop = threading.Event()

    def write(number: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute(INSERT, [chains[number % len(chains)]])
                counts[number] += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


def main() -> None:
    with services.scratch() as folder:
        cluster = postgres.prepare(folder, folder, Secrets())
        with services.running(cluster.component(), folder / "postgres.log"):
            cluster.make_roles()
            migrate.upgrade(cluster.url(OWNER))
            one = [entries_per_second(cluster.url(APP), [uuid.uuid4()]) for _ in range(RUNS)]
            four = [entries_per_second(cluster.url(APP), [uuid.uuid4() for _ in range(4)]) for _ in range(RUNS)]
            with psycopg.connect(cluster.url(APP)) as connection:
                chain = uuid.uuid4()
                with connection.cursor() as cursor:
                    for _ in range(ENTRIES // 10_000):
                        cursor.executemany(INSERT, [[chain]] * 10_000)
                        connection.commit()
            engine = sa.create_engine(cluster.url(APP))
            with engine.connect() as checked:
                began = time.perf_counter()
                verdicts = list(verify(checked))
                taken = time.perf_counter() - began
            with tempfile.TemporaryDirectory(dir=folder) as beside:
                fsync = fsync_milliseconds(Path(beside))
    total = sum(verdict.entries for verdict in verdicts)
    assert all(verdict.broken_at is None for verdict in verdicts)
    print("| what | median | runs |")
    print("|---|---|---|")
    print(f"| fsync of 8 kB | {fsync:.2f} ms | 200 |")
    print(f"| entries a second, 4 writers, one chain | {statistics.median(one):.0f} | {[round(x) for x in one]} |")
    print(f"| entries a second, 4 writers, four chains | {statistics.median(four):.0f} | {[round(x) for x in four]} |")
    print(f"| verifying {total:,} entries | {taken:.1f} s ({60 * total / taken / 1e6:.1f} million a minute) | 1 |")


if __name__ == "__main__":
    main()
