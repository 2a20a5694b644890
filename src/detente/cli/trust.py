"""Which keys `detente verify` goes by, and whether the charter's digest confirms them (protocol E4).

1. Keys come from the policy. Where the charter lies beside it, its recovery keys judge the certificates of
   next logs.
2. Keys are confirmed if the charter's digest is the one given, and the policy has just the charter's keys and
   those that its recovery keys certified.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detente.record.errors import Malformed
from detente.record.generations import certified
from detente.record.policy import Policy, parse_policy

if TYPE_CHECKING:
    from detente.charter.model import Charter

#: Bytes of one file; the largest of the format is a full entry bundle (16,777,472).
FILE_LIMIT: Final = 17 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Trust:
    """The policy, public recovery keys by party (none without the charter), and rule 2's answer."""

    policy: Policy
    confirmed: bool = False
    recovery: Mapping[str, bytes] = field(default_factory=dict)


def trusted(place: Path, policy_file: Path | None, digest: str, certificates: Iterable[bytes]) -> Trust:
    """What `place` is judged by. Raises OSError or DetenteError for what cannot be read."""
    policy = parse_policy(read_bytes(policy_file or place / "policy"))
    if not digest and not (place / "charter" / "charter.toml").is_file():
        return Trust(policy)
    charter = _charter(place / "charter")
    recovery = {one.id: bytes.fromhex(one.recovery) for one in charter.parties.values()}
    if not digest:
        return Trust(policy, False, recovery)
    from detente.charter.watched import charter_policy

    same = charter_policy(charter, certified(certificates, recovery).values())
    known = set(same.logs), dict(same.witnesses)
    confirmed = charter.digest.hex() == digest and known == (set(policy.logs), dict(policy.witnesses))
    return Trust(policy, confirmed, recovery)


def read_bytes(path: Path) -> bytes:
    """A file's bytes. Raises OSError, or Malformed if it is longer than any file of the format."""
    with path.open("rb") as file:
        data = file.read(FILE_LIMIT + 1)
    if len(data) > FILE_LIMIT:
        raise Malformed("file", f"{path.name} is larger than {FILE_LIMIT} bytes")
    return data


def _charter(folder: Path) -> Charter:
    from detente.charter import load_charter

    kinds = {one.name: read_bytes(one) for one in sorted((folder / "kinds").glob("*.toml"))}
    return load_charter(read_bytes(folder / "charter.toml"), kinds)
