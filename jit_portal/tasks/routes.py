"""The addresses of boards and tasks."""

import uuid
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from jit_portal import policy
from jit_portal.errors import Invalid, Refused
from jit_portal.messages.routes import first_conversation
from jit_portal.tasks import assigning, pages, service
from jit_portal.tasks.boards import open_board
from jit_portal.tasks.forms import (
    AskForm,
    BoardForm,
    DeclineForm,
    EditionForm,
    NewTaskForm,
    PersonForm,
    TaskForm,
    read_move,
)
from jit_portal.tasks.models import Board, Task
from jit_portal.tasks.sockets import place
from jit_portal.tasks.words import board_name, column_name
from jit_portal.vocabulary import Audience
from jit_portal.web.forms import blame
from jit_portal.web.requests import wants_fragment
from jit_portal.web.session import viewer
from jit_portal.web.workspace import head
from jit_portal.wording import gettext
from jit_portal.workspaces.models import Workspace

bp = Blueprint("tasks", __name__)
bp.add_app_template_filter(board_name)
bp.add_app_template_filter(column_name)
Page = str | tuple[str, int] | Response


@bp.get("/tasks")
def mine() -> str:
    template = "tasks/_mine.html" if wants_fragment() else "tasks/mine.html"
    return render_template(template, place="tasks", **pages.mine(viewer()))


@bp.get("/workspaces/<uuid:workspace_id>/board")
def index(workspace_id: uuid.UUID) -> str:
    context = head(viewer(), workspace_id, "board")
    context |= pages.board(viewer(), context["workspace"], request.args)
    if wants_fragment() and context["board"] is not None:
        return render_template("tasks/_board.html", **context)
    context |= pages.beside(viewer(), context)
    return render_template("tasks/index.html", **context)


@bp.get("/workspaces/<uuid:workspace_id>/board/latest")
def latest(workspace_id: uuid.UUID) -> str:
    context = head(viewer(), workspace_id, "board")
    return render_template("tasks/_latest.html", **context, **pages.latest(viewer(), context))


@bp.get("/workspaces/<uuid:workspace_id>/board/chat")
def chat(workspace_id: uuid.UUID) -> str:
    workspace = policy.fetch(viewer(), Workspace, workspace_id)
    return render_template("messages/_panel.html", is_beside=True, **first_conversation(workspace))


@bp.get("/workspaces/<uuid:workspace_id>/boards/new")
def new_board(workspace_id: uuid.UUID) -> str:
    context = head(viewer(), workspace_id, "board")
    return render_template("tasks/new_board.html", form=pages.board_form(viewer(), context["workspace"]), **context)


@bp.post("/workspaces/<uuid:workspace_id>/boards")
def create_board(workspace_id: uuid.UUID) -> Page:
    context = head(viewer(), workspace_id, "board")
    form: BoardForm = pages.board_form(viewer(), context["workspace"])
    try:
        if form.validate():
            board = open_board(
                viewer(),
                workspace_id,
                form.name.data,
                form.prefix.data,
                Audience(form.audience.data),
                party_ids=form.parties.data or (),
                person_ids=form.people.data or (),
            )
            flash(gettext("The board is open."), "ok")
            return redirect(url_for("tasks.index", workspace_id=workspace_id, board=board.id), 303)
    except Invalid as refusal:
        blame(form, refusal)
    return render_template("tasks/new_board.html", form=form, **context), 422


@bp.get("/boards/<uuid:board_id>/tasks/new")
def new(board_id: uuid.UUID) -> str:
    board = policy.fetch(viewer(), Board, board_id)
    form = pages.task_form(viewer(), board, request.args.get("column"))
    return render_template("tasks/new.html", form=form, board=board, **head(viewer(), board.workspace_id, "board"))


@bp.post("/boards/<uuid:board_id>/tasks")
def create(board_id: uuid.UUID) -> Page:
    board = policy.fetch(viewer(), Board, board_id)
    form: NewTaskForm = pages.task_form(viewer(), board)
    try:
        if form.validate():
            task = service.create_task(viewer(), board_id, **pages.typed(form))
            return redirect(pages.address(task), 303)
    except Invalid as refusal:
        blame(form, refusal)
    context = head(viewer(), board.workspace_id, "board")
    return render_template("tasks/new.html", form=form, board=board, **context), 422


@bp.get("/tasks/<uuid:task_id>")
def show(task_id: uuid.UUID) -> str:
    task = policy.fetch(viewer(), Task, task_id)
    context = head(viewer(), task.workspace_id, "board") | pages.task(viewer(), task)
    return render_template("tasks/_task.html" if wants_fragment() else "tasks/show.html", **context)


@bp.get("/tasks/<uuid:task_id>/card")
def card(task_id: uuid.UUID) -> str:
    task = policy.fetch(viewer(), Task, task_id)
    return render_template("tasks/_card.html", **pages.card(viewer(), task))


@bp.get("/tasks/<uuid:task_id>/edit")
def edit(task_id: uuid.UUID) -> str:
    task = policy.fetch(viewer(), Task, task_id)
    form = pages.edit_form(viewer(), task)
    return render_template("tasks/edit.html", form=form, task=task, **head(viewer(), task.workspace_id, "board"))


@bp.post("/tasks/<uuid:task_id>/edit")
def update(task_id: uuid.UUID) -> Page:
    task = policy.fetch(viewer(), Task, task_id)
    form, status, theirs = TaskForm(), 422, None
    try:
        if form.validate():
            said = (form.edition.data, form.title.data, form.description.data or "", form.due_on.data)
            return _back(service.edit_task(viewer(), task_id, *said), gettext("Saved."))
    except Refused as refusal:
        blame(form, refusal)
        status, theirs = refusal.status, pages.theirs(viewer(), task_id, form)
    except Invalid as refusal:
        blame(form, refusal)
    context = head(viewer(), task.workspace_id, "board")
    return render_template("tasks/edit.html", form=form, task=task, theirs=theirs, **context), status


@bp.post("/tasks/<uuid:task_id>/move")
def move(task_id: uuid.UUID) -> Page:
    said = {name: value for name, value in request.form.items() if name in ("edition", "column", "before", "after")}
    task = service.move_task(viewer(), task_id, **read_move(said).place())
    if wants_fragment():
        return jsonify(ok=True, place=place(task))
    return redirect(pages.address(task), 303)


@bp.post("/tasks/<uuid:task_id>/assign")
def assign(task_id: uuid.UUID) -> Page:
    form = PersonForm()
    if not form.validate():
        raise _wrong(form)
    task = assigning.assign(viewer(), task_id, form.edition.data, form.person.data)
    return _back(task, gettext("Assigned."))


@bp.post("/tasks/<uuid:task_id>/take")
def take(task_id: uuid.UUID) -> Page:
    return _back(assigning.take(viewer(), task_id), gettext("You have it now."))


@bp.post("/tasks/<uuid:task_id>/give-back")
def give_back(task_id: uuid.UUID) -> Page:
    form = EditionForm()
    if not form.validate():
        raise _wrong(form)
    return _back(assigning.give_back(viewer(), task_id, form.edition.data), gettext("Given back."))


@bp.post("/tasks/<uuid:task_id>/ask")
def ask(task_id: uuid.UUID) -> Page:
    form = AskForm()
    if not form.validate():
        raise _wrong(form)
    task = assigning.ask(viewer(), task_id, form.edition.data, form.party.data, form.because.data or "")
    return _back(task, gettext("Asked. Their leaders have been told."))


@bp.post("/tasks/<uuid:task_id>/stop-asking")
def stop_asking(task_id: uuid.UUID) -> Page:
    form = EditionForm()
    if not form.validate():
        raise _wrong(form)
    return _back(assigning.stop_asking(viewer(), task_id, form.edition.data), gettext("The question is taken back."))


@bp.post("/tasks/<uuid:task_id>/accept")
def accept(task_id: uuid.UUID) -> Page:
    form = PersonForm()
    if not form.validate():
        raise _wrong(form)
    task = assigning.accept(viewer(), task_id, form.edition.data, form.person.data)
    return _back(task, gettext("Accepted and assigned."))


@bp.post("/tasks/<uuid:task_id>/decline")
def decline(task_id: uuid.UUID) -> Page:
    form = DeclineForm()
    if not form.validate():
        raise _wrong(form)
    task = assigning.decline(viewer(), task_id, form.edition.data, form.because.data)
    return _back(task, gettext("Declined."))


@bp.post("/tasks/<uuid:task_id>/delete")
def delete(task_id: uuid.UUID) -> Page:
    task = policy.fetch(viewer(), Task, task_id)
    board = url_for("tasks.index", workspace_id=task.workspace_id, board=task.board_id)
    service.delete(viewer(), task_id)
    flash(gettext("%(key)s is deleted.", key=task.key), "ok")
    return redirect(board, 303)


def _back(task: Task, said: str) -> Response:
    flash(said, "ok")
    return redirect(url_for("tasks.show", task_id=task.id), 303)


def _wrong(form: Any) -> Invalid:
    """The first thing wrong with a small form that has no page of its own."""
    reasons = [str(reason) for errors in form.errors.values() for reason in errors]
    return Invalid(reasons[0] if reasons else gettext("The request makes no sense to the portal."))
