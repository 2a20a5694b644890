"""Core and content of an entry: what officers approve, and the words that may be destroyed later.

1. Both are strict JSON with a random salt of 32 bytes; their hash is SHA-256 over the bytes as received
   (protocol A3). Nothing is re-serialised to check a hash.
2. The core names party and cell, not the log's generation: it is the same statement in the next log (A4).
3. The core carries the coded fields that move state; text, fine places and free fields stand in the content.
4. A document that breaks this form is `Malformed`. A well-formed one with unknown codes or fields is a
   finding of the fold (`verdicts`), because bytes that were receipted are never refused later.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from detente.record.errors import Malformed
from detente.record.names import is_cell, is_party
from detente.record.references import Reference, parse_hash, parse_reference, reference_json
from detente.record.strictjson import encode, expect_integer, expect_keys, expect_list, expect_text, parse

#: A core holds codes, numbers and references only; the largest kind stays far below.
CORE_LIMIT: Final = 64 * 1024
#: Text of an entry with all its translations; longer things are attachments.
CONTENT_LIMIT: Final = 1024 * 1024

_VERSION: Final = 1
_MAX_POSTS: Final = 32
_MAX_REFERENCES: Final = 64
_MAX_PARTS: Final = 32
_MAX_FIELDS: Final = 128

_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,47}")
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,47}")
_CORE_KEYS: Final = (
    "v", "party", "kind", "kind_version", "act", "case", "refers_to", "from", "action", "info",
    "basket", "precedence", "mode", "handling", "fields", "parts", "salt",
)  # fmt: skip

#: A field's value: text, whole number, yes/no, or lists and objects of these (a place is an object).
FieldValue: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Core:
    """What an entry says, and by whom, to whom. SPEC: protocol A4.

    `party` is `<cell>/<party>`; `post` and the posts after the stroke of `action` and `info` are charter
    ids; `parts` are plaintext hashes of the other parts in their order; `salt` is 32 random bytes.
    """

    party: str
    kind: str
    kind_version: int
    act: str
    post: str
    basket: str
    precedence: str
    mode: str
    salt: bytes
    case: Reference | None = None
    refers_to: tuple[Reference, ...] = ()
    action: tuple[str, ...] = ()
    info: tuple[str, ...] = ()
    handling: Mapping[str, FieldValue] = field(default_factory=dict)
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    parts: tuple[bytes, ...] = ()
    version: int = _VERSION

    @property
    def cell(self) -> str:
        """Name of the cell."""
        return self.party.partition("/")[0]

    @property
    def party_id(self) -> str:
        """Id of the author's party, as the charter names it."""
        return self.party.partition("/")[2]

    @property
    def addressees(self) -> frozenset[str]:
        """Parties that hold an action or info post, without the author. SPEC: protocol A5."""
        posts = self.action + self.info
        return frozenset(post.partition("/")[0] for post in posts) - {self.party_id}

    @property
    def action_parties(self) -> frozenset[str]:
        """Parties that are asked to act, without the author."""
        return frozenset(post.partition("/")[0] for post in self.action) - {self.party_id}


@dataclass(frozen=True, slots=True)
class Content:
    """Text, places and free fields of an entry; may expire, be recalled or be destroyed."""

    fields: Mapping[str, FieldValue]
    salt: bytes
    version: int = _VERSION


def parse_core(data: bytes) -> Core:
    """Core of an entry. Raises Malformed, nothing else."""
    raw = expect_keys(parse(data, limit=CORE_LIMIT), "core", _CORE_KEYS)
    return Core(
        version=expect_integer(raw["v"], "core version", low=_VERSION, high=_VERSION),
        party=_party(raw["party"]),
        kind=_code(raw["kind"], "kind"),
        kind_version=expect_integer(raw["kind_version"], "kind version", low=1, high=9999),
        act=_code(raw["act"], "act"),
        case=None if raw["case"] is None else parse_reference(raw["case"]),
        refers_to=tuple(
            parse_reference(one) for one in expect_list(raw["refers_to"], "refers_to", limit=_MAX_REFERENCES)
        ),
        post=_code(raw["from"], "post"),
        action=_posts(raw["action"], "action"),
        info=_posts(raw["info"], "info"),
        basket=_code(raw["basket"], "basket"),
        precedence=_code(raw["precedence"], "precedence"),
        mode=_code(raw["mode"], "mode"),
        handling=_fields(raw["handling"], "handling"),
        fields=_fields(raw["fields"], "fields"),
        parts=tuple(
            parse_hash(one, "part hash") for one in expect_list(raw["parts"], "parts", limit=_MAX_PARTS)
        ),
        salt=parse_hash(raw["salt"], "salt"),
    )


def encode_core(core: Core) -> bytes:
    """Bytes of a core; `parse_core` gives it back. Raises Malformed if it is out of form."""
    data = encode(
        {
            "v": core.version,
            "party": core.party,
            "kind": core.kind,
            "kind_version": core.kind_version,
            "act": core.act,
            "case": None if core.case is None else reference_json(core.case),
            "refers_to": [reference_json(one) for one in core.refers_to],
            "from": core.post,
            "action": list(core.action),
            "info": list(core.info),
            "basket": core.basket,
            "precedence": core.precedence,
            "mode": core.mode,
            "handling": dict(core.handling),
            "fields": dict(core.fields),
            "parts": [one.hex() for one in core.parts],
            "salt": core.salt.hex(),
        }
    )
    parse_core(data)
    return data


def parse_content(data: bytes) -> Content:
    """Content of an entry. Raises Malformed, nothing else."""
    raw = expect_keys(parse(data, limit=CONTENT_LIMIT), "content", ("v", "salt", "fields"))
    return Content(
        version=expect_integer(raw["v"], "content version", low=_VERSION, high=_VERSION),
        salt=parse_hash(raw["salt"], "salt"),
        fields=_fields(raw["fields"], "fields"),
    )


def encode_content(content: Content) -> bytes:
    """Bytes of a content; `parse_content` gives it back. Raises Malformed if it is out of form."""
    data = encode({"v": content.version, "salt": content.salt.hex(), "fields": dict(content.fields)})
    parse_content(data)
    return data


def _party(value: Any) -> str:
    text = expect_text(value, "party", limit=80)
    cell, _, party = text.partition("/")
    if not (is_cell(cell) and is_party(party)):
        raise Malformed("party", text)
    return text


def _code(value: Any, what: str) -> str:
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise Malformed(what, "not a code")
    return value


def _posts(value: Any, what: str) -> tuple[str, ...]:
    posts = tuple(_post(one, what) for one in expect_list(value, what, limit=_MAX_POSTS))
    if list(posts) != sorted(set(posts)):
        raise Malformed(what, "not sorted, or a post stands twice")
    return posts


def _post(value: Any, what: str) -> str:
    text = expect_text(value, what, limit=80)
    party, stroke, post = text.partition("/")
    if not (stroke and is_party(party) and _CODE.fullmatch(post)):
        raise Malformed(what, "not a party's post")
    return text


def _fields(value: Any, what: str) -> dict[str, FieldValue]:
    if not isinstance(value, dict) or len(value) > _MAX_FIELDS:
        raise Malformed(what, "not an object in range")
    for name in value:
        if not _FIELD.fullmatch(name):
            raise Malformed(what, "not a field name")
    return value
