"""Where a copy of the demo keeps things: data that stays, and a short folder for sockets that does not."""

import hashlib
import os
import pwd
import stat
import subprocess
from importlib.metadata import version
from pathlib import Path
from shutil import copytree
from typing import TypedDict

ROOT_OWNED = Path("/var/lib/jit-portal")
"""As root: what another OS user must reach, when the data folder or the installed packages lie out of its reach."""


class Account(TypedDict):
    """The arguments of ``subprocess`` that name an OS user."""

    user: int | None
    group: int | None
    extra_groups: list[str | int] | None


class Unsafe(Exception):
    """A folder is not ours, or is open to others."""


def make_private(folder: Path, mode: int = 0o700) -> Path:
    """Make ``folder`` with ``mode``, or check that it is a folder of ours that nobody else can write to."""
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise Unsafe(f"{folder} is not a folder that only this account can write to")
    folder.chmod(mode)
    return folder


def runtime_folder(data: Path) -> Path:
    """A folder for the sockets of the copy in ``data``, short because a socket's path ends at 107 bytes."""
    name = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:10]
    if os.geteuid() == 0:
        return make_private(Path("/run") / f"jit-{name}", 0o711)
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if base and len(base) < 60 and os.access(base, os.W_OK):
        return make_private(Path(base) / f"jit-{name}")
    return make_private(Path("/tmp") / f"jit-{os.geteuid()}-{name}")


def as_user(user: str | None) -> Account:
    """What ``subprocess`` needs to run something as ``user``, with no other rights; None changes nothing."""
    if user is None:
        return {"user": None, "group": None, "extra_groups": None}
    account = pwd.getpwnam(user)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def reaches(user: str, path: Path) -> bool:
    """Whether the OS user ``user`` can enter or execute ``path``. Asked as root only."""
    return subprocess.run(["/usr/bin/test", "-x", path], **as_user(user)).returncode == 0


def readable_copy(distribution: str, *parts: Path) -> Path:
    """Copy the folders ``parts`` of an installed distribution to where every OS user can read them; once a version."""
    target = ROOT_OWNED / f"{distribution}-{version(distribution)}"
    if not target.exists():
        make_private(ROOT_OWNED, 0o755)
        draft = target.with_name(f"{target.name}.{os.getpid()}")
        for part in parts:
            copytree(part, draft / part.name, symlinks=True)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        draft.replace(target)
    return target
