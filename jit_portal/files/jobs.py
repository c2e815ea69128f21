"""What the worker does for files on its own: end uploads that nobody goes on with, and clear the store after them."""

import procrastinate

from jit_portal.errors import StoreUnavailable
from jit_portal.files import service as files

tasks = procrastinate.Blueprint()

_WHEN_THE_STORE_IS_BACK = procrastinate.RetryStrategy(
    max_attempts=500, wait=2, linear_wait=3, retry_exceptions={StoreUnavailable}
)


@tasks.task(name="abort", retry=_WHEN_THE_STORE_IS_BACK)
def abort(object_name: str, upload: str) -> None:
    files.clear_away(object_name, upload)


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="expire", queueing_lock="files:expire")
def expire(timestamp: int) -> None:
    files.expire()
