"""`detente verify` of a folder that `detente export --case` wrote: proofs, sealed parts, disclosed texts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from detente.cases.arbiter import (
    LISTING,
    MAX_FILE,
    Listing,
    Proved,
    case_policy,
    check_file,
    parse_listing,
    prove,
)
from detente.cases.instants import print_instant
from detente.cases.render import show_value
from detente.charter import Charter, load_charter
from detente.record.errors import DetenteError, Malformed, Unverified
from detente.record.names import print_id
from detente.record.policy import parse_policy

CONFIRMED, NOT_CONSISTENT, UNREADABLE, CONSISTENT_ONLY = 0, 1, 3, 4
_LANGUAGE: Final = "en"


def is_case(place: Path) -> bool:
    """Whether the folder is one case for an arbiter."""
    return (place / LISTING).is_file()


def check_case(place: Path, digest: str) -> int:
    """Verify the case in `place`, tell it in plain words, and give the exit code of protocol E4."""
    try:
        listing = parse_listing(_bytes(place / LISTING))
        faults = _files(listing, place)
        charter = _charter(place)
        certificates = {
            path.name.replace("_", "/"): _bytes(path) for path in sorted((place / "certificates").glob("*"))
        }
        policy = case_policy(charter, certificates)
    except (OSError, DetenteError) as error:
        print(f"cannot read: {error}")
        return UNREADABLE
    given = parse_policy(_bytes(place / "policy")) if not faults else policy
    if (given.logs, given.witnesses, given.quorum) != (policy.logs, policy.witnesses, policy.quorum):
        faults.append("policy: not the charter's keys")
    if charter.digest != listing.charter:
        faults.append("charter: not the one that the case names")
    print(f"case {listing.case or '(chosen entries)'} of {listing.cell}: {len(listing.entries)} entries")
    for chosen in listing.entries:
        try:
            _tell(prove(chosen, lambda path: _read(place, path), policy), charter)
        except DetenteError as error:
            faults.append(f"{print_id(chosen.entry)}: {error}")
    return _verdict(faults, charter, digest)


def _verdict(faults: list[str], charter: Charter, digest: str) -> int:
    if faults:
        for fault in faults:
            print(f"FAULT {fault}")
        print("NOT CONSISTENT: do not rely on this folder")
        return NOT_CONSISTENT
    print("It does not show whether the case is complete, true or agreed: receipt is never agreement.")
    if not digest:
        print("consistent; keys not confirmed (give the charter's digest with --digest)")
        return CONSISTENT_ONLY
    if charter.digest.hex() != digest:
        print("consistent, but the keys are NOT those of the charter with that digest")
        return NOT_CONSISTENT
    print("consistent, keys confirmed by the charter's digest")
    return CONFIRMED


def _files(listing: Listing, place: Path) -> list[str]:
    faults = []
    for file in listing.files:
        try:
            check_file(file, lambda path: _read(place, path))
        except Unverified as error:
            faults.append(f"{error.values['path']}: {error.values['why']}")
    return faults


def _tell(proved: Proved, charter: Charter) -> None:
    core, header = proved.core, proved.header
    print(f"\n{print_id(proved.entry)}, {print_instant(header.time)} by its author's clock")
    names = ", ".join(sorted(proved.cosigned)) or "nobody"
    print(
        f"  in the log of {header.party.upper()}, under a head of {proved.size} entries confirmed by {names}"
    )
    if core is None:
        print("  the core is not disclosed here")
    elif (kind := charter.kinds.get(core.kind)) is None:
        print(f"  kind {core.kind}, which this charter does not have")
    else:
        language = _LANGUAGE if _LANGUAGE in charter.languages else charter.languages[0]
        rule = next((one for one in kind.acts.values() if one.id == core.act), None)
        print(f"  {kind.label(language)}: {rule.label(language) if rule else core.act}, post {core.post}")
        for name, value in {**core.fields, **(proved.content.fields if proved.content else {})}.items():
            field = kind.field(name)
            label = field.label(language) if field else name
            print(f"  {label}: {show_value(charter, kind, name, value, language)}")
    for position in proved.closed:
        print(f"  part {position} ({header.parts[position].role}) is here and stays closed: no file key")
    for number, digest in enumerate(proved.attachments, 1):
        print(f"  attachment {number} opens; SHA-256 {digest.hex()}")


def _charter(place: Path) -> Charter:
    folder = place / "charter"
    kinds = {one.name: _bytes(one) for one in sorted((folder / "kinds").glob("*.toml"))}
    return load_charter(_bytes(folder / "charter.toml"), kinds)


def _read(place: Path, path: str) -> bytes | None:
    # Paths are listed by a pattern without dots at the start of a name: none leads out of the folder.
    file = place / path
    if not file.is_file() or file.is_symlink():
        return None
    return _bytes(file)


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise Malformed("file", f"{path.name} is larger than {MAX_FILE} bytes")
    return data
