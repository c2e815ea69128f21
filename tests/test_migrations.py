"""One line of migrations, equal to the models, up and down; and what the portal's own role cannot do."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from psycopg import sql

import jit_portal.models  # noqa: F401  (registers every table)
from jit_portal import migrate
from jit_portal.audit import service as audit
from jit_portal.database import Model, session, transaction
from jit_portal.demo.postgres import APP, OWNER, Postgres
from jit_portal.exhibits.models import Exhibit, Release
from tests import factories
from tests.waiting import until_somebody_waits

APPEND_ONLY = {"ledger_entry", "custody_event", "message_edition"}
CLOSED_NEVER_CHANGED = {
    "release": {"live_until", "withdrawn_by_id", "withdrawn_because"},
    "country_rule": {"live_until", "closed_by_id"},
    "entrustment": {"live_until", "closed_by_id"},
    "provider_proposal": {"decided_at", "decided_by_id", "is_approved"},
    "proposed_closing": {"decided_at", "decided_by_id", "is_approved"},
    "scim_token": {"revoked_at"},
    "glass_account": {"enrolled_at"},
    "glass_opening": set(),
}
COUNTED_UP = {"passkey": {"sign_count", "last_used_at", "flagged_at"}}
"""What may be deleted, and of which only these columns change."""
NEVER_DELETED = {"exhibit", "stored_file", "message", "task", "membership", "agreement", "jit", "user"}
CHANGED_FREELY = {
    *("agreement_party", "agreement_person", "announced_person", "authority", "board", "board_column", "board_party"),
    *("board_person", "channel", "channel_party", "channel_person", "exhibit_tag", "glass_challenge"),
    *("identity_provider", "invitation", "login_attempt", "login_session", "membership_principal"),
    *("message_reference", "notice", "party", "passkey_challenge", "principal", "provider_test", "read_mark", "shelf"),
    *("spent_token", "task_change", "task_reference", "vault_visit", "waiting_act", "workspace"),
}


@pytest.fixture
def empty(cluster: Postgres) -> Iterator[str]:
    """The address, for its owner, of an empty database beside the one of the tests."""
    name = "migrating"
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
    try:
        cluster.give_rights(name)
        yield cluster.url(OWNER, name)
    finally:
        with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_there_is_one_head(cluster: Postgres) -> None:
    scripts = ScriptDirectory.from_config(migrate.configuration(cluster.url(OWNER)))
    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1
    numbers = sorted(script.revision for script in scripts.walk_revisions())
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def is_ours(name: str | None, kind: str, _: Any) -> bool:
    """Not the job queue's, whose tables its own package describes."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


def test_models_and_migrations_are_equal(cluster: Postgres) -> None:
    engine = sa.create_engine(cluster.url(OWNER), poolclass=sa.NullPool)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_name": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Model.metadata) == []
    command.check(migrate.configuration(cluster.url(OWNER)))


def test_every_word_of_the_vocabulary_can_be_stored(cluster: Postgres) -> None:
    """What alembic does not compare: the CHECK of each column of words."""
    checks = "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c'"
    with psycopg.connect(cluster.url(OWNER)) as connection:
        known = [(table.strip('"'), said) for table, said in connection.execute(checks).fetchall()]
    wrong = [
        column
        for table in Model.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, sa.Enum)
        and not any(
            name == table.name and re.search(rf"\b{column.name}\b", said) and words_in(said) == set(column.type.enums)
            for name, said in known
        )
    ]
    assert wrong == []


def words_in(constraint: str) -> set[str]:
    return set(re.findall(r"'([^']*)'::", constraint))


def what_is_there(url: str) -> list[tuple[str, ...]]:
    """Every table, column, index, constraint, function, trigger and right in the database, but for alembic's own."""
    queries = (
        "SELECT 'column', table_name, column_name, data_type, is_nullable, column_default "
        "FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT 'index', tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid) "
        "FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
        "SELECT 'trigger', tgrelid::regclass, tgname FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT 'function', proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
        "SELECT 'type', typname FROM pg_type WHERE typnamespace = 'public'::regnamespace",
        "SELECT 'right', table_name, grantee, privilege_type FROM information_schema.table_privileges "
        "WHERE table_schema = 'public'",
        "SELECT 'extension', extname FROM pg_extension",
    )
    with psycopg.connect(url) as connection:
        rows = [tuple(map(str, row)) for query in queries for row in connection.execute(query).fetchall()]
    return sorted(row for row in rows if not any("alembic_version" in each for each in row))


def test_up_down_and_up_again(empty: str) -> None:
    before = what_is_there(empty)
    migrate.upgrade(empty)
    up = what_is_there(empty)
    assert len(up) > len(before)
    command.downgrade(migrate.configuration(empty), "base")
    assert what_is_there(empty) == before
    migrate.upgrade(empty)
    assert what_is_there(empty) == up


@pytest.fixture
def app_role(app: Flask, cluster: Postgres) -> Iterator[psycopg.Connection]:
    """A connection as the portal's own role, to a database with one row in each table that is guarded."""
    world = factories.world()
    exhibit = factories.exhibit(world)
    factories.release(world, exhibit, "nl")
    with transaction():
        audit.record(world["fr_leader"], "exhibit.read", exhibit)
    with psycopg.connect(cluster.url(APP), autocommit=True) as connection:
        yield connection


def refused(connection: psycopg.Connection, statement: str) -> bool:
    try:
        connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


@pytest.mark.parametrize("table", [*sorted(APPEND_ONLY), *CLOSED_NEVER_CHANGED])
def test_app_role_only_appends_and_closes(app_role: psycopg.Connection, table: str) -> None:
    changing = CLOSED_NEVER_CHANGED.get(table, set())
    for column in Model.metadata.tables[table].columns:
        change = f"UPDATE {table} SET {column.name} = {column.name}"
        assert refused(app_role, change) == (column.name not in changing), column
    assert refused(app_role, f"DELETE FROM {table}")
    assert refused(app_role, f"TRUNCATE {table}")
    assert not refused(app_role, f"SELECT * FROM {table}")


@pytest.mark.parametrize("table", sorted(NEVER_DELETED))
def test_app_role_deletes_no_evidence_and_nobody(app_role: psycopg.Connection, table: str) -> None:
    assert refused(app_role, f'DELETE FROM "{table}"')
    assert refused(app_role, f'TRUNCATE "{table}" CASCADE')


def rights_of_app(connection: psycopg.Connection) -> dict[str, set[str]]:
    """By table, what was given to the portal's own role or to everybody: of the whole, and of single columns."""
    asked = """
        SELECT relname, privilege_type, NULL FROM pg_class, aclexplode(relacl) AS given
        WHERE relkind IN ('r', 'p', 'v', 'm') AND relnamespace = 'public'::regnamespace
            AND given.grantee IN (0, %(app)s::regrole)
        UNION ALL
        SELECT relname, privilege_type, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid,
            aclexplode(attacl) AS given
        WHERE relnamespace = 'public'::regnamespace AND given.grantee IN (0, %(app)s::regrole)
    """
    found: dict[str, set[str]] = {}
    for table, right, column in connection.execute(asked, {"app": APP}):
        found.setdefault(table, set()).add(f"{right} {column}" if column else right)
    return found


def test_rights_of_the_app_role_are_these(cluster: Postgres) -> None:
    appending, everything = {"SELECT", "INSERT"}, {"SELECT", "INSERT", "UPDATE", "DELETE"}
    lasting = {
        table: appending | {f"UPDATE {column}" for column in closing} for table, closing in CLOSED_NEVER_CHANGED.items()
    }
    counting = {
        table: appending | {"DELETE"} | {f"UPDATE {column}" for column in columns}
        for table, columns in COUNTED_UP.items()
    }
    written = dict.fromkeys(APPEND_ONLY, appending) | lasting | counting | {"alembic_version": {"SELECT"}}
    written |= dict.fromkeys(NEVER_DELETED, everything - {"DELETE"}) | dict.fromkeys(CHANGED_FREELY, everything)
    with psycopg.connect(cluster.url(OWNER)) as connection:
        rights = rights_of_app(connection)
        member = connection.execute("SELECT roleid::regrole FROM pg_auth_members WHERE member = %s::regrole", [APP])
        assert member.fetchall() == []
    assert {table: right for table, right in rights.items() if is_ours(table, "table", None)} == written


def test_app_role_owns_nothing_and_makes_nothing(app_role: psycopg.Connection) -> None:
    owned = app_role.execute("SELECT relname FROM pg_class WHERE relowner = current_user::regrole").fetchall()
    assert owned == []
    assert refused(app_role, "CREATE TABLE mine (id int)")
    assert refused(app_role, "ALTER TABLE ledger_entry DISABLE TRIGGER ledger_seal")
    assert refused(app_role, "SET session_replication_role = replica")
    assert refused(app_role, "DROP TABLE ledger_entry")
    attributes = app_role.execute(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    assert attributes == (False, False, False, False)


def test_rows_are_there_to_be_refused(app_role: psycopg.Connection) -> None:
    for model in (Exhibit, Release):
        counted = app_role.execute(f"SELECT count(*) FROM {model.__tablename__}").fetchone()
        assert counted is not None
        assert counted[0] > 0


ONE_AT_A_TIME = {
    "membership": "workspace_id, user_id, party_id, authority_id, role, is_space_administrator, is_outside_union, "
    "keeps_own_exhibits, purpose",
    "entrustment": "workspace_id, user_id, party_id, sight, entrusted_by_id",
}


@pytest.fixture(params=ONE_AT_A_TIME)
def table(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def another(table: str, app: Flask) -> sql.Composed:
    """Puts a row like one that is there, and ends within the hour, beside it: from some hours ahead until another."""
    world = factories.world()
    factories.entrustment(world, "fr_member")
    columns = sql.SQL(ONE_AT_A_TIME[table])
    ending = f"UPDATE {table} SET live_until = now() + interval '1 hour' WHERE user_id = :her RETURNING id"
    row = session().scalar(sa.text(ending), {"her": world["fr_member"].id})
    session().commit()
    return sql.SQL(
        "INSERT INTO {0} (id, live_from, live_until, {1}) SELECT gen_random_uuid(), now() + %s * interval '1 hour', "
        "now() + %s * interval '1 hour', {1} FROM {0} WHERE id = {2}"
    ).format(sql.Identifier(table), columns, sql.Literal(row))


def test_two_hold_one_after_the_other_and_never_at_a_time(table: str, another: sql.Composed, cluster: Postgres) -> None:
    with psycopg.connect(cluster.url(APP), autocommit=True) as connection:
        connection.execute(another, [2, 4])
        connection.execute(another, [4, 6])
        for hours in ([3, 5], [1, 9], [2, 4], [0, 2]):
            with pytest.raises(psycopg.errors.ExclusionViolation):
                connection.execute(another, hours)
        with pytest.raises(psycopg.errors.ExclusionViolation):
            connection.execute(f"UPDATE {table} SET live_until = now() + interval '3 hours' WHERE live_from < now()")


def test_of_two_that_begin_at_once_the_second_waits_and_is_refused(another: sql.Composed, cluster: Postgres) -> None:
    with psycopg.connect(cluster.url(APP)) as first, psycopg.connect(cluster.url(APP)) as second:
        first.execute(another, [2, 4])
        with ThreadPoolExecutor(1) as apart:
            waiting = apart.submit(second.execute, another, [3, 5])
            until_somebody_waits(cluster)
            first.commit()
            with pytest.raises(psycopg.errors.ExclusionViolation):
                waiting.result()


def test_no_index_is_of_the_kind_that_loses_rows(app_role: psycopg.Connection) -> None:
    """A GiST index may miss rows that live once it was split while it was scanned (PostgreSQL 18.6)."""
    kinds = app_role.execute("SELECT DISTINCT amname FROM pg_am JOIN pg_class ON relam = pg_am.oid AND relkind = 'i'")
    assert kinds.fetchall() == [("btree",)]
