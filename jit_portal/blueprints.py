"""Every address of the portal, by package."""

from jit_portal.audit import routes as audit
from jit_portal.custody import routes as custody
from jit_portal.exhibits import delivery, uploads
from jit_portal.exhibits import entrusting_routes as entrusting
from jit_portal.exhibits import routes as exhibits
from jit_portal.exhibits import rules_routes as rules
from jit_portal.identity import confirm_routes as confirm
from jit_portal.identity import passkey_routes as passkeys
from jit_portal.identity import people_routes as people
from jit_portal.identity import provider_routes as providers
from jit_portal.identity import routes as identity
from jit_portal.identity import saml_routes as saml
from jit_portal.identity.scim import routes as scim
from jit_portal.jits import routes as jits
from jit_portal.messages import routes as messages
from jit_portal.messages import sockets as messages_sockets
from jit_portal.notices import routes as notices
from jit_portal.tasks import routes as tasks
from jit_portal.tasks import sockets as tasks_sockets
from jit_portal.web import health, pages
from jit_portal.workspaces import routes as workspaces

SOCKETS = (messages_sockets, tasks_sockets)
"""What arrives by socket, by package: importing a module registers its events."""

BLUEPRINTS = (
    health.bp,
    pages.bp,
    identity.bp,
    saml.bp,
    people.bp,
    providers.bp,
    confirm.bp,
    passkeys.bp,
    scim.bp,
    jits.bp,
    workspaces.bp,
    messages.bp,
    tasks.bp,
    exhibits.bp,
    rules.bp,
    entrusting.bp,
    custody.bp,
    uploads.bp,
    delivery.bp,
    audit.bp,
    notices.bp,
)
