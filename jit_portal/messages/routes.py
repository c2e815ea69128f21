"""Chat by page: channels and their history; everything a socket can do works here without one."""

import re
import uuid
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from jit_portal import policy
from jit_portal.errors import Invalid, Refused, TooFast
from jit_portal.messages import channels, reading, references, service, showing
from jit_portal.messages.forms import ChannelForm, EditForm, PostForm, ReadForm
from jit_portal.messages.models import Channel, Message
from jit_portal.messages.sockets import POSTS, read_on
from jit_portal.messages.text import LONGEST
from jit_portal.messages.words import channel_name
from jit_portal.vocabulary import May
from jit_portal.web.errors import put_on_record
from jit_portal.web.fields import MOST_INTEGER, put_error
from jit_portal.web.session import viewer
from jit_portal.web.workspace import head
from jit_portal.wording import country, gettext
from jit_portal.workspaces.models import Workspace

bp = Blueprint("messages", __name__)
bp.add_app_template_filter(channel_name)


def conversation(channel: Channel, before: int | None = None, form: PostForm | None = None) -> dict[str, Any]:
    """What ``messages/_panel.html`` shows of a channel that the viewer hears."""
    reader = viewer()
    messages = reading.newest(reader, channel, before)
    return {
        "channel": channel,
        "messages": showing.shown_to(reader, messages),
        "first": messages[0].number if messages else 0,
        "last": messages[-1].number if messages else 0,
        "new_after": reading.read_mark(reader, channel),
        "before": before,
        "hearers": references.hearers(channel),
        "may_post": policy.may(reader, May.POST, channel),
        "post_form": form or PostForm(formdata=None, token=str(uuid.uuid4())),
        "longest": LONGEST,
    }


def first_conversation(workspace: Workspace) -> dict[str, Any]:
    """The conversation to show beside a board: where something was said last, or none when she hears no channel."""
    channel = reading.first_choice(reading.channels(viewer(), workspace))
    return conversation(channel) if channel else {"channel": None}


@bp.get("/workspaces/<uuid:workspace_id>/chat")
def index(workspace_id: uuid.UUID) -> str:
    context = head(viewer(), workspace_id, "chat")
    lines = reading.channels(viewer(), context["workspace"])
    channel = reading.first_choice(lines)
    shown = conversation(channel) if channel else {"channel": None}
    return render_template("messages/index.html", **context, **shown, lines=lines, is_list=True)


@bp.get("/channels/<uuid:channel_id>")
def show(channel_id: uuid.UUID) -> str:
    channel = policy.fetch(viewer(), Channel, channel_id)
    return _page(channel, request.args.get("before", type=int))


def _page(channel: Channel, before: int | None = None, form: PostForm | None = None) -> str:
    context = head(viewer(), channel.workspace_id, "chat")
    lines = reading.channels(viewer(), context["workspace"])
    shown = conversation(channel, _number(before), form)
    return render_template("messages/index.html", **context, **shown, lines=lines, is_list=False)


def _number(asked: int | None) -> int | None:
    return None if asked is None else max(0, min(asked, MOST_INTEGER))


@bp.get("/workspaces/<uuid:workspace_id>/channels")
def list_channels(workspace_id: uuid.UUID) -> str:
    workspace = policy.fetch(viewer(), Workspace, workspace_id)
    current = request.args.get("current", type=uuid.UUID)
    lines = reading.channels(viewer(), workspace)
    may = policy.allowed(viewer(), workspace)
    return render_template(
        "messages/_channels.html", workspace=workspace, lines=lines, current=current, workspace_may=may
    )


@bp.get("/channels/<uuid:channel_id>/messages")
def page(channel_id: uuid.UUID) -> dict[str, Any]:
    """List items for the browser's module: before a number, after one with what changed from ``first`` on, or some."""
    channel = policy.fetch(viewer(), Channel, channel_id)
    before, after, first = (_number(request.args.get(name, type=int)) for name in ("before", "after", "first"))
    has_more = False
    if "numbers" in request.args:
        messages = reading.these(viewer(), channel, _numbers(request.args["numbers"]))
    elif after is None:
        messages = reading.newest(viewer(), channel, before)
        has_more = bool(messages) and messages[0].number > 1
    else:
        messages = reading.since(viewer(), channel, after, first)
        has_more = bool(messages) and messages[-1].number < channel.message_count
    html = showing.render(showing.shown_to(viewer(), messages), ZoneInfo(viewer().time_zone))
    return {"html": html, "more": has_more, "last": messages[-1].number if messages else after or 0}


def _numbers(asked: str) -> set[int]:
    return {int(each) for each in asked.split(",")[: reading.PAGE] if re.fullmatch("[0-9]{1,9}", each)}


@bp.post("/channels/<uuid:channel_id>/messages")
def post(channel_id: uuid.UUID) -> Response | tuple[str, int]:
    channel = policy.fetch(viewer(), Channel, channel_id)
    form, status = PostForm(), 422
    if form.validate_on_submit():
        try:
            POSTS.keep(viewer().id)
            message = service.post(viewer(), channel, form.text.data, uuid.UUID(form.token.data))
            return redirect(url_for("messages.show", channel_id=channel.id, _anchor=f"message-{message.number}"), 303)
        except (Invalid, TooFast) as error:
            put_error({"text": form.text}, "text", error.reason)
            status = error.status
    return _page(channel, form=form), status


@bp.post("/channels/<uuid:channel_id>/read")
def read(channel_id: uuid.UUID) -> Response:
    channel = policy.fetch(viewer(), Channel, channel_id)
    form = ReadForm()
    if not form.validate_on_submit():
        raise Invalid(gettext("This is not something the portal understands."))
    read_on(viewer(), channel, form.number.data)
    return redirect(url_for("messages.show", channel_id=channel.id), 303)


@bp.get("/channels/<uuid:channel_id>/suggestions")
def suggestions(channel_id: uuid.UUID) -> str:
    """What can be mentioned (``@``) or cited (``#``) here, for the box to write in."""
    channel = policy.fetch(viewer(), Channel, channel_id)
    asked = request.args.get("q", "")[:60]
    people = reading.people_like(channel, asked[1:]) if asked.startswith("@") else []
    exhibits = reading.exhibits_like(viewer(), channel, asked[1:]) if asked.startswith("#") else []
    return render_template("messages/_suggestions.html", people=people, exhibits=exhibits)


@bp.get("/messages/<uuid:message_id>/edit")
def edit(message_id: uuid.UUID) -> str:
    message = _own(message_id)
    return _edit_page(message, EditForm(formdata=None, text=message.text, edition=message.edition))


def _own(message_id: uuid.UUID) -> Message:
    """A message whose author is the viewer, who alone has a page of it."""
    message = policy.fetch(viewer(), Message, message_id)
    policy.require(viewer(), May.READ, message)
    return message


def _edit_page(message: Message, form: EditForm) -> str:
    context = head(viewer(), message.workspace_id, "chat")
    history = showing.history_of(viewer(), message)
    may_edit = policy.may(viewer(), May.EDIT, message)
    return render_template(
        "messages/edit.html", **context, message=message, form=form, history=history, may_edit=may_edit, longest=LONGEST
    )


@bp.post("/messages/<uuid:message_id>/edit")
def update(message_id: uuid.UUID) -> Response | tuple[str, int]:
    message = _own(message_id)
    form, status = EditForm(), 422
    if form.validate_on_submit():
        try:
            message = service.edit(viewer(), message, form.text.data, form.edition.data)
            return _back_to(message)
        except (Invalid, Refused) as error:
            put_on_record(error)
            put_error({"text": form.text}, "text", error.reason)
            status = error.status
    return _edit_page(message, form), status


@bp.post("/messages/<uuid:message_id>/withdraw")
def withdraw(message_id: uuid.UUID) -> Response:
    message = service.withdraw(viewer(), policy.fetch(viewer(), Message, message_id))
    return _back_to(message)


@bp.get("/workspaces/<uuid:workspace_id>/channels/new")
def new_channel(workspace_id: uuid.UUID) -> str:
    workspace = policy.fetch(viewer(), Workspace, workspace_id)
    policy.require(viewer(), May.OPEN_CHANNEL, workspace)
    return _channel_page(workspace, _channel_form(workspace))


def _channel_form(workspace: Workspace) -> ChannelForm:
    form = ChannelForm()
    form.party_ids.choices = [
        SelectChoice(party.id, country(party)) for party in channels.possible_parties(viewer(), workspace)
    ]
    form.user_ids.choices = [
        SelectChoice(member.user_id, f"{member.user.name}, {member.authority.name}")
        for member in channels.possible_people(viewer(), workspace)
    ]
    return form


def _channel_page(workspace: Workspace, form: ChannelForm) -> str:
    return render_template("messages/new_channel.html", **head(viewer(), workspace.id, "chat"), form=form)


@bp.post("/workspaces/<uuid:workspace_id>/channels")
def open_channel(workspace_id: uuid.UUID) -> Response | tuple[str, int]:
    workspace = policy.fetch(viewer(), Workspace, workspace_id)
    policy.require(viewer(), May.OPEN_CHANNEL, workspace)
    form = _channel_form(workspace)
    if form.validate_on_submit():
        try:
            channel = channels.open_channel(viewer(), workspace, form.wish())
            return redirect(url_for("messages.show", channel_id=channel.id), 303)
        except Invalid as error:
            put_error(form._fields, error.field or "name", error.reason)
    return _channel_page(workspace, form), 422


def _back_to(message: Message) -> Response:
    is_recent = message.channel.message_count - message.number < reading.PAGE
    before = None if is_recent else message.number + reading.PAGE // 2
    place = url_for("messages.show", channel_id=message.channel_id, before=before, _anchor=f"message-{message.number}")
    return redirect(place, 303)


@bp.get("/messages/<uuid:message_id>/source")
def source(message_id: uuid.UUID) -> dict[str, Any]:
    """What its author typed, to edit it in place."""
    message = policy.fetch(viewer(), Message, message_id)
    policy.require(viewer(), May.EDIT, message)
    return {"text": message.text, "edition": message.edition}


@bp.get("/messages/<uuid:message_id>")
def locate(message_id: uuid.UUID) -> Response:
    """Where a message stands: notices point here."""
    return _back_to(policy.fetch(viewer(), Message, message_id))
