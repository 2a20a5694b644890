"""Strict base64, hex and decimals: one spelling for each value, anything else is `Malformed`.

Python's own decoders accept several spellings of one value (`int("1_0")`, `int("١٢")`, loose base64), so
every reader here goes by a pattern on ASCII and the result is printed back and compared.
"""

import binascii
import re
from typing import Final

from detente.record.errors import Malformed

#: Times and sizes are at most 2**63 - 1 (C2SP tlog-cosignature).
MAX_NUMBER: Final = 2**63 - 1

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


def parse_decimal(text: str, what: str, *, limit: int = MAX_NUMBER) -> int:
    """A plain decimal from 0 to `limit`: ASCII digits, no sign, no leading zero. Raises Malformed."""
    if not _DECIMAL.fullmatch(text) or int(text) > limit:
        raise Malformed(what, text[:40])
    return int(text)


def parse_base64(text: str, what: str, *, size: int | None = None) -> bytes:
    """Bytes of standard base64 with padding, in its one canonical spelling. Raises Malformed."""
    try:
        value = binascii.a2b_base64(text)
    except ValueError:
        raise Malformed(what, text[:40]) from None
    # The decoder skips strange letters and leaves unused bits alone; printing back has one spelling only.
    if encode_base64(value) != text or (size is not None and len(value) != size):
        raise Malformed(what, text[:40])
    return value


def encode_base64(value: bytes) -> str:
    """Standard base64 with padding."""
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def parse_hex(text: str, what: str, *, size: int | None = None) -> bytes:
    """Bytes of lower-case hex. Raises Malformed."""
    try:
        value = bytes.fromhex(text)
    except ValueError:
        raise Malformed(what, text[:40]) from None
    if value.hex() != text or (size is not None and len(value) != size):  # spaces, capitals, another size
        raise Malformed(what, text[:40])
    return value
