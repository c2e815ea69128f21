"""The secrets that national logins gave the portal: in one file of mode 0600 beside its keys, and nowhere else."""

import json
import os
import stat
from pathlib import Path


class NoSecret(Exception):
    """There is no secret for this login, or not where only the portal can read it; the message never shows one."""


def of(path: Path | None, slug: str) -> str:
    """The secret of one login from the JSON object ``{"slug": "secret"}``, read anew so that it can be exchanged."""
    if path is None:
        raise NoSecret("JIT_PROVIDER_SECRETS is not set")
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            about = os.fstat(file.fileno())
            if stat.S_IMODE(about.st_mode) & 0o077 or about.st_uid != os.geteuid():
                raise NoSecret("the file can be read by others")
            kept = json.load(file)
    except OSError as error:
        raise NoSecret("the file cannot be read") from error
    except ValueError:
        # What cannot be read as JSON may be the secret itself: the error would show it.
        raise NoSecret("the file is damaged") from None
    secret = kept.get(slug) if isinstance(kept, dict) else None
    if not isinstance(secret, str) or not secret:
        raise NoSecret("the file does not hold it")
    return secret
