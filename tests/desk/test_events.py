"""The event stream: ids only, resumed by Last-Event-ID, followed again after the node was away."""

from __future__ import annotations

import http.client
import json
import time

from desk.harness import Visitor


class Stream:
    def __init__(self, visitor: Visitor, last: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", visitor.desk.port, timeout=20)
        cookie = "; ".join(f"{k}={v}" for k, v in visitor.cookies.items())
        headers = {"Host": visitor.desk.host, "Cookie": cookie}
        self.connection.request("GET", "/events", headers=headers | ({"Last-Event-ID": last} if last else {}))
        self.answer = self.connection.getresponse()

    def next(self, wanted: str) -> tuple[str, dict[str, object]]:
        """(id, data) of the next event of that type."""
        kind, number, deadline = "", "", time.monotonic() + 15
        while time.monotonic() < deadline:
            line = self.answer.readline().decode().rstrip("\n")
            name, _, value = line.partition(": ")
            if name == "id":
                number = value
            elif name == "event":
                kind = value
            elif name == "data" and kind == wanted:
                return number, json.loads(value)
        raise AssertionError(f"no {wanted}")

    def close(self) -> None:
        self.connection.close()


class TestStream:
    def test_an_entry_comes_as_ids_and_kinds_only(self, officer: Visitor) -> None:
        stream = Stream(officer)
        assert stream.answer.getheader("Content-Type") == "text/event-stream; charset=utf-8"
        self.wait_until_followed(officer, stream)
        officer.desk.node.tell(
            "entry",
            {"id": "S2-X00999", "kind": "D02", "act": "NEW", "case": "S2-X00999", "content": "secret"},
        )
        _, data = stream.next("entry")
        assert data == {"id": "S2-X00999", "kind": "D02", "act": "NEW", "case": "S2-X00999"}
        stream.close()

    def test_what_was_missed_comes_after_the_last_id(self, officer: Visitor) -> None:
        stream = Stream(officer)
        self.wait_until_followed(officer, stream)
        officer.desk.node.tell("entry", {"id": "S2-X00901"})
        number, _ = stream.next("entry")
        stream.close()
        officer.desk.node.tell("entry", {"id": "S2-X00902"})
        time.sleep(0.3)
        again = Stream(officer, last=number)
        assert again.next("entry")[1] == {"id": "S2-X00902"}
        again.close()

    def test_an_unknown_last_id_asks_to_look_at_all(self, officer: Visitor) -> None:
        stream = Stream(officer, last="17")
        stream.next("resync")
        stream.close()

    def test_a_beat_comes_while_nothing_happens(self, officer: Visitor) -> None:
        stream = Stream(officer)
        stream.next("beat")
        stream.close()

    def wait_until_followed(self, officer: Visitor, stream: Stream) -> None:
        """The first reader starts the following thread: knock until it is heard."""
        for _ in range(20):
            officer.desk.node.tell("alarm", {"state": "knock"})
            time.sleep(0.1)
        stream.next("alarm")
