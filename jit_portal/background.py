"""Work that outlasts a request: queued in the transaction of the act that causes it, done by the worker."""

import datetime as dt
from typing import Any

import procrastinate

from jit_portal.database import session

WORKER = "jit-portal-worker"
"""What a worker calls its lines to the database: they end with its process, however it ends."""

_queue = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())


def enqueue(task: str, *, due: dt.datetime | None = None, **arguments: Any) -> None:
    """Queue ``task`` (``package:name``) in the open transaction: a rolled-back act leaves no job.

    It is done at once, or once it is ``due``. Jobs may run more than once; ``arguments`` are what JSON can hold.
    """
    connection = session().connection().connection.driver_connection
    _queue.configure_task(task, connection=connection, schedule_at=due).defer(**arguments)
