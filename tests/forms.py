"""The forms of a page as a browser sends them: what each field holds, and what it offers."""

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TYPED = ("text", "textarea", "search", "email", "url", "tel", "password")


@dataclass
class Field:
    """One name in a form: ``holds`` is sent when nobody touches it, ``offers`` is what can be chosen."""

    kind: str
    is_required: bool = False
    most: int = 0
    latest: str = ""
    holds: list[str] = field(default_factory=list)
    offers: list[str] = field(default_factory=list)

    @property
    def is_typed(self) -> bool:
        return self.kind in TYPED

    @property
    def ids(self) -> list[str]:
        """One value of every shape in which an id is sent, such as ``party:…`` and ``person:…``."""
        found = [(ID.split(value)[0], value) for value in [*self.holds, *self.offers] if ID.search(value)]
        return list(dict(found).values())

    def filled(self) -> list[str]:
        """What is sent by somebody who fills in no more than must be."""
        if self.kind == "file":
            return []
        if any(self.holds):
            return self.holds
        offered = [value for value in self.offers if value]
        if self.kind == "radio" or (self.is_required and offered):
            return offered[:1]
        if self.kind == "date" and self.is_required:
            return [self.latest or str(dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1))]
        if self.is_typed and self.is_required:
            return ["Something"[: self.most or None]]
        return self.holds


@dataclass
class Form:
    """A form that is posted, by one of its buttons (name and value); ``keeps``: its page keeps what is typed in it."""

    path: str
    action: str
    keeps: bool
    fields: dict[str, Field] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def filled(self) -> dict[str, list[str]]:
        """What is sent by its plainest button."""
        said = {name: each.filled() for name, each in self.fields.items() if each.kind != "button"}
        pressed = {name: each.offers[:1] for name, each in self.fields.items() if each.kind == "button"}
        return said if any(not name for name, _ in self.buttons) else said | pressed


class _Forms(HTMLParser):
    def __init__(self, path: str, text: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._path = path
        self._form: Form | None = None
        self._choice: Field | None = None
        self._area: Field | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form" and said.get("method") == "post":
            self._form = Form(self._path, said.get("action", self._path), "data-draft" in said)
            self.found.append(self._form)
        elif tag == "option" and self._choice is not None:
            self._offer(self._choice, said, "selected")
        elif self._form is not None and tag == "button" and said.get("type", "submit") == "submit":
            self._button(self._form, said)
        elif self._form is not None and said.get("name"):
            self._take(self._form, tag, said)

    def _button(self, form: Form, said: dict[str, str]) -> None:
        pressed = said.get("name", ""), said.get("value", "")
        if "formaction" in said:
            self.found.append(replace(form, action=said["formaction"], buttons=[pressed]))
            return
        form.buttons.append(pressed)
        if pressed[0]:
            self._take(form, "button", said)

    def _take(self, form: Form, tag: str, said: dict[str, str]) -> None:
        kind = said.get("type", "text") if tag == "input" else tag
        each = form.fields.setdefault(said["name"], Field(kind))
        each.is_required |= "required" in said
        each.most, each.latest = int(said.get("maxlength", 0)), said.get("max", "")
        if tag == "select":
            self._choice = each
        elif tag == "textarea":
            self._area, each.holds = each, [""]
        elif kind in ("radio", "checkbox", "button"):
            self._offer(each, said, "checked")
        else:
            each.holds.append(said.get("value", ""))

    @staticmethod
    def _offer(each: Field, said: dict[str, str], chosen: str) -> None:
        if "disabled" in said:
            return
        each.offers.append(said.get("value", "on"))
        if each.kind == "select" and (chosen in said or not each.holds):
            each.holds = [said.get("value", "")]
        elif chosen in said:
            each.holds.append(said.get("value", "on"))

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area.holds = [self._area.holds[0] + data]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._choice = None
        elif tag == "textarea" and self._area is not None:
            # A browser drops the line break with which the text of such a field begins in the page.
            self._area.holds = [re.sub(r"\A\r?\n", "", self._area.holds[0])]
            self._area = None


def forms_in(path: str, text: str) -> list[Form]:
    """Every form of a page that changes something."""
    return _Forms(path, text).found
