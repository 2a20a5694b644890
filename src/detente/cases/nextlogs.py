"""A party's next log: what its first entry must say, and where the old log ends (protocol C3).

1. Entries of a next log are verified under keys that the recovery key certified, so the fold takes it that
   the party goes on there. Its first entry is an R01 whose core repeats the certificate, and whose `seen`
   names the same head of the old log: so the old log's named part lies in the past of all that follows.
2. *Named* is the size in that line; 0 if the entry has none.
3. *Receipted* is the largest size of the old log that a line of another party names up to, and with, the
   first entry in which that party has seen the new log. What it says later of the old log counts for nobody.
4. The old log is closed at the larger of the two once every other party has seen the new log: until then a
   receipt may still be on its way, and entries are judged as in an open log.
5. Entries beyond the closing size move nothing. Entries that are receipted and not named stand, marked
   `disowned`.

All of it is read from placed headers alone: who cannot open a core comes to the same sizes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from detente.cases import faults
from detente.cases.book import LogLife
from detente.cases.causal import SEEN_DIFFERS, Placed
from detente.cases.core import Core
from detente.cases.faults import Fault
from detente.charter.model import Charter
from detente.record.age import check_recipient
from detente.record.errors import Malformed, Unverified
from detente.record.header import Seen
from detente.record.keys import LogKeys, parse_vkey
from detente.record.names import EntryId, generation_of, origin, parse_origin, party_of
from detente.record.nextlog import NextLog, certificate
from detente.record.tree import EMPTY_ROOT

#: Finding on an entry that is receipted and that its party's next log does not name.
DISOWNED: Final = "disowned"

_OLD_FIELDS: Final = ("old_log", "old_size", "old_root", "log_ed25519", "log_mldsa44", "recovery_signature")


@dataclass(slots=True)
class NextLogs:
    """Where old logs end, from the lines of placed entries (rules 2 to 4)."""

    parties: frozenset[str]
    _named: dict[str, int | None] = field(default_factory=dict)  # by old log
    _lines: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)
    _logs: dict[str, set[str]] = field(default_factory=dict)

    def add(self, placed: Placed) -> None:
        """Take in a placed entry."""
        entry = placed.entry.id
        party = party_of(entry.log)
        self._logs.setdefault(party, set()).add(entry.log)
        if entry.index == 0 and (old := former(entry.log)) is not None:
            self._named[old] = _named(placed, old)
        for line in placed.lines:
            if party_of(line.log) != party:
                # Only what grows is noted: a line stands in every header from its first one on.
                steps = self._lines.setdefault((line.log, entry.log), [])
                if not steps or steps[-1][1] < line.size:
                    steps.append((entry.index, line.size))

    def closings(self) -> dict[str, int]:
        """Size at which each old log is closed, as far as that is known (rule 4)."""
        found = {}
        for old, named in self._named.items():
            sizes = [self._receipted(old, other) for other in self._others(old)]
            known = [size for size in sizes if size is not None]
            if len(known) == len(sizes):
                found[old] = max(named or 0, *known)
        return found

    def disowned(self) -> dict[str, tuple[int, int]]:
        """(first, end) of the entries of each old log that are receipted and not named (rule 5)."""
        found = {}
        for old, named in self._named.items():
            end = max((self._at_least(old, other) for other in self._others(old)), default=0)
            if named is not None and named < end:
                found[old] = (named, end)
        return found

    def lives(
        self, closed: Mapping[str, int], opened: Mapping[str, EntryId]
    ) -> dict[str, tuple[LogLife, ...]]:
        """Each party's logs, oldest first; `opened` has the regular R01 of a log."""
        return {
            party: tuple(
                LogLife(log, opened.get(log), closed.get(log)) for log in sorted(logs, key=generation_of)
            )
            for party, logs in sorted(self._logs.items())
        }

    def _others(self, log: str) -> Iterable[str]:
        return sorted(self.parties - {party_of(log)})

    def _receipted(self, old: str, by: str) -> int | None:
        """Rule 3 for one party; None while it has not seen the new log."""
        return (
            self._at_least(old, by) if any(self._saw(old, log) is not None for log in self._of(by)) else None
        )

    def _at_least(self, old: str, by: str) -> int:
        """Rule 3 for one party as far as its logs are placed here."""
        largest = 0
        for log in self._of(by):
            end = self._saw(old, log)
            steps = self._lines.get((old, log), [])
            largest = max([largest, *(size for index, size in steps if end is None or index <= end)])
            if end is not None:
                break
        return largest

    def _saw(self, old: str, log: str) -> int | None:
        """Index of the first entry of `log` that has seen the log behind `old`."""
        steps = self._lines.get((following(old), log))
        return steps[0][0] if steps else None

    def _of(self, party: str) -> list[str]:
        return sorted(self._logs.get(party, ()), key=generation_of)


def former(log: str) -> str | None:
    """The log that `log` follows; None for a party's first."""
    cell, party, generation = parse_origin(log)
    return origin(cell, party, generation - 1) if generation > 1 else None


def following(log: str) -> str:
    """The log that follows `log`."""
    cell, party, generation = parse_origin(log)
    return origin(cell, party, generation + 1)


def old_log_line(after: NextLog, at: int) -> Seen | None:
    """The line of `seen` that names the old log in every header of the next one; None if nothing was in it.

    `at` is the time of another party's cosignature of that head, else the time of entry 0.
    """
    return Seen(after.old, after.old_size, after.old_root, at) if after.old_size else None


def opening_fields(after: NextLog, *, signature: bytes, software: str) -> dict[str, Any]:
    """Core fields of the R01 that opens a next log; `signature` is the recovery key's 64 bytes."""
    return {
        "generation": generation_of(after.origin),
        "software": software,
        "old_log": after.old,
        "old_size": after.old_size,
        "old_root": after.old_root.hex(),
        "log_ed25519": after.keys.ed25519.encode(),
        "log_mldsa44": after.keys.mldsa44.encode(),
        "recovery_signature": signature.hex(),
    }


def receiving_fields(key: str, *, retired: bool = False) -> dict[str, Any]:
    """Core fields of an R04: a receiving key (age recipient) that is added, or retired."""
    return {"change": "RECEIVING_RETIRED" if retired else "RECEIVING_ADDED", "key": check_recipient(key)}


def record_fault(charter: Charter, placed: Placed, core: Core) -> Fault | None:
    """Why an entry that opens a log or changes keys is irregular, None for all others."""
    entry = placed.entry.id
    if core.kind == "R04" and not _is_recipient(core.fields.get("key")):
        return Fault(faults.WRONG_VALUE, "R04", "key")
    follows = former(entry.log) is not None
    first = follows and entry.index == 0
    if core.kind != "R01":
        return Fault(faults.NEXT_LOG, "C3", "R01") if first else None
    if (follows and not first) or core.fields.get("generation") != generation_of(entry.log):
        return Fault(faults.NEXT_LOG, "C3", "generation")
    if not first:
        said = next((name for name in _OLD_FIELDS if name in core.fields), None)
        return Fault(faults.NEXT_LOG, "C3", said) if said else None
    return _opening_fault(charter, placed, core)


def _opening_fault(charter: Charter, placed: Placed, core: Core) -> Fault | None:
    """Whether an R01 says what its header and the recovery key say (rule 1)."""
    entry, said = placed.entry.id, core.fields
    missing = next((name for name in _OLD_FIELDS if name not in said), None)
    if missing:
        return Fault(faults.NEXT_LOG, "C3", missing)
    try:
        keys = LogKeys(entry.log, parse_vkey(said["log_ed25519"]), parse_vkey(said["log_mldsa44"]))
        root = bytes.fromhex(said["old_root"])
        after = NextLog(entry.log, keys, said["old_log"], said["old_size"], root)
        recovery = bytes.fromhex(charter.parties[party_of(entry.log)].recovery)
        certificate(after, recovery=recovery, signature=bytes.fromhex(said["recovery_signature"]))
    except (Malformed, Unverified):
        return Fault(faults.NEXT_LOG, "C3", "recovery_signature")
    seen = placed.entry.header.seen if placed.entry.header else ()
    line = next(((one.size, one.root) for one in seen if one.log == after.old), (0, EMPTY_ROOT))
    return None if line == (after.old_size, after.old_root) else Fault(faults.NEXT_LOG, "C3", "old_size")


def _named(placed: Placed, old: str) -> int | None:
    """Rule 2; None if the entry names a head of another history than the one held here."""
    line = next((one for one in placed.lines if one.log == old), None)
    if line is not None:
        return line.size
    return None if SEEN_DIFFERS in placed.findings else 0


def _is_recipient(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(check_recipient(value))
    except Malformed:
        return False
