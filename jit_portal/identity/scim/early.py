"""What answers directories takes a second to load: it is there before they ask, where any of them may."""

from importlib import import_module
from types import ModuleType

from jit_portal.identity.scim import tokens


def answers() -> ModuleType:
    """What answers directories, loaded by whoever needs it first."""
    return import_module("jit_portal.identity.scim.views")


def load_for_those_who_may_ask() -> None:
    """Load it now if a directory may come: that somebody has left must take effect within a second."""
    if any(tokens.is_live(token) for token in tokens.every_one()):
        answers()
