"""Composes what an officer wants to say, and refuses at the author's node what the fold would call irregular.

1. What would be irregular is refused with its clause, before anything is sealed or signed (protocol F14).
2. A form check (V01 to V25) refuses too, but on the floor it never delays sending: there it is a notice
   that stands on the sent entry. Only malformed input is refused (protocol F14).
3. The same statement, book, instant and salts give the same bytes; nothing here is random.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from detente.cases import faults
from detente.cases.agreement import form_faults, modes
from detente.cases.book import Case
from detente.cases.casebook import CaseBook
from detente.cases.closings import closed_in_book, named_faults
from detente.cases.core import Content, Core, encode_content, encode_core
from detente.cases.faults import Fault
from detente.cases.fields import field_faults
from detente.cases.form import Saying, form_notices
from detente.cases.instants import parse_instant
from detente.cases.life import expires_at
from detente.cases.sealing import NOBODY, Holders, holders
from detente.charter.model import ActRule, Charter, Kind
from detente.record.header import ATTACHMENT, CONTENT, CORE
from detente.record.names import EntryId, cell_of
from detente.record.parts import plaintext_hash
from detente.record.references import Reference

#: A time field whose default is the moment of the press (protocol F14).
_PRESS: Final = "press"


@dataclass(frozen=True, slots=True)
class Composed:
    """What is to be sealed and approved: the parts in their order, and what the header draft needs.

    `to` and `keep` are those of the core, without the author; `parts` are all parts in their order.
    `notices` are the form checks that did not stop a floor entry.
    """

    core: bytes
    content: bytes | None
    floor: bool
    to: tuple[str, ...]
    keep: tuple[str, ...]
    notices: tuple[Fault, ...] = ()
    attachments: tuple[bytes, ...] = ()
    behind: Holders = NOBODY

    @property
    def sha256(self) -> bytes:
        """What officers approve."""
        return plaintext_hash(self.core)

    @property
    def parts(self) -> tuple[tuple[str, bytes, Holders], ...]:
        """Role, plaintext and holders of each part, in the order in which the header names them."""
        words = () if self.content is None else ((CONTENT, self.content, self.behind),)
        files = tuple((ATTACHMENT, data, self.behind) for data in self.attachments)
        return ((CORE, self.core, Holders(self.to, self.keep)), *words, *files)

    @property
    def findings(self) -> tuple[str, ...]:
        """Codes of the notices."""
        return tuple(one.code for one in self.notices)


def compose(
    charter: Charter,
    *,
    party: str,
    post: str,
    kind: str,
    act: str,
    fields: Mapping[str, Any],
    book: CaseBook,
    as_of: int,
    salts: tuple[bytes, bytes],
    content: Mapping[str, Any] | None = None,
    case: Reference | None = None,
    refers_to: Sequence[Reference] = (),
    to: str | None = None,
    precedence: str | None = None,
    mode: str | None = None,
    handling: Mapping[str, Any] | None = None,
    attachments: Sequence[bytes] = (),
) -> Composed:
    """Core and content of a statement by `post` of `party`. `salts` are 32 random bytes each.

    `attachments` begin with 32 salt bytes each; `mode` and `handling` are asked for beside what kind and
    case say. `to` is the party asked to act, where the kind asks one; between two sides it is the other
    side. Raises RuleViolation with the clause, or Malformed for values without a JSON form.
    """
    rules, rule = _rule(charter, kind, act)
    known = _case(book, case)
    values = _completed(rules, rule, fields, as_of)
    words = _completed(rules, rule, content or {}, as_of, part="content")
    _refuse_foreign(charter, case, refers_to)
    _refuse_act(charter, rules, rule, party, post, case, known)
    merged = _current(known) | values
    _refuse_state(rules, act, party, known, merged, refers_to)
    _refuse_first(field_faults(rules, rule, "core", values, merged))
    said = Saying(charter, rules, rule, values, words, merged, known, precedence or rules.precedence, as_of)
    data = encode_content(Content(words, salts[1])) if words else None
    # In a case that is not folded here yet nobody is named to act: the parties are the same anyhow.
    asked = () if case is not None and known is None else _asked(charter, rules, party, to, known)
    action, info = _addresses(charter, rules, party, asked)
    core = Core(
        party=f"{charter.cell}/{party}",
        kind=kind,
        kind_version=rules.version,
        act=act,
        case=case,
        refers_to=tuple(refers_to),
        post=post,
        action=action,
        info=info,
        basket=rules.basket,
        precedence=said.precedence,
        mode=_mode(charter, rules, known, mode),
        handling={"level": charter.handling, **(handling or {})},
        fields=values,
        parts=tuple(plaintext_hash(one) for one in (*((data,) if data else ()), *attachments)),
        salt=salts[0],
    )
    _refuse_core(charter, rules, core, book, as_of)
    return _composed(charter, core, data, form_notices(said), attachments)


def _composed(
    charter: Charter,
    core: Core,
    data: bytes | None,
    notices: tuple[Fault, ...],
    attachments: Sequence[bytes],
) -> Composed:
    """The parts with those who hold them."""
    first, behind = holders(charter, core, CORE), holders(charter, core, CONTENT)
    floor = charter.kinds[core.kind].acts[core.act].floor
    return Composed(encode_core(core), data, floor, first.to, first.keep, notices, tuple(attachments), behind)


def _rule(charter: Charter, kind: str, act: str) -> tuple[Kind, ActRule]:
    rules = charter.kinds.get(kind)
    if rules is None or act not in rules.acts:
        raise Fault(faults.UNKNOWN_KIND, kind, act).refusal()
    return rules, rules.acts[act]


def _case(book: CaseBook, reference: Reference | None) -> Case | None:
    """The case as folded here; None also for one that came ahead of its log and cannot be folded yet."""
    if reference is None or reference.index is None:
        return None
    return book.cases.get(EntryId(reference.log, reference.index))


def _completed(
    kind: Kind, rule: ActRule, given: Mapping[str, Any], as_of: int, part: str = "core"
) -> dict[str, Any]:
    """The given fields with typed times read and required defaults filled in. SPEC: V03."""
    found = dict(given)
    for name, value in given.items():
        field = kind.field(name)
        if field is not None and field.type == "time" and isinstance(value, str):
            found[name] = parse_instant(value)
    for name in rule.required:
        field = kind.field(name)
        if field is not None and field.part == part and field.default is not None and name not in found:
            found[name] = as_of if field.default == _PRESS else field.default
    return found


def _refuse_foreign(charter: Charter, case: Reference | None, refers_to: Sequence[Reference]) -> None:
    """An actual entry cannot refer to an exercise one, nor the reverse: they are cells of their own."""
    for reference in (*((case,) if case else ()), *refers_to):
        if cell_of(reference.log) != charter.cell:
            raise Fault(faults.UNKNOWN_REFERENCE, "V11", reference.log).refusal()


def _refuse_act(
    charter: Charter,
    kind: Kind,
    rule: ActRule,
    party: str,
    post: str,
    reference: Reference | None,
    case: Case | None,
) -> None:
    """Whether this party's post may do this act at all."""
    known = charter.posts.get(post)
    if post not in rule.posts or known is None or charter.parties[party].role not in known.roles:
        raise Fault(faults.POST_MAY_NOT, kind.id, post).refusal()
    if (rule.id == "NEW") != (reference is None):
        raise Fault(faults.CASE_MISSING, kind.id, rule.id).refusal()
    if rule.id == "NEW" and charter.parties[party].role not in kind.opened_by:
        raise Fault(faults.NOT_BY_YOU, kind.id, rule.id).refusal()
    if reference is not None and case is None and not rule.floor:
        raise Fault(faults.UNKNOWN_REFERENCE, "A9").refusal()
    if case is not None and case.kind != kind.id:
        raise Fault(faults.NOT_A_CASE, "A9", case.kind).refusal()
    if case is not None and case.role(party) not in rule.by:
        raise Fault(faults.NOT_BY_YOU, kind.id, rule.id).refusal()


def _refuse_state(
    kind: Kind,
    act: str,
    party: str,
    case: Case | None,
    values: Mapping[str, Any],
    about: Sequence[Reference],
) -> None:
    """What the table does not permit now, and a consent to what was not put or waits no more."""
    if case is None:
        return
    if kind.step(case.state_as_held, act, case.role(party), values) is None:
        raise Fault(faults.NOT_PERMITTED, kind.id, case.state_as_held).refusal()
    given = {one.id for one in kind.consents if one.is_given(act, values)}
    if not given:
        return
    named = about[0].core if about else next(one.core for one in case.acts if one.id == case.id)
    cores = {one.id: one.core for one in case.acts}
    if not any(put.consent in given and cores[put.entry] == named for put in case.puts):
        raise Fault(faults.NOTHING_PUT, kind.id, case.state_as_held).refusal()


def _refuse_first(found: Any) -> None:
    fault = next(iter(found), None)
    if fault is not None:
        raise fault.refusal()


def _current(case: Case | None) -> dict[str, Any]:
    return {name: now.value for name, now in case.fields.items()} if case else {}


def _addresses(
    charter: Charter, kind: Kind, party: str, asked: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(action, info) posts: those who are asked, and everybody else for information."""
    others = [one for one in charter.parties if one not in (party, *asked)]
    return (
        tuple(sorted(_post_of(charter, kind, one) for one in asked)),
        tuple(sorted(_post_of(charter, kind, one) for one in others)),
    )


def _asked(charter: Charter, kind: Kind, party: str, to: str | None, case: Case | None) -> tuple[str, ...]:
    if kind.addressees == "all":
        return tuple(sorted(charter.parties.keys() - {party}))
    if case is not None:
        return case.addressees if party == case.opened_by else (case.opened_by,)
    if kind.addressees == "none":
        return ()
    sides = [one.id for one in charter.sides() if one.id != party]
    asked = to or (sides[0] if len(sides) == 1 else None)
    if asked is None or asked == party or asked not in charter.parties:
        raise Fault(faults.WRONG_ADDRESSEES, kind.id, to).refusal()
    return (asked,)


def _post_of(charter: Charter, kind: Kind, party: str) -> str:
    """The first post of the party, in the charter's order, that has to do with the kind."""
    role = charter.parties[party].role
    posts = [one for one in charter.posts.values() if role in one.roles]
    named = next((one for one in posts if any(of == kind.id for of, _ in one.may)), posts[0])
    return f"{party}/{named.id}"


def _mode(charter: Charter, kind: Kind, case: Case | None, asked: str | None) -> str:
    """That asked for, else that of the case, else the kind's own; `form_faults` judges it."""
    opening = next((act for act in case.acts if act.id == case.id), None) if case else None
    if asked is not None or opening is not None:
        return asked or (opening.mode if opening else "")
    allowed = modes(charter, kind)
    return kind.mode if kind.mode in allowed else allowed[0]


def _refuse_core(charter: Charter, kind: Kind, core: Core, book: CaseBook, as_of: int) -> None:
    """What the fold would refuse of the core, and content that is over before it is sent or stands twice."""
    _refuse_first(form_faults(charter, kind, core))
    _refuse_first(named_faults(charter, kind, core.act, core.fields))
    parties = (core.party_id, *core.action_parties)
    if core.act == "NEW" and (closed := closed_in_book(book, charter, kind, parties, as_of)):
        raise closed.refusal()
    until = expires_at(core.handling)
    if until is not None and until <= as_of:
        raise Fault(faults.WRONG_FORM, "handling", "valid_until").refusal()
    if len(set(core.parts)) != len(core.parts):
        raise Fault(faults.WRONG_FORM, "A3", "attachments").refusal()
