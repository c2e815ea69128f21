"""Where the templates, browser assets and migrations lie: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

_package = Path(__file__).parent
_shipped = _package / "shipped"

ROOT = _shipped if _shipped.is_dir() else _package.parent
"""The folder of ``wsgi.py``, and of what follows."""

TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static" / "dist"
MIGRATIONS = ROOT / "migrations"
TRANSLATIONS = _package / "translations"
