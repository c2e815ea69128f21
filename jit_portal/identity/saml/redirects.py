"""SAML in an address, signed beside it rather than inside (SAML bindings, 3.4): what the browser carries to a login."""

import base64
import binascii
import zlib
from collections.abc import Collection, Iterable
from urllib.parse import parse_qsl, quote_plus, unquote_plus, urlencode

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from jit_portal.identity.refusals import SignInRefused, Why
from jit_portal.identity.saml.envelope import SIGNATURES
from jit_portal.identity.saml.own import OwnKey

LONGEST = 64 << 10
"""Bytes of a document once it is unfolded."""
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


def signed(place: str, kind: str, document: bytes, state: str | None, own: OwnKey) -> str:
    """The address at ``place`` with a document, ``SAMLRequest`` or ``SAMLResponse``; ``state`` comes back with it."""
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(document) + packer.flush()
    said = [(kind, base64.b64encode(packed).decode())]
    said += [("RelayState", state)] if state is not None else []
    query = urlencode([*said, ("SigAlg", SIGNATURES["RS256"])])
    signature = quote_plus(base64.b64encode(own.sign(query.encode())).decode())
    return f"{place}{'&' if '?' in place else '?'}{query}&Signature={signature}"


def taken(query: str, kind: str, algorithms: Collection[str], certificates: Iterable[x509.Certificate]) -> bytes:
    """The document that a query carries under a signature of this login; SignInRefused for anything else."""
    names = [name for name, _ in parse_qsl(query, keep_blank_values=True)]
    if len(set(names)) != len(names):
        raise SignInRefused(Why.UNSOUND, "the same parameter twice")
    # Signed is what was written, letter for letter: how else it could be written is not known here.
    written = dict(pair.partition("=")[::2] for pair in query.split("&"))
    if not {kind, "SigAlg", "Signature"} <= written.keys():
        raise SignInRefused(Why.UNSOUND, "unsigned")
    over = "&".join(f"{name}={written[name]}" for name in (kind, "RelayState", "SigAlg") if name in written)
    algorithm = next((word for word in algorithms if SIGNATURES.get(word) == unquote_plus(written["SigAlg"])), None)
    if algorithm is None:
        raise SignInRefused(Why.UNSOUND, "algorithm")
    try:
        signature = base64.b64decode(unquote_plus(written["Signature"]), validate=True)
        packed = base64.b64decode(unquote_plus(written[kind]), validate=True)
    except (binascii.Error, ValueError):
        raise SignInRefused(Why.UNSOUND, "encoding") from None
    if not any(_is_of(each, algorithm, signature, over.encode()) for each in certificates):
        raise SignInRefused(Why.UNSOUND, "signature")
    return _unfolded(packed)


def _is_of(certificate: x509.Certificate, algorithm: str, signature: bytes, said: bytes) -> bool:
    key, made = certificate.public_key(), _HASHES[algorithm[2:]]()
    try:
        if algorithm.startswith("RS") and isinstance(key, RSAPublicKey):
            key.verify(signature, said, PKCS1v15(), made)
        elif algorithm.startswith("ES") and isinstance(key, EllipticCurvePublicKey):
            half = len(signature) // 2
            r, s = (int.from_bytes(each, "big") for each in (signature[:half], signature[half:]))
            key.verify(encode_dss_signature(r, s), said, ECDSA(made))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _unfolded(packed: bytes) -> bytes:
    """No more of it than the portal would read: a few letters can unfold into gigabytes."""
    unpacker = zlib.decompressobj(wbits=-15)
    try:
        document = unpacker.decompress(packed, LONGEST)
    except zlib.error:
        raise SignInRefused(Why.UNSOUND, "encoding") from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise SignInRefused(Why.UNSOUND, "too long")
    return document
