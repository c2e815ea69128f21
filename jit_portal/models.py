"""Every table, so that the mapper, the migrations and the commands know them all."""

from jit_portal.audit import models as audit
from jit_portal.custody import models as custody
from jit_portal.exhibits import models as exhibits
from jit_portal.files import models as files
from jit_portal.identity import models as identity
from jit_portal.identity import sign_in_models as sign_ins
from jit_portal.identity.glass import models as glass
from jit_portal.identity.scim import models as scim
from jit_portal.jits import models as jits
from jit_portal.messages import models as messages
from jit_portal.notices import models as notices
from jit_portal.tasks import models as tasks
from jit_portal.workspaces import models as workspaces

__all__ = [
    "audit",
    "custody",
    "exhibits",
    "files",
    "glass",
    "identity",
    "jits",
    "messages",
    "notices",
    "scim",
    "sign_ins",
    "tasks",
    "workspaces",
]
