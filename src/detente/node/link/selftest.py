"""Start-up self-test of a listener: whoever may not speak must be refused, or the node does not serve.

Three callers try: one without a certificate, one with this node's own certificate (real, but of another CA
than the peer's), one with a certificate made up in the name of each CA that the listener knows. None may get
a byte of an answer. A caller that cannot even connect proves nothing, so that fails the test as well.
Servers are known that silently turn client verification off.
"""

from __future__ import annotations

import asyncio
import datetime
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from detente.node.link.server import PREFIX
from detente.node.link.tls import Identity
from detente.record.errors import Refused, declare

OPEN_LISTENER: Final = declare(
    "listener-open", "operator", "somebody without the peer's certificate would be answered; it stays shut"
)
TRY_S: Final = 3.0
_REQUEST: Final = f"POST {PREFIX}/probe HTTP/1.1\r\nHost: self-test\r\nContent-Length: 2\r\n\r\n{{}}".encode()


async def check_listener(
    host: str, port: int, own: Identity, context: ssl.SSLContext, peer_ca: bytes
) -> None:
    """Try the listener as everybody who must not pass. Raises Refused("listener-open")."""
    _check_trust(context, peer_ca)
    with tempfile.TemporaryDirectory(prefix="detente-selftest-") as folder:
        callers: list[tuple[str, Identity | None]] = [("no certificate", None), ("own certificate", own)]
        for name, made in _impostors(peer_ca, Path(folder)):
            callers.append((name, made))
        for name, identity in callers:
            if await _answers(host, port, identity):
                raise Refused(OPEN_LISTENER, caller=name)


def _check_trust(context: ssl.SSLContext, peer_ca: bytes) -> None:
    """The context trusts the peer's CA and nothing beside it, and demands a certificate."""
    one = [ssl.PEM_cert_to_DER_cert(peer_ca.decode("ascii"))]
    if context.verify_mode is not ssl.CERT_REQUIRED or context.get_ca_certs(binary_form=True) != one:
        raise Refused(OPEN_LISTENER, caller="any other CA")


async def _answers(host: str, port: int, identity: Identity | None) -> bool:
    """True if the caller gets any byte after the handshake, or no TLS server is there to refuse it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # who we are is not in question here, only who may call
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if identity is not None:
        context.load_cert_chain(identity.certificate, identity.key)
    try:
        async with asyncio.timeout(TRY_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
    except (ssl.SSLError, ConnectionResetError):
        return False
    except (OSError, TimeoutError):
        return True  # nobody was there to refuse: the test would pass for the wrong reason
    try:
        async with asyncio.timeout(TRY_S):
            # In TLS 1.3 the caller's handshake ends before the server has looked at the certificate:
            # the refusal arrives as an alert on the first read.
            writer.write(_REQUEST)
            return await reader.read(1) != b""
    except (ssl.SSLError, OSError):
        return False
    except TimeoutError:
        return True
    finally:
        writer.close()
        with suppress(ssl.SSLError, OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await writer.wait_closed()


def _impostors(peer_ca: bytes, folder: Path) -> Iterator[tuple[str, Identity]]:
    """A leaf that names the peer's CA as its issuer but is signed by a key made just now."""
    subject = x509.load_pem_x509_certificate(peer_ca).subject
    key = ec.generate_private_key(ec.SECP256R1())
    stranger = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(stranger, hashes.SHA256())
    )
    certificate, private = folder / "leaf.pem", folder / "leaf.key"
    certificate.write_bytes(leaf.public_bytes(Encoding.PEM))
    private.touch(mode=0o600)
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    yield "made-up certificate", Identity(certificate, private)
