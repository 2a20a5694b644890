"""The party's thin key: signs what goes by radio and paper (protocol E3). One file, `keys/thin.key`.

It is apart from every other key: the operator's room that prints thin messages needs no more than this one.
"""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detente.node.folder import NodeFolder, write_private
from detente.node.keys import KEY_BROKEN, KEY_MISSING
from detente.record.errors import Refused
from detente.record.keys import SEED_SIZE

NAME = "thin.key"


def make(folder: NodeFolder) -> bytes:
    """Make the key; its public half. FileExistsError if there is one."""
    write_private(folder.keys / NAME, (secrets.token_hex(SEED_SIZE) + "\n").encode())
    return public(folder)


def seed(folder: NodeFolder) -> bytes:
    """The private half, 32 bytes. Raises Refused `key-missing` or `key-broken`."""
    try:
        found = bytes.fromhex((folder.keys / NAME).read_text(encoding="ascii").strip())
    except FileNotFoundError as error:
        raise Refused(KEY_MISSING, file=NAME) from error
    except ValueError:
        found = b""
    if len(found) != SEED_SIZE:
        # `from None`: the original error would carry a piece of the key into a traceback.
        raise Refused(KEY_BROKEN, file=NAME) from None
    return found


def public(folder: NodeFolder) -> bytes:
    """The public half, 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(seed(folder)).public_key().public_bytes_raw()
