"""A small cell in memory: three logs written entry by entry, with post keys from fixed seeds, for tests.

Nobody writes to a disk or a link: `meet` says who held what when; the next entry of each party anchors it.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from charter.harbour import charter as harbour
from detente.cases.core import Content, Core, encode_content, encode_core
from detente.cases.entries import VerifiedEntry
from detente.cases.fold import CaseBook, Folder, fold
from detente.cases.nextlogs import old_log_line, opening_fields
from detente.charter.model import Charter
from detente.record.approvals import Credential, Ed25519Approval, approval_message
from detente.record.header import Header, MissingRange, PartInfo, Seen, encode_header
from detente.record.keys import KeyPair
from detente.record.names import EntryId, party_of
from detente.record.nextlog import NextLog
from detente.record.references import Reference
from detente.record.tree import Tree, leaf_hash

START = 1_800_000_000
PARTIES = ("s1", "s2", "g1")
POSTS = ("WATCH", "RELEASE")


def seed_of(*words: str) -> bytes:
    """Seed or salt that belongs to some words."""
    return hashlib.sha256("/".join(words).encode()).digest()


def key_of(party: str, post: str) -> Ed25519PrivateKey:
    """Key of a post; `ADMIN.1` and `ADMIN.2` are the administrators."""
    return Ed25519PrivateKey.from_private_bytes(seed_of(party, post))


def public_of(party: str, post: str) -> bytes:
    return key_of(party, post).public_key().public_bytes_raw()


@lru_cache
def charter(**bounds: int) -> Charter:
    """The exercise charter, with administrators whose keys the tests hold."""
    found = harbour()
    parties = {
        name: replace(
            party,
            recovery=KeyPair(seed_of(name, "recovery"), bytes(32)).log_keys("any").ed25519.public.hex(),
            admins=tuple(Credential("ADMIN", "ed25519", public_of(name, f"ADMIN.{n}")) for n in (1, 2)),
        )
        for name, party in found.parties.items()
    }
    return replace(found, parties=parties)


@dataclass(frozen=True)
class Written:
    """An entry that was written, with what others refer to it by."""

    id: EntryId
    core: bytes
    header: Header

    @property
    def reference(self) -> Reference:
        return Reference(self.id.log, self.id.index, self.header.core)


@dataclass
class Cell:
    """Three logs. `holds[a][log]` = (size, time) of what party a held last, with what it lacked of it."""

    rules: Charter = field(default_factory=charter)
    logs: dict[str, list[VerifiedEntry]] = field(default_factory=dict)
    trees: dict[str, Tree] = field(default_factory=dict)
    opened: dict[tuple[EntryId, int], bytes] = field(default_factory=dict)
    holds: dict[str, dict[str, tuple[int, int, tuple[MissingRange, ...]]]] = field(default_factory=dict)
    now: int = START
    generations: dict[str, int] = field(default_factory=dict)
    old: dict[str, tuple[Seen, ...]] = field(default_factory=dict)  # a party's lines of its own former logs

    def __post_init__(self) -> None:
        for party in PARTIES:
            self.logs.setdefault(self.log(party), [])
            self.trees.setdefault(self.log(party), Tree())
            self.holds.setdefault(party, {})

    def log(self, party: str) -> str:
        """The log that the party writes now."""
        return f"{self.rules.cell}/{party}/{self.generations.get(party, 1)}"

    def fork(self) -> Cell:
        """An independent cell with the same past."""
        return Cell(
            self.rules,
            {log: list(entries) for log, entries in self.logs.items()},
            {log: copy.deepcopy(tree) for log, tree in self.trees.items()},
            dict(self.opened),
            {party: dict(held) for party, held in self.holds.items()},
            self.now,
            dict(self.generations),
            dict(self.old),
        )

    def pass_time(self, seconds: int) -> int:
        self.now += seconds
        return self.now

    def hold(
        self,
        party: str,
        of: str,
        *,
        at: int | None = None,
        lacks: Iterable[MissingRange] = (),
        log: str = "",
    ) -> None:
        """The party holds all of the other's log now (or of its former log `log`), or lacks some parts."""
        log = log or self.log(of)
        size = len(self.logs[log])
        if size:
            self.holds[party][log] = (size, self.now if at is None else at, tuple(lacks))

    def next_log(
        self,
        party: str,
        *,
        names: int | None = None,
        fields: Mapping[str, Any] | None = None,
        line: bool = True,
        seed: bytes = b"",
    ) -> Written:
        """The party opens its next log and names the first `names` entries (all) of its old one (C3)."""
        old = self.log(party)
        self.generations[party] = self.generations.get(party, 1) + 1
        new = self.log(party)
        self.logs[new], self.trees[new] = [], Tree()
        size = len(self.logs[old]) if names is None else names
        keys = KeyPair(seed_of(new, "ed25519"), seed_of(new, "ml-dsa-44")).log_keys(new)
        after = NextLog(new, keys, old, size, self.trees[old].root(size))
        recovery = KeyPair(seed or seed_of(party, "recovery"), bytes(32))
        signature = recovery.sign_ed25519(after.text())
        mine = old_log_line(after, self.now)
        if mine and line:
            self.old[party] = (*self.old.get(party, ()), mine)
        said = opening_fields(after, signature=signature, software="test") | dict(fields or {})
        return self.write(party, "R01", fields=said, post="LOG", by=())

    def meet(self, *parties: str) -> None:
        """These parties (all, if none is named) hold each other's logs now."""
        for party in parties or PARTIES:
            for of in parties or PARTIES:
                if party != of:
                    self.hold(party, of)

    def seen(self, party: str) -> tuple[Seen, ...]:
        found = [
            Seen(log, size, self.trees[log].root(size), at, lacks)
            for log, (size, at, lacks) in self.holds[party].items()
        ]
        return tuple(sorted([*found, *self.old.get(party, ())], key=lambda one: one.log))

    # --- writing ---------------------------------------------------------------------------------------

    def write(
        self,
        party: str,
        kind: str,
        act: str = "NEW",
        fields: Mapping[str, Any] | None = None,
        *,
        content: Mapping[str, Any] | None = None,
        case: Written | Reference | None = None,
        refers_to: Iterable[Written | Reference] = (),
        to: str | None = None,
        post: str = "WATCH",
        by: Iterable[str] | None = None,
        header: Mapping[str, Any] | None = None,
        core: Mapping[str, Any] | None = None,
        salt: str = "",
    ) -> Written:
        """Write one entry of `party` at `now`, approved by the keys of the posts `by`.

        `header` and `core` change single members, for entries that break a rule.
        """
        made, data = self.core(party, kind, act, fields, content, case, refers_to, to, post, core, salt)
        words = encode_content(Content(content, seed_of("content", salt))) if content is not None else None
        others = tuple(sorted(one for one in PARTIES if one != party))
        draft = Header(
            version=1,
            cell=self.rules.cell,
            log=self.log(party),
            floor=self._floor(kind, act),
            time=self.now,
            charter=self.rules.digest,
            to=tuple(sorted(made.addressees)),
            parts=_parts(data, words, others),
            seen=self.seen(party),
            core=hashlib.sha256(data).digest(),
            approvals=self.approvals(party, data, [post] if by is None else by),
        )
        draft = replace(draft, **(header or {}))
        written = self.append(party, encode_header(draft), draft)
        self.opened[written.id, 0] = data
        if words is not None:
            self.opened[written.id, 1] = words
        return Written(written.id, data, draft)

    def _floor(self, kind: str, act: str) -> bool:
        rules = self.rules.kinds.get(kind)
        return False if rules is None else rules.acts[act].floor if act in rules.acts else rules.floor

    def core(
        self,
        party: str,
        kind: str,
        act: str,
        fields: Mapping[str, Any] | None,
        content: Mapping[str, Any] | None,
        case: Written | Reference | None,
        refers_to: Iterable[Written | Reference],
        to: str | None,
        post: str,
        changes: Mapping[str, Any] | None,
        salt: str,
    ) -> tuple[Core, bytes]:
        rules = self.rules.kinds.get(kind)
        others = [one for one in PARTIES if one != party]
        action = [to] if to else []
        words = encode_content(Content(content, seed_of("content", salt))) if content is not None else None
        made = Core(
            party=f"{self.rules.cell}/{party}",
            kind=kind,
            kind_version=1,
            act=act,
            case=_reference(case),
            refers_to=tuple(_reference(one) for one in refers_to),  # type: ignore[misc]
            post=post,
            action=tuple(f"{one}/WATCH" for one in action),
            info=tuple(sorted(f"{one}/WATCH" for one in others if one not in action)),
            basket=rules.basket if rules else "MIL",
            precedence=rules.precedence if rules else "ROUTINE",
            mode="COPY",
            handling={"level": "CHANNEL"},
            fields=dict(fields or {}),
            parts=() if words is None else (hashlib.sha256(words).digest(),),
            salt=seed_of("core", party, str(len(self.logs[self.log(party)])), salt),
        )
        made = replace(made, **(changes or {}))
        return made, encode_core(made)

    def append(self, party: str, data: bytes, header: Header | None, *, log: str = "") -> VerifiedEntry:
        log = log or self.log(party)
        entry = VerifiedEntry(EntryId(log, len(self.logs[log])), data, header)
        self.logs[log].append(entry)
        self.trees[log].append(leaf_hash(data))
        return entry

    def approvals(self, party: str, data: bytes, posts: Iterable[str]) -> tuple[Ed25519Approval, ...]:
        message = approval_message(self.rules.cell, party, hashlib.sha256(data).digest())
        return tuple(
            Ed25519Approval(public_of(party, post), key_of(party, post).sign(message)) for post in posts
        )

    # --- what is said most often --------------------------------------------------------------------------

    def heartbeat(self, party: str, *, armed: bool = True) -> Written:
        fields = {"armed": armed, "software": "test"}
        return self.write(party, "R03", fields=fields, post="LOG", by=())

    def register(self, party: str, post: str, change: str = "REGISTERED") -> Written:
        fields = {
            "change": change,
            "post": post,
            "credential_kind": "ED25519",
            "public": public_of(party, post).hex(),
        }
        return self.write(party, "D28", fields=fields, post="ADMIN", by=("ADMIN.1", "ADMIN.2"))

    def stop_and_check(self, party: str, to: str, **changes: Any) -> Written:
        fields = {
            "meaning": "FIRE_ON_US",
            "since": self.now,
            "ask": "PAUSE_AND_CHECK",
            "own_action": "NOT_STATED",
        }
        return self.write(party, "D02", fields={**fields, **changes.pop("fields", {})}, to=to, **changes)

    def contact_check(self, party: str, to: str, slot: str = "HOURLY_MACHINE") -> Written:
        fields = {"slot": slot, "path": "PRIMARY", "test_text": "אבג ابت abc 123"}
        machine = slot == "HOURLY_MACHINE"
        post, by = ("LOG", ()) if machine else ("WATCH", ("WATCH",))
        return self.write(party, "D01", fields=fields, to=to, post=post, by=by)

    def echo(self, party: str, check: Written, text: str = "אבג ابت abc 123", **changes: Any) -> Written:
        fields = {"answer": "ECHO", "echo": text, **changes}
        return self.write(party, "D01", "ANSWER", fields, case=check, post="LOG", by=())

    # --- folding ---------------------------------------------------------------------------------------

    @property
    def entries(self) -> list[VerifiedEntry]:
        return [entry for log in sorted(self.logs) for entry in self.logs[log]]

    def book(self, as_of: int | None = None, **options: Any) -> CaseBook:
        return fold(self.rules, self.entries, self.opened, self.now if as_of is None else as_of, **options)

    def folder(self) -> Folder:
        return Folder(self.rules)


def started() -> Cell:
    """A cell whose charter is in force and whose posts have keys; all hold everything at `now`."""
    return _started().fork()


@lru_cache
def _started() -> Cell:
    cell = Cell()
    for party in PARTIES:
        cell.write(party, "R01", fields={"generation": 1, "software": "test"}, post="LOG", by=())
        fields = {"charter": cell.rules.digest.hex()}
        cell.write(party, "R02", fields=fields, post="ADMIN", by=("ADMIN.1", "ADMIN.2"))
        for post in POSTS:
            cell.register(party, post)
    cell.pass_time(10)
    cell.meet()
    return cell


def _reference(one: Written | Reference | None) -> Reference | None:
    return one.reference if isinstance(one, Written) else one


def _parts(core: bytes, content: bytes | None, others: tuple[str, ...]) -> tuple[PartInfo, ...]:
    found = [PartInfo("core", hashlib.sha256(b"sealed" + core).digest(), 1024, others, others)]
    if content is not None:
        found.append(PartInfo("content", hashlib.sha256(b"sealed" + content).digest(), 1024, others, others))
    return tuple(found)


def party_and_index(entry: EntryId) -> tuple[str, int]:
    """Short name of an entry in assertions."""
    return party_of(entry.log), entry.index
