"""Register acts: accession, credentials, armed state. They bind an entry if they lie in its causal past.

1. The charter is in force for an entry once the accession (R02) of every party to this charter is in its past
   (protocol A13). Before that only record kinds, D28 and floor kinds count.
2. Credentials of a party are its two administrators of the charter and what its D28 entries in the past made
   of them: REGISTERED adds, REPLACED takes the place of every former key of the post, REVOKED ends one key.
   What was approved before stays approved.
3. Two D28 of one party stand in its logs, so their order is that of the logs; nobody changes another's posts.
4. Receiving keys are the charter's and what the party's R04 made of them: RECEIVING_ADDED puts a key first,
   RECEIVING_RETIRED takes it away, but never the last one: a party can always be written to.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from detente.cases.book import Armed, Enrolled, LogLife, Register
from detente.cases.core import Core
from detente.charter.model import Charter, Kind
from detente.record.approvals import Credential
from detente.record.names import EntryId, generation_of, party_of

#: Whether an entry counts for the reader: it lies in the past that is asked about.
Counts = Callable[[EntryId], bool]


@dataclass(slots=True)
class RegisterActs:
    """All regular register acts held here, by party, in the order of their logs."""

    charter: Charter
    _accessions: dict[str, list[EntryId]] = field(default_factory=dict)
    _credentials: dict[str, list[tuple[EntryId, Enrolled, str]]] = field(default_factory=dict)
    _armed: dict[str, Armed] = field(default_factory=dict)
    _receiving: dict[str, list[tuple[EntryId, str, str]]] = field(default_factory=dict)
    opened: dict[str, EntryId] = field(default_factory=dict)  # regular R01 of each log

    def add(self, entry: EntryId, core: Core, time: int) -> None:
        """Take in a regular entry; other kinds leave no trace."""
        party = party_of(entry.log)
        match core.kind:
            case "R01":
                self.opened[entry.log] = min(entry, self.opened.get(entry.log, entry))
            case "R04":
                keys = self._receiving.setdefault(party, [])
                keys.append((entry, core.fields["change"], core.fields["key"]))
                keys.sort(key=lambda one: _place(one[0]))
            case "R02" if core.fields.get("charter") == self.charter.digest.hex():
                self._accessions.setdefault(party, []).append(entry)
            case "R03":
                self._heard(party, Armed(core.fields["armed"], time, entry))
            case "D28":
                change = (entry, _enrolled(core.fields, entry), core.fields["change"])
                changes = self._credentials.setdefault(party, [])
                changes.append(change)
                changes.sort(key=lambda one: _place(one[0]))

    def in_force(self, counts: Counts) -> bool:
        """Rule 1, for a past."""
        return all(
            any(counts(one) for one in self._accessions.get(party, ())) for party in self.charter.parties
        )

    def credentials(self, party: str, counts: Counts) -> tuple[Enrolled, ...]:
        """Rule 2, for a past."""
        found = [Enrolled(one, None) for one in self.charter.parties[party].admins]
        for entry, enrolled, change in self._credentials.get(party, ()):
            if not counts(entry):
                continue
            post, public = enrolled.credential.post, enrolled.credential.public
            if change == "REPLACED":
                found = [one for one in found if one.credential.post != post]
            found = [one for one in found if one.credential.public != public]
            if change != "REVOKED":
                found.append(enrolled)
        return tuple(found)

    def receiving(self, party: str) -> tuple[str, ...]:
        """Rule 4: the party's receiving keys, newest first."""
        found = [self.charter.parties[party].receiving]
        for _, change, key in self._receiving.get(party, ()):
            kept = [one for one in found if one != key]
            if change == "RECEIVING_ADDED":
                found = [key, *kept]
            elif kept:
                found = kept
        return tuple(found)

    def view(self, logs: Mapping[str, tuple[LogLife, ...]]) -> Register:
        """The register as everything held here gives it."""
        parties = self.charter.parties
        return Register(
            in_force=self.in_force(_always),
            acceded={party: min(found, key=_place) for party, found in sorted(self._accessions.items())},
            credentials={party: self.credentials(party, _always) for party in parties},
            armed=dict(self._armed),
            logs=logs,
            receiving_keys={party: self.receiving(party) for party in parties},
        )

    def _heard(self, party: str, armed: Armed) -> None:
        before = self._armed.get(party)
        if before is None or _place(before.entry) < _place(armed.entry):
            self._armed[party] = armed


def approving_keys(enrolled: Iterable[Enrolled]) -> tuple[Credential, ...]:
    """The credentials as approvals are verified with."""
    return tuple(one.credential for one in enrolled)


def opens_case(kind: Kind) -> bool:
    """Whether an opening entry of the kind is a matter that others act on; record kinds and D28 are not."""
    return bool(kind.transitions)


def is_register(kind: Kind) -> bool:
    """Kinds that count before the charter is in force, and that no watch session approves. SPEC: A7, A13."""
    return kind.id.startswith("R") or kind.id == "D28"


def _enrolled(fields: Mapping[str, object], entry: EntryId) -> Enrolled:
    origins = fields.get("origins", [])
    credential = Credential(
        post=str(fields["post"]),
        kind="webauthn" if fields["credential_kind"] == "WEBAUTHN" else "ed25519",
        public=bytes.fromhex(str(fields["public"])),
        credential_id=bytes.fromhex(str(fields.get("credential_id", ""))),
        rp_id=str(fields.get("rp_id", "")),
        origins=tuple(str(one) for one in origins) if isinstance(origins, list) else (),
    )
    return Enrolled(credential, entry)


def _place(entry: EntryId) -> tuple[int, int]:
    return generation_of(entry.log), entry.index


def _always(_: EntryId) -> bool:
    return True
