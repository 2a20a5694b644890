"""Whether a header says what its core says (protocol A5), and whether the entry's form is the kind's.

Only header, core and charter are read: no other entry, no state. The header is public and says almost
nothing; what little it says is what others store and pass on by, so a difference moves nothing.
"""

from collections.abc import Iterator
from typing import Final

from detente.cases import faults
from detente.cases.core import Core
from detente.cases.faults import Fault
from detente.cases.instants import LATEST
from detente.cases.sealing import SHOW, is_shown
from detente.charter.model import PRECEDENCES, Charter, Kind
from detente.record.header import ATTACHMENT, CORE, Header, PartInfo
from detente.record.names import party_of

#: The levels are the tool's own, no national ones. SPEC: formats/core 2.
HANDLING_LEVELS: Final = ("OPEN", "CHANNEL", "RESTRICTED", "CLOSED")


def agreement_faults(charter: Charter, header: Header, core: Core) -> Iterator[Fault]:
    """Differences between header and core, the first one first. SPEC: protocol A5, A10."""
    party = party_of(header.log)
    if core.cell != header.cell or core.party_id != party:
        yield Fault(faults.OTHER_PARTY, "A5")
    if set(header.to) != core.addressees:
        yield Fault(faults.OTHER_ADDRESSEES, "A5")
    if len(header.parts) != len(core.parts) + 1:
        yield Fault(faults.OTHER_PARTS, "A5")
    others = charter.parties.keys() - {party}
    guarantors = {one.id for one in charter.guarantors()} - {party}
    for part in header.parts:
        if part.role != CORE and is_shown(core):
            if part.to or part.keep:  # SPEC: protocol A11
                yield Fault(faults.OTHER_MODE, "A11", SHOW)
        elif part.role != ATTACHMENT and not _sealed_as(core.mode, part, others, guarantors):
            yield Fault(faults.OTHER_MODE, "A10", core.mode)


def form_faults(charter: Charter, kind: Kind, core: Core) -> Iterator[Fault]:
    """What of the core's form the kind or the charter does not allow."""
    if core.kind_version != kind.version or core.act not in kind.acts:
        yield Fault(faults.UNKNOWN_KIND, kind.id, core.act)
    if core.basket != kind.basket or core.precedence not in PRECEDENCES:
        yield Fault(faults.WRONG_FORM, kind.id, core.precedence)
    if core.mode not in modes(charter, kind):
        yield Fault(faults.WRONG_FORM, "A10", core.mode)
    yield from _handling_faults(kind, core)
    if len(core.parts) > kind.attachments + 1:
        yield Fault(faults.WRONG_FORM, kind.id, "attachments")
    for address in core.action + core.info:
        if not _has_post(charter, address):
            yield Fault(faults.UNKNOWN_POST, kind.id, address)


def _handling_faults(kind: Kind, core: Core) -> Iterator[Fault]:
    """A level, and what the kind allows beside it: SHOW, and an instant at which content expires."""
    given = core.handling
    if given.get("level") not in HANDLING_LEVELS or not given.keys() <= {"level", "mode", "valid_until"}:
        yield Fault(faults.WRONG_FORM, "handling", "level")
    if "mode" in given and (given["mode"] != SHOW or SHOW not in kind.handling):
        yield Fault(faults.WRONG_FORM, "handling", "mode")
    if "valid_until" in given:
        until = given["valid_until"]
        whole = isinstance(until, int) and not isinstance(until, bool) and 0 < until <= LATEST
        if not whole or "EXPIRES" not in kind.handling:
            yield Fault(faults.WRONG_FORM, "handling", "valid_until")


def floor_fault(kind: Kind, act: str, header: Header) -> Fault | None:
    """A header that claims or hides the floor. SPEC: protocol A5."""
    floor = kind.acts[act].floor if act in kind.acts else kind.floor
    return None if header.floor == floor else Fault(faults.OTHER_FLOOR, "A5")


def modes(charter: Charter, kind: Kind) -> tuple[str, ...]:
    """Delivery modes that the charter allows for a kind; its own mode where the charter is silent."""
    use = charter.uses.get(kind.id)
    return use.modes if use is not None and use.modes else (kind.mode,)


def _has_post(charter: Charter, address: str) -> bool:
    party, _, post = address.partition("/")
    known = charter.posts.get(post)
    return party in charter.parties and known is not None and charter.parties[party].role in known.roles


def _sealed_as(mode: str, part: PartInfo, others: set[str], guarantors: set[str]) -> bool:
    """Who must have a key and who must keep the bytes in each mode. SPEC: protocol A10."""
    to, keep = set(part.to), set(part.keep)
    match mode:
        case "COPY" | "RELAY":
            return to == others and keep == others
        case "DIRECT":
            return not (to | keep) & guarantors and bool(to)
        case "SEALED":
            return not to & guarantors and bool(to) and keep >= guarantors
        case _:
            return False
