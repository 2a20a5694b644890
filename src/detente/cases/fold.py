"""`fold`: the whole record to a case book, as a pure function. `Folder` is the same, fed in steps."""

from collections.abc import Iterable, Mapping

from detente.cases.casebook import CaseBook
from detente.cases.cut import Cut, cut_of
from detente.cases.entries import Opened, VerifiedEntry
from detente.cases.folder import Folder
from detente.charter.model import Charter
from detente.record.header import PartInfo
from detente.record.names import EntryId

__all__ = ["CaseBook", "Cut", "Folder", "Opened", "VerifiedEntry", "cut_of", "fold"]


def fold(
    charter: Charter,
    entries: Iterable[VerifiedEntry],
    opened: Opened,
    as_of: int,
    *,
    cut: Cut | None = None,
) -> CaseBook:
    """The case book at `as_of` of these entries and opened parts.

    With `cut` only what its holder held: "as known then" (`cut_of(entry)`). Parts that it lacked are closed.
    """
    held = list(entries)
    if cut is not None:
        held = [entry for entry in held if cut.holds(entry.id)]
        roles = {entry.id: entry.header.parts if entry.header else () for entry in held}
        opened = {
            key: data for key, data in opened.items() if key[0] in roles and not _lacked(cut, roles, key)
        }
    folder = Folder(charter)
    folder.open(opened)
    folder.add(held)
    return folder.at(as_of)


def _lacked(cut: Cut, parts: Mapping[EntryId, tuple[PartInfo, ...]], key: tuple[EntryId, int]) -> bool:
    entry, position = key
    return position >= len(parts[entry]) or cut.lacks(entry, parts[entry][position].role)
