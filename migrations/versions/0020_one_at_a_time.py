"""Nobody has two memberships of a workspace, or two entrustments of a party, at a time: held by a trigger.

Exclusion constraints need GiST indexes. PostgreSQL (18.6) can mark entries of those dead whose rows live: a scan that
is begun again remembers the dead entries it met before, and marks whatever lies in their places once a page was split.
Whoever is looked up through such an index is missing. So the portal has no index of that kind.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

HELD = {"membership": "workspace_id", "entrustment": "party_id"}

ONE_AT_A_TIME = """
CREATE FUNCTION one_at_a_time() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held constant uuid := to_jsonb(NEW) ->> TG_ARGV[0];
    has_another boolean;
BEGIN
    -- Two who come at once come one after the other, and the second sees the first.
    PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws(' ', TG_TABLE_NAME, held, NEW.user_id), 0));
    EXECUTE format(
        'SELECT EXISTS (SELECT FROM %I WHERE %I = $1 AND user_id = $2 AND id <> $3
             AND tstzrange(live_from, live_until) && tstzrange($4, $5))',
        TG_TABLE_NAME, TG_ARGV[0]
    ) INTO has_another USING held, NEW.user_id, NEW.id, NEW.live_from, NEW.live_until;
    IF has_another THEN
        RAISE EXCEPTION USING
            ERRCODE = 'exclusion_violation',
            TABLE = TG_TABLE_NAME,
            CONSTRAINT = TG_NAME,
            MESSAGE = format('two rows of "%s" hold for one person at a time', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(ONE_AT_A_TIME)
    for table, of in HELD.items():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ex_{table}_one_live")
        op.create_index(f"ix_{table}_{of}_user_id", table, [of, "user_id"])
        op.execute(f"""
            CREATE TRIGGER {table}_one_at_a_time
            AFTER INSERT OR UPDATE OF {of}, user_id, live_from, live_until ON {table}
            FOR EACH ROW EXECUTE FUNCTION one_at_a_time('{of}')
        """)
    op.execute("DROP EXTENSION btree_gist")


def downgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    for table, of in HELD.items():
        op.execute(f"DROP TRIGGER {table}_one_at_a_time ON {table}")
        op.drop_index(f"ix_{table}_{of}_user_id", table)
        op.execute(f"""
            ALTER TABLE {table} ADD CONSTRAINT ex_{table}_one_live
            EXCLUDE USING gist ({of} WITH =, user_id WITH =, tstzrange(live_from, live_until) WITH &&)
        """)
    op.execute("DROP FUNCTION one_at_a_time")
