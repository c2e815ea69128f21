"""The rules at 100,000 and 1,000,000 exhibits: newest 50, explain, who, allowed; planning included.

By hand: ``python -m benchmarks.policy``. One JIT, 6 parties, 40 people, 24 country rules, 300,000 releases. Load and
database share this machine. Prints one table of medians and 95th percentiles over interleaved calls.
"""

import gc
import statistics
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
import sqlalchemy as sa

from jit_portal import database, migrate, policy
from jit_portal.database import leave, session, transaction
from jit_portal.demo import postgres
from jit_portal.demo.postgres import APP, OWNER
from jit_portal.demo.secrets import Secrets
from jit_portal.exhibits.models import CountryRule, Exhibit
from jit_portal.identity.models import User
from jit_portal.vocabulary import ExhibitKind, May, PrincipalKind, Role
from jit_portal.workspaces.principals import principal
from tests import factories, services
from tests.factories import World

SIZES = (100_000, 1_000_000)
RELEASES = 300_000
CALLS = 40
LEARNT_AFTER = 8
"""So often a line to the database is asked before it keeps a plan for good."""
SLUGS = ("fr", "nl", "ro", "al", "eu", "de")
TITLE = "Extracted file of a telephone"


@dataclass
class Times:
    """Milliseconds of one kind of call: ``taken`` with planning each time, ``learnt`` with plans that are kept."""

    name: str
    wanted: float
    taken: list[float]
    learnt: list[float] = field(default_factory=list)

    def row(self, size: int) -> str:
        found = [
            f"{figure:.1f}"
            for times in (self.taken, self.learnt)
            for figure in (statistics.median(times), statistics.quantiles(times, n=20)[18])
        ]
        return f"| {size:,} | {self.name} | {' | '.join(found)} | {self.wanted:.0f} |"


def people(world: World) -> None:
    with transaction():
        for number in range(40 - len(world.people)):
            slug = SLUGS[number % 6]
            role = Role.PARTICIPANT if slug == "eu" else Role.MEMBER
            world.join(f"{slug}_{number}", slug, role)
        world.join("expert", "nl", Role.EXPERT)


def exhibits(connection: psycopg.Connection, world: World, size: int) -> None:
    """Seized by France 40 %, the Netherlands 30 %, Romania 28 %, Albania 2 %; the newest 40 % are disk images."""
    kinds = [kind.value for kind in ExhibitKind]
    parties = [world.parties[slug].id for slug in ("fr", "nl", "ro", "al")]
    keepers = [world[f"{slug}_member"].id for slug in ("fr", "nl", "ro", "al")]
    space = world.workspace.id
    connection.execute("SELECT setseed(0.42)")
    connection.execute(
        """
        INSERT INTO shelf (id, workspace_id, party_id, authority_id, kind, handling)
        SELECT gen_random_uuid(), %s, party, NULL, kind, ARRAY['H0']
        FROM unnest(%s::uuid[]) party, unnest(%s::text[]) kind
        """,
        [space, parties, kinds],
    )
    connection.execute(
        """
        INSERT INTO exhibit (id, workspace_id, party_id, shelf_id, number, reference, title, description, kind,
            handling, tags, seized_on, place, edition, created_at, created_by_id, holder_id)
        SELECT gen_random_uuid(), %(space)s, drawn.party, shelf.id, drawn.i, 'X-' || drawn.i, %(title)s, '', drawn.kind,
            ARRAY['H0'], CASE WHEN random() < 0.001 THEN ARRAY['seven'] ELSE '{}' END,
            current_date - ((1 - drawn.i / %(size)s::float) * 700)::int, '', 1,
            now() - interval '700 days' + (drawn.i / %(size)s::float) * interval '699 days', drawn.keeper, drawn.keeper
        FROM (
            SELECT i, (%(parties)s::uuid[])[p] AS party, (%(keepers)s::uuid[])[p] AS keeper,
                CASE WHEN i > 0.6 * %(size)s THEN 'disk_image'
                    ELSE (%(kinds)s::text[])[1 + (random() * 9)::int] END AS kind
            FROM (
                SELECT i, CASE WHEN r < 0.4 THEN 1 WHEN r < 0.7 THEN 2 WHEN r < 0.98 THEN 3 ELSE 4 END AS p
                FROM (SELECT i, random() AS r FROM generate_series(1, %(size)s) i) thrown
            ) chosen
        ) drawn JOIN shelf ON shelf.party_id = drawn.party AND shelf.kind = drawn.kind
        """,
        {
            "space": space,
            "parties": parties,
            "keepers": keepers,
            "kinds": kinds,
            "size": size,
            "title": TITLE,
        },
    )
    connection.execute(
        """
        INSERT INTO exhibit_tag (exhibit_id, tag, workspace_id, exhibit_created_at)
        SELECT id, unnest(tags), workspace_id, created_at FROM exhibit WHERE tags <> '{}'
        """
    )


def releases(connection: psycopg.Connection, world: World, count: int) -> None:
    """To parties, authorities, roles and people, but none to Germany; the expert gets the 20 oldest."""
    connection.execute(
        """
        INSERT INTO release (id, workspace_id, exhibit_id, exhibit_created_at, principal_id, sight, purpose, conditions,
            live_from, live_until, released_by_id, token)
        SELECT gen_random_uuid(), workspace_id, id, created_at, chosen[1 + (random() * (cardinality(chosen) - 1))::int],
            1 + (random() * 3)::int, 'jit_purpose', '', now() - interval '100 days',
            CASE WHEN random() < 0.1 THEN now() - interval '1 day' END, created_by_id, gen_random_uuid()
        FROM (SELECT * FROM exhibit ORDER BY random() LIMIT %s) e,
            (SELECT array_agg(id) AS chosen FROM principal
                WHERE party_id IS DISTINCT FROM %s AND authority_id IS DISTINCT FROM %s
                AND (user_id IS NULL OR user_id <> ALL(%s))) p
        """,
        [
            count,
            world.parties["de"].id,
            world["de_member"].authority_id,
            [world["expert"].id, *(each.id for name, each in world.people.items() if name.startswith("de_"))],
        ],
    )
    with transaction():
        by_name = principal(world.workspace.id, PrincipalKind.PERSON, user_id=world["expert"].id).id
    connection.execute(
        """
        INSERT INTO release (id, workspace_id, exhibit_id, exhibit_created_at, principal_id, sight, purpose, conditions,
            live_from, released_by_id, token)
        SELECT gen_random_uuid(), workspace_id, id, created_at, %s, 2, 'jit_purpose', '', now() - interval '1 day',
            created_by_id, gen_random_uuid() FROM exhibit ORDER BY created_at LIMIT 20
        """,
        [by_name],
    )


def enumerate_kinds() -> list[tuple[bool, str]]:
    return [(False, "mailbox"), (True, "video"), (False, "audio"), (True, "data"), (False, "image")]


def rules(world: World) -> None:
    """24 rules; one of them a forbid of France that hides its disk images, the newest 40 %, from Romania."""
    with transaction():
        space = world.workspace.id
        to = {slug: principal(space, PrincipalKind.PARTY, party_id=world.parties[slug].id).id for slug in world.parties}
        described = [("fr", "nl", False, 3, None), ("fr", "ro", False, 2, None), ("fr", "ro", True, 1, "disk_image")]
        described += [("nl", "fr", False, 3, None), ("ro", "fr", False, 2, "document")]
        described += [
            (seizing, other, forbid, 2, kind)
            for seizing, other in (("nl", "ro"), ("ro", "nl"), ("fr", "eu"))
            for forbid, kind in (
                (False, "mailbox"),
                (True, "video"),
                (False, "audio"),
                (True, "data"),
                (False, "image"),
            )
        ]
        described += [("nl", "eu", False, 1, "archive"), ("ro", "eu", False, 1, "archive")]
        session().add_all(
            CountryRule(
                workspace_id=space,
                party_id=world.parties[seizing].id,
                is_forbid=forbid,
                principal_id=to[other],
                sight=sight,
                kind=ExhibitKind(kind) if kind else None,
                set_by_id=world[f"{seizing}_leader"].id,
                token=uuid.uuid4(),
            )
            for seizing, other, forbid, sight, kind in described
        )
        session().add_all(
            CountryRule(
                workspace_id=space,
                party_id=world.parties[seizing].id,
                is_forbid=False,
                principal_id=to["eu"],
                sight=1,
                tag="seven",
                set_by_id=world[f"{seizing}_leader"].id,
                token=uuid.uuid4(),
            )
            for seizing in ("fr", "nl")
        )


def timed(call: Callable[[], object]) -> float:
    leave()
    session().execute(sa.select(1))
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def calls(world: World) -> list[tuple[Times, Callable[[], object]]]:
    def newest(name: str) -> Callable[[], object]:
        person, space = world[name], world.workspace
        return lambda: policy.newest(person, space)

    middle = (
        session()
        .scalars(policy.which(world["fr_member"], Exhibit).order_by(Exhibit.created_at.desc()).offset(2000).limit(1))
        .one()
    )
    nobody: User = world["nl_member"]
    return [
        (Times("newest 50, sees much (seizing party)", 3, []), newest("fr_member")),
        (Times("newest 50, sees much (standing release)", 3, []), newest("nl_member")),
        (Times("newest 50, under a forbid on the newest 40 %", 60, []), newest("ro_member")),
        (Times("newest 50, sees little (body, tags)", 20, []), newest("eu_participant")),
        (Times("newest 50, sees 20 of the oldest (expert)", 20, []), newest("expert")),
        (Times("newest 50, sees nothing (nothing released)", 20, []), newest("de_member")),
        (Times("who", 5, []), lambda: session().scalars(policy.who(middle)).all()),
        (Times("explain", 5, []), lambda: policy.explain(nobody, May.READ, middle)),
        (Times("allowed", 5, []), lambda: policy.allowed(nobody, middle)),
        (Times("panel: everyone's sight with reasons", 5, []), lambda: policy.seers(middle)),
        (Times("fetch", 5, []), lambda: policy.fetch(world["fr_member"], Exhibit, middle.id)),
    ]


def measure(size: int) -> None:
    with services.scratch() as folder:
        settings = ("fsync=off", "shared_buffers=512MB", "work_mem=32MB", "maintenance_work_mem=512MB")
        cluster = postgres.prepare(folder, folder, Secrets(), settings=settings)
        with services.running(cluster.component(), folder / "postgres.log"):
            cluster.make_roles()
            migrate.upgrade(cluster.url(OWNER))
            engine = database.bind(cluster.url(APP))
            sa.event.listen(engine, "connect", plan_anew)
            world = factories.world("Lantern", SLUGS)
            people(world)
            with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
                exhibits(connection, world, size)
                releases(connection, world, min(RELEASES, size))
                rules(world)
                connection.execute("VACUUM ANALYZE")
            every = calls(world)
            gc.collect()
            gc.freeze()  # as the portal's own processes do
            for _ in range(CALLS):
                for times, call in every:
                    times.taken.append(timed(call))
            session.remove()
            database.bind(cluster.url(APP))
            for turn in range(CALLS + LEARNT_AFTER):
                for times, call in every:
                    took = timed(call)
                    if turn >= LEARNT_AFTER:
                        times.learnt.append(took)
            for times, _ in every:
                print(times.row(size), flush=True)
            session.remove()


def plan_anew(connection: psycopg.Connection, _record: object) -> None:
    """Let the database plan every statement each time it is asked."""
    connection.prepare_threshold = None


def main() -> None:
    print(
        "| exhibits | what | planned anew: median ms | p95 ms | as the portal asks: median ms | p95 ms | wanted ms |"
        "\n|---:|---|---:|---:|---:|---:|---:|"
    )
    for size in SIZES:
        measure(size)


if __name__ == "__main__":
    main()
