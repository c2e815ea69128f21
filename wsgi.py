"""The portal for ``flask --app wsgi`` in a checkout."""

from jit_portal.wsgi import app

__all__ = ["app"]
