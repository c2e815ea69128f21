"""``python -m jit_portal.worker``: does the queued work; its heartbeat is a row of ``procrastinate_workers``."""

import asyncio
import logging
import signal
from typing import Any

import procrastinate

from jit_portal import database, jobs
from jit_portal.config import Settings
from jit_portal.files import keys, storage
from jit_portal.files.keys import FileKeyring
from jit_portal.web import logs

log = logging.getLogger(__name__)

AT_ONCE = 3


def in_own_session(call_next: Any, context: procrastinate.JobContext, worker: Any) -> Any:
    """Each job has a database session of its own, given back at its end."""
    try:
        return call_next()
    finally:
        database.leave()


async def work(app: procrastinate.App, *, forever: bool = True) -> None:
    """Do what is queued, until cancelled or until nothing is left."""
    async with app.open_async():
        await app.run_worker_async(
            wait=forever,
            concurrency=AT_ONCE,
            delete_jobs="successful",
            install_signal_handlers=False,
            shutdown_graceful_timeout=5,
            stalled_worker_timeout=jobs.FRESH,
            task_middleware=[in_own_session],
        )


async def serve(app: procrastinate.App) -> None:
    """Work until SIGTERM or SIGINT; when the database goes away, wait for it and say so."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    told = asyncio.create_task(stopping.wait())
    while not stopping.is_set():
        working = asyncio.create_task(work(app))
        await asyncio.wait({working, told}, return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        (outcome,) = await asyncio.gather(working, return_exceptions=True)
        if not stopping.is_set():
            log.error("the worker was interrupted and begins again", exc_info=outcome)
            await asyncio.wait({told}, timeout=2)


def main() -> None:
    settings = Settings.read()
    logs.start()
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    database.bind(settings.database_url, pool_size=AT_ONCE)
    storage.use(storage.Store.of(settings))
    keys.use(FileKeyring(settings.keyring))
    asyncio.run(serve(jobs.make_app(settings.database_url)))


if __name__ == "__main__":
    main()
