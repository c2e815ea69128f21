"""The migrations are one line, make exactly what the models say, and can be taken back."""

import re
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import jit_portal.models  # noqa: F401  (registers every table)
from jit_portal import migrate
from jit_portal.database import Model
from jit_portal.demo.postgres import APP, DATABASE, OWNER, Postgres

EMPTY = f"{DATABASE}_empty"


@pytest.fixture
def empty(cluster: Postgres) -> Iterator[Postgres]:
    """Another database on the same server, with the rights of the first and no table."""
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {EMPTY}")
        connection.execute(f"CREATE DATABASE {EMPTY} OWNER {OWNER}")
    cluster.give_rights(EMPTY)
    yield cluster
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {EMPTY} WITH (FORCE)")


def shape(url: str) -> dict[str, object]:
    """Tables with their columns, functions, triggers, indices and rights, as the catalogue has them."""
    queries = {
        "columns": """SELECT table_name, column_name, data_type, is_nullable, column_default
            FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'""",
        "functions": "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
        "types": """SELECT typname FROM pg_type
            WHERE typnamespace = 'public'::regnamespace AND typname !~ 'alembic_version'""",
        "triggers": "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal",
        "indices": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
        "constraints": """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace AND conname !~ 'alembic_version'""",
    }
    with psycopg.connect(url) as connection:
        return {kind: sorted(map(str, connection.execute(query).fetchall())) for kind, query in queries.items()}


def test_there_is_one_head_and_revisions_are_numbered() -> None:
    scripts = ScriptDirectory.from_config(migrate.configuration("postgresql://"))
    assert len(scripts.get_heads()) == 1
    numbers = [script.revision for script in scripts.walk_revisions()]
    assert numbers == [f"{number:04}" for number in range(len(numbers), 0, -1)]


def test_models_and_migrations_are_equal(cluster: Postgres) -> None:
    engine = sa.create_engine(cluster.url(OWNER), poolclass=sa.NullPool)
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_name": lambda name, kind, parents: not (kind == "table" and str(name).startswith("procrastinate_")),
    }
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Model.metadata) == []


def test_check_constraints_are_equal(cluster: Postgres) -> None:
    """Alembic does not compare these; the models name every one of them."""
    named = {
        (table.name, str(constraint.name))
        for table in Model.metadata.sorted_tables
        for constraint in table.constraints
        if isinstance(constraint, sa.CheckConstraint)
    }
    with psycopg.connect(cluster.url(OWNER)) as connection:
        kept = connection.execute(
            """SELECT relname, conname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
            WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND relname !~ '^procrastinate_'"""
        ).fetchall()
    assert set(kept) == named


def test_each_migration_can_be_taken_back_and_made_again(empty: Postgres) -> None:
    url = empty.url(OWNER, EMPTY)
    config = migrate.configuration(url)
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    before = {}
    for revision in revisions:
        before[revision] = shape(url)
        command.upgrade(config, revision)
    whole = shape(url)
    for revision in reversed(revisions):
        command.downgrade(config, "-1")
        assert shape(url) == before[revision], f"{revision} leaves something behind"
    migrate.upgrade(url)
    assert shape(url) == whole


def test_the_app_may_use_every_table_and_rewrite_no_record(cluster: Postgres) -> None:
    with psycopg.connect(cluster.url(APP)) as connection:
        rights = connection.execute(
            """SELECT tablename, has_table_privilege(tablename::regclass, 'SELECT'),
                has_table_privilege(tablename::regclass, 'INSERT'),
                has_table_privilege(tablename::regclass, 'UPDATE')
                    OR has_any_column_privilege(tablename::regclass, 'UPDATE'),
                has_table_privilege(tablename::regclass, 'DELETE'),
                has_table_privilege(tablename::regclass, 'TRUNCATE')
            FROM pg_tables WHERE schemaname = 'public'"""
        ).fetchall()
    by_table = {re.sub('"', "", table): may for table, *may in rights}
    assert by_table["ledger_entry"] == [True, True, False, False, False]
    assert all(may[0] for may in by_table.values())
    assert not any(may[4] for may in by_table.values())
