"""The party's own CA and the node's leaf certificate (protocol D1).

1. A party's CA vouches for its own hosts and nothing else: `CA:TRUE`, path length 0, critical name
   constraints over the hosts that its card names. Who trusts it for one listener trusts it for no other name.
2. The leaf serves as server and as client, lasts LEAF_DAYS, and is made anew by the CA's key, which may lie
   offline: then `renew` needs it brought back.
3. P-256: the widest that every TLS stack of today takes. Parts are sealed besides (protocol A6).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from detente.node.folder import NodeFolder, write_private

CA_YEARS: Final = 10
LEAF_DAYS: Final = 30
#: Clocks of two parties may differ: a certificate is valid a day before it was made.
BEFORE: Final = timedelta(days=1)


def make_ca(folder: NodeFolder, hosts: Iterable[str], *, now: datetime | None = None) -> x509.Certificate:
    """Make the party's CA for `hosts` (DNS names or IP addresses) and store it with its key."""
    made_at = now or datetime.now(UTC)
    key = generate_private_key(SECP256R1())
    name = _name(f"{folder.cell} {folder.party} CA")
    permitted = [_constraint(host) for host in sorted(set(hosts))]
    # A constraint binds only names of a type that is listed: list both types, the unused one with a name
    # that no host has.
    for kind, nobody in ((x509.DNSName, "invalid"), (x509.IPAddress, "255.255.255.255")):
        if not any(isinstance(one, kind) for one in permitted):
            permitted.append(_constraint(nobody))
    certificate = (
        _builder(name, name, key, made_at, timedelta(days=365 * CA_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _store(folder.keys / "ca", "ca", certificate, key)
    return certificate


def make_leaf(folder: NodeFolder, hosts: Iterable[str], *, now: datetime | None = None) -> x509.Certificate:
    """Make (or renew) the node's leaf for `hosts` with the CA in the folder."""
    made_at = now or datetime.now(UTC)
    ca, ca_key = load_ca(folder.keys / "ca")
    key = generate_private_key(SECP256R1())
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    certificate = (
        _builder(_name(f"{folder.cell} {folder.party}"), ca.subject, key, made_at, timedelta(days=LEAF_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([_host(host) for host in sorted(set(hosts))]), critical=False
        )
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
        .add_extension(issuer_id, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    _store(folder.link_keys, "leaf", certificate, key)
    return certificate


def load_ca(place: Path) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    """The CA's certificate and key from a folder."""
    certificate = x509.load_pem_x509_certificate((place / "ca.pem").read_bytes())
    key = load_pem_private_key((place / "ca.key").read_bytes(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise TypeError("the CA's key is not on P-256")
    return certificate, key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, made_at: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(made_at - BEFORE)
        .not_valid_after(made_at + lasts)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _constraint(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_network(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=sign_certificates,
        crl_sign=sign_certificates, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _store(place: Path, name: str, certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> None:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(place / f"{name}.key", private, replace=True)
    write_private(place / f"{name}.pem", certificate.public_bytes(Encoding.PEM), replace=True)
