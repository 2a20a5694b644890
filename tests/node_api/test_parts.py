"""The life of parts at one node over a real store: opened, over, recalled, destroyed, confirmed."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from detente.node import models as tables
from detente.node import selectors, store
from detente.node.client import ApiError
from detente.record.names import EntryId, print_id
from detente.record.parts import sealed_hash
from node.rig import Clock
from node_api.rig import Node, make_cell

PICTURE = bytes(range(256)) * 8
WORDS = "words that nobody wrote twice 7f3a"


@pytest.fixture
def node(tmp_path) -> Iterator[Node]:
    found = Node(make_cell(tmp_path, trial=True), Clock())
    found.start()
    found.in_force()
    found.register("s2", "WATCH")
    found.register("g1", "WATCH")
    yield found
    found.stop()


def says(node: Node, act: str = "NEW", case: str | None = None, **more) -> EntryId:
    """S2 says something in T90."""
    fields = {"topic": "FIRST"} if act == "NEW" else {}
    more.setdefault("content", {"text": WORDS} if act == "NEW" else None)
    to = "s1" if act == "NEW" else None
    node.clock.now += 1
    return node.other_says("s2", "T90", act, "WATCH", fields, case=case, to=to, seen=True, **more)


def send(node: Node, act: str = "NEW", **more) -> str:
    """S1 says something in T90 by its local API."""
    body = {"kind": "T90", "act": act, "post": "WATCH", "post_key": True, "fields": {}, **more}
    if act == "NEW":
        body |= {"fields": {"topic": "FIRST"}, "to": "s2"}
    found: str = node.api.post("/v1/send", body)["id"]
    node.settled()
    return found


def run(node: Node, function, *args):
    return node.services.reader.run(function, *args).result(10)


def states(node: Node, entry: EntryId | str) -> list[str]:
    printed = entry if isinstance(entry, str) else print_id(entry)
    return [one["state"] for one in node.api.get(f"/v1/entries/{printed}/parts")["parts"]]


def steps(node: Node, count: int = 3) -> None:
    for _ in range(count):
        node.step()
        node.settled()


def everywhere(node: Node) -> bytes:
    """Every byte of the database as it lies on the disk, with its journal."""
    place = node.folder.path
    return b"".join(one.read_bytes() for one in sorted(place.glob("node.sqlite3*")))


class TestAttachments:
    """From a file at the author to the same bytes at the reader."""

    def test_an_own_attachment_is_in_the_log_sealed_and_read_back(self, node) -> None:
        entry = send(node, content={"text": WORDS}, attachments=[base64.b64encode(PICTURE).decode()])
        assert states(node, entry) == ["open", "open", "open"]
        part = node.api.get(f"/v1/entries/{entry}/parts/2")
        assert (part["role"], base64.b64decode(part["data"])) == ("attachment", PICTURE)

    def test_anothers_attachment_comes_later_and_is_missing_until_then(self, node) -> None:
        entry = says(node, attachments=[b"s" * 32 + PICTURE], bring=("core", "content"))
        assert states(node, entry) == ["open", "open", "missing"]
        (attachment,) = [one for one in node.sealed if sealed_hash(one) in _wanted(node)]
        node.context.keeper.submit(node.context.keeper.receiver.take_part, attachment).result(10)
        node.settled()
        assert states(node, entry) == ["open", "open", "open"]
        with pytest.raises(ApiError) as refusal:
            node.api.get(f"/v1/entries/{print_id(entry)}/parts/3")
        assert refusal.value.code == "not-found"

    def test_a_part_that_does_not_open_is_told_by_an_r06(self, node) -> None:
        from detente.record.age import recipient_of

        others = {one: recipient_of(bytes([n]) * 32) for n, one in enumerate(("s1", "s2", "g1"), 1)}
        core = node.charter.parties["s1"].receiving
        entry = says(node, keys={**others, "s1": core}, attachments=[b"s" * 32 + PICTURE])
        broken = says(node, keys=others)
        assert states(node, entry) == ["open"] * 3
        assert states(node, broken) == ["cannot open", "cannot open"]
        steps(node)
        told = [row.core.fields for row in node.services.model.rows.of_kind("R06") if row.party == "s1"]
        assert sorted(one["part"] for one in told) == [0, 1]
        assert {one["reason"] for one in told} == {"NOT_SEALED_TO_US"}


class TestModes:
    """What this node holds of what others said, by their delivery mode: it is a side here."""

    def test_direct_and_sealed_are_read_by_the_side(self, node) -> None:
        assert states(node, says(node, mode="DIRECT")) == ["open", "open"]
        assert states(node, says(node, mode="SEALED")) == ["open", "open"]

    def test_own_parts_go_to_whom_the_mode_names(self, node) -> None:
        keep = {}
        for mode in ("COPY", "DIRECT", "SEALED", "RELAY"):
            entry = node.services.entry_id(send(node, mode=mode, content={"text": WORDS}))
            keep[mode] = {(one.to, one.keep) for one in run(node, selectors.parts_of, entry)}
        both = ("g1", "s2")
        assert keep == {
            "COPY": {(both, both)}, "RELAY": {(both, both)}, "DIRECT": {(("s2",), ("s2",))},
            "SEALED": {(("s2",), both)},
        }  # fmt: skip


class TestExpiry:
    """At the instant, never before it, and nowhere a byte is left."""

    def test_to_the_second(self, node) -> None:
        until = node.clock.now + 100
        entry = says(node, handling={"valid_until": until}, attachments=[b"s" * 32 + PICTURE])
        printed = print_id(entry)
        node.clock.now = until - 1
        steps(node)
        assert states(node, entry) == ["open", "open", "open"]
        assert node.api.get(f"/v1/entries/{printed}")["content"] == {"text": WORDS}
        assert WORDS.encode() in everywhere(node)
        node.clock.now = until
        # Nothing was destroyed yet, and it is not read any more.
        assert node.api.get(f"/v1/entries/{printed}")["content"] is None
        assert node.api.get(f"/v1/cases/{printed}")["timeline"][0]["content"] is None
        assert states(node, entry) == ["open", "over", "over"]
        for position in (1, 2):
            with pytest.raises(ApiError) as refusal:
                node.api.get(f"/v1/entries/{printed}/parts/{position}")
            assert refusal.value.code == "part-over"
        steps(node)
        first, *behind = run(node, selectors.parts_of, entry)
        assert (first.held, first.destroyed) == (True, False)
        assert [(one.held, one.destroyed) for one in behind] == [(False, True)] * 2
        stones = run(node, lambda: list(tables.Destroyed.objects.values_list("reason", "size", "held")))
        assert sorted(stones) == sorted(("expired", one.size, True) for one in behind)
        assert WORDS.encode() not in everywhere(node)
        assert node.api.get(f"/v1/cases/{printed}")["state"] == "open", "that it was said stays"

    def test_the_authors_own_words_go_too(self, node) -> None:
        until = node.clock.now + 10
        entry = send(node, handling={"valid_until": until}, content={"text": WORDS})
        assert WORDS.encode() in everywhere(node)
        node.clock.now = until
        steps(node)
        assert states(node, entry) == ["open", "over"]
        assert WORDS.encode() not in everywhere(node)

    def test_a_part_that_never_came_is_missing_no_more_and_never_taken(self, node) -> None:
        until = node.clock.now + 10
        entry = says(node, handling={"valid_until": until}, bring=("core",))
        assert states(node, entry) == ["open", "missing"]
        assert run(node, selectors.lacking, entry.log, entry.index + 1)
        before = run(node, selectors.largest_cosignature, entry.log, "s1")
        node.clock.now = until
        steps(node)
        assert not run(node, selectors.lacking, entry.log, entry.index + 1)
        assert run(node, selectors.largest_cosignature, entry.log, "s1").time > before.time
        late = node.sealed[1]
        assert node.context.keeper.submit(node.context.keeper.receiver.take_part, late).result(10) == []
        assert run(node, selectors.part_bytes, sealed_hash(late)) is None

    def test_after_a_restart_it_is_still_over(self, node) -> None:
        until = node.clock.now + 10
        entry = says(node, handling={"valid_until": until})
        node.clock.now = until
        node.services.model.ended.clear()
        fresh = type(node.services.life)(node.context, node.services.model)
        node.services.model.enforce = fresh.enforce
        node.services.life = fresh
        steps(node)
        assert states(node, entry) == ["open", "over"]
        steps(node)
        assert run(node, tables.Destroyed.objects.count) == 1


class TestRecall:
    """Recipients destroy and say so; the author sees who did; what was read is said to be read."""

    def test_a_recipient_destroys_confirms_and_keeps_the_core(self, node) -> None:
        entry = says(node, attachments=[b"s" * 32 + PICTURE])
        case = print_id(entry)
        node.clock.now += 5
        send(node, "READ", case=case)
        recall = says(node, "RECALL", case=case)
        assert states(node, entry) == ["open", "over", "over"]
        steps(node)
        assert WORDS.encode() not in everywhere(node)
        shown = node.api.get(f"/v1/cases/{case}")
        (found,) = shown["recalls"]
        (said,) = found["confirmed"]
        assert (found["id"], found["waiting"], found["read_before"]) == (print_id(recall), ["g1"], ["s1"])
        assert (said["party"], said["outcome"]) == ("s1", "DESTROYED")
        assert shown["state"] == "recalled" and shown["fields"]["topic"]["value"] == "FIRST"
        assert shown["timeline"][0]["ends"]["act"] == print_id(recall)
        stones = run(node, lambda: list(tables.Destroyed.objects.values_list("act_log", "act_index")))
        assert stones == [(recall.log, recall.index)] * 2
        steps(node)
        again = node.api.get(f"/v1/cases/{case}")["timeline"]
        assert [one["act"] for one in again].count("CONFIRM") == 1

    def test_what_never_came_is_confirmed_as_never_held(self, node) -> None:
        entry = says(node, bring=("core",))
        says(node, "RECALL", case=print_id(entry))
        steps(node)
        (found,) = node.api.get(f"/v1/cases/{print_id(entry)}")["recalls"]
        assert [one["outcome"] for one in found["confirmed"]] == ["NOT_HELD"]

    def test_an_own_recall_serves_nobody_and_shows_who_has_not_confirmed(self, node) -> None:
        case = send(node, content={"text": WORDS})
        entry = node.services.entry_id(case)
        sha256 = run(node, selectors.parts_of, entry)[1].sha256
        assert run(node, selectors.part_for, sha256, "s2") is not None
        node.clock.now += 5
        recall = send(node, "RECALL", case=case)
        steps(node)
        assert run(node, selectors.part_for, sha256, "s2") is None
        assert states(node, case) == ["open", "open"], "its author keeps what it said"
        (found,) = node.api.get(f"/v1/cases/{case}")["recalls"]
        assert (found["confirmed"], found["waiting"]) == ([], ["g1", "s2"])
        node.clock.now += 5
        node.other_says(
            "s2", "T90", "CONFIRM", "LOG", {"outcome": "DESTROYED"}, case=case, refers_to=(recall,), seen=True
        )
        (found,) = node.api.get(f"/v1/cases/{case}")["recalls"]
        assert ([one["party"] for one in found["confirmed"]], found["waiting"]) == (["s2"], ["g1"])

    def test_an_irregular_recall_destroys_nothing(self, node) -> None:
        entry = says(node)
        # The guarantor is copied here: the kind gives it no recall. Composing refuses, so it is written raw.
        with pytest.raises(Exception) as refusal:
            node.other_says("g1", "T90", "RECALL", "WATCH", {}, case=print_id(entry))
        assert refusal.value.code in ("not-by-this-party", "not-permitted")
        steps(node)
        assert states(node, entry) == ["open", "open"]


class TestGuards:
    """The database itself keeps bytes without a tombstone."""

    def test_bytes_go_only_behind_their_tombstone(self, node) -> None:
        entry = says(node)
        sha256 = run(node, selectors.parts_of, entry)[1].sha256

        def remove():
            tables.PartBytes.objects.filter(sha256=sha256.hex()).delete()

        with pytest.raises(Exception, match="append-only"):
            node.writer.submit(remove).result(10)
        node.writer.submit(lambda: store.destroy_part(sha256, reason="expired", at=1)).result(10)
        assert run(node, selectors.part_bytes, sha256) is None

        def forget():
            tables.Destroyed.objects.all().delete()

        with pytest.raises(Exception, match="append-only"):
            node.writer.submit(forget).result(10)


def _wanted(node: Node) -> set[bytes]:
    return {one.sha256 for one in run(node, selectors.wanted)}
