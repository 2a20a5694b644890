"""`detente verify FOLDER`: check logs, proofs and earlier heads alone: no node, network or configuration.

FOLDER is what `detente export` wrote (`logs/<party>/`, `policy`, `old/`, `proofs/`), or one tlog-tiles folder
with `--policy`. Exit (spec/protocol E4): 0 consistent, and the keys are those of the charter whose digest was
given; 4 consistent, keys not confirmed; 1 not consistent; 2 wrong use; 3 unreadable.

FOLDER may also be one FILE.two-histories: evidence against a log, judged by the policy beside or above it.

This module and what it imports are all that a plain install brings: `python -m detente verify` needs no
package but `cryptography`.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from detente.cli.trust import Trust, read_bytes, trusted
from detente.record.errors import DetenteError, Malformed
from detente.record.evidence import parse_two_histories, verify_two_histories
from detente.record.generations import (
    CERTIFICATE,
    OTHER_HISTORY,
    Shown,
    Succession,
    judge_generations,
)
from detente.record.keys import LogKeys, parse_vkey
from detente.record.policy import Policy
from detente.record.proof import parse_proof, verify_proof
from detente.record.verify import (
    FINDINGS,
    PIECE,
    Leaves,
    Piece,
    Verdict,
    read_leaves,
    verify_folder,
    verify_fork,
)

CONFIRMED, NOT_CONSISTENT, WRONG_USE, UNREADABLE, CONSISTENT_ONLY = 0, 1, 2, 3, 4

#: Logs of fewer entries are checked in one process.
ALONE: Final = 50_000
#: Ending of a file of evidence.
EVIDENCE: Final = ".two-histories"
PROVEN: Final = "TWO HISTORIES, proven"
#: Findings about an earlier head that have a name of their own.
NAMED: Final = {"two-histories": f"SAME LOG, {PROVEN}", "rolled-back": "A LOG THAT ROLLED BACK"}


def check(place: Path, *, policy_file: Path | None, digest: str) -> int:
    """Verify what lies in `place`, tell it on standard output, and give the exit code."""
    alone = place.is_file() and place.suffix == EVIDENCE
    if not alone and not place.is_dir():
        return _say(f"{place} is neither a folder nor a file of two histories", WRONG_USE)
    if digest and (len(digest) != 64 or not set(digest) <= set("0123456789abcdef")):
        return _say("a charter's digest is 64 lower-case hex digits", WRONG_USE)
    if not alone and (place / "case.json").is_file():
        from detente.cli.verify_case import check_case

        return check_case(place, digest)
    base = _beside(place) if alone else place
    logs = _logs(base)
    try:
        certificates = {name: note for name, log in logs.items() if (note := _Reader(log)(CERTIFICATE))}
        trust = trusted(base, policy_file, digest, certificates.values())
    except (OSError, DetenteError) as error:
        return _say(f"cannot read: {error}", UNREADABLE)
    if alone:
        return _conclude(*_tell_evidence(place, trust.policy), trust, digest)
    if not logs:
        return _say("no log here: neither `checkpoint` nor `logs/*/checkpoint`", UNREADABLE)
    sound = _check_logs(place, logs, certificates, trust)
    for name, fault in _proofs(place, trust.policy):
        print(f"{name}: {fault or 'in the log'}")
        sound &= fault is None
    _tell_fork(place)
    for path in sorted((place / "evidence").glob(f"*{EVIDENCE}")):
        sound &= _tell_evidence(path, trust.policy)[0]
    return _conclude(sound, True, trust, digest)


def _check_logs(
    place: Path, logs: Mapping[str, Path], certificates: Mapping[str, bytes], trust: Trust
) -> bool:
    """Every log alone, then the logs of one party in a row."""
    old = {path.name: path.read_bytes() for path in sorted((place / "old").glob("*.checkpoint"))}
    sound, shown = True, {}
    for name, log in logs.items():
        reader = _Reader(log)
        verdict = verify_folder(reader, trust.policy, old=_of_log(old, log), spread=_Spread(reader))
        sound &= _tell(name, verdict)
        shown[verdict.origin] = Shown(str(log.relative_to(place)), verdict, certificates.get(name))
    for succession in judge_generations(shown, trust.policy, trust.recovery):
        sound &= _tell_succession(succession, checked=bool(trust.recovery))
    return sound


def _conclude(sound: bool, readable: bool, trust: Trust, digest: str) -> int:
    """The last line and the exit code."""
    if not readable:
        return UNREADABLE
    if not sound:
        print("NOT CONSISTENT")
        return NOT_CONSISTENT
    if trust.confirmed:
        print("consistent, keys confirmed by the charter's digest")
        return CONFIRMED
    if digest:
        print("consistent, but the keys are NOT those of the charter with that digest")
        return NOT_CONSISTENT
    print("consistent; keys not confirmed (give the charter's digest with --digest)")
    return CONSISTENT_ONLY


def _logs(place: Path) -> dict[str, Path]:
    if (place / "checkpoint").is_file():
        return {place.name: place}
    return {path.parent.name: path.parent for path in sorted((place / "logs").glob("*/checkpoint"))}


def _of_log(old: Mapping[str, bytes], log: Path) -> dict[str, bytes]:
    origin = (log / "checkpoint").read_bytes().partition(b"\n")[0]
    return {name: note for name, note in old.items() if note.partition(b"\n")[0] == origin}


def _tell(name: str, verdict: Verdict) -> bool:
    if verdict.head is not None:
        head = verdict.head.head
        cosigned = ", ".join(sorted(verdict.cosigned)) or "nobody"
        print(f"{name}: {head.origin}, {head.size} entries, root {head.root.hex()[:16]}…")
        print(f"  cosigned by {cosigned}; quorum {'met' if verdict.quorum else 'NOT met'}")
        print(f"  {verdict.earlier_heads} earlier heads looked at")
        if verdict.malformed_headers:
            print(f"  {verdict.malformed_headers} entries are no headers: kept, and they move nothing")
    for finding in verdict.findings:
        if word := NAMED.get(finding.code):
            print(f"  {word}")
        values = " ".join(f"{key}={value}" for key, value in finding.values.items())
        print(f"  {finding.code} in {finding.path}: {FINDINGS[finding.code]} {values}")
    return verdict.consistent


def _proofs(place: Path, policy: Policy) -> Iterator[tuple[str, str | None]]:
    for path in sorted((place / "proofs").glob("*.tlog-proof")):
        try:
            judged = verify_proof(
                parse_proof(read_bytes(path)), read_bytes(path.with_suffix(".entry")), policy
            )
            yield path.stem, None if judged.satisfied else "quorum NOT met"
        except (OSError, DetenteError) as error:
            yield path.stem, str(error)


def _tell_evidence(path: Path, policy: Policy) -> tuple[bool, bool]:
    """Say what a file of two histories proves: (whether it convicts nobody, whether it could be read)."""
    try:
        found = parse_two_histories(read_bytes(path))
    except (OSError, Malformed) as error:
        print(f"{path.name}: PROVES NOTHING, cannot be read: {error}")
        return True, False
    try:
        fork = verify_two_histories(found, policy.log_keys(found.log))
    except DetenteError as error:
        print(f"{path.name}: {found.log}: PROVES NOTHING: {error}")
        return True, True
    sizes = f"heads of {fork.smaller.head.size} and {fork.larger.head.size} entries"
    print(f"{path.name}: {found.log}: SAME LOG, {PROVEN} ({sizes}, both signed by both keys of the log)")
    return False, True


def _tell_succession(found: Succession, *, checked: bool) -> bool:
    for finding in found.findings:
        values = " ".join(f"{key}={value}" for key, value in finding.values.items())
        print(f"{found.origin}: {finding.path}: {FINDINGS.get(finding.code, OTHER_HISTORY)} {values}")
    if found.after is not None and not found.findings:
        signed = "certified by the recovery key" if checked else "certificate NOT checked: no charter here"
        rest = "" if found.not_named is None else f"; {found.not_named} entries behind that are not named"
        print(f"{found.origin} follows {found.after.old} at {found.after.old_size} entries{rest}; {signed}")
    return not found.findings


def _tell_fork(place: Path) -> None:
    """A folder `fork/` holds two heads of one log: say whether they prove two histories."""
    if not (place / "fork" / "a.checkpoint").is_file():
        return
    try:
        keys = _log_keys(place / "fork")
        found = verify_fork(_Reader(place / "fork"), keys)
    except (OSError, DetenteError) as error:
        print(f"fork/: cannot be told: {error}")
        return
    print(f"fork/: {keys.origin}: " + (f"SAME LOG, {PROVEN}" if found else "both heads can be true"))


def _log_keys(folder: Path) -> LogKeys:
    files = (folder / "log.vkey", folder / "log-mldsa44.vkey")
    ed25519, mldsa44 = (parse_vkey(read_bytes(file).decode("ascii", "replace").strip()) for file in files)
    return LogKeys(ed25519.name, ed25519, mldsa44)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Files of a folder. The paths are made by the verifier from sizes alone; the folder chooses none."""

    folder: Path

    def __call__(self, path: str) -> bytes | None:
        file = self.folder / path
        return read_bytes(file) if file.is_file() else None


@dataclass(frozen=True, slots=True)
class _Spread:
    """Pieces of a long log over as many processes as there are cores; a short one is done here."""

    read: _Reader

    def __call__(self, pieces: Iterator[Piece]) -> Iterable[Leaves]:
        first = next(pieces, None)
        if first is None:
            return
        yield read_leaves(self.read, first)
        cores = os.cpu_count() or 1
        if cores == 1 or first.size < ALONE:
            yield from (read_leaves(self.read, one) for one in pieces)
            return
        with ProcessPoolExecutor(cores) as pool:
            under_way: deque[Future[Leaves]] = deque()
            # A few at a time: a head may promise more entries than anybody has.
            for piece in pieces:
                under_way.append(pool.submit(read_leaves, self.read, piece))
                if len(under_way) > 2 * cores:
                    yield self._next(under_way, piece)
            while under_way:
                yield under_way.popleft().result()

    def _next(self, under_way: deque[Future[Leaves]], last: Piece) -> Leaves:
        found = under_way.popleft().result()
        if sys.stderr.isatty():
            done = last.first - len(under_way) * PIECE
            print(f"\r  {done * 256:,} of {last.size:,} entries", end="", file=sys.stderr, flush=True)
        return found


def _beside(file: Path) -> Path:
    """The folder with the policy that a file of evidence is judged by: its own, or the one above."""
    own = file.resolve().parent
    return own if (own / "policy").is_file() else own.parent


def _say(sentence: str, code: int) -> int:
    print(f"detente: {sentence}", file=sys.stderr)
    return code


def run(arguments: list[str]) -> int:
    """The verb without typer: `verify FOLDER [--policy FILE] [--digest HEX]`."""
    import argparse

    parser = argparse.ArgumentParser(prog="detente verify", description=__doc__.partition("\n\n")[0])
    parser.add_argument(
        "folder", type=Path, help="what `export` wrote, a tlog-tiles folder, or FILE.two-histories"
    )
    parser.add_argument(
        "--policy", type=Path, default=None, help="default: FOLDER/policy, or beside or above FILE"
    )
    parser.add_argument("--digest", default="", help="the charter's digest, as its parties compared it")
    found = parser.parse_args(arguments)
    return check(found.folder, policy_file=found.policy, digest=found.digest)
