"""How a file that is sent away is named in the header of its answer."""

from urllib.parse import quote


def named(name: str) -> str:
    """A file's name for Content-Disposition, as RFC 6266 has it: plain for old clients, exact for all others."""
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in " ._-()") else "_" for letter in name)
    return f"filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
