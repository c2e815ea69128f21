from flask import Blueprint

bp = Blueprint("audit", __name__)


@bp.get("/workspaces/<uuid:workspace_id>/record")
def index(**ids: object) -> str:
    return ""
