"""What is a person's own and nobody else's: notices, sign-ins, acts that wait, passkeys."""

from jit_portal.identity.sign_in_models import LoginSession, Passkey, WaitingAct
from jit_portal.notices.models import Notice
from jit_portal.policy.asking import Ground, protect, rule
from jit_portal.policy.person import Conditions, breaks_glass, person
from jit_portal.vocabulary import May

protect(Notice, Ground(gates={}))


@rule(Notice, May.SEE)
def sees_own_notice() -> Conditions:
    """Whoever has a duty is told of people and sign-ins; what else a notice points at decides for itself."""
    return {"yours": Notice.user_id == person.id, "active": person.deactivated_at.is_(None)}


protect(LoginSession, Ground(gates={}))


@rule(LoginSession, May.SEE, May.END_OWN_LOGIN)
def sees_own_login() -> Conditions:
    return {"yours": LoginSession.user_id == person.id, "active": person.deactivated_at.is_(None)}


protect(WaitingAct, Ground(gates={}))


@rule(WaitingAct, May.SEE)
def sees_own_waiting_act() -> Conditions:
    return {"yours": WaitingAct.user_id == person.id, "active": person.deactivated_at.is_(None)}


protect(Passkey, Ground(gates={}))


@rule(Passkey, May.SEE)
def sees_own_passkey() -> Conditions:
    return {"yours": Passkey.user_id == person.id, "active": person.deactivated_at.is_(None)}


@rule(Passkey, May.DELETE)
def removes_own_passkey() -> Conditions:
    """The two keys of a break-glass account are what it is: neither is taken away."""
    return {**sees_own_passkey(), "of_a_national_login": ~breaks_glass}
