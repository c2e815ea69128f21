"""The portal as servers load it: ``gunicorn jit_portal.wsgi:app``, its settings taken from the environment."""

from jit_portal.config import Settings
from jit_portal.portal import create_app

app = create_app(Settings.read())
