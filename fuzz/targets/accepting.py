"""A mirror that is pushed to: what is accepted is covered by a head of the log's own keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from detente.record.errors import DetenteError
from detente.record.messages import parse_push
from detente.record.mirror import Mirror
from detente.record.tree import Frontier, leaf_hash
from fuzz.seeds import vectors
from record.vector_files import ENTRIES, KEYS

PARSERS = ("detente.record.messages.parse_push",)


def _past(size: int) -> Frontier:
    found = Frontier()
    for entry in ENTRIES[:size]:
        found.append(leaf_hash(entry))
    return found


def seeds() -> Iterator[bytes]:
    yield from vectors("entries-1/accept", "entries-1/push")


def one(data: bytes) -> None:
    with suppress(DetenteError):
        push = parse_push(data)
        mirror = Mirror(KEYS.origin, KEYS, _past(3), past=_past)
        accepted = mirror.accept(push)
        # Nobody but the log's own keys can make a head: a mutated push brings no other entries.
        assert set(accepted.entries) <= {*ENTRIES, b"otherwise"}
