"""Strict base64, hex and decimals: one spelling for each value, anything else is `Malformed`.

Python's own decoders accept several spellings of one value (`int("1_0")`, `int("١٢")`, loose base64), so
every reader here goes by a pattern on ASCII and the result is printed back and compared.
"""

import base64
import re
from typing import Final

from detente.record.errors import Malformed

#: Times and sizes are at most 2**63 - 1 (C2SP tlog-cosignature).
MAX_NUMBER: Final = 2**63 - 1

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*")


def parse_decimal(text: str, what: str, *, limit: int = MAX_NUMBER) -> int:
    """A plain decimal from 0 to `limit`: ASCII digits, no sign, no leading zero. Raises Malformed."""
    if not _DECIMAL.fullmatch(text) or int(text) > limit:
        raise Malformed(what, text[:40])
    return int(text)


def parse_base64(text: str, what: str, *, size: int | None = None) -> bytes:
    """Bytes of standard base64 with padding, in its one canonical spelling. Raises Malformed."""
    if len(text) % 4 or not _BASE64.fullmatch(text):
        raise Malformed(what, text[:40])
    value = base64.b64decode(text)
    # The unused bits of the last letter must be zero, or one value has four spellings.
    if base64.b64encode(value).decode("ascii") != text or (size is not None and len(value) != size):
        raise Malformed(what, text[:40])
    return value


def encode_base64(value: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(value).decode("ascii")


def parse_hex(text: str, what: str, *, size: int | None = None) -> bytes:
    """Bytes of lower-case hex. Raises Malformed."""
    if not _HEX.fullmatch(text) or (size is not None and len(text) != 2 * size):
        raise Malformed(what, text[:40])
    return bytes.fromhex(text)
