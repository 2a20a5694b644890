"""Why an entry is irregular, or refused at authoring: a code with the clause that says so.

The same table serves the fold and the author's form: what the fold would call irregular is refused before it
is sent, with the same clause.
"""

from typing import Final, NamedTuple

from detente.record.errors import RuleViolation, declare

_AUTHOR: Final = "the author's party"


class Fault(NamedTuple):
    """A broken rule. `about` names the field, post or entry, for the officer's sentence."""

    code: str
    clause: str
    about: str | None = None

    def refusal(self) -> RuleViolation:
        """The error that stops the act at its author's node."""
        return RuleViolation(self.clause, self.code, about=self.about)


def _row(code: str, meaning: str) -> str:
    return declare(code, _AUTHOR, meaning)


MALFORMED_HEADER: Final = _row("malformed-header", "the entry is no header; it is kept and moves nothing")
WRONG_LOG: Final = _row("wrong-log", "the header names another log than the one it stands in")
UNKNOWN_LOG: Final = _row("seen-unknown-log", "the entry says to have seen a log of no party of the cell")
CORE_DIFFERS: Final = _row("core-differs", "the sealed core is not the one that the header names")
MALFORMED_CORE: Final = _row("malformed-core", "the core breaks its form")
OTHER_PARTY: Final = _row("other-party", "the core names another party or cell than its log")
OTHER_ADDRESSEES: Final = _row("other-addressees", "header and core do not name the same parties")
OTHER_PARTS: Final = _row("other-parts", "header and core do not name the same parts")
OTHER_FLOOR: Final = _row("other-floor", "the header's floor mark is not that of the kind")
OTHER_MODE: Final = _row("other-mode", "the parts are not sealed as the delivery mode says")
NEXT_LOG: Final = _row(
    "next-log", "the first entry of a log does not say of its old log, its keys or its number what is so"
)
REPEATED: Final = _row("repeated", "the same core stands earlier in the party's logs")
OTHER_CHARTER: Final = _row("other-charter", "the header names another charter than the one in force")
NOT_IN_FORCE: Final = _row("charter-not-in-force", "not all parties had acceded when this was written")
UNKNOWN_KIND: Final = _row("unknown-kind", "the charter has no such kind, version or act")
NOT_BY_YOU: Final = _row("not-by-this-party", "the act is not this party's to do in this case")
UNKNOWN_POST: Final = _row("unknown-post", "the charter gives no such post to that party")
POST_MAY_NOT: Final = _row("post-may-not", "the post has no right to this act")
WRONG_ADDRESSEES: Final = _row("wrong-addressees", "the kind wants one party asked to act, or none")
WRONG_FORM: Final = _row("wrong-form", "basket, precedence, mode or handling is none that the charter allows")
UNKNOWN_FIELD: Final = _row("unknown-field", "the act has no such field here")
MISSING_FIELD: Final = _row("missing-field", "a required field is missing")
WRONG_VALUE: Final = _row("wrong-value", "a field's value is outside its type, codes or limits")
UNKNOWN_REFERENCE: Final = _row("reference-unknown", "the entry named is not there, or its core is another")
LATER_REFERENCE: Final = _row("reference-later", "the entry named was written after this one")
CASE_MISSING: Final = _row("case-missing", "an act needs a case, and only the opening one has none")
CASE_IRREGULAR: Final = _row("case-irregular", "the case was opened by an irregular entry")
NOT_A_CASE: Final = _row("not-a-case", "the entry named opens no case of this kind")
OTHER_HOLDERS: Final = _row(
    "other-holders", "an act is sealed to the same parties as its case, or moves nothing"
)
NOT_PERMITTED: Final = _row("not-permitted", "the act is not possible in the state in which the case was")
CHANNEL_CLOSED: Final = _row(
    "channel-closed", "a party that opens the matter or is asked in it had closed this kind on its own part"
)
FLOOR_NAMED: Final = _row("floor-named", "what never closes is named as closed, or no kind of the charter")
NOTHING_PUT: Final = _row("nothing-put", "a consent refers to what was put and still stands in its case")
BAD_APPROVAL: Final = _row(
    "approval-unverified", "an approval does not hold, or its credential is not in force"
)
FEW_APPROVALS: Final = _row("approval-missing", "too few officers approved")
SAME_POST: Final = _row("same-post", "the second signature must be another post's than the first")
SESSION_LIMIT: Final = _row("session-limit", "a watch session approves only floor kinds")
