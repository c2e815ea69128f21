"""How far somebody sees, in one word of the reader's language."""

from flask_babel import lazy_gettext as _

from jit_portal.vocabulary import Sight

SIGHT_WORDS = {Sight.SEE: _("See"), Sight.READ: _("Read"), Sight.DOWNLOAD: _("Download"), Sight.USE: _("Use")}
