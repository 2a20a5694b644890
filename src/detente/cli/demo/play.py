"""The scenes of the demo, in order. Each says what happens, does it as an officer would, and checks it.

Everything goes through the local APIs of the three nodes; nothing is read from another party's folder but
the alarm's own notes, which the demo wrote for itself.
"""

from __future__ import annotations

from typing import Any

from detente.cases.places import place_by_name, place_json
from detente.cli.demo.cell import PARTIES, Cell
from detente.cli.demo.stage import Shown, Stage
from detente.node.pairing import node_charter
from detente.record.errors import DetenteError

START_S = 60  # three nodes on a small machine, keys and certificates read, first heads signed
HELD_S = 10
SILENCE_S = 40
TEST_TEXT = "ABC 123 أبج ٤٥٦ אבג 789"


class Play:
    """Plays the scenes on a started cell; `keep` collects the entries that the evidence is made of."""

    def __init__(self, cell: Cell, stage: Stage) -> None:
        self.cell = cell
        self.stage = stage
        self.keep: list[str] = []
        self._tested: set[str] = set()
        stage.receipts_of = self._receipts
        self.skew_s = max(0, cell.offsets.get("s2", 0) - cell.offsets.get("s1", 0))
        charter = node_charter(cell.node("g1").folder)
        self._names = sorted(charter.gazetteer.values(), key=lambda name: name.id)

    def all(self) -> None:
        """Every scene; one that a node refuses to play is a check that did not hold, and ends the play."""
        scenes = (
            self.lines_come_up, self.contact_check, self.stop_and_check, self.false_alarm,
            self.cut_and_relay, self.held_node, self.silence,
        )  # fmt: skip
        for scene in scenes:
            try:
                scene()
            except DetenteError as error:
                self.stage.fault(f"a node refused: {error} (who must act: {error.who})")
                self._tell_faults()
                return

    def _tell_faults(self) -> None:
        """What the nodes' own logs say of faults: places in the program, never content."""
        for node in self.cell.nodes.values():
            for path in sorted(node.folder.log.glob("*.jsonl")):
                for line in path.read_text(encoding="utf-8").splitlines():
                    if '"error"' in line or '"unexpected"' in line:
                        self.stage.say(f"{node.party.upper()} {path.stem}: {line}")

    def lines_come_up(self) -> None:
        """Pairing, start question, accession, first heartbeats."""
        self.stage.scene("Three nodes start. Each asks a peer for the largest head of its log, then signs.")
        self.stage.expect(
            "all three sign, and every line is direct",
            lambda: all(self._started(party) for party in PARTIES), within=START_S,
        )  # fmt: skip
        self.stage.expect(
            "all three have acceded to one charter, and each node sees it",
            lambda: all(self._acceded(party) for party in PARTIES), within=START_S,
        )  # fmt: skip
        self.stage.expect(
            "each watch has heard its alarm: armed, and the peers know",
            lambda: {self._arm(party) for party in PARTIES} == {True}, within=START_S,
        )  # fmt: skip

    def contact_check(self) -> None:
        """D01 with a human answer."""
        self.stage.scene("Contact check (D01): S1 asks, S2 answers by repeating the test text byte for byte.")
        check = self._send("s1", "contact check", kind="D01", act="NEW", fields={
            "slot": "AD_HOC", "path": "PRIMARY", "test_text": TEST_TEXT, "watch_language_cover": ["AR", "EN"],
        })  # fmt: skip
        self._held(check, "s2", "g1")
        self._answer("s2", check, "echo", fields={
            "answer": "ECHO", "echo": TEST_TEXT, "watch_language_cover": ["HE", "EN"],
        })  # fmt: skip
        if self.skew_s:
            self.stage.say(
                f"S2's clock runs {self.skew_s} s ahead, and the demo's clocks are seconds long: by the time "
                "that S2's own entry names, its answer is late. Every node grades it so."
            )
        self._result(check, "OK_LATE" if self.skew_s else "OK")

    def stop_and_check(self) -> None:
        """D02 with alarm, acknowledgement, answer, second signature and end."""
        self.stage.scene("STOP-AND-CHECK (D02): S1 presses, S2's alarm sounds, two keys answer.")
        stop = self._stop("s1", "STOP-AND-CHECK", "OUR_FORCE_MISIDENTIFIED")
        self._alarm("s2", stop, within=5)
        self._held(stop, "s2", "g1")
        self._act("s2", stop, "acknowledged", "ACK", {"ack": "UNDERSTOOD"})
        self._act("s2", stop, "answer: paused", "ANSWER", {"answer": "PAUSED"})
        self._state(stop, "holding")
        self._act("s1", stop, "second signature", "SIGN", {}, post="RELEASE")
        self.stage.expect(
            "confirmed by a second post within its clock",
            lambda: self._case("g1", stop.id)["confirmation"] == "confirmed", within=HELD_S,
        )  # fmt: skip
        self.stage.expect(
            "the guarantor's node shows the same receipt times as the sender's",
            # A receipt's time that a node's own clock has not reached yet is not known there yet (B3).
            lambda: self._times("g1", stop) == self._times("s1", stop), within=HELD_S + self.skew_s,
        )  # fmt: skip
        self._act("s1", stop, "ended", "MOVE", {})
        self._state(stop, "ended")
        self.keep.append(stop.id)

    def false_alarm(self) -> None:
        """D02 in error, ended by the prepared text."""
        self.stage.scene("A false alarm: S2 presses in error, and takes it back with the prepared text.")
        stop = self._stop("s2", "STOP-AND-CHECK", "OTHER")
        self._alarm("s1", stop, within=5)
        self._act("s2", stop, "false alarm", "CORRECT", {})
        self._state(stop, "false_alarm")

    def cut_and_relay(self) -> None:
        """The direct line is cut; the guarantor passes entries and receipts on."""
        self.stage.scene("The line between S1 and S2 is cut. STOP-AND-CHECK goes through the guarantor.")
        self.cell.places.cut("s1", "s2")
        stop = self._stop("s1", "STOP-AND-CHECK", "ACCIDENT_OURS")
        self._alarm("s2", stop, within=5)
        self._held(stop, "s2", "g1")
        self._act("s2", stop, "answer: checking", "ANSWER", {"answer": "CHECKING"})
        self._state(stop, "checking")
        self.stage.expect(
            "status at S1 says that S2 is reached through the guarantor",
            lambda: self._line("s1", "s2") == "relay", within=15,
        )  # fmt: skip
        self.cell.places.mend("s1", "s2")
        self.stage.expect("the line is whole again", lambda: self._line("s1", "s2") == "direct", within=15)
        self._act("s1", stop, "ended", "MOVE", {})
        self._state(stop, "ended")
        self.keep.append(stop.id)

    def held_node(self) -> None:
        """S2's machine hangs and comes back."""
        self.stage.scene("S2's machine hangs. S1's status says so; when it comes back, nothing is missing.")
        self.cell.node("s2").hold()
        self.stage.expect(
            "status at S1 says within 10 s that S2 is not reached",
            lambda: self._line("s1", "s2") != "direct", within=10,
        )  # fmt: skip
        stop = self._stop("s1", "STOP-AND-CHECK", "AIRCRAFT_AT_RISK")
        self._held(stop, "g1")
        self.stage.expect(
            "S2 is shown as not holding it; the guarantor holds it for relay",
            lambda: self._receipt(stop, "s2") == "held for relay",
            within=3,
        )
        self.cell.node("s2").resume()
        self._alarm("s2", stop, within=15)
        self._held(stop, "s2")
        self._act("s2", stop, "acknowledged", "ACK", {"ack": "RECEIVED"})
        self._act("s1", stop, "ended", "MOVE", {})
        self._state(stop, "ended")

    def silence(self) -> None:
        """A check that nobody answers is graded, without blame."""
        self.stage.scene("Silence: S1's contact check is not answered. It is graded; nobody is blamed.")
        check = self._send("s1", "contact check", kind="D01", act="NEW", fields={
            "slot": "AD_HOC", "path": "PRIMARY", "test_text": TEST_TEXT,
        })  # fmt: skip
        self._held(check, "s2", "g1")
        self._result(check, "LINE_ALIVE_NO_ANSWER")
        self._answer("s2", check, "echo, late", fields={"answer": "ECHO", "echo": TEST_TEXT})
        self._result(check, "OK_LATE")

    # ------------------------------------------------------------------ what the scenes are made of

    def _stop(self, party: str, says: str, meaning: str) -> Shown:
        name = self._names[len(self.keep) % len(self._names)]
        place = place_json(place_by_name(name, precision_m=1000))
        fields = {"meaning": meaning}
        return self._send(party, says, kind="D02", act="NEW", fields=fields, content={"place": place})

    def _send(self, party: str, says: str, **body: Any) -> Shown:
        sent = self.cell.node(party).api.post("/v1/send", {"post": "WATCH", "post_key": True, **body})
        return self.stage.show(sent["id"], says, sent["time"])

    def _act(
        self, party: str, about: Shown, says: str, act: str, fields: dict[str, Any], *, post: str = "WATCH"
    ) -> None:
        entry = self.cell.node(party).api.get(f"/v1/entries/{about.id}")
        body = {"kind": entry["kind"], "act": act, "case": about.id, "refers_to": [about.id]}
        if act in ("UPDATE", "MOVE", "SIGN", "CORRECT", "WITHDRAW"):
            body["refers_to"] = []
        self._send(party, f"{says} ({about.id})", post=post, fields=fields, **body)

    def _answer(self, party: str, about: Shown, says: str, *, fields: dict[str, Any]) -> None:
        self._act(party, about, says, "ANSWER", fields)

    def _held(self, shown: Shown, *parties: str) -> None:
        who = " and ".join(party.upper() for party in parties)
        self.stage.expect(
            f"{shown.id} is on the disk of {who}, signed by it",
            lambda: all(self._receipt(shown, party) == "held" for party in parties), within=HELD_S,
        )  # fmt: skip

    def _receipt(self, shown: Shown, party: str) -> str:
        shown.receipts = self._receipts(shown.id)
        return str(shown.receipts.get(party, {}).get("state"))

    def _receipts(self, name: str) -> dict[str, dict[str, Any]]:
        author = name.partition("-")[0].lower()
        found = self.cell.node(author).api.get(f"/v1/receipts/{name}")
        return {one["party"]: one for one in found["receipts"]}

    def _times(self, party: str, shown: Shown) -> dict[str, Any]:
        """Times of receipt as that node computes them from the logs; they must not depend on who looks."""
        found = self.cell.node(party).api.get(f"/v1/receipts/{shown.id}")
        rows = {one["party"]: one for one in found["receipts"]}
        if not all(row.get("anchored") for row in rows.values()):
            raise OSError("not anchored yet")
        keys = ("at", "acknowledged_at", "answered_at")
        return {name: {key: row.get(key) for key in keys} for name, row in rows.items()}

    def _alarm(self, party: str, shown: Shown, *, within: float) -> None:
        self.stage.expect(
            f"{party.upper()}'s alarm sounds for {shown.id}",
            lambda: any(name == shown.id for _, name in self.cell.alarm_times(party)), within=within,
        )  # fmt: skip

    def _state(self, shown: Shown, state: str) -> None:
        self.stage.expect(
            f"the case is `{state}` on all three nodes",
            lambda: all(self._case(party, shown.id)["state"] == state for party in PARTIES), within=HELD_S,
        )  # fmt: skip

    def _result(self, shown: Shown, result: str) -> None:
        self.stage.expect(
            f"the check is graded {result} on all three nodes",
            lambda: all(self._graded(party, shown.id) == result for party in PARTIES), within=SILENCE_S,
        )  # fmt: skip

    def _graded(self, party: str, name: str) -> str | None:
        checks = self.cell.node(party).api.get("/v1/checks")["checks"]
        found = next((one["result"] for one in checks if one["id"] == name), None)
        return None if found is None else str(found)

    def _case(self, party: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.cell.node(party).api.get(f"/v1/cases/{name}")
        return found

    def _line(self, party: str, peer: str) -> str:
        return str(self.cell.node(party).status()["peers"][peer]["line"])

    def _started(self, party: str) -> bool:
        now = self.cell.node(party).status()
        direct = all(peer["line"] == "direct" for peer in now["peers"].values())
        return now["signer"]["state"] == "started" and direct

    def _acceded(self, party: str) -> bool:
        rows = self.cell.node(party).api.get("/v1/entries", from_=0, limit=200)["entries"]
        return {row["party"] for row in rows if row["kind"] == "R02"} == set(PARTIES)

    def _arm(self, party: str) -> bool:
        """Sound the alarm once, and confirm that it was heard once it did; True when the peers know."""
        api = self.cell.node(party).api
        state = api.get("/v1/alarm")
        if party not in self._tested:
            self._tested.add(party)
            api.post("/v1/alarm/test", {})
        elif not state["armed"] and state["tests"]:
            post = "SUPERVISOR" if party == "g1" else "WATCH"
            api.post("/v1/alarm/confirm", {"post": post, "post_key": True})
        peers = self.cell.node(party).status()["peers"].values()
        return bool(state["armed"]) and all(peer["armed"] for peer in peers)
