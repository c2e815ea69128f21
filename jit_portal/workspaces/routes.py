from flask import Blueprint

bp = Blueprint("workspaces", __name__)


@bp.get("/workspaces/<uuid:workspace_id>")
def show(**ids: object) -> str:
    return ""


@bp.get("/workspaces/<uuid:workspace_id>/people")
def people(**ids: object) -> str:
    return ""
