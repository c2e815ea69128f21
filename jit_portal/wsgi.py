"""The portal as servers load it: ``gunicorn jit_portal.wsgi:app``, its settings taken from the environment."""

import gc

from jit_portal.config import Settings
from jit_portal.portal import create_app
from jit_portal.realtime import listener
from jit_portal.web import logs

logs.start()
settings = Settings.read()
app = create_app(settings)
if settings.role == "web":
    # The process that holds the sockets is the one that hears what was committed, wherever that was.
    listener.start(app)

# What is loaded now stays: looking through it for garbage, again and again, would make somebody wait each time.
gc.collect()
gc.freeze()
