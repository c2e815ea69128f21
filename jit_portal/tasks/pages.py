"""What the templates of boards and tasks are given."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for
from markupsafe import Markup
from wtforms.fields.choices import SelectChoice

from jit_portal import policy
from jit_portal.errors import Invalid, NotFound
from jit_portal.exhibits.admission import upload_refusal
from jit_portal.identity.models import User
from jit_portal.jits.models import Party
from jit_portal.tasks import boards, citations, people, reading
from jit_portal.tasks.forms import AskForm, BoardForm, DeclineForm, EditionForm, NewTaskForm, PersonForm, TaskForm
from jit_portal.tasks.models import Board, Task
from jit_portal.vocabulary import May, Sight
from jit_portal.web import markup
from jit_portal.wording import country, gettext
from jit_portal.workspaces.models import Workspace
from jit_portal.workspaces.own import own_membership

DUES = ("overdue", "week", "none", "dated")


def today(person: User) -> dt.date:
    return dt.datetime.now(ZoneInfo(person.time_zone)).date()


def chosen(args: Mapping[str, str]) -> reading.Chosen:
    """The filter that an address asks for; Invalid when it is not one of the page's own."""
    whose, due = args.get("whose") or "all", args.get("due") or ""
    if whose not in ("all", "mine", "party") or due not in ("", *DUES):
        raise Invalid(gettext("The address asks for something the board does not know."))
    return reading.Chosen(
        whose=whose,
        person_id=_id(args.get("person")),
        party_id=_id(args.get("party")),
        due=due,
        text=args.get("q", "").replace("\x00", "").strip()[:100],
        all_done=args.get("done") == "all",
    )


def board(person: User, workspace: Workspace, args: Mapping[str, str]) -> dict[str, Any]:
    """The columns and cards of one board, and the choice among boards."""
    seen = reading.boards(person, workspace.id)
    wanted = reading.board_of(seen, _id(args.get("board")))
    if wanted is None:
        return {"boards": seen, "board": None}
    choice = chosen(args)
    lanes = reading.lanes(person, wanted, choice, today(person))
    return {
        "boards": seen,
        "board": wanted,
        "board_may": policy.allowed(person, wanted),
        "chosen": choice,
        "lanes": lanes,
        "movable": set[uuid.UUID]().union(*(lane.movable for lane in lanes)),
        "files": citations.counts(wanted),
        "today": today(person),
        "here": _address_of(wanted, choice),
    }


def _address_of(wanted: Board, choice: reading.Chosen) -> dict[str, Any]:
    """The arguments of the page's address; ``url_for`` leaves out those that are None."""
    return {
        "workspace_id": wanted.workspace_id,
        "board": wanted.id,
        "whose": choice.whose if choice.whose != "all" else None,
        "person": choice.person_id,
        "party": choice.party_id,
        "due": choice.due or None,
        "q": choice.text or None,
        "done": "all" if choice.all_done else None,
    }


def beside(person: User, context: dict[str, Any]) -> dict[str, Any]:
    """What stands around the columns: who can be filtered for, the form for a task, the latest exhibits, the chat."""
    wanted: Board | None = context["board"]
    workspace_id = context["workspace"].id
    shown = latest(person, context)
    # What she has not read is counted by the workspaces in which she hears a channel.
    shown |= {"hears": workspace_id in context["unread_messages"], "form": None}
    if wanted is not None:
        seats = people.audience(wanted)
        mine = next((seat.party_id for seat in seats if seat.person.id == person.id), None)
        shown["people"] = [seat.person for seat in seats]
        shown["own_party"] = next((party for party in context["parties"] if party.id == mine), None)
        if May.CREATE_TASK in context["board_may"]:
            shown["form"] = _task_form(person, wanted, seats, context["parties"])
    return shown


def latest(person: User, context: dict[str, Any]) -> dict[str, Any]:
    workspace: Workspace = context["workspace"]
    may_upload = May.UPLOAD in context["workspace_may"] and not upload_refusal(own_membership(person, workspace.id))
    return {"latest": reading.latest_exhibits(person, workspace.id), "may_upload": may_upload}


def card(person: User, wanted: Task) -> dict[str, Any]:
    """One card as this person sees it."""
    return {
        "task": wanted,
        "movable": {wanted.id} if policy.may(person, May.MOVE, wanted) else set(),
        "files": {wanted.id: sum(each.noun == "exhibit" for each in citations.of(person, wanted))},
        "columns": wanted.board.columns,
        "today": today(person),
    }


def task(person: User, wanted: Task) -> dict[str, Any]:
    """Everything about one task, and the forms for what this person may do with it."""
    may = policy.allowed(person, wanted)
    cited = citations.of(person, wanted)
    return {
        "task": wanted,
        "may": may,
        "html": _html(wanted, cited),
        "cited": [(each, _shown(each)) for each in cited if each.noun == "exhibit"],
        "changes": reading.history(wanted),
        "columns": wanted.board.columns,
        "assign_form": _person_form(wanted, wanted.party_id) if May.ASSIGN in may else None,
        "accept_form": _person_form(wanted, wanted.asked_party_id) if May.ANSWER in may else None,
        "decline_form": DeclineForm(formdata=None, obj=wanted) if May.ANSWER in may else None,
        "ask_form": _ask_form(wanted) if May.ASSIGN in may else None,
        "edition_form": EditionForm(formdata=None, obj=wanted),
        "today": today(person),
    }


def _html(wanted: Task, cited: list[citations.Citation]) -> Markup:
    pointers = {}
    for each in cited:
        for word in (each.word, each.word.removeprefix("#")):
            pointers[word] = _pointer(word, each)
    return markup.render(wanted.description, pointers)


def _pointer(word: str, cited: citations.Citation) -> markup.Pointer:
    if isinstance(cited.thing, Task):
        return markup.Pointer(word, address=url_for("tasks.show", task_id=cited.thing.id))
    if cited.thing is not None:
        return markup.Pointer(word, address=url_for("exhibits.show", exhibit_id=cited.thing.id))
    if cited.noun == "exhibit":
        return markup.Pointer(gettext("an exhibit not released to you"), is_unseen=True)
    return markup.Pointer(gettext("a task not shown to you"), is_unseen=True)


def _shown(cited: citations.Citation) -> dict[str, Any] | None:
    """An exhibit as the card under a text shows it: without a word of its file below the sight to read."""
    exhibit = cited.thing
    if exhibit is None or isinstance(exhibit, Task):
        return None
    reads = cited.sight is not None and cited.sight >= Sight.READ
    names = {"id": exhibit.id, "title": exhibit.title, "reference": exhibit.reference, "kind": exhibit.kind}
    return names | {"file": exhibit.file if reads else None}


def mine(person: User) -> dict[str, Any]:
    """My tasks in the order in which they are due, and those that my party is asked to take."""
    tasks, now = reading.mine(person), today(person)
    week = now + dt.timedelta(days=7)
    groups = {
        "overdue": [each for each in tasks if each.due_on and each.due_on < now],
        "week": [each for each in tasks if each.due_on and now <= each.due_on <= week],
        "later": [each for each in tasks if each.due_on and each.due_on > week],
        "undated": [each for each in tasks if each.due_on is None],
    }
    return {"groups": groups, "tasks": tasks, "asked": reading.asked(person), "today": now}


def task_form(person: User, wanted: Board, column_id: str | None = None) -> NewTaskForm:
    """The form for a new task on this board, filled in from the request where it was sent."""
    parties = policy.parties_of([wanted.workspace.jit_id])
    return _task_form(person, wanted, people.audience(wanted), parties, column_id)


def _task_form(
    person: User, wanted: Board, seats: list[people.Seat], parties: Sequence[Party], column_id: str | None = None
) -> NewTaskForm:
    form = NewTaskForm()
    mine = next((seat for seat in seats if seat.person.id == person.id), None)
    own = next((party for party in parties if mine is not None and party.id == mine.party_id), None)
    if mine is None or own is None:
        # She, or her party, left since the board was looked up.
        raise NotFound(noun="board", object_id=wanted.id)
    form.offer(wanted.columns, own, people.askable_among(seats, parties, own.id) if mine.leads else ())
    if not form.is_submitted():
        form.token.data = str(uuid.uuid4())
        form.column.data = _id(column_id) or wanted.columns[0].id
        form.party.data = own.id
    return form


def typed(form: NewTaskForm) -> dict[str, Any]:
    """The arguments of ``service.create_task`` after the board."""
    return {
        "column_id": form.column.data,
        "title": form.title.data,
        "description": form.description.data or "",
        "due_on": form.due_on.data,
        "token": _id(form.token.data),
        "ask_party_id": form.party.data,
    }


def edit_form(person: User, wanted: Task) -> TaskForm:
    form = TaskForm(formdata=None, obj=wanted)
    form.description.data = citations.masked(wanted, citations.of(person, wanted))
    return form


def theirs(person: User, task_id: uuid.UUID, form: TaskForm) -> dict[str, Any]:
    """The task as somebody else left it meanwhile; sending the form again is then meant to replace that."""
    now = policy.fetch(person, Task, task_id)
    form.edition.data = now.edition
    form.edition.raw_data = [str(now.edition)]
    return {"task": now, "html": _html(now, citations.of(person, now))}


def board_form(person: User, workspace: Workspace) -> BoardForm:
    form = BoardForm()
    members = boards.invitable(person, workspace.id)
    named: dict[uuid.UUID, Party] = {member.party_id: member.party for member in members}
    form.parties.choices = [
        SelectChoice(id, country(party)) for id, party in sorted(named.items(), key=lambda pair: pair[1].name)
    ]
    form.people.choices = [
        SelectChoice(member.user_id, f"{member.user.name}, {country(member.party)}")
        for member in members
        if member.user_id != person.id
    ]
    return form


def address(wanted: Task) -> str:
    """Where a card stands: its board, at that card."""
    board_id, workspace_id = wanted.board_id, wanted.workspace_id
    return url_for("tasks.index", workspace_id=workspace_id, board=board_id, _anchor=f"task-{wanted.id}")


def _person_form(wanted: Task, party_id: uuid.UUID | None) -> PersonForm:
    form = PersonForm(formdata=None, edition=wanted.edition, person=wanted.assignee_id)
    found = people.candidates(wanted, party_id) if party_id else ()
    form.person.choices = [SelectChoice(someone.id, someone.name) for someone in found]
    return form


def _ask_form(wanted: Task) -> AskForm | None:
    askable = people.askable(wanted.board, wanted.party_id)
    form = AskForm(formdata=None, edition=wanted.edition)
    form.party.choices = [SelectChoice(party.id, country(party)) for party in askable]
    return form if askable else None


def _id(said: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(said) if said else None
    except ValueError as error:
        raise Invalid(gettext("The address asks for something the board does not know.")) from error
