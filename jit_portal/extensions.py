"""What Flask is extended by: created here, bound in ``create_app``."""

from flask_babel import Babel
from flask_limiter import ApplicationLimit, Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, current_user
from flask_socketio import SocketIO
from flask_wtf.csrf import CSRFProtect

REQUESTS = "1200/minute"
WRITES = "600/minute"


def asker() -> str:
    """Whose requests are counted together: those of one person, or of one address where nobody is signed in."""
    return f"person:{current_user.id}" if current_user.is_authenticated else get_remote_address()


babel = Babel()
csrf = CSRFProtect()
limiter = Limiter(
    get_remote_address,
    application_limits=[
        ApplicationLimit(REQUESTS, key_function=asker),
        ApplicationLimit(WRITES, key_function=asker, scope="writes", methods=["POST", "PUT", "PATCH", "DELETE"]),
    ],
    headers_enabled=False,
)
login_manager = LoginManager()
socketio = SocketIO()
