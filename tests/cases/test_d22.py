"""D22 channel status: how a party takes less part and comes back; what it closes and what never (V20)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest

from cases.cell import PARTIES, Cell, Written, seed_of
from cases.test_life import cell as trial_cell
from charter.harbour import changed, kind_files
from detente.cases import faults
from detente.cases.author import compose
from detente.charter.kindfile import parse_common, parse_kind
from detente.charter.lint import prove_crossings
from detente.record.errors import DetenteError, RuleViolation
from detente.record.header import CORE, MissingRange

NOTICE_S = 259_200  # T26 of the exercise charter
STEPS = [
    {"step": one, "progress": "DONE"}
    for one in ("LINE_TEST", "KEYS_CHECKED", "UNSENT_EXCHANGED", "CLOCKS_RESTARTED", "MISSED_LISTED")
]


@lru_cache
def _started() -> Cell:
    cell = trial_cell()
    for party in PARTIES:
        for post in ("RELEASE", "HEAD"):
            cell.register(party, post)
    cell.meet()
    return cell


@pytest.fixture
def cell() -> Cell:
    found = _started().fork()
    found.meet()
    return found


def status(
    cell: Cell,
    party: str,
    act: str = "NEW",
    case: Written | None = None,
    *,
    about: Written | None = None,
    by: tuple[str, ...] = ("HEAD", "RELEASE"),
    post: str = "HEAD",
    salt: str = "",
    **fields: Any,
) -> Written:
    others = tuple(f"{one}/WATCH" for one in PARTIES if one != party)
    return cell.write(
        party, "D22", act, fields, case=case, refers_to=[about] if about else (), post=post, by=by,
        core={"action": tuple(sorted(others)), "info": ()}, salt=salt,
    )  # fmt: skip


def announce(cell: Cell, party: str = "s1", **fields: Any) -> Written:
    said = {
        "change": "SUSPENDED", "baskets": ["MIL", "INF"], "authority": "CAPITAL", "reason": "POLITICAL",
        "effective": cell.now + NOTICE_S, "review_on": cell.now + 2 * NOTICE_S,
    }  # fmt: skip
    return status(cell, party, **{name: value for name, value in (said | fields).items() if value})


def move(cell: Cell, party: str, case: Written, change: str) -> Written:
    return status(cell, party, "MOVE", case, change=change, authority="CAPITAL", salt=change)


def matter(cell: Cell, party: str, salt: str = "") -> Written:
    """A new matter of the trial kind, of basket MIL, that asks all others."""
    others = tuple(sorted(f"{one}/WATCH" for one in PARTIES if one != party))
    return cell.write(party, "T91", core={"action": others, "info": ()}, salt=salt)


def asking(cell: Cell, party: str, to: str, salt: str = "") -> Written:
    """A new matter of a trial kind that asks one party."""
    return cell.write(party, "T90", fields={"topic": "FIRST"}, to=to, salt=salt)


def code(cell: Cell, entry: Written) -> str | None:
    return cell.book().verdict(entry.id).code


def state(cell: Cell, case: Written) -> str:
    return cell.book().cases[case.id].state


def suspended(cell: Cell, party: str = "s1", change: str = "SUSPENDED", **fields: Any) -> Written:
    """Announced, the notice has passed, put in effect, known to all."""
    case = announce(cell, party, change=change, **fields)
    cell.pass_time(NOTICE_S)
    move(cell, party, case, change)
    cell.meet()
    return case


class TestStates:
    """Announced by a party, moved by it alone, active again by the sides together."""

    def test_announced_acknowledged_and_put_in_effect(self, cell: Cell) -> None:
        case = announce(cell)
        cell.meet()
        status(cell, "s2", "READ", case, by=("WATCH",), post="WATCH")
        status(cell, "s2", "ACK", case, by=("WATCH",), post="WATCH", ack="UNDERSTOOD")
        assert state(cell, case) == "announced"
        acts = [(one.party, one.act, one.verdict.state) for one in cell.book().cases[case.id].acts]
        assert acts[1:] == [("s2", "READ", "ok"), ("s2", "ACK", "ok")]
        for change, to in (("REDUCED", "reduced"), ("SUSPENDED", "suspended"), ("RESUMED", "resuming")):
            move(cell, "s1", case, change)
            assert state(cell, case) == to

    @pytest.mark.parametrize(("party", "other"), [("s1", "s2"), ("s2", "s1")])
    def test_it_is_active_again_with_both_sides_consent(self, cell: Cell, party: str, other: str) -> None:
        case = suspended(cell, party)
        move(cell, party, case, "RESUMED")
        work = status(cell, party, "UPDATE", case, steps=STEPS[:2], checklist="IN_WORK")
        put = status(cell, party, "UPDATE", case, steps=STEPS, checklist="COMPLETE")
        cell.meet()
        assert cell.book().cases[case.id].puts[0].awaited == (other,)
        early = status(cell, other, "SIGN", case, about=work)
        assert code(cell, early) == faults.NOTHING_PUT
        status(cell, "g1", "SIGN", case, about=put)
        assert state(cell, case) == "resuming"
        status(cell, other, "SIGN", case, about=put, salt="yes")
        found = cell.book().cases[case.id]
        assert (found.state, found.is_open, found.result) == ("active", False, "active")

    def test_an_announcement_is_taken_back_before_it_is_in_effect(self, cell: Cell) -> None:
        case = announce(cell)
        status(cell, "s1", "WITHDRAW", case)
        assert state(cell, case) == "withdrawn"
        late = move(cell, "s1", case, "SUSPENDED")
        assert code(cell, late) == faults.NOT_PERMITTED

    def test_wrong_moves_are_irregular(self, cell: Cell) -> None:
        case = announce(cell)
        cell.meet()
        for act in ("UPDATE", "SIGN"):
            fields = {"steps": STEPS, "checklist": "COMPLETE"} if act == "UPDATE" else {}
            said = status(cell, "s1" if act == "UPDATE" else "s2", act, case, **fields)
            assert code(cell, said) == faults.NOT_PERMITTED
        other = move(cell, "s2", case, "RESUMED")
        assert (code(cell, other), cell.book().verdict(other.id).clause) == (faults.NOT_BY_YOU, "D22")
        alone = status(cell, "s1", "MOVE", case, change="SUSPENDED", authority="SENIOR", by=("HEAD",))
        assert (code(cell, alone), cell.book().verdict(alone.id).clause) == (faults.FEW_APPROVALS, "V01")
        assert state(cell, case) == "announced"

    @pytest.mark.parametrize(
        "missing", ["change", "authority", "reason", "effective", "review_on", "baskets"]
    )
    def test_what_an_announcement_must_say(self, cell: Cell, missing: str) -> None:
        assert code(cell, announce(cell, **{missing: None})) == faults.MISSING_FIELD

    def test_a_consent_that_crosses_the_authors_next_list_ends_active(self, cell: Cell) -> None:
        case = suspended(cell)
        move(cell, "s1", case, "RESUMED")
        put = status(cell, "s1", "UPDATE", case, steps=STEPS, checklist="COMPLETE")
        cell.meet()
        status(cell, "s2", "SIGN", case, about=put)
        status(cell, "s1", "UPDATE", case, steps=STEPS, checklist="IN_WORK", salt="again")
        status(cell, "s1", "CORRECT", case, review_on=cell.now + 9)
        assert state(cell, case) == "active"


class TestFloor:
    """The safety floor and the channel's status itself never close (V20)."""

    @pytest.mark.parametrize("named", ["D01", "D02", "D28", "R01", "D22", "D99"])
    def test_naming_one_is_irregular(self, cell: Cell, named: str) -> None:
        said = announce(cell, kinds=["T91", named])
        assert (code(cell, said), cell.book().verdict(said.id).clause) == (faults.FLOOR_NAMED, "V20")

    def test_an_author_is_told_before(self, cell: Cell) -> None:
        with pytest.raises(RuleViolation, match=faults.FLOOR_NAMED):
            compose(
                cell.rules, party="s1", post="HEAD", kind="D22", act="NEW", book=cell.book(), as_of=cell.now,
                fields={"change": "REDUCED", "kinds": ["D02"], "authority": "SENIOR", "reason": "LEGAL",
                        "effective": cell.now, "review_on": cell.now},
                salts=(seed_of("core"), seed_of("content")),
            )  # fmt: skip

    def test_stop_and_check_goes_both_ways_while_all_is_suspended(self, cell: Cell) -> None:
        everything = ["MIL", "DIP", "INF", "HUM", "ECO", "ALL"]
        for party in PARTIES:
            suspended(cell, party, baskets=everything)
        for party, to in (("s1", "s2"), ("s2", "s1")):
            check = cell.stop_and_check(party, to)
            cell.meet()
            answer = cell.write(to, "D02", "ANSWER", {"answer": "CHECKING"}, case=check)
            assert (code(cell, check), code(cell, answer)) == (None, None)
        assert code(cell, cell.register("s1", "AUDITOR")) is None
        assert code(cell, announce(cell, "s2", reason="TECHNICAL")) is None


class TestClosed:
    """New matters of the party that said so, or asked of it; nobody else's."""

    @pytest.mark.parametrize(("party", "other"), [("s1", "s2"), ("s2", "s1"), ("g1", "s1")])
    def test_its_own_and_those_that_ask_it(self, cell: Cell, party: str, other: str) -> None:
        suspended(cell, party)
        for said in (matter(cell, party), matter(cell, other)):
            verdict = cell.book().verdict(said.id)
            assert (verdict.state, verdict.code, verdict.clause) == ("irregular", "channel-closed", "D22")
            assert said.id not in cell.book().cases
            assert [one for one in cell.book().due if one.entry == said.id] == []

    def test_what_others_ask_each_other_goes_on(self, cell: Cell) -> None:
        suspended(cell, "g1")
        assert code(cell, asking(cell, "s1", "s2")) is None
        suspended(cell, "s1")
        assert code(cell, asking(cell, "s1", "s2", "later")) == faults.CHANNEL_CLOSED

    def test_another_basket_goes_on(self, cell: Cell) -> None:
        suspended(cell, baskets=["DIP"])
        assert code(cell, matter(cell, "s1")) is None

    def test_reduced_closes_the_named_kinds_alone(self, cell: Cell) -> None:
        suspended(cell, change="REDUCED", kinds=["T91"])
        assert code(cell, matter(cell, "s1")) == faults.CHANNEL_CLOSED
        assert code(cell, asking(cell, "s1", "s2")) is None

    def test_nothing_closes_before_the_notice_has_passed(self, cell: Cell) -> None:
        case = announce(cell, effective=cell.now + 1)  # T26 counts even where the announcement says less
        start = cell.now
        move(cell, "s1", case, "SUSPENDED")
        cell.meet()
        cell.pass_time(NOTICE_S - 1)
        assert code(cell, matter(cell, "s1", "before")) is None
        cell.pass_time(1)
        assert cell.now == start + NOTICE_S
        assert code(cell, matter(cell, "s1", "at")) == faults.CHANNEL_CLOSED

    def test_it_closes_from_the_instant_announced_where_that_is_later(self, cell: Cell) -> None:
        case = announce(cell, effective=cell.now + NOTICE_S + 50)
        move(cell, "s1", case, "SUSPENDED")
        cell.meet()
        cell.pass_time(NOTICE_S + 49)
        assert code(cell, matter(cell, "s1", "before")) is None
        cell.pass_time(1)
        assert code(cell, matter(cell, "s1", "at")) == faults.CHANNEL_CLOSED

    def test_an_announcement_closes_nothing(self, cell: Cell) -> None:
        announce(cell)
        cell.pass_time(NOTICE_S)
        cell.meet()
        assert code(cell, matter(cell, "s1")) is None

    def test_resumed_opens_it_again(self, cell: Cell) -> None:
        case = suspended(cell)
        move(cell, "s1", case, "RESUMED")
        cell.meet()
        assert [code(cell, matter(cell, one)) for one in ("s1", "s2")] == [None, None]

    def test_acts_in_open_matters_go_on(self, cell: Cell) -> None:
        case = matter(cell, "s2")
        suspended(cell)
        others = ("g1/WATCH", "s2/WATCH")
        said = cell.write("s1", "T91", "COMMENT", case=case, core={"action": others, "info": ()})
        assert code(cell, said) is None

    def test_an_author_is_told_before(self, cell: Cell) -> None:
        words = {"kind": "T90", "act": "NEW", "fields": {"topic": "FIRST"}, "post": "WATCH", "to": "s2"}
        words["salts"] = (seed_of("core"), seed_of("content"))
        assert compose(cell.rules, party="s1", book=cell.book(), as_of=cell.now, **words).core
        suspended(cell)
        for party, to in (("s1", "s2"), ("s2", "s1")):
            with pytest.raises(RuleViolation, match=faults.CHANNEL_CLOSED):
                compose(cell.rules, party=party, book=cell.book(), as_of=cell.now, **words | {"to": to})

    def test_an_irregular_suspension_closes_nothing(self, cell: Cell) -> None:
        case = announce(cell)
        cell.pass_time(NOTICE_S)
        status(cell, "s1", "MOVE", case, change="SUSPENDED", authority="SENIOR", by=("HEAD",))
        cell.meet()
        assert code(cell, matter(cell, "s1")) is None


class TestCrossing:
    """Who sends without knowing of the suspension has sent."""

    @pytest.mark.parametrize("first", ["s1", "s2"])
    def test_a_suspension_and_a_matter_that_cross(self, cell: Cell, first: str) -> None:
        case = announce(cell)
        cell.meet()
        cell.pass_time(NOTICE_S)
        moved, sent = move(cell, "s1", case, "SUSPENDED"), matter(cell, "s2")
        cell.meet()
        after = matter(cell, "s2", "after")
        folder = cell.folder()
        folder.open(cell.opened)
        late = {moved.id.log: "s1", sent.id.log: "s2"}
        tail = [one for one in cell.entries if one.id in (moved.id, sent.id, after.id)]
        folder.add([one for one in cell.entries if one not in tail])
        for entry in sorted(tail, key=lambda one: late[one.id.log] != first):
            folder.add([entry])
            folder.at(cell.now)
        book = folder.at(cell.now)
        assert book.verdict(sent.id).state == "ok"
        assert book.cases[sent.id].state == "open"
        assert book.cases[case.id].state == "suspended"
        assert book.verdict(after.id).code == faults.CHANNEL_CLOSED

    def test_it_waits_while_the_suspension_is_not_held_here(self, cell: Cell) -> None:
        case = announce(cell)
        cell.pass_time(NOTICE_S)
        moved = move(cell, "s1", case, "SUSPENDED")
        cell.meet()
        sent = matter(cell, "s2")
        folder = cell.folder()
        folder.open({key: data for key, data in cell.opened.items() if key[0] not in (moved.id, case.id)})
        folder.add(cell.entries)
        assert folder.at(cell.now).verdict(sent.id).state == "not held here"
        folder.open({key: data for key, data in cell.opened.items() if key[0] == case.id})
        assert folder.at(cell.now).verdict(sent.id).state == "not held here"
        folder.open({key: data for key, data in cell.opened.items() if key[0] == moved.id})
        assert folder.at(cell.now).verdict(sent.id).code == faults.CHANNEL_CLOSED

    def test_who_says_that_it_lacked_the_suspension_has_sent(self, cell: Cell) -> None:
        case = announce(cell)
        cell.pass_time(NOTICE_S)
        moved = move(cell, "s1", case, "SUSPENDED")
        cell.meet()
        cell.hold("s2", "s1", lacks=(MissingRange(moved.id.index, moved.id.index, (CORE,)),))
        assert code(cell, matter(cell, "s2")) is None


class TestRows:
    """What the kind file may not say."""

    def test_no_order_of_arrival_decides(self) -> None:
        kind = parse_kind("D22.toml", kind_files()["D22.toml"], parse_common(kind_files()["common.toml"]))
        assert list(prove_crossings(kind)) == []

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('baskets = "baskets"\nkinds = "kinds"', 'baskets = "kinds"\nkinds = "kinds"'),
            ('kinds = "kinds"\nsince', 'kinds = "goes"\nsince'),
            ('since = "effective"', 'since = "reason"'),
            ('[[closes]]\nfrom = ["reduced"]\nkinds = "kinds"', '[[closes]]\nfrom = ["reduced"]'),
            ('[[closes]]\nfrom = ["reduced"]', '[[closes]]\nfrom = ["shut"]'),
            ("approvals = 1", "approvals = 0"),
        ],
    )
    def test_a_row_that_says_nothing_is_refused(self, old: str, new: str) -> None:
        data = changed("D22.toml", old, new)["D22.toml"]
        with pytest.raises(DetenteError):
            parse_kind("D22.toml", data, parse_common(kind_files()["common.toml"]))
