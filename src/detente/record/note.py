"""C2SP signed notes: a text, an empty line, signature lines.

1. UTF-8 without control characters but the newline; at most `MAX_NOTE` bytes.
2. The last empty line parts text and signatures; the text ends with a newline.
3. A line is `— <name> <base64(key id ‖ signature)>`, 1 to `MAX_SIGNATURES` of them.
4. Lines of unknown keys are ignored; a second line of a known key refuses the note, because a reader that
   skips the second one would accept what another refuses.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from detente.record.encoding import encode_base64, parse_base64
from detente.record.errors import Malformed
from detente.record.keys import KEY_ID_SIZE, Vkey, check_name

#: A head with sixteen ML-DSA-44 lines is 54 KB; the rest is room for names.
MAX_NOTE: Final = 256 * 1024
#: C2SP asks for at least sixteen.
MAX_SIGNATURES: Final = 16

#: In UTF-8 no byte of a longer character is below 0x80, so the bytes tell.
_CONTROL: Final = bytes(code for code in range(0x20) if code != 0x0A)
_DASH: Final = "— "  # U+2014 and a space


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: key name, 4-byte key id and what follows it, for 0x04 and 0x06 time ‖ signature."""

    name: str
    key_id: bytes
    signature: bytes

    def encode(self) -> bytes:
        """The line with its newline."""
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.signature)}\n".encode()


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. Nothing in it is verified."""

    text: bytes
    signatures: tuple[NoteSignature, ...]

    def by(self, key: Vkey) -> NoteSignature | None:
        """The line of `key`, unverified. Raises Malformed if the key stands twice."""
        return find(self.signatures, key)


def find(signatures: Iterable[NoteSignature], key: Vkey) -> NoteSignature | None:
    """The line of `key` among `signatures`, unverified. Raises Malformed if the key stands twice (rule 4)."""
    found = [line for line in signatures if line.name == key.name and line.key_id == key.key_id]
    if len(found) > 1:
        raise Malformed("signature line", f"repeated: {key.name}")
    return found[0] if found else None


def parse_note(data: bytes) -> Note:
    """The text and lines of a note; the inverse of `encode_note`. Raises Malformed."""
    _text(data)
    end = data.rfind(b"\n\n")
    if end < 0:
        raise Malformed("note", "no empty line")
    return Note(data[: end + 1], parse_lines(data[end + 2 :]))


def encode_note(text: bytes, signatures: Iterable[NoteSignature]) -> bytes:
    """The bytes of a note. Raises Malformed if the text cannot be one."""
    data = text + b"\n" + b"".join(line.encode() for line in signatures)
    if parse_note(data).text != text:
        raise Malformed("note", "text")
    return data


def parse_lines(data: bytes) -> tuple[NoteSignature, ...]:
    """Signature lines alone, as a mirror answers them; at least one. Raises Malformed."""
    text = _text(data)
    if not text.endswith("\n"):
        raise Malformed("signature line", "no newline at the end")
    lines = text[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise Malformed("signature line", f"more than {MAX_SIGNATURES}")
    return tuple(_line(line) for line in lines)


def add_lines(note: bytes, lines: bytes) -> bytes:
    """`note` with further signature lines (as `parse_lines` reads them) behind its own. Raises Malformed."""
    data = note + lines
    if lines:
        parse_lines(lines)
    parse_note(data)
    return data


def _text(data: bytes) -> str:
    if len(data) > MAX_NOTE:
        raise Malformed("note", f"longer than {MAX_NOTE} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("note", "not UTF-8") from error
    if len(data.translate(None, _CONTROL)) != len(data):
        raise Malformed("note", "control character")
    return text


def _line(line: str) -> NoteSignature:
    if not line.startswith(_DASH):
        raise Malformed("signature line", line[:40])
    name, space, encoded = line[len(_DASH) :].partition(" ")
    blob = parse_base64(encoded, "signature line")
    if not space or len(blob) <= KEY_ID_SIZE:
        raise Malformed("signature line", line[:40])
    return NoteSignature(check_name(name), blob[:KEY_ID_SIZE], blob[KEY_ID_SIZE:])
