"""What needs consent moves a case with the last one, once, in whatever order it is heard (T91)."""

from __future__ import annotations

import itertools
from functools import lru_cache

import pytest

from cases.cell import PARTIES, Cell, Written, seed_of
from cases.test_life import cell as trial_cell
from cases.test_life import rules
from charter.harbour import TRIALS, kind_files
from detente.cases import faults
from detente.cases.author import compose
from detente.charter.kindfile import parse_common, parse_kind
from detente.charter.lint import prove_crossings
from detente.record.errors import RuleViolation

NAME = "T91.toml"
TEXT = next(one for one in TRIALS if one.name == NAME).read_text()
OTHERS = {one: [f"{other}/WATCH" for other in sorted(PARTIES) if other != one] for one in PARTIES}


@lru_cache
def _opened() -> tuple[Cell, Written]:
    cell = trial_cell()
    return cell, say(cell, "s1", "NEW")


@pytest.fixture
def opened() -> tuple[Cell, Written]:
    """A matter that S1 opened, which all hold."""
    cell, case = _opened()
    fork = cell.fork()
    fork.meet()
    return fork, case


def say(cell: Cell, party: str, act: str, case: Written | None = None, *, about: Written | None = None,
        closing: str = "", salt: str = "") -> Written:  # fmt: skip
    return cell.write(
        party, "T91", act, {"closing": closing} if closing else {}, case=case,
        refers_to=[about] if about else (), core={"action": tuple(OTHERS[party]), "info": ()}, salt=salt,
    )  # fmt: skip


def state(cell: Cell, case: Written) -> str:
    return cell.book().cases[case.id].state


class TestConsent:
    """Both sides, or all parties."""

    def test_what_one_side_puts_moves_nothing(self, opened: tuple[Cell, Written]) -> None:
        cell, case = opened
        put = say(cell, "s1", "MOVE", case, closing="AGREED")
        found = cell.book().cases[case.id]
        assert found.state == "open"
        assert [(one.consent, one.entry, one.given_by, one.awaited) for one in found.puts] == [
            ("agreed", put.id, ("s1",), ("s2",))
        ]

    @pytest.mark.parametrize(("puts", "gives"), [("s1", "s2"), ("s2", "s1")])
    def test_the_other_sides_consent_closes_it(
        self, opened: tuple[Cell, Written], puts: str, gives: str
    ) -> None:
        cell, case = opened
        put = say(cell, puts, "MOVE", case, closing="AGREED")
        cell.meet()
        say(cell, gives, "SIGN", case, about=put)
        found = cell.book().cases[case.id]
        assert (found.state, found.is_open, found.puts) == ("agreed", False, ())

    def test_the_guarantors_word_is_no_sides_consent(self, opened: tuple[Cell, Written]) -> None:
        cell, case = opened
        put = say(cell, "s1", "MOVE", case, closing="AGREED")
        cell.meet()
        say(cell, "g1", "SIGN", case, about=put)
        assert state(cell, case) == "open"

    def test_the_guarantor_may_put_what_the_sides_then_agree_on(self, opened: tuple[Cell, Written]) -> None:
        cell, case = opened
        put = say(cell, "g1", "MOVE", case, closing="AGREED")
        cell.meet()
        say(cell, "s1", "SIGN", case, about=put)
        assert state(cell, case) == "open"
        say(cell, "s2", "SIGN", case, about=put)
        assert state(cell, case) == "agreed"

    def test_two_words_of_one_party_are_one_consent(self, opened: tuple[Cell, Written]) -> None:
        cell, case = opened
        put = say(cell, "s1", "MOVE", case, closing="RECORDED")
        cell.meet()
        for salt in "ab":
            say(cell, "s2", "SIGN", case, about=put, salt=salt)
        assert state(cell, case) == "open"
        say(cell, "g1", "SIGN", case, about=put)
        assert state(cell, case) == "recorded"

    def test_a_complete_consent_does_not_move_the_case_again(self, opened: tuple[Cell, Written]) -> None:
        cell, case = opened
        put = say(cell, "s1", "MOVE", case, closing="RECORDED")
        cell.meet()
        say(cell, "s2", "SIGN", case, about=put)
        say(cell, "g1", "SIGN", case, about=put)
        cell.meet()
        again = say(cell, "g1", "SIGN", case, about=put, salt="again")
        book = cell.book()
        assert book.verdict(again.id).code == faults.NOTHING_PUT  # it stands no more
        assert book.cases[case.id].state == "recorded"

    def test_a_consent_to_something_that_was_not_put_is_irregular(self, opened: tuple[Cell, Written]) -> None:
        cell, case = opened
        for about in (None, say(cell, "s1", "COMMENT", case)):
            cell.meet()
            said = say(cell, "s2", "SIGN", case, about=about, salt=str(about))
            assert cell.book().verdict(said.id).code == faults.NOTHING_PUT

    def test_an_author_is_told_before(self, opened: tuple[Cell, Written]) -> None:
        cell, case = opened
        salts = (seed_of("core"), seed_of("content"))
        put = say(cell, "s1", "MOVE", case, closing="AGREED")
        cell.meet()
        words = {"party": "s2", "post": "WATCH", "kind": "T91", "act": "SIGN", "fields": {}, "salts": salts}
        rest = {"book": cell.book(), "as_of": cell.now, "case": case.reference}
        assert compose(rules(), refers_to=[put.reference], **words, **rest).core
        with pytest.raises(RuleViolation, match=faults.NOTHING_PUT):
            compose(rules(), **words, **rest)


class TestCrossing:
    """Whoever is heard first."""

    def test_what_crosses_gives_one_state_in_any_order_of_arrival(self, opened: tuple[Cell, Written]) -> None:
        cell, case = opened
        one = say(cell, "s1", "MOVE", case, closing="AGREED")
        two = say(cell, "s2", "MOVE", case, closing="DIFFERENCES")
        cell.meet()
        said = [
            say(cell, "s1", "SIGN", case, about=two),
            say(cell, "s2", "SIGN", case, about=one),
            say(cell, "g1", "COMMENT", case),
        ]
        tails = {entry.id: entry for entry in cell.entries}
        first = [entry for entry in cell.entries if entry.id not in {done.id for done in said}]
        ends = set()
        for order in itertools.permutations(said):
            folder = cell.folder()
            folder.open(cell.opened)
            folder.add(first)
            for done in order:
                folder.add([tails[done.id]])
                folder.at(cell.now)
            ends.add(folder.at(cell.now).cases[case.id].state)
        assert ends == {"differences"}

    def test_a_matter_that_was_moved_on_is_not_closed(self, opened: tuple[Cell, Written]) -> None:
        cell, case = opened
        put = say(cell, "s1", "MOVE", case, closing="AGREED")
        cell.meet()
        say(cell, "s2", "SIGN", case, about=put)
        say(cell, "g1", "UPDATE", case)  # neither knew of the other
        assert state(cell, case) == "moved_on"


class TestProof:
    """A table in which it matters who was first is refused."""

    def test_the_trial_is_proven(self) -> None:
        assert list(prove_crossings(rules().kinds["T91"])) == []

    @pytest.mark.parametrize(
        ("old", "new", "wanted"),
        [
            ('from = ["open", "recorded", "agreed"]', 'from = ["open", "recorded"]', "consent differences"),
            ('from = ["agreed", "differences"]\nact = "UPDATE"', 'from = ["agreed"]\nact = "UPDATE"',
             "UPDATE by author"),
        ],
    )  # fmt: skip
    def test_a_race_is_found(self, old: str, new: str, wanted: str) -> None:
        assert old in TEXT
        kind = parse_kind(NAME, TEXT.replace(old, new).encode(), parse_common(kind_files()["common.toml"]))
        problems = [one for one in prove_crossings(kind) if "consent" in one["one"]]
        assert any(wanted in (one["one"], one["other"]) for one in problems)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('given = "SIGN"', 'given = "MOVE"'),
            ('given = "SIGN"', 'given = "NEW"'),
            ('given = "SIGN"', 'given = "ANSWER"'),
            ('of = ["side"]', 'of = ["judge"]'),
            ('to = "agreed"', 'to = "elsewhere"'),
            ('id = "agreed"\nput', 'id = "differences"\nput'),
            ('when = { closing = ["AGREED"] }', 'when = { closing = ["MAYBE"] }'),
            ('required = ["MOVE"]', 'optional = ["MOVE"]'),
        ],
    )
    def test_a_row_that_says_nothing_is_refused(self, old: str, new: str) -> None:
        assert old in TEXT
        with pytest.raises(Exception, match=r"kinds/T91|stands twice"):
            parse_kind(NAME, TEXT.replace(old, new, 1).encode(), parse_common(kind_files()["common.toml"]))
