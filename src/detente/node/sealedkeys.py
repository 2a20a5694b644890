"""Receiving and storage keys for a backup: sealed to an age recipient, or under a passphrase.

Under a passphrase: scrypt gives the key of ChaCha20-Poly1305. The passphrase is read from a file, never from
the command line, where every user of the machine could see it.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from detente.node import keys as key_files
from detente.node.folder import NodeFolder
from detente.record import age, strictjson
from detente.record.errors import DetenteError, Refused, declare

NOT_OPENED: Final = declare(
    "keys-not-opened", "operator", "the sealed keys do not open with this identity or passphrase"
)
PASSPHRASE_SHORT: Final = declare("passphrase-short", "operator", "the passphrase has too few characters")

_COST: Final = 1 << 16  # with r = 8: 64 MiB and about a quarter of a second a guess
_LEAST: Final = 20  # characters: a passphrase guards every part that was ever sealed to this party
_LIMIT: Final = 1 << 16
_HEAD: Final = b"detente/keys/v1\n"
_SALT: Final = 16
_NONCE: Final = 12


def seal_to(folder: NodeFolder, recipient: str) -> bytes:
    """An age file of the node's receiving and storage keys. Raises Malformed for a wrong recipient."""
    return age.encrypt(
        _bundle(folder), [age.check_recipient(recipient)], file_key=secrets.token_bytes(16),
        nonce=secrets.token_bytes(16),
    )  # fmt: skip


def seal_under(folder: NodeFolder, passphrase: Path) -> bytes:
    """The same under the passphrase in a file. Raises Refused `passphrase-short`."""
    salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
    cipher = ChaCha20Poly1305(_key(_words(passphrase), salt))
    return _HEAD + salt + nonce + cipher.encrypt(nonce, _bundle(folder), _HEAD)


def open_keys(
    data: bytes, *, identity: Path | None = None, passphrase: Path | None = None
) -> dict[str, bytes]:
    """Path below keys/ → bytes of the file. Raises Refused `keys-not-opened`."""
    try:
        if data.startswith(_HEAD) and passphrase is not None:
            plain = _open_under(data[len(_HEAD) :], passphrase)
        elif not data.startswith(_HEAD) and identity is not None:
            plain = age.decrypt(data, _seed(identity))
        else:
            raise Refused(NOT_OPENED)
        said = strictjson.parse(plain, limit=_LIMIT)
        return {str(name): f"{seed}\n".encode() for name, seed in said.items()}
    except (DetenteError, InvalidTag, ValueError, AttributeError):
        raise Refused(NOT_OPENED) from None


def _open_under(data: bytes, passphrase: Path) -> bytes:
    salt, nonce, sealed = data[:_SALT], data[_SALT : _SALT + _NONCE], data[_SALT + _NONCE :]
    return ChaCha20Poly1305(_key(_words(passphrase), salt)).decrypt(nonce, sealed, _HEAD)


def _seed(identity: Path) -> bytes:
    """The seed of an age identity file: its one line that is no comment."""
    lines = [line.strip() for line in identity.read_text("ascii").splitlines()]
    (text,) = [line for line in lines if line and not line.startswith("#")]
    return age.identity_seed(text)


def _bundle(folder: NodeFolder) -> bytes:
    files = [folder.keys / "storage.key", *sorted((folder.keys / "receiving").glob("*.key"))]
    key_files.storage_key(folder)  # raises by name if it is gone
    if (coming := folder.keys / key_files.STORAGE_NEXT).exists():
        files.append(coming)  # a rotation under way: some file keys are wrapped under this one already
    said = {str(one.relative_to(folder.keys)): one.read_text("ascii").strip() for one in files}
    return strictjson.encode(said)


def _words(place: Path) -> bytes:
    text = place.read_text("utf-8").strip()
    if len(text) < _LEAST:
        raise Refused(PASSPHRASE_SHORT, least=_LEAST)
    return text.encode()


def _key(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(passphrase)
