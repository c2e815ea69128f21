"""What the worker does for exhibits on its own: verify what has arrived, tell of windows that ended by the clock."""

import uuid

import procrastinate
from procrastinate.exceptions import JobAborted
from sqlalchemy.exc import OperationalError

from jit_portal.errors import StoreUnavailable
from jit_portal.exhibits import bytes as exhibit_bytes
from jit_portal.exhibits import releasing, windows
from jit_portal.workspaces import windows as memberships

tasks = procrastinate.Blueprint()


@tasks.task(
    name="verify",
    pass_context=True,
    retry=procrastinate.RetryStrategy(
        max_attempts=500, wait=2, linear_wait=3, retry_exceptions={StoreUnavailable, OperationalError, JobAborted}
    ),
)
def verify(context: procrastinate.JobContext, file_id: str) -> None:
    def go_on() -> None:
        if context.should_abort():
            raise JobAborted

    exhibit_bytes.verify(uuid.UUID(file_id), go_on)


@tasks.task(
    name="begin",
    retry=procrastinate.RetryStrategy(max_attempts=500, wait=2, linear_wait=3, retry_exceptions={OperationalError}),
)
def begin(release_id: str) -> None:
    releasing.begin(uuid.UUID(release_id))


@tasks.periodic(cron="* * * * * */20")
@tasks.task(name="sweep", queueing_lock="exhibits:sweep")
def sweep(timestamp: int) -> None:
    memberships.tell_of_changes()
    windows.tell_of_changes()
