"""Plain decimals, canonical base64, lower-case hex and eight-byte numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.encoding import encode_base64, parse_base64, parse_decimal, parse_hex
from detente.record.errors import DetenteError
from detente.record.references import parse_hash
from detente.record.wire import encode_number, parse_number

PARSERS = (
    "detente.record.encoding.parse_decimal",
    "detente.record.encoding.parse_base64",
    "detente.record.encoding.parse_hex",
    "detente.record.references.parse_hash",
    "detente.record.wire.parse_number",
)


def seeds() -> Iterator[bytes]:
    yield from (b"0", b"18446744073709551615", b"00ff", b"AAECAwQ=", b"\0\0\0\0\0\0\0\5", b"00" * 32)


def one(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with suppress(DetenteError):
        assert str(parse_decimal(text, "n")) == text
    with suppress(DetenteError):
        assert encode_base64(parse_base64(text, "b")) == text
    with suppress(DetenteError):
        assert parse_hex(text, "h").hex() == text
    with suppress(DetenteError):
        assert parse_hash(text, "h").hex() == text
    with suppress(DetenteError):
        assert encode_number(parse_number(data)) == data
