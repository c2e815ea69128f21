"""Where the templates, browser assets and migrations lie: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

_package = Path(__file__).parent
_shipped = _package / "shipped"

_root = _shipped if _shipped.is_dir() else _package.parent

TEMPLATES = _root / "templates"
STATIC = _root / "static" / "dist"
MIGRATIONS = _root / "migrations"
TRANSLATIONS = _package / "translations"
