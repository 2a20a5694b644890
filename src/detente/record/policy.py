"""C2SP tlog-policy: which logs, which cosigners, and how many of them make a head count.

1. Lines of words parted by spaces or tabs: `log <vkey> [url]`, `witness <name> <vkey> [url]`,
   `group <name> all|any|<k> <name>…`, `quorum <name>|none`; comment lines begin with `#`.
2. A line names only what stands before it; a name is a member of one group at most; no key stands twice;
   there is exactly one quorum.
3. Several `log` lines mean *any* of them. To demand a log's ML-DSA line as well, that key is listed as a
   `witness` in the quorum; so our policies say it (`cell_policy`).

C2SP says witness where we say mirror: what a line means is agreed with the key, and ours means "held".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from detente.record.encoding import parse_decimal
from detente.record.errors import Malformed, Unverified
from detente.record.head import Head, parse_body, verify_ed25519, verify_mldsa44
from detente.record.keys import COSIGNATURE_ED25519, ED25519, MLDSA44, LogKeys, MirrorKeys, Vkey, parse_vkey
from detente.record.names import cell_of
from detente.record.note import Note, find, parse_note

#: A cell of three parties needs some thirty keys; a hundred logs of 2 KB keys stay below.
MAX_POLICY: Final = 1024 * 1024
MAX_LINES: Final = 4096

_BAD_OCTET: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Group:
    """A group has cosigned when `needed` of its `members` have."""

    name: str
    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Known logs, known cosigners by name, groups in the order of their lines, and the quorum's name."""

    logs: tuple[Vkey, ...]
    witnesses: Mapping[str, Vkey]
    groups: tuple[Group, ...] = ()
    quorum: str | None = None
    urls: Mapping[Vkey, str] = field(default_factory=lambda: MappingProxyType({}))

    def log_keys(self, origin: str) -> LogKeys:
        """Both keys of a log: its `log` line, and the cosigner of type 0x06 named by the origin.

        Raises Unverified if the policy does not know both.
        """
        known = [key for key in (*self.logs, *self.witnesses.values()) if key.name == origin]
        pair = [next((key for key in known if key.type == type_), None) for type_ in (ED25519, MLDSA44)]
        if pair[0] is None or pair[1] is None:
            raise Unverified("log key unknown", origin=origin)
        return LogKeys(origin, pair[0], pair[1])


@dataclass(frozen=True, slots=True)
class Judged:
    """A head under a policy: which cosigners (by name) signed it and when, and whether they suffice."""

    head: Head
    cosigned: Mapping[str, int]
    satisfied: bool


def judge(note: bytes, policy: Policy) -> Judged:
    """What a policy says of a head with its lines.

    Raises Malformed if it is no head or a known key stands twice, Unverified if no known log signed it or a
    known key's signature is wrong or the halves of a cosigner carry two times.
    """
    parsed = parse_note(note)
    head = parse_body(parsed.text)
    # All first, then any: every known key's line is verified, also behind the first good one.
    signed = [_signed_by_log(parsed, head, key) for key in policy.logs if key.name == head.origin]
    if not any(signed):
        raise Unverified("no known log signed", origin=head.origin)
    times = {name: _cosigned_at(parsed, head, key) for name, key in policy.witnesses.items()}
    cosigned = {name: time for name, time in times.items() if time is not None}
    _check_halves(policy, cosigned)
    return Judged(head, MappingProxyType(cosigned), _satisfied(policy, cosigned))


def parse_policy(data: bytes) -> Policy:
    """The policy of a file. Raises Malformed."""
    if len(data) > MAX_POLICY or _BAD_OCTET.search(data) or (data and not data.endswith(b"\n")):
        raise Malformed("policy", "size or characters")
    reader = _Reader()
    lines = data.split(b"\n")[:-1]
    if len(lines) > MAX_LINES:
        raise Malformed("policy", "too many lines")
    for line in lines:
        # Octets above 0x7f are opaque in names; surrogateescape carries them there and back.
        words = re.split("[ \t]+", line.decode("utf-8", "surrogateescape").strip(" \t"))
        if words[0] and not words[0].startswith("#"):
            reader.read(words)
    return reader.policy()


def encode_policy(policy: Policy) -> bytes:
    """The file of a policy; `parse_policy` gives the policy back."""

    def key_words(key: Vkey) -> str:
        return f"{key.encode()} {policy.urls[key]}" if key in policy.urls else key.encode()

    lines = [f"log {key_words(key)}" for key in policy.logs]
    lines += [f"witness {name} {key_words(key)}" for name, key in policy.witnesses.items()]
    lines += [f"group {group.name} {_needed(group)} {' '.join(group.members)}" for group in policy.groups]
    lines.append(f"quorum {policy.quorum or _NONE}")
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Watched:
    """A party's logs (all generations) and the mirrors that cosign them."""

    party: str
    logs: tuple[LogKeys, ...]
    mirrors: tuple[MirrorKeys, ...]


def cell_policy(watched: Iterable[Watched]) -> Policy:
    """The policy of a cell: for each party its log's ML-DSA key and both keys of every mirror, all of them.

    The parties' groups are joined by `any`: a head is of one log. Several generations of a party's log
    share its mirrors, and a name may stand in one group only, so their keys form a group of their own.
    """
    logs: list[Vkey] = []
    witnesses: dict[str, Vkey] = {}
    groups: list[Group] = []
    parties: list[str] = []
    for one in watched:
        logs += [log.ed25519 for log in one.logs]
        heads = {f"{log.origin}:mldsa44": log.mldsa44 for log in one.logs}
        mirrors = {f"{mirror.name}:ed25519": mirror.ed25519 for mirror in one.mirrors}
        mirrors |= {f"{mirror.name}:mldsa44": mirror.mldsa44 for mirror in one.mirrors}
        witnesses |= heads | mirrors
        names = tuple(heads)
        # No party's name can be `none` or that of the quorum with the cell before it.
        party = f"{cell_of(one.logs[0].origin)}/{one.party}"
        if len(names) > 1:
            groups.append(Group(f"{party}/heads", 1, names))
            names = (groups[-1].name,)
        groups.append(Group(party, len(names) + len(mirrors), (*names, *mirrors)))
        parties.append(party)
    groups.append(Group("any-log", 1, tuple(parties)))
    return Policy(tuple(logs), MappingProxyType(witnesses), tuple(groups), "any-log")


class _Reader:
    """Reads lines in their order; every rule about names is checked at the line that breaks it."""

    def __init__(self) -> None:
        self.logs: list[Vkey] = []
        self.witnesses: dict[str, Vkey] = {}
        self.groups: dict[str, Group] = {}
        self.urls: dict[Vkey, str] = {}
        self.members: set[str] = set()
        self.quorum: list[str] = []

    def read(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                key = self.key(vkey, self.logs, (ED25519, MLDSA44), url)
                self.logs.append(key)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                key = self.key(vkey, self.witnesses.values(), (COSIGNATURE_ED25519, MLDSA44), url)
                self.witnesses[self.new(name)] = key
            case ["group", name, needed, *members] if members:
                self.groups[name] = Group(self.new(name), self.number(needed, members), tuple(members))
            case ["quorum", name] if not self.quorum:
                if name != _NONE and name not in self.witnesses and name not in self.groups:
                    raise Malformed("policy", f"unknown name {name}")
                self.quorum.append(name)
            case _:
                raise Malformed("policy", " ".join(words)[:80])

    def key(self, text: str, before: Iterable[Vkey], types: tuple[int, int], url: list[str]) -> Vkey:
        key = parse_vkey(text)
        if key.type not in types or any(key.public == one.public for one in before):
            raise Malformed("policy", f"key of a wrong type or twice: {key.name}")
        if url:
            self.urls[key] = url[0]
        return key

    def new(self, name: str) -> str:
        if name == _NONE or name in self.witnesses or name in self.groups:
            raise Malformed("policy", f"name taken: {name}")
        return name

    def number(self, text: str, members: list[str]) -> int:
        for name in members:
            if name in self.members or (name not in self.witnesses and name not in self.groups):
                raise Malformed("policy", f"no name to be a member: {name}")
            self.members.add(name)
        words = {"any": 1, "all": len(members)}
        needed = words[text] if text in words else parse_decimal(text, "policy", limit=len(members))
        if needed < 1:
            raise Malformed("policy", "a group of none")
        return needed

    def policy(self) -> Policy:
        if not self.quorum:
            raise Malformed("policy", "no quorum")
        return Policy(
            tuple(self.logs),
            MappingProxyType(self.witnesses),
            tuple(self.groups.values()),
            None if self.quorum[0] == _NONE else self.quorum[0],
            MappingProxyType(self.urls),
        )


def _needed(group: Group) -> str:
    if group.needed == len(group.members):
        return "all"
    return "any" if group.needed == 1 else str(group.needed)


def _signed_by_log(note: Note, head: Head, key: Vkey) -> bool:
    line = note.by(key)
    if line is None:
        return False
    if key.type == MLDSA44:
        verify_mldsa44(line, key, head)
    else:
        key.verify(line.signature, note.text)
    return True


def _cosigned_at(note: Note, head: Head, key: Vkey) -> int | None:
    line = find(note.signatures, key)
    if line is None:
        return None
    return (verify_mldsa44 if key.type == MLDSA44 else verify_ed25519)(line, key, head)


def _check_halves(policy: Policy, cosigned: Mapping[str, int]) -> None:
    """Raise Unverified if two keys of one cosigner carry two times."""
    times: dict[str, int] = {}
    for name, time in cosigned.items():
        key = policy.witnesses[name]
        if times.setdefault(key.name, time) != time:
            raise Unverified("cosignature time", mirror=key.name)  # SPEC: protocol B7


def _satisfied(policy: Policy, cosigned: Mapping[str, int]) -> bool:
    if policy.quorum is None:
        return True
    done = set(cosigned)
    for group in policy.groups:  # members stand before their group, so one pass suffices
        if sum(member in done for member in group.members) >= group.needed:
            done.add(group.name)
    return policy.quorum in done
