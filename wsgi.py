"""The portal as servers and ``flask --app wsgi`` load it."""

from jit_portal.config import Settings
from jit_portal.portal import create_app

app = create_app(Settings.read())
