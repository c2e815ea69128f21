"""The portal put together: every part of it, named once."""

import gevent.monkey
from flask import Flask
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from jit_portal import database, extensions, resources
from jit_portal.blueprints import BLUEPRINTS
from jit_portal.config import Settings
from jit_portal.files import storage
from jit_portal.files.storage import Store
from jit_portal.identity.glass import routes as glass
from jit_portal.identity.glass import switch
from jit_portal.realtime import sockets
from jit_portal.web import assets, confirming, context, errors, requests, session


def create_app(settings: Settings) -> Flask:
    """The portal, as its routes, sockets and commands see it."""
    app = Flask("jit_portal", template_folder=str(resources.TEMPLATES), static_folder=str(resources.STATIC))
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME=f"__Host-form-{settings.instance}",
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        MAX_CONTENT_LENGTH=32 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        SEND_FILE_MAX_AGE_DEFAULT=31_536_000,
        BABEL_TRANSLATION_DIRECTORIES=str(resources.TRANSLATIONS),
        RATELIMIT_STORAGE_URI=settings.redis_url or "memory://",
    )
    # A name that a template mistypes, or that a page forgets to give it, is an error and not an empty place.
    app.jinja_options = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}

    app.extensions["database"] = database.bind(settings.database_url)
    app.teardown_appcontext(lambda _: database.leave())
    storage.use(Store.of(settings))

    # No template asks flask-login who is there: a page that says the database is away must not ask it again.
    extensions.login_manager.init_app(app, add_context_processor=False)
    session.bind(extensions.login_manager)
    context.bind(app)
    assets.init_app(app)
    requests.protect(app)
    confirming.bind(app)
    errors.phrase(app)
    switch.use(settings)
    for blueprint in (*BLUEPRINTS, *([glass.bp] if settings.break_glass else [])):
        app.register_blueprint(blueprint)
    sockets.bind(app, "gevent" if gevent.monkey.is_module_patched("socket") else "threading")
    # Around everything, sockets too: they are told by the proxy from where they come, as pages are.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxy_hops, x_proto=settings.proxy_hops)  # type: ignore[method-assign]
    return app
