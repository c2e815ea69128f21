"""Whether a signature is true: by pysaml2 and xmlsec1, against the certificates that a login's metadata pin.

They read the document anew. What they read as another than the portal has read is refused.
"""

import base64
import logging
import shutil
from functools import cached_property
from typing import Any

from saml2 import BINDING_HTTP_POST
from saml2.client import Saml2Client
from saml2.config import SPConfig

from jit_portal.identity.refusals import SignInRefused, Why
from jit_portal.identity.saml.assertion import Said, refuse

# What is refused it writes to its log, with everything that it says of somebody.
logging.getLogger("saml2").setLevel(logging.CRITICAL)


class Verifier:
    """The other reader of what one login sends: by its metadata, to the portal as ``client_id`` at ``answers``."""

    def __init__(self, metadata: str, client_id: str, answers: str, leeway: int) -> None:
        self._metadata, self._client_id, self._answers, self._leeway = metadata, client_id, answers, leeway

    @cached_property
    def _client(self) -> Saml2Client:
        """Made when it is first needed, for it takes a moment."""
        return Saml2Client(SPConfig().load(self._settings()))

    def response(self, document: bytes, *, is_signed: bool) -> None:
        """A signature of the response is of what came, and cannot be verified once its assertion is in the clear."""
        wrong = None
        try:
            found = self._client.sec.correctly_signed_response(document.decode())
        except Exception as error:
            # Not kept: it would hold open the files that were made for xmlsec1.
            wrong = f"signature: {type(error).__name__}"
        if wrong is not None:
            refuse(wrong)
        if (found.signature is not None) != is_signed:
            refuse("read in two ways")

    def assertion(self, document: bytes, said: Said, request_id: str) -> None:
        """Refuse it unless a pinned certificate has signed this very assertion, as another reader sees it too."""
        try:
            sealed = self._client.parse_authn_request_response(
                base64.b64encode(document).decode(), BINDING_HTTP_POST, outstanding={request_id: "/"}
            )
            named = sealed.assertion.subject.name_id.text.strip()
            is_same = (sealed.assertion.id, named) == (said.id, said.name.value.strip())
        except Exception as error:
            raise SignInRefused(Why.UNSOUND, f"signature: {type(error).__name__}") from error
        if not is_same:
            raise SignInRefused(Why.UNSOUND, "read in two ways")

    def _settings(self) -> dict[str, Any]:
        return {
            "entityid": self._client_id,
            "xmlsec_binary": shutil.which("xmlsec1"),
            "metadata": {"inline": [self._metadata]},
            "accepted_time_diff": self._leeway,
            "allow_unknown_attributes": True,
            "delete_tmpfiles": True,
            "service": {
                "sp": {
                    "endpoints": {"assertion_consumer_service": [(self._answers, BINDING_HTTP_POST)]},
                    "want_assertions_signed": True,
                    "want_response_signed": False,
                    "allow_unsolicited": False,
                    "only_use_keys_in_metadata": True,
                }
            },
        }
