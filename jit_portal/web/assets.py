"""Browser assets by their plain names: ``asset("app.css")`` is the address of the built, hashed file."""

import json
from functools import lru_cache
from pathlib import Path

from flask import Flask

from jit_portal.resources import STATIC


class AssetsNotBuilt(RuntimeError):
    """The browser assets are missing; ``npm ci && npm run build`` makes them."""


@lru_cache(maxsize=2)
def _read(path: Path, _written: int) -> dict[str, str]:
    names: dict[str, str] = json.loads(path.read_text("utf-8"))
    return names


def manifest(folder: Path = STATIC) -> dict[str, str]:
    """Hashed file name by plain name, read again when a build has replaced it; AssetsNotBuilt when there is none."""
    path = folder / "manifest.json"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError as error:
        raise AssetsNotBuilt(f"{path} is missing: run npm ci && npm run build") from error


def init_app(app: Flask) -> None:
    """Give templates ``asset(name)`` and ``has_asset(name)``; an unknown name is a KeyError, never a dead link."""

    def asset(name: str) -> str:
        return f"{app.static_url_path}/{manifest()[name]}"

    def has_asset(name: str) -> bool:
        return name in manifest()

    app.jinja_env.globals.update(asset=asset, has_asset=has_asset)
