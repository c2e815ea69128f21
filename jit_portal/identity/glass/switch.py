"""Whether this process lets anybody break the glass: off unless its settings say so."""

from jit_portal.config import Settings

_on: list[bool] = []


def use(settings: Settings) -> None:
    _on[:] = [settings.break_glass]


def is_on() -> bool:
    return any(_on)
