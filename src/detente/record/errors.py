"""The one tree of errors. The leaf says who must act; a code never changes once it is printed.

The leaves keep the field's own words (a conflict is no "ConflictError").

No sentence for a person stands here: a code and values, from which the desk makes the sentence.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_rows: dict[str, tuple[str, str]] = {}

#: code -> (who must act, what it means). Filled by `declare`; a second, different row is our own mistake.
ERRORS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(_rows)


def declare(code: str, who: str, meaning: str) -> str:
    """Add the row of a code and give the code back, so that a room may keep it as a constant."""
    row = (who, meaning)
    if _rows.setdefault(code, row) != row:
        raise ValueError(f"two meanings for {code}")
    return code


class DetenteError(Exception):
    """Something was refused; nothing has changed. `.code` has a row in `ERRORS`."""

    code: str
    values: dict[str, object]

    def __init__(self, code: str, **values: object) -> None:
        self.code = code
        self.values = {name: value for name, value in values.items() if value is not None}
        super().__init__(code, self.values)

    def __str__(self) -> str:
        said = " ".join(f"{name}={value!r}" for name, value in self.values.items())
        return f"{self.code}: {said}" if said else self.code

    @property
    def who(self) -> str:
        """Who must act, in the words of `ERRORS`."""
        return ERRORS[self.code][0] if self.code in ERRORS else "operator"


class Malformed(DetenteError):  # noqa: N818
    """Bytes break a format: the sender's fault, nothing is stored."""

    def __init__(self, what: str, detail: object = None) -> None:
        super().__init__("malformed", what=what, detail=detail)
        self.what = what
        self.detail = detail


class Unverified(DetenteError):  # noqa: N818
    """A signature, proof or chain does not hold: not stored, reported to the sender."""

    def __init__(self, what: str, **values: object) -> None:
        super().__init__("unverified", what=what, **values)
        self.what = what


class Equivocation(DetenteError):  # noqa: N818
    """Two signed heads that cannot both be true: both are kept, an alarm is raised, that log is stopped.

    SPEC: protocol C4
    """

    def __init__(self, log: str, **values: object) -> None:
        super().__init__("equivocation", log=log, **values)
        self.log = log


class RuleViolation(DetenteError):  # noqa: N818
    """The charter refuses the act: the clause is shown to the officer."""

    def __init__(self, clause: str, code: str, **values: object) -> None:
        super().__init__(code, clause=clause, **values)
        self.clause = clause


class Conflict(DetenteError):  # noqa: N818
    """The receiver's log has another size: the caller goes on from the size given here."""

    def __init__(self, size: int) -> None:
        super().__init__("conflict", size=size)
        self.size = size


class Unreachable(DetenteError):  # noqa: N818
    """The network did not carry it: the timer tries again."""

    def __init__(self, peer: str, **values: object) -> None:
        super().__init__("unreachable", peer=peer, **values)
        self.peer = peer


class Refused(DetenteError):  # noqa: N818
    """This node's own state forbids the operation now, e.g. `disk-full`."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code, **values)


declare("malformed", "sender", "the bytes break a format; nothing was stored")
declare("unverified", "sender", "a signature, proof or chain does not hold; nothing was stored")
declare("equivocation", "the log's party", "two signed heads of one log cannot both be true; both are kept")
declare("conflict", "caller", "the log has another size here; go on from the size in the answer")
declare("unreachable", "nobody", "the peer did not answer; the timer tries again")
