"""Bech32 (BIP 173, without its length limit), the spelling of age recipients and identities.

Only the original checksum constant is known here; Bech32m is not age's.
"""

from typing import Final

from detente.record.errors import Malformed

_LETTERS: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES: Final = {letter: value for value, letter in enumerate(_LETTERS)}
_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM: Final = 6


def encode(prefix: str, data: bytes) -> str:
    """`prefix1…` in lower case; `prefix` is lower case itself."""
    values = _regroup(data, 8, 5, pad=True)
    check = _polymod([*_expand(prefix), *values, *[0] * _CHECKSUM]) ^ 1
    tail = [check >> 5 * (_CHECKSUM - 1 - i) & 31 for i in range(_CHECKSUM)]
    return prefix + "1" + "".join(_LETTERS[value] for value in (*values, *tail))


def decode(prefix: str, text: str, *, size: int) -> bytes:
    """The `size` bytes that `text` spells in lower case under `prefix`. Raises Malformed."""
    digits = -(-size * 8 // 5) + _CHECKSUM
    if not text.startswith(prefix + "1") or len(text) != len(prefix) + 1 + digits:
        raise Malformed("bech32", text[:20])
    try:
        values = [_VALUES[letter] for letter in text[len(prefix) + 1 :]]
    except KeyError as error:
        raise Malformed("bech32", text[:20]) from error
    if _polymod([*_expand(prefix), *values]) != 1:
        raise Malformed("bech32 checksum", text[:20])
    data = _regroup(values[:-_CHECKSUM], 5, 8, pad=False)
    if encode(prefix, bytes(data)) != text:  # unused bits must be zero: one value, one spelling
        raise Malformed("bech32", text[:20])
    return bytes(data)


def _expand(prefix: str) -> list[int]:
    codes = prefix.encode("ascii")
    return [*(code >> 5 for code in codes), 0, *(code & 31 for code in codes)]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            if top >> bit & 1:
                check ^= generator
    return check


def _regroup(values: bytes | list[int], width: int, wanted: int, *, pad: bool) -> list[int]:
    found, held, bits = [], 0, 0
    for value in values:
        held, bits = held << width | value, bits + width
        while bits >= wanted:
            bits -= wanted
            found.append(held >> bits & (1 << wanted) - 1)
            held &= (1 << bits) - 1
    if pad and bits:
        found.append(held << wanted - bits)
    return found
