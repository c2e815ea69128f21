"""Plain functions that put a small world into the database, past the verbs: what tests start from."""

from tests.factories.exhibits import entrustment, exhibit, file, release
from tests.factories.jits import World, board, channel, end_agreement, end_membership, world
from tests.factories.logins import (
    acts_in,
    added_login,
    forget_logins_of_verbs,
    glass_account,
    glass_opening,
    login,
    logins_of,
    now,
    passkey,
    step_up,
    waiting_act,
)
from tests.factories.people import administrator, proposal, provider, provider_test, user

__all__ = [
    "World",
    "acts_in",
    "added_login",
    "administrator",
    "board",
    "channel",
    "end_agreement",
    "end_membership",
    "entrustment",
    "exhibit",
    "file",
    "forget_logins_of_verbs",
    "glass_account",
    "glass_opening",
    "login",
    "logins_of",
    "now",
    "passkey",
    "proposal",
    "provider",
    "provider_test",
    "release",
    "step_up",
    "user",
    "waiting_act",
    "world",
]
