"""What the node does by itself: alarm list, armed state, heartbeats, anchoring, checks, quarantine."""

from __future__ import annotations

import threading
import time
import urllib.request
from pathlib import Path

import pytest

from detente.node import logs, selectors
from detente.node.client import ApiError, LocalApi
from detente.node.metrics import metric_lines, troubles

STOP = {"meaning": "OTHER", "ask": "PAUSE_AND_CHECK", "own_action": "NOT_STATED"}
CANARY = "canary-word"


def stop_by_s2(node):
    """A STOP-AND-CHECK of s2, addressed to us; its printed id."""
    if not (node.folders["s2"].keys / "posts" / "WATCH.seed").exists():
        node.register("s2", "WATCH")
    entry = node.other_says(
        "s2", "D02", "NEW", "WATCH", STOP | {"since": node.clock()}, content={"text": CANARY}
    )
    return f"S2-X{entry.index:05d}"


def later(node):
    """A draft of s2's log, to be entered there and not brought here."""
    from detente.record.header import Header, PartInfo, encode_header

    part = PartInfo("core", bytes([7]) * 32, 2000, (), ())
    log = node.folders["s2"].origin
    cell, none = node.charter.cell, bytes(32)
    return encode_header(Header(1, cell, log, False, 1, none, (), (part,), (), none, ()))


def own_rows(node, kind):
    """Our own entries of a kind."""
    node.settled()
    rows = node.api.get("/v1/entries")["entries"]
    return [row for row in rows if row["party"] == "s1" and row["kind"] == kind]


def arm(node):
    """Alarm alive and working, heard by a watch."""
    node.api.post("/v1/alarm/heartbeat", {"outlets": {"hook": "ok", "sound": "absent"}, "tests": 1})
    return node.api.post("/v1/alarm/confirm", {"post": "WATCH", "post_key": True})


class TestAlarmList:
    """What should sound is a state: `ringing`."""

    def test_a_stop_and_check_to_us_rings_and_says_so_at_once(self, node):
        found = []
        stream = LocalApi(node.folder).events()
        reader = threading.Thread(target=lambda: found.extend(next(stream) for _ in range(4)))
        reader.start()
        while not node.context.bus._subscriptions:
            pass
        printed = stop_by_s2(node)
        node.api.post("/v1/alarm/test", {})
        reader.join(10)
        alarm = next(event for event in found if event.type == "alarm")
        assert alarm.data == {"id": printed, "kind": "D02", "count": 1}
        (ringing,) = node.api.get("/v1/alarm")["ringing"]
        assert (ringing["id"], ringing["kind"], ringing["reason"]) == (printed, "D02", "new")
        assert CANARY not in repr(found)

    @pytest.mark.parametrize(
        ("act", "fields"), [("ACK", {"ack": "RECEIVED"}), ("ANSWER", {"answer": "CHECKING"}), ("READ", {})]
    )
    def test_a_person_of_ours_silences_it(self, node, act, fields):
        printed = stop_by_s2(node)
        body = {"kind": "D02", "act": act, "post": "WATCH", "fields": fields, "case": printed}
        node.api.post("/v1/send", body | {"post_key": True})
        node.settled()
        assert node.api.get("/v1/alarm")["ringing"] == []

    def test_one_ahead_of_its_log_rings_is_shown_so_and_can_be_answered(self, node):
        node.register("s2", "WATCH")
        node.signer_of("s2").append([later(node)], [], have=1)  # an entry that has not come here
        node.pushes["s2"] += tuple(node.signer_of("s2").groups(1)[0].entries)
        entry = node.other_says(
            "s2", "D02", "NEW", "WATCH", STOP | {"since": node.clock()}, content={"text": CANARY}, ahead=True
        )
        printed = f"S2-X{entry.index:05d}"
        assert [one["id"] for one in node.api.get("/v1/alarm")["ringing"]] == [printed]
        row = node.api.get(f"/v1/entries/{printed}")
        assert (row["ahead"], row["held"], row["verdict"]) == (True, True, None)
        (case,) = node.api.get("/v1/cases", kind="D02")["cases"]
        assert (case["id"], case["state"], case["fields"]["text"]["value"]) == (
            printed, "not held here", CANARY,
        )  # fmt: skip
        assert "ACK" in case["may"]
        body = {"kind": "D02", "act": "ACK", "post": "WATCH", "fields": {"ack": "RECEIVED"}, "case": printed}
        node.api.post("/v1/send", body | {"post_key": True})
        node.settled()
        assert node.api.get("/v1/alarm")["ringing"] == []

    def test_its_authors_false_alarm_silences_it(self, node):
        printed = stop_by_s2(node)
        node.other_says("s2", "D02", "CORRECT", "WATCH", {}, case=printed)
        assert node.api.get("/v1/alarm")["ringing"] == []

    def test_our_own_and_an_irregular_one_do_not_ring(self, node, monkeypatch):
        fields = STOP | {"since": node.clock()}
        body = {"kind": "D02", "act": "NEW", "post": "WATCH", "fields": fields, "post_key": True}
        node.api.post("/v1/send", body)
        monkeypatch.setattr(node, "_approvals", lambda *_: ())  # nobody approved it
        node.other_says("s2", "D02", "NEW", "WATCH", fields)
        node.settled()
        (row,) = [r for r in node.api.get("/v1/entries")["entries"] if r["party"] == "s2"]
        assert row["verdict"]["state"] == "irregular"
        assert node.api.get("/v1/alarm")["ringing"] == []

    def test_one_that_came_before_a_restart_still_rings(self, node, folders, clock):
        from node_api.rig import Node

        printed = stop_by_s2(node)
        node.stop()
        again = Node(folders, clock, node.signer)
        again.start()
        try:
            assert [one["id"] for one in again.api.get("/v1/alarm")["ringing"]] == [printed]
        finally:
            again.stop()
            node.stop = lambda: None


class TestArmedState:
    """Armed, not armed, and what the peers are told (A12)."""

    def test_heard_by_a_watch_it_is_armed_and_an_r03_says_so_at_once(self, node):
        node.step()
        assert [row["core"]["fields"]["armed"] for row in own_rows(node, "R03")] == [False]
        assert arm(node)["armed"] is True
        node.step()
        assert [row["core"]["fields"]["armed"] for row in own_rows(node, "R03")] == [False, True]
        node.step()
        assert len(own_rows(node, "R03")) == 2

    def test_a_node_that_was_stopped_or_restarted_does_not_call_its_watch_unarmed(self, node):
        node.step()
        arm(node)
        node.step()
        said = [row["core"]["fields"]["armed"] for row in own_rows(node, "R03")]
        node.services.arming._last = float("-inf")  # nothing heard since the process went on
        clocks = node.running.clocks
        clocks._last_step = float("-inf")
        steps = node.services.reader
        steps.run(clocks.step, 1000.0).result(30)
        assert [row["core"]["fields"]["armed"] for row in own_rows(node, "R03")] == said
        for second in (1001.0, 1002.0, 1003.0, 1004.5):
            steps.run(clocks.step, second).result(30)
        assert [row["core"]["fields"]["armed"] for row in own_rows(node, "R03")] == [*said, False]

    def test_when_the_alarm_dies_status_says_so_within_five_seconds(self, node):
        arm(node)
        assert node.api.get("/v1/status")["armed"] is True
        end = time.monotonic() + 5
        while node.api.get("/v1/status")["armed"]:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert node.api.get("/v1/status")["watch"]["why"] == "no-alarm"

    def test_confirming_needs_a_session_in_force(self, node):
        with pytest.raises(ApiError) as caught:
            node.api.post("/v1/alarm/confirm", {"session": "no-such-session"})
        assert caught.value.code == "session-unknown"

    def test_when_the_watch_ends_it_is_no_longer_armed(self, node):
        arm(node)
        session = node.api.post("/v1/sessions", {"post": "WATCH", "post_key": True})["session"]
        node.api.delete(f"/v1/sessions/{session}")
        assert node.api.get("/v1/alarm")["why"] == "not-confirmed"

    def test_what_the_probes_say_is_the_same_state(self, node):
        assert node.context.armed() is False
        arm(node)
        assert node.context.armed() is True


class TestOwnEntries:
    """R01 and R02 once, R03 in time and when something has to be anchored (B4)."""

    def test_the_first_start_opens_the_log_and_accedes_once(self, node):
        for _ in range(3):
            node.step()
        node.settled()
        assert [row["kind"] for row in node.api.get("/v1/entries")["entries"]] == ["R01", "R02", "R03"]
        assert own_rows(node, "R02")[0]["approvals"] == ["ADMIN", "ADMIN"]

    def test_a_heartbeat_follows_the_last_entry_after_the_interval(self, node, clock):
        node.step()
        node.step()
        clock.now += node.folder.settings.heartbeat_interval_s - 1
        node.step()
        assert len(own_rows(node, "R03")) == 1
        clock.now += 1
        node.step()
        assert len(own_rows(node, "R03")) == 2

    def test_a_flash_of_another_party_is_anchored_at_once(self, node):
        node.step()
        node.settled()
        before = len(own_rows(node, "R03"))
        printed = stop_by_s2(node)
        node.step()
        assert len(own_rows(node, "R03")) == before + 1
        node.settled()
        (receipt,) = [r for r in node.api.get(f"/v1/receipts/{printed}")["receipts"] if r["party"] == "s1"]
        assert (receipt["state"], receipt["anchored"] is not None) == ("held", True)
        node.step()
        assert len(own_rows(node, "R03")) == before + 1

    def test_a_heartbeat_of_another_party_is_not_anchored_at_once(self, node):
        node.step()
        node.settled()
        node.other_says("s2", "R03", "NEW", "LOG", {"armed": False, "software": "x"})
        before = len(own_rows(node, "R03"))
        node.step()
        assert len(own_rows(node, "R03")) == before


class TestCannotOpen:
    """R06: a part sealed to us that does not open is said so once, by the log alone."""

    def test_each_part_once_with_the_reason(self, node):
        from detente.node.charter_keys import Recipients
        from detente.record.age import recipient_of

        node.step()
        node.settled()
        wrong = dict(Recipients(node.charter)()) | {"s1": recipient_of(bytes([9]) * 32)}
        entry = node.other_says("s2", "R03", "NEW", "LOG", {"armed": False, "software": "x"}, keys=wrong)
        for _ in range(2):
            node.step()
            node.settled()
        (said,) = own_rows(node, "R06")
        assert said["verdict"]["state"] == "ok"
        fields = said["core"]["fields"]
        assert (fields["part"], fields["reason"]) == (0, "NOT_SEALED_TO_US")
        assert (fields["entry"]["log"], fields["entry"]["index"]) == (entry.log, entry.index)


class TestMachineChecks:
    """T7: the node tests the line and answers tests; the log alone signs."""

    def test_once_in_force_each_peer_is_tested_and_not_twice(self, node):
        node.in_force()
        for _ in range(2):
            node.step()
            node.settled()
        tests = own_rows(node, "D01")
        assert sorted(row["core"]["action"][0].split("/")[0] for row in tests) == ["g1", "s2"]
        assert {row["verdict"]["state"] for row in tests} == {"ok"}

    def test_a_test_of_another_node_is_answered_with_its_text_once(self, node):
        node.in_force()
        fields = {"slot": "HOURLY_MACHINE", "path": "PRIMARY", "test_text": "abc אבג ابج 123"}
        node.other_says("s2", "D01", "NEW", "LOG", fields, to="s1")
        for _ in range(2):
            node.step()
            node.settled()
        answers = [row for row in own_rows(node, "D01") if row["act"] == "ANSWER"]
        assert [row["core"]["fields"]["echo"] for row in answers] == ["abc אבג ابج 123"]
        (check,) = [one for one in node.api.get("/v1/checks")["checks"] if one["by"] == "s2"]
        assert (check["to"], check["echo_matches"]) == ("s1", True)

    def test_a_check_by_a_person_is_left_to_persons(self, node):
        node.in_force()
        node.register("s2", "WATCH")
        fields = {"slot": "MORNING", "path": "PRIMARY", "test_text": "abc"}
        node.other_says("s2", "D01", "NEW", "WATCH", fields, to="s1")
        node.step()
        assert [row for row in own_rows(node, "D01") if row["act"] == "ANSWER"] == []


class TestReceipts:
    """On whose disk, in whose log, and what persons did, each for itself."""

    def _sent(self, node):
        node.step()
        fields = STOP | {"since": node.clock()}
        body = {"kind": "D02", "act": "NEW", "post": "WATCH", "fields": fields, "post_key": True}
        sent = node.api.post("/v1/send", body)
        node.settled()
        return sent["id"]

    def _of(self, node, printed, party):
        (found,) = [r for r in node.api.get(f"/v1/receipts/{printed}")["receipts"] if r["party"] == party]
        return found

    def _cosign(self, node, party):
        """`party` gives its cosignature of our whole log, not yet anchored in its own."""
        from detente.node.rows import CosignatureRow
        from detente.node.store import add_cosignatures

        status = node.signer.status()
        made = node.signer_of(party).cosign(node.folder.origin, status.size, status.root)
        row = CosignatureRow(made.origin, made.size, made.root, party, made.time, made.lines)
        node.writer.submit(lambda: add_cosignatures([row], at=node.clock())).result(5)
        node.settled()

    def test_before_any_cosignature_nobody_holds_it(self, node):
        printed = self._sent(node)
        assert self._of(node, printed, "s2")["state"] == "not held"

    def test_a_cosignature_is_a_receipt_in_hand_and_not_yet_anchored(self, node):
        printed = self._sent(node)
        self._cosign(node, "s2")
        found = self._of(node, printed, "s2")
        assert (found["state"], found["at"] is not None, found["anchored"]) == ("held", True, None)
        assert node.api.get("/v1/status")["peers"]["s2"]["holds"]["behind"] == 0

    def test_what_the_guarantor_keeps_for_the_other_side_is_held_for_relay(self, node):
        printed = self._sent(node)
        self._cosign(node, "g1")
        assert self._of(node, printed, "g1")["state"] == "held"
        assert self._of(node, printed, "s2")["state"] == "held for relay"

    def test_anchored_in_its_own_log_it_counts(self, node):
        printed = self._sent(node)
        self._cosign(node, "s2")
        node.other_says("s2", "R03", "NEW", "LOG", {"armed": True, "software": "x"}, seen=True)
        found = self._of(node, printed, "s2")
        assert (found["state"], found["anchored"] is not None, found["moves_clocks"]) == ("held", True, True)

    def test_acknowledging_is_shown_apart_from_holding(self, node):
        printed = self._sent(node)
        self._cosign(node, "s2")
        node.register("s2", "WATCH")
        node.other_says("s2", "D02", "ACK", "WATCH", {"ack": "RECEIVED"}, case=printed, seen=True)
        found = self._of(node, printed, "s2")
        assert (found["acknowledged_as"], found["acknowledged_at"] is not None) == ("RECEIVED", True)
        assert (found["answered_at"], found["read_at"]) == (None, None)

    def test_who_lacks_what_since_when_stands_in_status(self, node, clock):
        self._sent(node)
        self._cosign(node, "s2")
        clock.now += 100
        self._sent(node)
        holds = node.api.get("/v1/status")["peers"]["s2"]["holds"]
        assert (holds["behind"] > 0, holds["since"]) == (True, clock.now)


class TestQuarantine:
    """A case that breaks the fold is withheld from it; the node, the list and the alarm go on."""

    class Breaking:
        """A folder that fails over one text."""

        def __init__(self, real):
            self._real, self._bad = real, False

        def open(self, opened):
            self._bad = self._bad or any(CANARY.encode() in data for data in opened.values())
            self._real.open(opened)

        def add(self, entries):
            self._real.add(entries)

        def at(self, as_of):
            if self._bad:
                raise ZeroDivisionError(CANARY)
            return self._real.at(as_of)

    @pytest.fixture
    def broken(self, node):
        real = node.services.model._make
        node.services.model._make = lambda: self.Breaking(real())
        node.services.model._folder = self.Breaking(node.services.model._folder)
        return node

    def test_the_case_is_named_the_entry_still_rings_and_others_are_folded(self, broken):
        printed = stop_by_s2(broken)
        fields = STOP | {"since": broken.clock()}
        body = {"kind": "D02", "act": "NEW", "post": "WATCH", "fields": fields, "post_key": True}
        mine = broken.api.post("/v1/send", body)["id"]
        broken.settled()
        assert [one["id"] for one in broken.api.get("/v1/alarm")["ringing"]] == [printed]
        shown = {case["id"]: case for case in broken.api.get("/v1/cases", kind="D02")["cases"]}
        assert (shown[printed]["quarantined"], shown[mine]["quarantined"]) == (True, False)
        assert shown[mine]["state"] == "sent"
        assert broken.api.get(f"/v1/entries/{printed}")["content"] == {"text": CANARY}


class TestNoContent:
    """A canary word in an entry never appears in logs or metrics."""

    def test_not_in_log_files_nor_metrics_nor_on_stderr(self, node, capfd, monkeypatch):
        monkeypatch.setattr(logs, "_file", Path(node.folder.log) / "link.jsonl")
        sent = node.api.post(
            "/v1/send",
            {"kind": "D02", "act": "NEW", "post": "WATCH", "fields": STOP | {"since": node.clock()},
             "content": {"text": CANARY}, "post_key": True},
        )  # fmt: skip
        printed = stop_by_s2(node)
        node.step()
        with pytest.raises(ApiError):
            node.api.post("/v1/send", {"kind": CANARY, "act": "NEW", "post": "WATCH", "fields": {}})
        with pytest.raises(ApiError):
            node.api.get(f"/v1/entries/{CANARY}")
        text = "\n".join(node.services.reader.run(metric_lines, node.services).result(5))
        written = "".join(file.read_text() for file in node.folder.log.iterdir())
        assert sent["id"] and printed
        assert "api-refused" in written
        for place in (text, written, capfd.readouterr().err):
            assert CANARY not in place


class TestMetrics:
    """`/metrics` and `/healthz` on a local port."""

    def test_numbers_and_states_by_peer(self, node):
        node.context.lines.heard("s2", at=node.clock())
        node.step()
        node.settled()
        lines = node.services.reader.run(metric_lines, node.services).result(5)
        kinds = [row["kind"] for row in node.api.get("/v1/entries")["entries"]]
        assert kinds[:3] == ["R01", "R02", "R03"]
        assert f"detente_log_size {len(kinds)}" in lines
        assert 'detente_peer_line{peer="s2",line="direct"} 1' in lines
        assert 'detente_peer_line{peer="g1",line="none"} 1' in lines
        assert f'detente_peer_behind{{peer="s2"}} {len(kinds)}' in lines
        assert 'detente_peer_held{peer="s2"} 0' in lines
        assert 'detente_peer_heard_seconds{peer="s2"} 0' in lines
        assert 'detente_peer_heard_seconds{peer="g1"} -1' in lines

    def test_every_sample_has_help_and_type(self, node):
        lines = node.services.reader.run(metric_lines, node.services).result(5)
        named = {line.split()[2] for line in lines if line.startswith("# TYPE")}
        assert {line.split("{")[0].split()[0] for line in lines if not line.startswith("#")} == named

    def test_health_is_good_until_the_signer_is_gone(self, node):
        assert troubles(node.services) == []
        node.signer.down = True
        node.services.signer.look()
        assert troubles(node.services) == ["signer-unreachable"]

    def test_the_port_serves_both(self, node):
        (site,) = node.running.metrics._runner.sites
        port = site._server.sockets[0].getsockname()[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert b"detente_armed 0" in answer.read()


def test_arrivals_are_read_from_the_store_not_remembered(node):
    """The model's position is the store's: nothing is skipped after a burst."""
    stop_by_s2(node)
    last = node.services.reader.run(selectors.last_position).result(5)
    assert node.services.model.position == last


class TestStateDigest:
    """B8: heartbeats carry a digest of the states at their own cut, and others' are compared."""

    def test_ours_is_the_digest_of_what_lies_below_the_heartbeat(self, node):
        from detente.cases.cut import cut_of
        from detente.cases.entries import VerifiedEntry

        node.step()
        stop_by_s2(node)
        node.step()
        newest = own_rows(node, "R03")[-1]
        row = node.services.model.rows.get(node.services.entry_id(newest["id"]))
        cut = cut_of(VerifiedEntry(row.id, row.header_bytes, row.header))
        with node.services.model.reading() as book:
            assert newest["core"]["fields"]["state_digest"] == book.state_digest(cut).hex()
            assert book.state_digest(cut) != book.state_digest(type(cut)({}))

    @pytest.mark.parametrize("true", [True, False])
    def test_anothers_is_compared_and_a_difference_is_shown(self, node, true):
        from detente.cases.cut import Cut

        stop_by_s2(node)
        size = node.signer_of("s2").status().size
        with node.services.model.reading() as book:
            said = book.state_digest(Cut({node.folders["s2"].origin: size})).hex() if true else "00" * 32
        node.other_says("s2", "R03", "NEW", "LOG", {"armed": False, "software": "x", "state_digest": said})
        node.step()
        assert node.api.get("/v1/status")["peers"]["s2"]["digest"]["same"] is true

    def test_if_the_record_grew_meanwhile_the_heartbeat_is_made_anew(self, node, monkeypatch):
        node.step()
        sizes = iter([1, 1])
        monkeypatch.setattr(node.services.speaker, "_own_size", lambda: next(sizes, 99))
        node.services.reader.run(node.services.speaker.heartbeat, True).result(5)
        before = len(own_rows(node, "R03"))
        sizes = iter([before + 2])
        assert node.services.reader.run(node.services.speaker.heartbeat, True).result(5) is None
        assert len(own_rows(node, "R03")) == before
