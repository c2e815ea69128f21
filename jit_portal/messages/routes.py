from flask import Blueprint

bp = Blueprint("messages", __name__)


@bp.get("/workspaces/<uuid:workspace_id>/chat")
def index(**ids: object) -> str:
    return ""
