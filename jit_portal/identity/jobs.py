"""What the worker does for people on its own: close the accounts that nobody uses or confirms."""

import procrastinate

from jit_portal.identity import accounts

tasks = procrastinate.Blueprint()


@tasks.periodic(cron="7 * * * *")
@tasks.task(name="close", queueing_lock="identity:close")
def close(timestamp: int) -> None:
    accounts.close_what_is_due()
