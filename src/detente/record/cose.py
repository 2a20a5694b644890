"""COSE public keys of authenticators (RFC 9052), exactly in the two forms that officers' keys have.

1. A definite map of at most 8 pairs; keys integers, values integers or byte strings of at most 64 bytes.
2. Shortest lengths only, no key twice, nothing behind the map.
3. ES256: {1: 2, 3: -7, -1: 1, -2: x, -3: y}; EdDSA: {1: 1, 3: -8, -1: 6, -2: x}. No other member.
"""

from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from detente.record.errors import Malformed

#: The larger of the two forms has 77 bytes.
MAX_COSE_KEY: Final = 256
_MAX_PAIRS: Final = 8
_MAX_STRING: Final = 64

_KTY, _ALG, _CRV, _X, _Y = 1, 3, -1, -2, -3
_ES256: Final = {_KTY: 2, _ALG: -7, _CRV: 1}
_EDDSA: Final = {_KTY: 1, _ALG: -8, _CRV: 6}

Value = int | bytes


@lru_cache(maxsize=256)
def parse_cose_key(data: bytes) -> EllipticCurvePublicKey | Ed25519PublicKey:
    """The public key of a COSE key. Raises Malformed."""
    found = _parse_map(data)
    numbers = {key: value for key, value in found.items() if isinstance(value, int)}
    points = {key: value for key, value in found.items() if isinstance(value, bytes)}
    try:
        if numbers == _EDDSA and points.keys() == {_X}:
            return Ed25519PublicKey.from_public_bytes(points[_X])
        if numbers == _ES256 and points.keys() == {_X, _Y} and len(points[_X]) == len(points[_Y]) == 32:
            return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), b"\x04" + points[_X] + points[_Y])
    except ValueError as error:
        raise Malformed("COSE key", "not a point of its curve") from error
    raise Malformed("COSE key", "neither ES256 nor EdDSA")


def _parse_map(data: bytes) -> dict[int, Value]:
    if not 0 < len(data) <= MAX_COSE_KEY:
        raise Malformed("COSE key", f"{len(data)} bytes")
    major, pairs, place = _head(data, 0)
    if major != 5 or pairs > _MAX_PAIRS:
        raise Malformed("COSE key", "not a small map")
    found: dict[int, Value] = {}
    for _ in range(pairs):
        key, place = _item(data, place)
        value, place = _item(data, place)
        if not isinstance(key, int) or key in found:
            raise Malformed("COSE key", "member not a number, or twice")
        found[key] = value
    if place != len(data):
        raise Malformed("COSE key", "bytes behind the map")
    return found


def _item(data: bytes, place: int) -> tuple[Value, int]:
    major, argument, place = _head(data, place)
    if major == 0:
        return argument, place
    if major == 1:
        return -1 - argument, place
    if major == 2 and argument <= _MAX_STRING and place + argument <= len(data):
        return data[place : place + argument], place + argument
    raise Malformed("COSE key", "value of another kind")


def _head(data: bytes, place: int) -> tuple[int, int, int]:
    """(major type, argument, next place); arguments above 255 have no use in a key."""
    if place >= len(data):
        raise Malformed("COSE key", "cut short")
    major, low = data[place] >> 5, data[place] & 31
    if low < 24:
        return major, low, place + 1
    if low == 24 and place + 1 < len(data) and data[place + 1] >= 24:
        return major, data[place + 1], place + 2
    raise Malformed("COSE key", "length not in its shortest form")
