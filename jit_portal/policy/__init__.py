"""Every access rule, once: who may do what with which thing, and why."""

from jit_portal.policy import entrusting, exhibits, glass, jits, people, person, providers, stepup, work
from jit_portal.policy.asking import (
    GROUNDS,
    GUARDED,
    RULES,
    Condition,
    allowed,
    asked,
    explain,
    fetch,
    holds,
    locked,
    may,
    noun,
    pairs,
    require,
    require_right,
    which,
    who,
)
from jit_portal.policy.guard import UnpolicedRead, watch
from jit_portal.policy.newest import THE_END, newest
from jit_portal.policy.person import asker
from jit_portal.policy.portal import Work, portal_fetch, portal_which
from jit_portal.policy.sight import Seer, everyones_sights, seers, sights
from jit_portal.policy.within import agreement_of, parties_from, parties_of, people_named

__all__ = [
    "GROUNDS",
    "GUARDED",
    "RULES",
    "THE_END",
    "Condition",
    "Seer",
    "UnpolicedRead",
    "Work",
    "agreement_of",
    "allowed",
    "asked",
    "asker",
    "entrusting",
    "everyones_sights",
    "exhibits",
    "explain",
    "fetch",
    "glass",
    "holds",
    "jits",
    "locked",
    "may",
    "newest",
    "noun",
    "pairs",
    "parties_from",
    "parties_of",
    "people",
    "people_named",
    "person",
    "portal_fetch",
    "portal_which",
    "providers",
    "require",
    "require_right",
    "seers",
    "sights",
    "stepup",
    "watch",
    "which",
    "who",
    "work",
]
