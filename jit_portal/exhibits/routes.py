from flask import Blueprint

bp = Blueprint("exhibits", __name__)


@bp.get("/workspaces/<uuid:workspace_id>/vault")
def index(**ids: object) -> str:
    return ""
