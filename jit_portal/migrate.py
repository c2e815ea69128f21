"""``python -m jit_portal.migrate``: bring the database to the newest shape, as its owner."""

import os
import sys

from alembic import command
from alembic.config import Config

from jit_portal.resources import MIGRATIONS


def configuration(owner_url: str) -> Config:
    """Alembic's settings for the database at ``owner_url``."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = owner_url
    return config


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Run every migration up to ``revision`` in one transaction, waiting for another that is at it."""
    command.upgrade(configuration(owner_url), revision)


if __name__ == "__main__":
    if "JIT_OWNER_DATABASE_URL" not in os.environ:
        sys.exit("JIT_OWNER_DATABASE_URL is missing: the address of the database as its owner.")
    upgrade(os.environ["JIT_OWNER_DATABASE_URL"])
