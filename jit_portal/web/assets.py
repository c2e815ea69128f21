"""Browser assets by their plain names: ``asset("app.css")`` is the address of the built, hashed file."""

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import cast

from flask import Flask, Response, g, request
from markupsafe import Markup

from jit_portal.resources import STATIC

# WebAssembly runs in the worker that computes hashes and nowhere else; pages never carry this permission.
_HASH_WORKER = "hash.worker-"
_HASH_WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"


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
    """Give templates ``asset(name)``, ``has_asset(name)`` and ``drawn(macro)``; an unknown name is a KeyError, never a
    dead link.

    A hashed file never changes, so browsers keep it for a year.
    """

    def names() -> dict[str, str]:
        # A page has hundreds of icons: whether a build has replaced the files is looked at once for all of them.
        if "assets" not in g:
            g.assets = manifest()
        return cast(dict[str, str], g.assets)

    folder = app.static_url_path

    def asset(name: str) -> str:
        return f"{folder}/{names()[name]}"

    def has_asset(name: str) -> bool:
        return name in names()

    def drawn(mark: Callable[..., Markup]) -> Callable[..., Markup]:
        """A macro that draws from its words and the assets alone: what it drew is kept until a build replaces them."""
        kept: dict[tuple[str, ...], tuple[dict[str, str], Markup]] = {}

        def draw(*said: str) -> Markup:
            files, picture = kept.get(said, (None, Markup()))
            if files is not names():
                picture = mark(*said)
                kept[said] = (names(), picture)
            return picture

        return draw

    def headers(response: Response) -> Response:
        # 304 too: its headers take the place of those that the browser kept with the file.
        if request.endpoint == "static" and response.status_code in (200, 206, 304):
            name = (request.view_args or {})["filename"]
            if name != "manifest.json":
                response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
            if name.startswith(_HASH_WORKER):
                response.headers["Content-Security-Policy"] = _HASH_WORKER_POLICY
        return response

    app.jinja_env.globals.update(asset=asset, has_asset=has_asset, drawn=drawn)
    app.after_request(headers)
