"""The embedded database and store are locked where their own defaults are open."""

import datetime as dt
import io

import psycopg
import pytest
import urllib3
from minio.commonconfig import GOVERNANCE
from minio.error import S3Error
from minio.retention import Retention

from jit_portal.demo.postgres import APP, DATABASE, OWNER, Postgres
from jit_portal.demo.store import BUCKET, PORTAL, Store


def test_the_app_role_owns_nothing_and_is_no_superuser(cluster: Postgres) -> None:
    with psycopg.connect(cluster.url(APP)) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        owned = connection.execute(
            "SELECT relname FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = %s)", [APP]
        ).fetchall()
    assert row == (False, False, False, False)
    assert owned == []


@pytest.mark.parametrize("what", ["TABLE intruder ()", "TEMP TABLE intruder ()", "SCHEMA intruder"])
def test_the_app_role_makes_nothing(cluster: Postgres, what: str) -> None:
    with psycopg.connect(cluster.url(APP)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"CREATE {what}")


def test_a_wrong_password_is_refused_and_there_is_no_network(cluster: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=str(cluster.sockets), user=OWNER, password="wrong", dbname=DATABASE)
    with psycopg.connect(cluster.url("postgres")) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)


def test_the_store_refuses_strangers_at_every_door(store: Store) -> None:
    store.client(PORTAL).put_object(BUCKET, "door", io.BytesIO(b"shut"), 4)
    http = urllib3.PoolManager(retries=False, timeout=20)
    s3, filer, master = (f"http://127.0.0.1:{store.port + above}" for above in (0, 3, 1))
    assert http.request("GET", f"{s3}/{BUCKET}/door").status == 403
    assert http.request("PUT", f"{s3}/{BUCKET}/door", body=b"open").status == 403
    assert http.request("DELETE", f"{filer}/buckets/{BUCKET}/door").status in (401, 403)
    assert http.request("GET", f"{filer}/buckets/{BUCKET}/door").status in (401, 403)
    assert http.request("POST", f"{filer}/buckets/{BUCKET}/new", body=b"x").status in (401, 403)
    assert b"auth" not in http.request("GET", f"{master}/dir/assign").data.lower()
    assert store.client(PORTAL).get_object(BUCKET, "door").data == b"shut"


def test_the_portals_own_identity_cannot_undo_a_lock(store: Store) -> None:
    client = store.client(PORTAL)
    version = client.put_object(BUCKET, "kept", io.BytesIO(b"1"), 1).version_id
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    client.set_object_retention(BUCKET, "kept", Retention(GOVERNANCE, tomorrow), version_id=version)
    with pytest.raises(S3Error, match="AccessDenied"):
        client.remove_object(BUCKET, "kept", version_id=version)
    with pytest.raises(S3Error, match="AccessDenied"):
        client.disable_object_legal_hold(BUCKET, "kept", version_id=version)
    assert client.get_object(BUCKET, "kept", version_id=version).data == b"1"


def test_the_portals_own_identity_makes_and_removes_no_bucket(store: Store) -> None:
    with pytest.raises(S3Error, match="AccessDenied"):
        store.client(PORTAL).make_bucket("another")
    with pytest.raises(S3Error, match="AccessDenied"):
        store.client(PORTAL).remove_bucket(BUCKET)
