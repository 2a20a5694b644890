"""An entry is judged once, in its causal past; what breaks a rule is kept and moves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cases.cell import Cell, public_of, started
from detente.record.approvals import (
    Credential,
    SessionApproval,
)
from detente.record.header import MissingRange, PartInfo, Seen
from detente.record.references import Reference


@pytest.fixture
def cell() -> Cell:
    return started()


def judged(cell: Cell, written):
    found = cell.book().verdict(written.id)
    return found.state, found.code, found.clause


class TestHeaderAndCore:
    """A5: a header that differs from its core is irregular."""

    def test_what_is_well_made_is_regular(self, cell):
        assert judged(cell, cell.stop_and_check("s1", "s2")) == ("ok", None, None)

    def test_the_header_names_other_addressees(self, cell):
        press = cell.stop_and_check("s1", "s2", header={"to": ("s2",), "parts": only("s2")})
        assert judged(cell, press)[:2] == ("irregular", "other-addressees")

    def test_the_header_hides_the_floor(self, cell):
        assert judged(cell, cell.stop_and_check("s1", "s2", header={"floor": False}))[1:] == (
            "other-floor",
            "A5",
        )

    def test_the_core_names_another_party(self, cell):
        core = {"party": f"{cell.rules.cell}/s2"}
        press = cell.stop_and_check("s1", "s2", core=core, header={"to": ("g1", "s2")})
        assert judged(cell, press)[1:] == ("other-party", "A5")

    def test_the_core_names_a_part_that_the_header_has_not(self, cell):
        assert judged(cell, cell.stop_and_check("s1", "s2", core={"parts": (bytes(32),)}))[1] == "other-parts"

    def test_a_copy_that_the_guarantor_has_no_key_to(self, cell):
        parts = (PartInfo("core", bytes(32), 1024, ("s2",), ("g1", "s2")),)
        assert judged(cell, cell.stop_and_check("s1", "s2", header={"parts": parts}))[1:] == (
            "other-mode",
            "A10",
        )

    def test_the_sealed_core_is_another_than_the_header_says(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.opened[press.id, 0] = press.core + b" "
        assert judged(cell, press)[1:] == ("core-differs", "A5")

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "D99"},
            {"kind_version": 2},
            {"act": "SING"},
        ],
    )
    def test_an_unknown_kind_version_or_act(self, cell, change):
        assert judged(cell, cell.stop_and_check("s1", "s2", core=change))[1] == "unknown-kind"

    @pytest.mark.parametrize(
        "change", [{"basket": "DIP"}, {"precedence": "SLOW"}, {"handling": {"level": "TOP"}}]
    )
    def test_a_form_that_the_charter_has_not(self, cell, change):
        assert judged(cell, cell.stop_and_check("s1", "s2", core=change))[1] == "wrong-form"

    def test_the_next_entry_of_the_log_is_judged_all_the_same(self, cell):
        cell.stop_and_check("s1", "s2", header={"floor": False})
        assert judged(cell, cell.stop_and_check("s1", "s2"))[0] == "ok"


def only(*parties: str):
    return (PartInfo("core", bytes(32), 1024, parties, parties),)


class TestFields:
    """Fields are those of the kind, in type, codes and limits."""

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"meaning": "FIRE"}, "wrong-value"),
            ({"meaning": 3}, "wrong-value"),
            ({"since": "12:00"}, "wrong-value"),
            ({"since": True}, "wrong-value"),
            ({"speed": 3}, "unknown-field"),
            ({"answer": "PAUSED"}, "unknown-field"),
            ({"minutes": 10}, "unknown-field"),  # only with HOLD_AREA
            ({"ask": "HOLD_AREA"}, "missing-field"),
            ({"ask": "HOLD_AREA", "minutes": 10, "area_radius_m": 99}, "wrong-value"),
            ({"ask": "HOLD_AREA", "minutes": 10, "area_radius_m": 100}, None),
        ],
    )
    def test_each_is_checked(self, cell, fields, code):
        assert judged(cell, cell.stop_and_check("s1", "s2", fields=fields))[1] == code

    def test_a_missing_required_field(self, cell):
        press = cell.write("s1", "D02", fields={"meaning": "OTHER"}, to="s2")
        assert judged(cell, press)[1] == "missing-field"


class TestRepeated:
    """A8: a core counts once in a cell."""

    def test_the_second_entry_with_the_same_core_moves_nothing(self, cell):
        press = cell.stop_and_check("s1", "s2")
        again = cell.append("s1", *twin(cell, press))
        cell.opened[again.id, 0] = press.core
        book = cell.book()
        assert book.verdict(press.id).state == "ok"
        assert (book.verdict(again.id).code, book.verdict(again.id).clause) == ("repeated", "A8")
        assert len(book.cases) == 1

    def test_another_party_cannot_spoil_a_core_by_naming_it_first(self, cell):
        """Headers are public: whoever sees one could write its hash into its own log."""
        press = cell.stop_and_check("s1", "s2")
        thief = replace(press.header, log=cell.log("s2"), to=("g1", "s1"), parts=only("g1", "s1"), seen=())
        from detente.record.header import encode_header

        stolen = cell.append("s2", encode_header(thief), thief)
        cell.opened[stolen.id, 0] = press.core
        book = cell.book()
        assert book.verdict(press.id).state == "ok"
        assert book.verdict(stolen.id).state == "irregular"


def twin(cell: Cell, written):
    from detente.record.header import encode_header

    header = replace(written.header, time=cell.now)
    return encode_header(header), header


class TestReferences:
    """A9: the hash decides; a referenced entry counts as in the act's past."""

    def test_an_answer_may_overtake_the_log(self, cell):
        """D3: the press came ahead of its log; the answer's `seen` does not cover it yet."""
        press = cell.stop_and_check("s1", "s2")
        answer = cell.write("s2", "D02", "ANSWER", {"answer": "PAUSED"}, case=press)
        assert all(line.log != press.id.log or line.size <= press.id.index for line in answer.header.seen)
        book = cell.book()
        assert book.verdict(answer.id).state == "ok"
        assert book.cases[press.id].state == "holding"

    def test_an_own_entry_is_named_by_its_hash_before_it_has_an_index(self, cell):
        press = cell.stop_and_check("s1", "s2")
        unnumbered = Reference(press.id.log, None, press.header.core)
        update = cell.write("s1", "D02", "UPDATE", case=unnumbered)
        assert judged(cell, update)[0] == "ok"

    def test_an_entry_that_is_not_there(self, cell):
        nowhere = Reference(cell.log("s1"), None, bytes(32))
        update = cell.write("s1", "D02", "UPDATE", case=nowhere)
        assert judged(cell, update)[1:] == ("reference-unknown", "A9")

    def test_a_reference_to_what_another_log_has_not_reached_waits(self, cell):
        later = Reference(cell.log("s2"), 99, bytes(32))
        answer = cell.write("s1", "D02", "COMMENT", case=later, content={"text": "x"})
        assert judged(cell, answer)[:2] == ("not held here", "reference-not-held")
        assert judged(cell, cell.stop_and_check("s1", "s2"))[0] == "ok"

    def test_it_is_unknown_once_that_log_has_seen_it_and_is_shorter(self, cell):
        later = Reference(cell.log("s2"), 99, bytes(32))
        answer = cell.write("s1", "D02", "COMMENT", case=later, content={"text": "x"})
        cell.hold("s2", "s1")
        cell.heartbeat("s2")
        assert judged(cell, answer)[1:] == ("reference-later", "A9")

    def test_an_entry_of_another_cell(self, cell):
        foreign = Reference("other.exercise/s2/1", 0, bytes(32))
        assert judged(cell, cell.write("s1", "D02", "MOVE", case=foreign))[1:] == ("reference-unknown", "V11")

    def test_an_act_on_an_irregular_opening(self, cell):
        press = cell.stop_and_check("s1", "s2", header={"floor": False})
        assert judged(cell, cell.write("s1", "D02", "MOVE", case=press))[1] == "case-irregular"

    def test_an_act_of_one_kind_on_a_case_of_another(self, cell):
        sent = cell.contact_check("s1", "s2")
        assert judged(cell, cell.write("s1", "D02", "MOVE", case=sent))[1] == "not-a-case"

    def test_an_act_without_case(self, cell):
        assert judged(cell, cell.write("s1", "D02", "MOVE"))[1] == "case-missing"


class TestApprovals:
    """A7, V01: who approved, by credentials valid in the past of the entry."""

    def test_a_press_without_officer(self, cell):
        assert judged(cell, cell.stop_and_check("s1", "s2", by=()))[1] == "approval-missing"

    def test_a_key_that_is_not_registered(self, cell):
        assert judged(cell, cell.stop_and_check("s1", "s2", by=("HEAD",)))[1:] == (
            "approval-unverified",
            "A7",
        )

    def test_a_key_registered_later_does_not_help(self, cell):
        press = cell.stop_and_check("s1", "s2", post="HEAD")
        cell.register("s1", "HEAD")
        after = cell.stop_and_check("s1", "s2", post="HEAD", salt="b")
        assert judged(cell, press)[0] == "irregular"
        assert judged(cell, after)[0] == "ok"

    def test_a_revoked_key_approves_no_more_and_what_it_approved_stays(self, cell):
        before = cell.stop_and_check("s1", "s2")
        cell.register("s1", "WATCH", "REVOKED")
        after = cell.stop_and_check("s1", "s2")
        assert judged(cell, before)[0] == "ok"
        assert judged(cell, after)[1] == "approval-unverified"

    def test_a_replaced_key_ends_every_former_key_of_the_post(self, cell):
        fields = {
            "change": "REPLACED",
            "post": "WATCH",
            "credential_kind": "ED25519",
            "public": public_of("s1", "SPARE").hex(),
        }
        cell.write("s1", "D28", fields=fields, post="ADMIN", by=("ADMIN.1", "ADMIN.2"))
        assert judged(cell, cell.stop_and_check("s1", "s2"))[1] == "approval-unverified"
        assert judged(cell, cell.stop_and_check("s1", "s2", by=("SPARE",)))[0] == "ok"

    def test_an_approval_of_another_core(self, cell):
        press = cell.stop_and_check("s1", "s2")
        other = cell.stop_and_check("s1", "s2", header={"approvals": press.header.approvals})
        assert judged(cell, other)[1] == "approval-unverified"

    def test_a_post_that_has_no_right_to_the_act(self, cell):
        cell.register("s1", "AUDITOR")
        assert judged(cell, cell.stop_and_check("s1", "s2", post="AUDITOR"))[1] == "post-may-not"

    def test_one_administrator_is_not_two(self, cell):
        fields = {"change": "REGISTERED", "post": "HEAD", "credential_kind": "ED25519", "public": "00" * 32}
        alone = cell.write("s1", "D28", fields=fields, post="ADMIN", by=("ADMIN.1",))
        twice = cell.write("s1", "D28", fields=fields, post="ADMIN", by=("ADMIN.1", "ADMIN.1"))
        assert judged(cell, alone)[1] == judged(cell, twice)[1] == "approval-missing"

    def test_a_session_key_without_a_passkey_behind_it(self, cell):
        entry = cell.stop_and_check("s1", "s2").id
        session = SessionApproval(bytes(32), bytes(64), "WATCH", 1, 2**40, entry)
        press = cell.stop_and_check("s1", "s2", header={"approvals": (session,)})
        assert judged(cell, press)[1] == "approval-unverified"

    def test_nobody_changes_the_posts_of_another_party(self, cell):
        """D28 binds the party whose log it stands in."""
        cell.register("s2", "HEAD")
        assert judged(cell, cell.stop_and_check("s1", "s2", post="HEAD"))[0] == "irregular"
        enrolled = cell.book().register.credentials
        assert Credential("HEAD", "ed25519", public_of("s2", "HEAD")) in [
            one.credential for one in enrolled["s2"]
        ]


class TestCharterInForce:
    """A13: before all have acceded only record kinds, D28 and floor kinds count."""

    def test_a_floor_kind_counts_before(self):
        cell = Cell()
        cell.register("s1", "WATCH")
        press = cell.stop_and_check("s1", "s2")
        book = cell.book()
        assert (book.verdict(press.id).state, book.register.in_force) == ("ok", False)

    def test_all_three_bring_it_into_force(self, cell):
        assert cell.book().register.in_force
        assert set(cell.book().register.acceded) == {"s1", "s2", "g1"}

    def test_a_header_under_another_charter(self, cell):
        press = cell.stop_and_check("s1", "s2", header={"charter": bytes(32)})
        assert judged(cell, press)[1:] == ("other-charter", "A13")


class TestSeen:
    """B2, B6: sizes and times never fall; an impossible `seen` harms nobody else."""

    def test_a_header_time_that_falls(self, cell):
        cell.heartbeat("s1")
        back = cell.stop_and_check("s1", "s2", header={"time": cell.now - 1, "seen": ()})
        assert judged(cell, back)[0] == "irregular"
        assert judged(cell, cell.stop_and_check("s1", "s2"))[0] == "ok"

    def test_a_seen_that_falls(self, cell):
        cell.heartbeat("s1")
        assert judged(cell, cell.stop_and_check("s1", "s2", header={"seen": ()}))[1:] == ("seen-fell", "B2")

    def test_a_log_of_no_party(self, cell):
        line = Seen(f"{cell.rules.cell}/zz/1", 1, bytes(32), cell.now)
        seen = tuple(sorted((*cell.seen("s1"), line), key=lambda one: one.log))
        assert judged(cell, cell.stop_and_check("s1", "s2", header={"seen": seen}))[1] == "seen-unknown-log"

    def test_another_history_is_set_aside_and_the_entry_stands(self, cell):
        """A party that tells two stories cannot silence the one to whom it told the second."""
        line = next(one for one in cell.seen("s1") if one.log == cell.log("s2"))
        told = tuple(replace(line, root=bytes(32)) if one is line else one for one in cell.seen("s1"))
        told = tuple(replace(one, root=bytes(32)) if one.log == line.log else one for one in told)
        press = cell.stop_and_check("s1", "s2", header={"seen": told})
        found = cell.book().verdict(press.id)
        assert (found.state, found.findings) == ("ok", ("seen-differs",))
        assert cell.book().receipts(cell.entries[-1].id, "s1").state == "not held"

    def test_more_than_is_held_waits(self, cell):
        line = Seen(cell.log("s2"), 50, bytes(32), cell.now)
        seen = tuple(line if one.log == line.log else one for one in cell.seen("s1"))
        press = cell.stop_and_check("s1", "s2", header={"seen": seen})
        assert judged(cell, press)[:2] == ("not held here", "past-not-held")

    def test_more_than_there_was_is_set_aside_once_that_party_has_seen_the_claim(self, cell):
        line = Seen(cell.log("s2"), 50, bytes(32), cell.now)
        seen = tuple(line if one.log == line.log else one for one in cell.seen("s1"))
        press = cell.stop_and_check("s1", "s2", header={"seen": seen})
        cell.hold("s2", "s1")
        cell.heartbeat("s2")
        found = cell.book().verdict(press.id)
        assert (found.state, found.findings) == ("ok", ("seen-differs",))


class TestMalformed:
    """B1: a malformed header is a fold result; nothing is refused and nothing stops."""

    def test_it_is_irregular_and_the_next_entry_counts(self, cell):
        odd = cell.append("s1", b"{}", None)
        press = cell.stop_and_check("s1", "s2")
        book = cell.book()
        assert (book.verdict(odd.id).code, book.verdict(press.id).state) == ("malformed-header", "ok")


class TestNotHeld:
    """F6: what depends on what is closed here is `not held here`; a withheld core silences its author."""

    def test_an_entry_whose_core_is_closed(self, cell):
        press = cell.stop_and_check("s1", "s2")
        del cell.opened[press.id, 0]
        assert judged(cell, press)[:2] == ("not held here", "core-not-held")

    def test_a_case_that_a_closed_entry_may_move_has_no_state_here(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.meet()
        hidden = cell.write("s2", "D02", "ANSWER", {"answer": "PAUSED"}, case=press)
        del cell.opened[hidden.id, 0]
        case = cell.book().cases[press.id]
        assert (case.state, case.state_as_held, case.not_held) == ("not held here", "sent", (hidden.id,))

    def test_later_acts_of_the_same_author_wait_for_its_closed_entry(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.meet()
        hidden = cell.write("s2", "D02", "ANSWER", {"answer": "PAUSED"}, case=press)
        later = cell.write("s2", "D02", "ANSWER", {"answer": "CHECKING"}, case=press)
        del cell.opened[hidden.id, 0]
        assert judged(cell, later)[0] == "not held here"

    def test_acts_of_one_who_said_it_lacked_the_core_are_judged(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.meet()
        hidden = cell.write("s2", "D02", "ANSWER", {"answer": "PAUSED"}, case=press)
        cell.hold("s1", "s2", lacks=[MissingRange(hidden.id.index, hidden.id.index, ("core",))])
        ended = cell.write("s1", "D02", "MOVE", case=press)
        del cell.opened[hidden.id, 0]
        assert judged(cell, ended)[0] == "ok"

    def test_a_content_that_is_not_held_hides_its_fields_only(self, cell):
        press = cell.stop_and_check("s1", "s2", content={"text": "words"})
        assert cell.book().cases[press.id].fields["text"].value == "words"
        del cell.opened[press.id, 1]
        case = cell.book().cases[press.id]
        assert (case.state, case.fields["text"].value, case.acts[0].content_state) == (
            "sent",
            "not held here",
            "not held here",
        )

    def test_a_content_that_nobody_approved_is_not_shown(self, cell):
        press = cell.stop_and_check("s1", "s2", content={"text": "words"})
        cell.opened[press.id, 1] = cell.opened[press.id, 1].replace(b"words", b"other")
        act = cell.book().act(press.id)
        assert (act.content, act.content_state, act.verdict.state) == (None, "differs", "ok")


class TestReceiptRules:
    """B2, B3: first anchored `seen` with core and content not missing; late ones move no clock."""

    def test_a_missing_core_delays_the_receipt(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.pass_time(1)
        lacks = [MissingRange(press.id.index, press.id.index, ("core",))]
        cell.hold("s2", "s1", lacks=lacks)
        cell.heartbeat("s2")
        assert cell.book().receipts(press.id, "s2").state == "held, parts missing"
        cell.pass_time(1)
        cell.hold("s2", "s1")
        cell.heartbeat("s2")
        found = cell.book().receipts(press.id, "s2")
        assert (found.state, found.at) == ("held", cell.now)

    def test_a_missing_attachment_delays_nothing(self, cell):
        press = cell.stop_and_check("s1", "s2")
        lacks = [MissingRange(press.id.index, press.id.index, ("attachment",))]
        cell.hold("s2", "s1", lacks=lacks)
        cell.heartbeat("s2")
        assert cell.book().receipts(press.id, "s2").state == "held"

    @pytest.mark.parametrize(("late", "moves"), [(86_400, True), (86_401, False)])
    def test_one_anchored_more_than_a_day_late_is_shown_and_moves_no_clock(self, cell, late, moves):
        press = cell.stop_and_check("s1", "s2")
        cell.hold("s2", "s1")
        cell.pass_time(late)
        cell.heartbeat("s2")
        book = cell.book()
        assert (book.receipts(press.id, "s2").state, book.receipts(press.id, "s2").moves_clocks) == (
            "held",
            moves,
        )
        started_by = {one.rule: one.start_by for one in book.cases[press.id].clocks}
        assert started_by["T1"] == ("receipt" if moves else None)

    def test_a_receipt_from_the_future_is_not_known_yet(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.pass_time(100)
        cell.hold("s2", "s1")
        cell.heartbeat("s2")
        assert cell.book(cell.now - 1).receipts(press.id, "s2").state == "not held"
        assert cell.book(cell.now - 1).next_due() == cell.now
        assert cell.book(cell.now).receipts(press.id, "s2").state == "held"

    def test_the_line_of_an_entry_that_breaks_the_steps_anchors_nothing(self, cell):
        press = cell.stop_and_check("s1", "s2")
        cell.heartbeat("s2")
        cell.pass_time(5)
        cell.hold("s2", "s1")
        seen = tuple(one for one in cell.seen("s2") if one.log == press.id.log)
        cell.write(
            "s2", "R03", fields={"armed": True, "software": "t"}, post="LOG", by=(), header={"seen": seen}
        )
        assert cell.book().receipts(press.id, "s2").state == "not held"


class TestArmed:
    """R03 says whether the watch alarm is heard; the last one counts."""

    def test_the_last_heartbeat_counts(self, cell):
        cell.heartbeat("s2", armed=True)
        assert cell.book().register.armed["s2"].armed
        cell.heartbeat("s2", armed=False)
        assert not cell.book().register.armed["s2"].armed
        assert "s1" not in cell.book().register.armed
