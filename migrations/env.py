"""How Alembic meets the portal: as the owner of the database, every model known, one upgrade at a time."""

import os
from typing import Any

import sqlalchemy as sa
from alembic import context

import jit_portal.models  # noqa: F401  (registers every table)
from jit_portal.database import Model

_ONE_AT_A_TIME = 5_480_117


def is_ours(name: str | None, kind: str, parents: Any) -> bool:
    """Leave out what the job queue's own migrations keep."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


def run() -> None:
    """Migrate at the address given by the caller or the environment."""
    url = context.config.attributes.get("url") or os.environ["JIT_OWNER_DATABASE_URL"]
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Model.metadata,
            include_name=is_ours,
            compare_type=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
            context.run_migrations()


run()
