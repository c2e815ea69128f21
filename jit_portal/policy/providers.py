"""The register of national logins is there for operators alone; what an operator tries out, for her alone."""

from jit_portal.identity.models import GLASS, IdentityProvider, ProviderProposal, ProviderTest, User
from jit_portal.policy.asking import Ground, protect, rule
from jit_portal.policy.person import Conditions, person
from jit_portal.vocabulary import Duty, May

_of_operators = Ground(gates={"active": person.deactivated_at.is_(None)})

# The rows themselves are read at every sign-in, and proposals by command: guarded is the page, not the table.
for _model in (IdentityProvider, ProviderProposal):
    protect(_model, _of_operators, is_guarded=False)


protect(ProviderTest, _of_operators)


@rule(IdentityProvider, May.SEE)
def sees_login() -> Conditions:
    """The row of those who break the glass is no login, and stands in no register."""
    return {"operator": person.duty == Duty.OPERATOR, "national": IdentityProvider.slug != GLASS}


@rule(ProviderProposal, May.SEE)
def keeps_the_register() -> Conditions:
    return {"operator": person.duty == Duty.OPERATOR}


@rule(User, May.KEEP_REGISTER)
def may_keep_the_register() -> Conditions:
    """Asked of herself, where there is no row yet to be asked about."""
    return {"operator": person.duty == Duty.OPERATOR, "herself": User.id == person.id}


@rule(ProviderTest, May.SEE)
def sees_test() -> Conditions:
    """What came of a test sign-in is about whoever signed in."""
    return {"operator": person.duty == Duty.OPERATOR, "yours": ProviderTest.tested_by_id == person.id}
