"""Crossed acts have one result, whoever's comes first, and the lint would see it if they had not."""

from __future__ import annotations

import itertools
import random

import pytest

from charter.harbour import changed, charter, kind_files
from detente.charter.kindfile import parse_common, parse_kind
from detente.charter.lint import prove_crossings
from detente.charter.model import Kind

D02 = charter().kinds["D02"]
KINDS = sorted(charter().kinds)


def changed_kind(name: str, old: str, new: str) -> Kind:
    files = changed(f"{name}.toml", old, new)
    return parse_kind(f"{name}.toml", files[f"{name}.toml"], parse_common(files["common.toml"]))


class TestProof:
    """For each pair of acts by different parties, either order leads to one state that the table names."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_shipped_kind_is_proven(self, kind: str) -> None:
        assert list(prove_crossings(charter().kinds[kind])) == []

    def test_two_acts_whose_order_decides_are_found(self) -> None:
        # The receiving side could now end the matter too, but into another state than the sender's end.
        text = (
            kind_files()["D02.toml"]
            .decode()
            .replace(
                'by = ["addressee"]\nwhen = { answer = ["NOT_OURS"] }\nto = "not_ours"',
                'by = ["addressee"]\nwhen = { answer = ["NOT_OURS"] }\nto = "withdrawn"',
            )
        )
        kind = parse_kind("D02.toml", text.encode(), parse_common(kind_files()["common.toml"]))
        problems = {(one["one"], one["other"], one["problem"]) for one in prove_crossings(kind)}
        assert ("MOVE by author", "ANSWER by addressee (answer=NOT_OURS)", "the order decides") in problems

    def test_an_act_that_meets_a_state_the_table_is_silent_about_is_found(self) -> None:
        kind = changed_kind(
            "D02", 'from = ["ended", "false_alarm", "withdrawn"]', 'from = ["ended", "false_alarm"]'
        )
        problems = [one["problem"] for one in prove_crossings(kind)]
        assert problems
        assert all(one.endswith("in withdrawn") for one in problems)

    def test_it_holds_for_whole_histories_in_any_order(self) -> None:
        """The proof's claim, tried: two logs of acts, shuffled together in every way, give one state."""
        author = [("UPDATE", {}), ("MOVE", {}), ("CORRECT", {}), ("WITHDRAW", {}), ("SIGN", {})]
        addressee = [
            ("ACK", {}),
            ("READ", {}),
            *(("ANSWER", {"answer": one}) for one in D02.lists["answer"].codes),
        ]
        chance = random.Random(23)
        for _ in range(60):
            mine = [(*chance.choice(author), "author") for _ in range(3)]
            theirs = [(*chance.choice(addressee), "addressee") for _ in range(3)]
            ends = set()
            for places in itertools.combinations(range(6), 3):
                state, left, right = "sent", iter(mine), iter(theirs)
                for n in range(6):
                    act, values, by = next(left) if n in places else next(right)
                    state = D02.crossed_step(state, act, by, values)
                ends.add(state)
            assert len(ends) == 1


class TestStopAndCheckTable:
    """D02: who may do what in which state."""

    @pytest.mark.parametrize(
        ("answer", "state"),
        [
            ("PAUSED", "holding"),
            ("CHECKING", "checking"),
            ("NOT_OURS", "not_ours"),
            ("CANNOT_REACH_UNIT", "not_reached"),
            ("PASSED_UP", "passed_up"),
        ],
    )
    def test_every_answer_has_its_state_from_every_open_state(self, answer: str, state: str) -> None:
        for at in (one for one in D02.states.values() if not one.final):
            assert D02.step(at.id, "ANSWER", "addressee", {"answer": answer}) == state

    def test_the_answers_are_all_that_the_list_holds(self) -> None:
        assert set(D02.lists["answer"].codes) == {
            "PAUSED", "CHECKING", "NOT_OURS", "CANNOT_REACH_UNIT", "PASSED_UP",
        }  # fmt: skip

    def test_the_first_acknowledgement_or_pass_on_is_a_human_reply(self) -> None:
        for act in ("ACK", "PASS_ON"):
            assert D02.step("sent", act, "addressee", {}) == "human_reply"
            assert D02.step("checking", act, "addressee", {}) == "checking"

    def test_reading_moves_nothing(self) -> None:
        for at in D02.states:
            assert D02.step(at, "READ", "addressee", {}) == at

    def test_what_the_guarantor_does_moves_nothing(self) -> None:
        for at, act in itertools.product(D02.states, ("READ", "ACK", "PASS_ON", "COMMENT")):
            assert D02.step(at, act, "copied", {}) == at
        for at, act in itertools.product(D02.states, ("ANSWER", "MOVE", "CORRECT", "WITHDRAW", "UPDATE")):
            assert D02.step(at, act, "copied", {"answer": "PAUSED"}) is None

    def test_only_the_sender_ends_it_and_only_while_it_is_open(self) -> None:
        for act, to in (("MOVE", "ended"), ("CORRECT", "false_alarm"), ("WITHDRAW", "withdrawn")):
            assert D02.step("checking", act, "author", {}) == to
            assert D02.step("checking", act, "addressee", {}) is None
            assert D02.step("withdrawn", act, "author", {}) is None
        assert D02.step("ended", "CORRECT", "author", {}) == "false_alarm"

    def test_an_answer_after_the_end_is_refused_but_a_crossing_one_leaves_the_end(self) -> None:
        assert D02.step("ended", "ANSWER", "addressee", {"answer": "PAUSED"}) is None
        assert D02.crossed_step("ended", "ANSWER", "addressee", {"answer": "PAUSED"}) == "ended"

    def test_three_presses_are_enough(self) -> None:
        """Domain 10 no. 22: only meaning and place are asked; the rest has a default."""
        required = [D02.field(name) for name in D02.acts["NEW"].required]
        asked = [f.id for f in required if f is not None and f.default is None and not f.when]
        assert asked == ["meaning", "place"]

    def test_content_holds_text_and_places_only(self) -> None:
        assert {f.type for f in D02.fields if f.part == "content"} == {"text", "place"}

    def test_a_second_officer_confirms(self) -> None:
        assert D02.second_signature == ("NEW",)
        assert D02.acts["SIGN"].other_post
        assert "WATCH" not in D02.acts["SIGN"].posts

    def test_clocks(self) -> None:
        uses = {one.clock: one for one in D02.clocks}
        assert (uses["T1"].start, uses["T1"].of) == ("earliest", "addressee")
        assert {(e.act, e.by) for e in uses["T1"].ends} == {
            ("ACK", "addressee"), ("PASS_ON", "addressee"), ("ANSWER", "addressee"),
        }  # fmt: skip
        assert (uses["T30"].start, uses["T30"].of, uses["T31"].on) == ("act", "author", ("NEW", "UPDATE"))


class TestContactCheckTable:
    """D01: sent, then echoed or declined; the rest is graded."""

    def test_answers(self) -> None:
        kind = charter().kinds["D01"]
        ends = {
            answer: kind.step("sent", "ANSWER", "addressee", {"answer": answer})
            for answer in kind.lists["answer"].codes
        }
        assert ends == {
            "ECHO": "echoed",
            "DECLINED_WITH_REASON": "declined_with_reason",
            "DECLINED": "declined",
        }
        assert kind.step("echoed", "ANSWER", "addressee", {"answer": "ECHO"}) is None

    def test_the_machine_needs_no_approval_for_its_own_slot_only(self) -> None:
        act = charter().kinds["D01"].acts["NEW"]
        assert act.unapproved_when == {"slot": ("HOURLY_MACHINE",)}
        assert act.approvals == 1

    def test_results_are_the_nine(self) -> None:
        assert list(charter().kinds["D01"].lists["result"].codes) == [
            "OK", "OK_LATE", "LINE_ALIVE_NO_ANSWER", "LINE_DEAD", "TECHNICAL_DECLARED", "HOLIDAY_DECLARED",
            "DECLINED_WITH_REASON", "DECLINED", "SUSPENDED_DECLARED",
        ]  # fmt: skip
