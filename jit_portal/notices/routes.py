from flask import Blueprint

bp = Blueprint("notices", __name__)


@bp.get("/notices")
def index(**ids: object) -> str:
    return ""
