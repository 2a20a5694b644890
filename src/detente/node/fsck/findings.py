"""What `fsck` can find: one word each, with its meaning, and the value that carries it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

#: code of a finding -> what it says.
FINDINGS: Final[Mapping[str, str]] = MappingProxyType({
    "database": "the database file is damaged, or a row points to one that is not there",
    "schema": "a table, index or guard is not as this version makes it",
    "guard": "a trigger that keeps a table append-only is gone",
    "log": "a log's row is not what its origin says, or nobody told its keys",
    "stopped": "a log is marked stopped without evidence of two histories, or the reverse",
    "entry-missing": "an entry below the log's size is not here",
    "entry-beyond": "an entry's row stands outside its log's size",
    "entry-changed": "an entry's bytes are not those that were stored with it, or not those its heads cover",
    "entry-row": "what stands beside an entry's bytes (floor mark, time of storing) does not fit them",
    "frontier": "the stored frontier is not that of the entries",
    "head": "a head's signatures do not verify, or its row differs from its note",
    "head-beyond": "a head of the own log is larger than the log; others' heads may be known before entries",
    "cosignature": "a cosignature does not verify",
    "part-changed": "a part's bytes are not those that its entry names",
    "part-unlisted": "a part of an entry has no row, or its row differs from the header",
    "part-lost": "a part of the own log, or one not reported missing, has neither bytes nor tombstone",
    "part-wanted": "the row of a part reported missing is wrong, or the part is here",
    "part-stray": "a part's bytes or tombstone belong to no entry and no proposal",
    "core-changed": "an opened core is not the one its entry names",
    "opened": "an opened part, its file key or its failure is not what its sealed bytes give",
    "ahead": "an entry ahead of its log is not the one its proof covers",
    "arrival": "the order of arrival has a gap, or names what did not arrive so",
    "counter": "the counter of positions is not the last position given out",
    "proposal": "an own entry on its way does not hold together",
    "session": "a watch session is not the one that its passkey opened",
    "evidence": "evidence of two histories does not prove them",
    "certificate": "the certificate of a next log does not verify",
    "charter-file": "the charter's files are not the ones that the record's entries were made under",
    "card": "a card's keys are not those of the charter, or it is no card",
    "setting": "node.toml cannot be used",
    "key": "a private key is not the half of the public one that the charter or the record names",
    "journal": "the signer's journal is damaged, or it and the store tell different logs",
    "fold": "the record folds to another state in the order of arrival, or than an own heartbeat signed",
    "unreadable": "a row cannot be read at all",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not hold (a row of `FINDINGS`) and where: a log's origin, an entry's id, a part's hash."""

    code: str
    where: str
    detail: str = ""


#: Told of progress: name of the stage, how much of it is done, how much there is.
Tell = Callable[[str, int, int], None]


def silent(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""
