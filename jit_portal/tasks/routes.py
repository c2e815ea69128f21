from flask import Blueprint

bp = Blueprint("tasks", __name__)


@bp.get("/tasks")
def mine(**ids: object) -> str:
    return ""


@bp.get("/workspaces/<uuid:workspace_id>/board")
def index(**ids: object) -> str:
    return ""
