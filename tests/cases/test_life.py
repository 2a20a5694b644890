"""How long content lives: expiry, recall, confirmation, SHOW and the delivery modes, over T90."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.cell import PARTIES, Cell, public_of, seed_of
from charter.harbour import changed, charter_text, trial_charter, trial_kind_files
from detente.cases import life
from detente.cases.author import Composed, compose
from detente.cases.book import Act, Case, Verdict
from detente.cases.core import parse_core
from detente.charter.lint import prove_crossings
from detente.charter.load import load_charter
from detente.record.approvals import Credential
from detente.record.errors import DetenteError, RuleViolation
from detente.record.header import Header, PartInfo, encode_header
from detente.record.names import EntryId
from detente.record.references import Reference

LOG = "harbour.exercise/{}/1"


@lru_cache
def rules():
    found = trial_charter()
    parties = {
        name: replace(
            party,
            admins=tuple(Credential("ADMIN", "ed25519", public_of(name, f"ADMIN.{n}")) for n in (1, 2)),
        )
        for name, party in found.parties.items()
    }
    return replace(found, parties=parties)


def cell() -> Cell:
    found = Cell(rules())
    for party in PARTIES:
        found.write(party, "R01", fields={"generation": 1, "software": "test"}, post="LOG", by=())
        fields = {"charter": found.rules.digest.hex()}
        found.write(party, "R02", fields=fields, post="ADMIN", by=("ADMIN.1", "ADMIN.2"))
        found.register(party, "WATCH")
    found.pass_time(10)
    found.meet()
    return found


def say(cell: Cell, party: str, act: str, salt: str, *, post: str = "WATCH", case=None, **more) -> Composed:
    fields = {"topic": "FIRST"} if act == "NEW" else more.pop("fields", {})
    return compose(
        cell.rules, party=party, post=post, kind="T90", act=act, fields=fields, book=cell.book(),
        as_of=cell.now, salts=(seed_of("core", salt), seed_of("content", salt)), case=case, **more,
    )  # fmt: skip


def enter(cell: Cell, party: str, made: Composed, post: str = "WATCH") -> tuple[EntryId, Reference]:
    """Put what was composed into the log, sealed as it says."""
    core = parse_core(made.core)
    parts = tuple(
        PartInfo(role, hashlib.sha256(b"sealed" + data).digest(), 1024, who.to, who.keep)
        for role, data, who in made.parts
    )
    by = () if post == "LOG" else (post,)
    header = Header(
        1, cell.rules.cell, cell.log(party), made.floor, cell.now, cell.rules.digest,
        tuple(sorted(core.addressees)), parts, cell.seen(party), made.sha256,
        cell.approvals(party, made.core, by),
    )  # fmt: skip
    entry = cell.append(party, encode_header(header), header).id
    for position, (_, data, _) in enumerate(made.parts):
        cell.opened[entry, position] = data
    return entry, Reference(entry.log, entry.index, made.sha256)


def attachment(n: int) -> bytes:
    return seed_of("file", str(n)) + b"picture" * n


class TestModes:
    """Who holds a key and who keeps the bytes."""

    @pytest.mark.parametrize(
        ("mode", "to", "keep"),
        [
            ("COPY", ("g1", "s2"), ("g1", "s2")),
            ("RELAY", ("g1", "s2"), ("g1", "s2")),
            ("DIRECT", ("s2",), ("s2",)),
            ("SEALED", ("s2",), ("g1", "s2")),
        ],
    )
    def test_every_part_goes_as_the_mode_says(self, mode, to, keep) -> None:
        c = cell()
        made = say(c, "s1", "NEW", "a", mode=mode, content={"text": "w"}, attachments=[attachment(1)])
        assert [role for role, _, _ in made.parts] == ["core", "content", "attachment"]
        assert all(who == (to, keep) for _, _, who in made.parts)
        entry, _ = enter(c, "s1", made)
        assert c.book().verdicts[entry] == Verdict("ok")

    @pytest.mark.parametrize("mode", ["COPY", "DIRECT", "SEALED"])
    def test_what_is_shown_is_sealed_to_its_author_alone_but_for_the_core(self, mode) -> None:
        c = cell()
        made = say(
            c, "s1", "NEW", "a", mode=mode, handling={"mode": "SHOW"}, content={"text": "w"},
            attachments=[attachment(1)],
        )  # fmt: skip
        assert made.parts[0][2].to
        assert [who for _, _, who in made.parts[1:]] == [((), ()), ((), ())]
        entry, _ = enter(c, "s1", made)
        assert c.book().verdicts[entry] == Verdict("ok")

    def test_a_shown_part_that_is_given_all_the_same_is_irregular(self) -> None:
        c = cell()
        made = say(c, "s1", "NEW", "a", handling={"mode": "SHOW"}, content={"text": "w"})
        entry, _ = enter(c, "s1", replace(made, behind=made.parts[0][2]))
        assert c.book().verdicts[entry].code == "other-mode"

    def test_an_act_goes_by_its_cases_mode(self) -> None:
        c = cell()
        _, case = enter(c, "s1", say(c, "s1", "NEW", "a", mode="DIRECT"))
        c.pass_time(1)
        c.meet()
        made = say(c, "s2", "ANSWER", "b", case=case, content={"text": "w"})
        assert parse_core(made.core).mode == "DIRECT"
        entry, _ = enter(c, "s2", made)
        assert c.book().verdicts[entry] == Verdict("ok")


class TestHandling:
    """What stands beside the level, and where."""

    @pytest.mark.parametrize(
        "handling",
        [{"mode": "RELEASE"}, {"mode": 1}, {"valid_until": "soon"}, {"valid_until": True}, {"valid_until": 0},
         {"level": "SECRET"}, {"other": 1}],
    )  # fmt: skip
    def test_other_values_are_refused(self, handling) -> None:
        with pytest.raises(RuleViolation) as refusal:
            say(cell(), "s1", "NEW", "a", handling=handling)
        assert refusal.value.code == "wrong-form"

    @pytest.mark.parametrize("seconds", [0, -1])
    def test_content_that_is_over_is_not_sent(self, seconds) -> None:
        c = cell()
        with pytest.raises(RuleViolation):
            say(c, "s1", "NEW", "a", handling={"valid_until": c.now + seconds})
        say(c, "s1", "NEW", "a", handling={"valid_until": c.now + 1})

    @pytest.mark.parametrize("handling", [{"mode": "SHOW"}, {"valid_until": 1_900_000_000}])
    def test_a_floor_kind_has_neither(self, handling) -> None:
        c = cell()
        with pytest.raises(RuleViolation):
            compose(
                c.rules, party="s1", post="WATCH", kind="D02", act="NEW", fields={"meaning": "FIRE_ON_US"},
                book=c.book(), as_of=c.now, salts=(b"1" * 32, b"2" * 32), handling=handling,
            )  # fmt: skip

    def test_no_kind_file_of_the_floor_may_say_so(self) -> None:
        files = changed("D02.toml", "floor = true", 'floor = true\nhandling = ["SHOW"]')
        with pytest.raises(RuleViolation):
            load_charter(charter_text(), files)

    def test_a_trial_kind_is_refused_outside_an_exercise(self) -> None:
        text = charter_text().replace(b"harbour.exercise", b"harbour.example")
        with pytest.raises(DetenteError) as refusal:
            load_charter(text, trial_kind_files())
        assert "T90" in str(refusal.value.values)

    def test_more_attachments_than_the_kind_bears_and_one_twice(self) -> None:
        c = cell()
        say(c, "s1", "NEW", "a", attachments=[attachment(n) for n in range(8)])
        with pytest.raises(RuleViolation):
            say(c, "s1", "NEW", "a", attachments=[attachment(n) for n in range(10)])
        with pytest.raises(RuleViolation):
            say(c, "s1", "NEW", "a", attachments=[attachment(1), attachment(1)])

    def test_crossed_acts_have_one_result(self) -> None:
        assert not list(prove_crossings(rules().kinds["T90"]))


class TestRecall:
    """Through the real fold: what is recalled, who confirmed, what was read before."""

    def test_from_the_recall_to_the_last_confirmation(self) -> None:
        c = cell()
        first, case = enter(c, "s1", say(c, "s1", "NEW", "a", content={"text": "w"}))
        c.pass_time(5)
        c.meet()
        enter(c, "s2", say(c, "s2", "READ", "b", case=case))
        c.pass_time(5)
        c.meet()
        at = c.now
        recall, reference = enter(c, "s1", say(c, "s1", "RECALL", "c", case=case))
        c.pass_time(5)
        c.meet()
        (found,) = life.recalls(c.book().cases[first])
        assert (found.entry, found.by, found.at, found.ends) == (recall, "s1", at, (first,))
        assert (found.confirmed, found.waiting, found.read) == ((), ("g1", "s2"), ("s2",))
        assert life.ends(c.book().cases[first])[first] == life.End(at, "recalled", recall)
        made = say(
            c, "s2", "CONFIRM", "d", case=case, refers_to=[reference], post="LOG",
            fields={"outcome": "DESTROYED"},
        )  # fmt: skip
        entry, _ = enter(c, "s2", made, "LOG")
        assert c.book().verdicts[entry] == Verdict("ok")
        c.opened.pop((first, 1))  # destroyed: nothing but the words goes
        (found,) = life.recalls(c.book().cases[first])
        assert found.confirmed == (life.Confirmed("s2", entry, c.now, "DESTROYED"),)
        assert found.waiting == ("g1",)
        assert c.book().cases[first].state == "recalled"
        assert c.book().verdicts[first] == Verdict("ok")

    def test_a_recall_ends_nothing_of_another_party(self) -> None:
        c = cell()
        first, case = enter(c, "s1", say(c, "s1", "NEW", "a", content={"text": "w"}))
        c.pass_time(5)
        c.meet()
        enter(c, "s2", say(c, "s2", "RECALL", "b", case=case, refers_to=[case]))
        c.pass_time(5)
        assert not life.ends(c.book().cases[first])


class TestEnds:
    """The pure rule over any timeline."""

    @given(st.data())
    def test_the_earliest_end_wins_and_nothing_ends_without_a_reason(self, data) -> None:
        case = data.draw(cases())
        found = life.ends(case)
        for act in case.acts:
            reasons = _reasons(case, act)
            if reasons:
                assert found[act.id].at == min(reasons)
                assert not life.due([(act.id, found[act.id])], found[act.id].at - 1)
                assert life.due([(act.id, found[act.id])], found[act.id].at)
            else:
                assert act.id not in found

    @given(st.data())
    def test_order_of_parties_and_irregular_acts_change_nothing(self, data) -> None:
        case = data.draw(cases())
        regular = replace(case, acts=tuple(act for act in case.acts if act.verdict.counts))
        assert life.ends(case) == life.ends(regular)
        assert life.recalls(case) == life.recalls(regular)
        swapped = replace(case, acts=tuple(_swapped(act) for act in case.acts))
        assert {_swap_id(entry): end.at for entry, end in life.ends(case).items()} == {
            entry: end.at for entry, end in life.ends(swapped).items()
        }


def _reasons(case: Case, act: Act) -> list[int]:
    """The instants at which this act's content ends, by the words of the rule."""
    if not act.verdict.counts:
        return []
    found = [act.handling["valid_until"]] if "valid_until" in act.handling else []
    for other in case.acts:
        if other.act == "RECALL" and other.verdict.counts and other.party == act.party:
            before = act.id.index < other.id.index
            named = not other.refers_to or act.core in {one.core for one in other.refers_to}
            if before and named:
                found.append(other.time)
    return found


@st.composite
def cases(draw) -> Case:
    made: list[Act] = []
    count = dict.fromkeys(PARTIES, 0)
    for _ in range(draw(st.integers(1, 8))):
        party = draw(st.sampled_from(PARTIES))
        known = [one for one in made if one.party == party]
        kind_of = draw(st.sampled_from(("NEW", "UPDATE", "RECALL", "COMMENT")))
        refers = draw(st.lists(st.sampled_from(known), max_size=2)) if known and kind_of == "RECALL" else []
        until = draw(st.none() | st.integers(1, 50))
        made.append(
            Act(
                id=EntryId(LOG.format(party), count[party]), party=party, kind="T90", act=kind_of, case=None,
                post="WATCH", time=draw(st.integers(1, 50)),
                verdict=Verdict(draw(st.sampled_from(("ok", "ok", "irregular")))), fields={}, content=None,
                content_state="none", core=seed_of(party, str(count[party])), precedence="ROUTINE",
                refers_to=tuple(Reference(one.id.log, one.id.index, one.core) for one in refers),
                handling={"level": "OPEN", **({"valid_until": until} if until else {})},
                content_readers=tuple(one for one in PARTIES if one != party),
            )
        )  # fmt: skip
        count[party] += 1
    return Case(
        id=made[0].id, kind="T90", opened_by=made[0].party, addressees=(), post="WATCH", opened_at=1,
        precedence="ROUTINE", state="open", state_as_held="open", confirmation=None, is_open=True, fields={},
        acts=tuple(made), clocks=(),
    )  # fmt: skip


_OTHER = {"s1": "s2", "s2": "s1", "g1": "g1"}


def _swap_id(entry: EntryId) -> EntryId:
    return EntryId(LOG.format(_OTHER[entry.log.split("/")[1]]), entry.index)


def _swapped(act: Act) -> Act:
    readers = tuple(sorted(_OTHER[one] for one in act.content_readers))
    return replace(act, id=_swap_id(act.id), party=_OTHER[act.party], content_readers=readers)
