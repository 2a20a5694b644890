"""Logs of one party in a row, offline: each next log by its certificate (protocol C3, formats/next-log).

1. A folder of a log of generation 2 or later has a `certificate` that the party's recovery key signed; its
   keys are those that the policy gives the log. Without the recovery key the certificate can only be read.
2. The head that it names is one of the old log's tree, as far as the old log is here. Another root there is a
   finding: the party stands by another history than the folder shows.
3. Entries of the old log beyond the named size are counted and told, never a finding: whether they stand or
   move nothing, the fold says (F15).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from detente.record.errors import Malformed, Unverified
from detente.record.names import generation_of, party_of
from detente.record.nextlog import NextLog, open_next_log, read_next_log
from detente.record.policy import Policy
from detente.record.tree import EMPTY_ROOT
from detente.record.verify import Finding, Verdict

CERTIFICATE: Final = "certificate"

#: What a finding of this page says that `verify.FINDINGS` does not.
OTHER_HISTORY: Final = "the next log's certificate names another history of the old log than is here"


@dataclass(frozen=True, slots=True)
class Succession:
    """What one next log's certificate says: how many entries of the old log it does not name, or what fails.

    `not_named` is None when the old log is not here, or shorter than what is named.
    """

    origin: str
    after: NextLog | None = None
    not_named: int | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A log as a folder shows it: its verdict, and its certificate's bytes if there is one."""

    path: str
    verdict: Verdict
    certificate: bytes | None = None


def certified(certificates: Iterable[bytes], recovery: Mapping[str, bytes]) -> dict[str, NextLog]:
    """Next logs by origin, of certificates that hold; `recovery` has 32-byte public keys by party."""
    found = {}
    for note in certificates:
        try:
            party = party_of(read_next_log(note).origin)
            after = open_next_log(note, recovery[party])
        except (Malformed, Unverified, KeyError):
            continue
        found[after.origin] = after
    return found


def judge_generations(
    logs: Mapping[str, Shown], policy: Policy, recovery: Mapping[str, bytes]
) -> tuple[Succession, ...]:
    """Rules 1 to 3 for every next log among `logs` (by origin), oldest first. Raises nothing."""
    later = sorted((one for one in logs if _generation(one) > 1), key=lambda one: (one, _generation(one)))
    return tuple(_judge(one, logs, policy, recovery) for one in later)


def _judge(log: str, logs: Mapping[str, Shown], policy: Policy, recovery: Mapping[str, bytes]) -> Succession:
    shown = logs[log]
    path = f"{shown.path}/{CERTIFICATE}"
    if shown.certificate is None:
        return Succession(log, findings=(Finding("missing", path),))
    try:
        after = _open(shown.certificate, log, recovery)
        keys = policy.log_keys(log)
    except (Malformed, Unverified) as error:
        return Succession(log, findings=(Finding(error.code, path, MappingProxyType(error.values)),))
    if after.keys != keys:
        values = {"what": "the policy has other keys", "origin": log}
        return Succession(log, after, findings=(Finding("unverified", path, MappingProxyType(values)),))
    tree = logs[after.old].verdict.tree if after.old in logs else None
    if tree is None or tree.size < after.old_size:
        return Succession(log, after)
    root = tree.root(after.old_size) if after.old_size else EMPTY_ROOT
    if root != after.old_root:
        named = MappingProxyType({"log": after.old, "size": after.old_size})
        return Succession(log, after, findings=(Finding("other-history", path, named),))
    return Succession(log, after, tree.size - after.old_size)


def _open(note: bytes, log: str, recovery: Mapping[str, bytes]) -> NextLog:
    """The certificate of `log`; unverified where the recovery key is not known."""
    key = recovery.get(party_of(log))
    after = read_next_log(note) if key is None else open_next_log(note, key)
    if after.origin != log:
        raise Unverified("origin", origin=after.origin, expected=log)
    return after


def _generation(log: str) -> int:
    try:
        return generation_of(log)
    except Malformed:
        return 1
