"""TLS contexts for one peer: TLS 1.3 alone, both ends with a certificate, and one CA trusted.

1. A context trusts exactly one CA: that of the one peer it is made for. Which peer called is therefore known
   by the listener it reached, and no list of names can be got wrong. SPEC: protocol D1
2. The CA must be able to vouch for nothing but its party's own hosts: `CA:TRUE` with path length 0 and
   critical name constraints. A card without them is refused before anything listens.
3. A leaf may be pinned by the SHA-256 of its SubjectPublicKeyInfo. The pin is checked inside the handshake,
   at both ends, so that no byte of a request is read or sent before it held.
4. No session tickets: a resumed session would skip the certificate.
"""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from detente.record.errors import Refused, declare

PEER_CA_WEAK: Final = declare(
    "peer-ca-weak", "peer's administrator", "the peer's CA may vouch for more than its own hosts"
)


@dataclass(frozen=True)
class Identity:
    """Where this node's own leaf certificate and its key lie (PEM files)."""

    certificate: Path
    key: Path


def server_context(own: Identity, peer_ca: bytes, *, pin: bytes | None = None) -> ssl.SSLContext:
    """Context of the listener for the peer whose CA (PEM) is given; callers must show its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0
    return _tighten(context, own, peer_ca, pin)


def client_context(own: Identity, peer_ca: bytes, *, pin: bytes | None = None) -> ssl.SSLContext:
    """Context for dialling that peer; the host dialled must stand in its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return _tighten(context, own, peer_ca, pin)


def _tighten(context: ssl.SSLContext, own: Identity, peer_ca: bytes, pin: bytes | None) -> ssl.SSLContext:
    check_ca(peer_ca)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    context.load_verify_locations(cadata=peer_ca.decode("ascii"))
    context.load_cert_chain(own.certificate, own.key)
    if pin is not None:
        context.sslobject_class = _pinned(pin)
    return context


def check_ca(pem: bytes) -> x509.Certificate:
    """The one CA certificate of a card. Raises Refused("peer-ca-weak") if it could vouch for too much."""
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise Refused(PEER_CA_WEAK, why="not PEM") from error
    if len(found) != 1:
        raise Refused(PEER_CA_WEAK, why="not exactly one certificate")
    (ca,) = found
    try:
        basic = ca.extensions.get_extension_for_class(x509.BasicConstraints).value
        names = ca.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound as error:
        raise Refused(PEER_CA_WEAK, why=f"no {error.oid.dotted_string}") from error
    if not basic.ca or basic.path_length != 0:
        raise Refused(PEER_CA_WEAK, why="path length is not 0")
    if not names.critical or not names.value.permitted_subtrees:
        raise Refused(PEER_CA_WEAK, why="no critical list of permitted names")
    return ca


def spki_sha256(certificate: bytes) -> bytes:
    """SHA-256 of the SubjectPublicKeyInfo of a DER certificate: what a pin holds."""
    public = x509.load_der_x509_certificate(certificate).public_key()
    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def _pinned(pin: bytes) -> type[ssl.SSLObject]:
    class PinnedObject(ssl.SSLObject):
        """A TLS end that breaks off when the other's leaf key is not the pinned one."""

        def do_handshake(self, *args: Any, **kwargs: Any) -> None:
            super().do_handshake(*args, **kwargs)  # SSLWantReadError until it is complete
            leaf = self.getpeercert(binary_form=True)
            if leaf is None or spki_sha256(leaf) != pin:
                raise ssl.SSLCertVerificationError("the peer's leaf key is not the pinned one")

    return PinnedObject
