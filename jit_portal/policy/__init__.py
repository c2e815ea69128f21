"""Every access rule, once: who may do what with which thing, and why."""

from jit_portal.policy import exhibits, jits, work
from jit_portal.policy.asking import (
    GROUNDS,
    RULES,
    Condition,
    allowed,
    explain,
    fetch,
    may,
    noun,
    require,
    which,
    who,
)
from jit_portal.policy.guard import UnpolicedRead, watch
from jit_portal.policy.portal import Work, portal_fetch, portal_which
from jit_portal.policy.sight import Seer, seers, sights

__all__ = [
    "GROUNDS",
    "RULES",
    "Condition",
    "Seer",
    "UnpolicedRead",
    "Work",
    "allowed",
    "exhibits",
    "explain",
    "fetch",
    "jits",
    "may",
    "noun",
    "portal_fetch",
    "portal_which",
    "require",
    "seers",
    "sights",
    "watch",
    "which",
    "who",
    "work",
]
