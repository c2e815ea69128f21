"""Every task that a worker does, in one queue; and the queue's own, which does again what a dead worker had begun."""

import logging

import procrastinate
from procrastinate.exceptions import ConnectorException
from psycopg.errors import RaiseException

from jit_portal.background import WORKER
from jit_portal.exhibits import jobs as exhibits
from jit_portal.files import jobs as files
from jit_portal.identity import jobs as identity

log = logging.getLogger(__name__)

FRESH = 30
"""For so many seconds a worker is taken to live without a heartbeat."""

queue = procrastinate.Blueprint()


@queue.periodic(cron="* * * * *")
@queue.task(name="retry_stalled", queueing_lock="queue:retry_stalled", pass_context=True)
async def retry_stalled(context: procrastinate.JobContext, timestamp: int) -> None:
    """Do again what a worker had begun that no longer lives."""
    jobs = context.app.job_manager
    for job in await jobs.get_stalled_jobs(seconds_since_heartbeat=FRESH):
        try:
            await jobs.retry_job(job)
        except ConnectorException as error:
            if not isinstance(error.__cause__, RaiseException):
                raise
            # Another worker came by at the same moment, and had it done again before.
        else:
            log.warning("a job is done again: its worker is gone", extra={"job": job.id, "task": job.task_name})


def make_app(database_url: str) -> procrastinate.App:
    """Every task there is, over the queue in this database; once a process."""
    named = {"application_name": WORKER}
    connector = procrastinate.PsycopgConnector(conninfo=database_url, kwargs=named, min_size=1, max_size=8)
    app = procrastinate.App(connector=connector)
    app.add_tasks_from(queue, namespace="queue")
    app.add_tasks_from(files.tasks, namespace="files")
    app.add_tasks_from(exhibits.tasks, namespace="exhibits")
    app.add_tasks_from(identity.tasks, namespace="identity")
    return app
