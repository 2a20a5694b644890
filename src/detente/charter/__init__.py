"""Pure: the agreed rules as values, and their data in the charter's languages."""

from detente.charter.accession import accession_fields
from detente.charter.check import Finding, check_charter
from detente.charter.digest import charter_digest
from detente.charter.load import load_charter
from detente.charter.make import new_charter
from detente.charter.model import Charter, Kind, Party

__all__ = [
    "Charter",
    "Finding",
    "Kind",
    "Party",
    "accession_fields",
    "charter_digest",
    "check_charter",
    "load_charter",
    "new_charter",
]
