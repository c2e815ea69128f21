"""The portal as servers and ``flask --app wsgi`` load it."""

from jit_portal import create_app
from jit_portal.config import Settings

app = create_app(Settings.read())
