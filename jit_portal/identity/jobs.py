"""What the worker does for people on its own: close accounts that nobody uses or confirms, end and forget what is
over."""

import procrastinate

from jit_portal.identity import accounts, endings, waiting

tasks = procrastinate.Blueprint()


@tasks.periodic(cron="7 * * * *")
@tasks.task(name="close", queueing_lock="identity:close")
def close(timestamp: int) -> None:
    accounts.close_what_is_due()


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="forget", queueing_lock="identity:forget")
def forget(timestamp: int) -> None:
    endings.end_what_is_over()
    waiting.forget_what_is_over()
