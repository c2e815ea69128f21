from flask import Blueprint

bp = Blueprint("jits", __name__)


@bp.get("/jits/<uuid:jit_id>")
def show(**ids: object) -> str:
    return ""
