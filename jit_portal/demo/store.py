"""Embedded object store: SeaweedFS with every door locked that is open by default."""

import json
import re
import signal
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import urllib3
from minio import Minio

from jit_portal.demo.folders import make_private
from jit_portal.demo.process import BEHIND_PEOPLE, Component, base_environ
from jit_portal.demo.secrets import Secrets, write_private

BUCKET = "evidence"
ADMIN = "administrator"
PORTAL = "portal"
_CHATTER = re.compile(r"I\d{4} |\s|$|[╔║╚]")
PORTS = 5
"""How many ports in a row it listens on; each is used a second time, 10,000 higher."""


@dataclass(frozen=True, slots=True)
class Store:
    """One store: its data folder, its socket folder and the first of the ports it listens on."""

    data: Path
    runtime: Path
    port: int
    secrets: Secrets

    @property
    def endpoint(self) -> str:
        """Where the S3 protocol is spoken, as host:port."""
        return f"127.0.0.1:{self.port}"

    def client(self, identity: str) -> Minio:
        """A client that signs as ``identity``, for set-up and readiness."""
        keys = {ADMIN: self.secrets.store_admin, PORTAL: self.secrets.store_portal}
        pool = urllib3.PoolManager(timeout=urllib3.Timeout(5), retries=False)
        return Minio(
            self.endpoint,
            access_key=identity,
            secret_key=keys[identity],
            secure=False,
            region="us-east-1",
            http_client=pool,
        )

    def component(self) -> Component:
        """The store as a process. It reads ``security.toml`` from its working directory."""
        flags = {
            "dir": self.data,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.telemetry": "false",
            "s3.config": self.data / "s3.json",
            "s3.port": self.port,
            "master.port": self.port + 1,
            "volume.port": self.port + 2,
            "filer.port": self.port + 3,
            "admin.port": self.port + 4,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "webdav": "false",
            "admin.ui": "false",
            "s3.allowDeleteBucketNotEmpty": "false",
            "s3.autoCreateBucket": "false",
            "s3.localSocket": self.runtime / "s3.sock",
            "filer.localSocket": self.runtime / "filer.sock",
        }
        return Component(
            name="store",
            argv=[
                str(Path(sysconfig.get_path("scripts")) / "weed"),
                "-logtostderr=true",
                "-v=0",
                "mini",
                *(f"-{name}={value}" for name, value in flags.items()),
            ],
            environ=base_environ(),
            ready=self.answers,
            then=self.make_bucket,
            stop_seconds=30,
            death_signal=signal.SIGTERM,
            cwd=self.data,
            chatter=_CHATTER,
            niceness=BEHIND_PEOPLE,
        )

    def answers(self) -> bool:
        """Whether the store takes the administrator's requests and still refuses a stranger's."""
        self.client(ADMIN).list_buckets()
        stranger = urllib3.PoolManager().request("GET", f"http://{self.endpoint}/", timeout=5.0, retries=False)
        if stranger.status != 403:
            raise PermissionError(f"a request without a signature was answered with {stranger.status}")
        return True

    def make_bucket(self) -> None:
        """Make the bucket of the evidence, with object lock, unless it is there."""
        client = self.client(ADMIN)
        if not client.bucket_exists(BUCKET):
            client.make_bucket(BUCKET, object_lock=True)


def prepare(data: Path, runtime: Path, port: int, secrets: Secrets) -> Store:
    """Write the two files without which the store would be open to everybody."""
    folder = make_private(data / "store")
    write_private(folder / "security.toml", _SECURITY.format(secrets=secrets))
    write_private(folder / "s3.json", json.dumps({"identities": _identities(secrets)}, indent=1))
    return Store(folder, runtime, port, secrets)


def _identities(secrets: Secrets) -> list[dict[str, object]]:
    def identity(name: str, secret: str, actions: list[str]) -> dict[str, object]:
        return {"name": name, "credentials": [{"accessKey": name, "secretKey": secret}], "actions": actions}

    portal = ["Read", "Write", "List", "Tagging", "GetObjectRetention", "PutObjectRetention"]
    portal += ["GetObjectLegalHold", "GetBucketObjectLockConfiguration"]
    return [
        identity(ADMIN, secrets.store_admin, ["Admin", "Read", "Write", "List", "Tagging"]),
        identity(PORTAL, secrets.store_portal, [f"{action}:{BUCKET}" for action in portal]),
    ]


_SECURITY = """\
[jwt.signing]
key = "{secrets.store_write_jwt}"
[jwt.signing.read]
key = "{secrets.store_read_jwt}"
[jwt.filer_signing]
key = "{secrets.store_filer_write_jwt}"
[jwt.filer_signing.read]
key = "{secrets.store_filer_read_jwt}"
[access]
ui = false
[filer.expose_directory_metadata]
enabled = false
"""
