"""What a party enters to say that a charter binds it (R02), approved by its two administrators."""

from detente.charter.model import Charter


def accession_fields(charter: Charter) -> dict[str, str]:
    """The core fields of the R02 entry: the charter's digest in hex. SPEC: protocol A12, A13"""
    return {"charter": charter.digest.hex()}
