"""`detente verify FOLDER`: check logs, proofs and earlier heads alone: no node, network or configuration.

FOLDER is what `detente export` wrote (`logs/<party>/`, `policy`, `old/`, `proofs/`), or one tlog-tiles folder
with `--policy`. Exit (spec/protocol E4): 0 consistent, and the keys are those of the charter whose digest was
given; 4 consistent, keys not confirmed; 1 not consistent; 2 wrong use; 3 unreadable.

This module and what it imports are all that a plain install brings: `python -m detente verify` needs no
package but `cryptography`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from detente.record.errors import DetenteError, Malformed
from detente.record.evidence import parse_two_histories, verify_two_histories
from detente.record.keys import LogKeys, parse_vkey
from detente.record.policy import Policy, parse_policy
from detente.record.proof import parse_proof, verify_proof
from detente.record.tiles import Reader
from detente.record.verify import FINDINGS, Verdict, verify_folder, verify_fork

CONFIRMED, NOT_CONSISTENT, WRONG_USE, UNREADABLE, CONSISTENT_ONLY = 0, 1, 2, 3, 4

#: Bytes of one file; the largest of the format is a full entry bundle (16,777,472).
FILE_LIMIT: Final = 17 * 1024 * 1024


def check(place: Path, *, policy_file: Path | None, digest: str) -> int:
    """Verify what lies in `place`, tell it on standard output, and give the exit code."""
    if not place.is_dir():
        return _say(f"{place} is not a folder", WRONG_USE)
    if digest and (len(digest) != 64 or not set(digest) <= set("0123456789abcdef")):
        return _say("a charter's digest is 64 lower-case hex digits", WRONG_USE)
    try:
        policy = parse_policy(_bytes(policy_file or place / "policy"))
        confirmed = _confirm(place, policy, digest) if digest else False
    except (OSError, DetenteError) as error:
        return _say(f"cannot read: {error}", UNREADABLE)
    logs = _logs(place)
    if not logs:
        return _say("no log here: neither `checkpoint` nor `logs/*/checkpoint`", UNREADABLE)
    old = {path.name: path.read_bytes() for path in sorted((place / "old").glob("*.checkpoint"))}
    sound = True
    for name, log in logs.items():
        verdict = verify_folder(_reader(log), policy, old=_of_log(old, log))
        sound &= _tell(name, verdict)
    for name, fault in _proofs(place, policy):
        print(f"{name}: {fault or 'in the log'}")
        sound &= fault is None
    _tell_fork(place)
    for name, told, proven in _evidence(place, policy):
        print(f"{name}: {told}")
        sound &= not proven
    if not sound:
        print("NOT CONSISTENT")
        return NOT_CONSISTENT
    if confirmed:
        print("consistent, keys confirmed by the charter's digest")
        return CONFIRMED
    if digest:
        print("consistent, but the keys are NOT those of the charter with that digest")
        return NOT_CONSISTENT
    print("consistent; keys not confirmed (give the charter's digest with --digest)")
    return CONSISTENT_ONLY


def _confirm(place: Path, policy: Policy, digest: str) -> bool:
    """Whether `place/charter` has that digest and the policy has just its keys."""
    from detente.charter import load_charter
    from detente.charter.watched import charter_policy

    folder = place / "charter"
    kinds = {one.name: _bytes(one) for one in sorted((folder / "kinds").glob("*.toml"))}
    charter = load_charter(_bytes(folder / "charter.toml"), kinds)
    same = charter_policy(charter)
    return charter.digest.hex() == digest and (same.logs, same.witnesses) == (policy.logs, policy.witnesses)


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
    for finding in verdict.findings:
        values = " ".join(f"{key}={value}" for key, value in finding.values.items())
        print(f"  {finding.code} in {finding.path}: {FINDINGS[finding.code]} {values}")
    return verdict.consistent


def _proofs(place: Path, policy: Policy) -> Iterator[tuple[str, str | None]]:
    for path in sorted((place / "proofs").glob("*.tlog-proof")):
        try:
            judged = verify_proof(parse_proof(_bytes(path)), _bytes(path.with_suffix(".entry")), policy)
            yield path.stem, None if judged.satisfied else "quorum NOT met"
        except (OSError, DetenteError) as error:
            yield path.stem, str(error)


def _evidence(place: Path, policy: Policy) -> Iterator[tuple[str, str, bool]]:
    """(file, what it says, whether it convicts) of two histories that the exporting node found."""
    for path in sorted((place / "evidence").glob("*.two-histories")):
        name = f"evidence/{path.name}"
        try:
            found = parse_two_histories(_bytes(path))
            verify_two_histories(found, policy.log_keys(found.log))
        except (OSError, DetenteError) as error:
            yield name, f"proves nothing: {error}", False
        else:
            yield name, f"{found.log}: TWO HISTORIES, proven", True


def _tell_fork(place: Path) -> None:
    """A folder `fork/` holds two heads of one log: say whether they prove two histories."""
    if not (place / "fork" / "a.checkpoint").is_file():
        return
    try:
        keys = _log_keys(place / "fork")
        found = verify_fork(_reader(place / "fork"), keys)
    except (OSError, DetenteError) as error:
        print(f"fork/: cannot be told: {error}")
        return
    print(f"fork/: {keys.origin}: " + ("TWO HISTORIES, proven" if found else "both heads can be true"))


def _log_keys(folder: Path) -> LogKeys:
    files = (folder / "log.vkey", folder / "log-mldsa44.vkey")
    ed25519, mldsa44 = (parse_vkey(_bytes(file).decode("ascii", "replace").strip()) for file in files)
    return LogKeys(ed25519.name, ed25519, mldsa44)


def _reader(folder: Path) -> Reader:
    # The paths are made by the verifier from sizes alone; nothing in the folder chooses one.
    def read(path: str) -> bytes | None:
        file = folder / path
        return _bytes(file) if file.is_file() else None

    return read


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(FILE_LIMIT + 1)
    if len(data) > FILE_LIMIT:
        raise Malformed("file", f"{path.name} is larger than {FILE_LIMIT} bytes")
    return data


def _say(sentence: str, code: int) -> int:
    print(f"detente: {sentence}", file=sys.stderr)
    return code


def run(arguments: list[str]) -> int:
    """The verb without typer: `verify FOLDER [--policy FILE] [--digest HEX]`."""
    import argparse

    parser = argparse.ArgumentParser(prog="detente verify", description=__doc__.partition("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--policy", type=Path, default=None, help="default: FOLDER/policy")
    parser.add_argument("--digest", default="", help="the charter's digest, as its parties compared it")
    found = parser.parse_args(arguments)
    return check(found.folder, policy_file=found.policy, digest=found.digest)
