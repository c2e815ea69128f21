"""What can be sent from a page, read as a browser reads it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit


@dataclass
class Form:
    """A form that changes something: where to, what stands in its fields, its buttons by address, name and value."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)


class _Page(HTMLParser):
    """Gathers the forms of a page that are sent by POST."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._path = path
        self._form: Form | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form" and named.get("method") == "post":
            self._form = Form(urlsplit(named.get("action", self._path)).path)
            self.found.append(self._form)
        elif tag == "button" and self._form and named.get("type", "submit") == "submit":
            action = urlsplit(named.get("formaction", self._form.action)).path
            self._form.buttons.append((action, named.get("name", ""), named.get("value", "")))
        elif tag == "input" and self._form and (named.get("type") not in ("checkbox", "radio") or "checked" in named):
            self._form.fields[named.get("name", "")] = named.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None


def forms(path: str, text: str) -> list[Form]:
    """The forms of the page at this address that are sent by POST."""
    return _Page(path, text).found
