"""The life of parts over three living nodes: modes, attachments, expiry and recall, by T90."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from charter.harbour import TRIALS, trial_template
from detente.cli import charter as charter_verb
from detente.cli.demo import cell as demo_cell
from detente.cli.demo.cell import PARTIES, Cell
from detente.node.client import ApiError
from live.officers import started, until

pytestmark = pytest.mark.live

PICTURE = bytes(range(256)) * 1200  # 300 KiB
WITHIN_S = 30


def words(name: str) -> str:
    """Words that stand nowhere else."""
    return f"EXERCISE only, {name}, 5c1d-e77a-{name}"


def trial_charter(template: Path, cards: list[bytes], out: Path) -> None:
    """The demo's charter with the kinds of tests beside the shipped kinds."""
    changed = out.parent / "template"
    changed.mkdir()
    for one in template.iterdir():
        (changed / one.name).write_bytes(one.read_bytes())
    (changed / "charter.toml").write_bytes(trial_template((template / "charter.toml").read_bytes()))
    charter_verb.write_charter(changed, cards, out)
    for one in TRIALS:
        (out / "kinds" / one.name).write_bytes(one.read_bytes())


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_cell, "write_charter", trial_charter)
        with started(tmp_path_factory.mktemp("cell") / "d", desks=False) as found:
            until(lambda: all(found.node(one).status()["in_force"] for one in PARTIES), WITHIN_S, "in force")
            yield found


def send(cell: Cell, party: str, act: str = "NEW", **more: Any) -> str:
    body = {"kind": "T90", "act": act, "post": "WATCH", "post_key": True, "fields": {}, **more}
    if act == "NEW":
        body |= {"fields": {"topic": "FIRST"}, "to": {"s1": "s2", "s2": "s1", "g1": "s1"}[party]}
    found: str = cell.node(party).api.post("/v1/send", body)["id"]
    return found


def states(cell: Cell, party: str, entry: str) -> list[str]:
    return [one["state"] for one in cell.node(party).api.get(f"/v1/entries/{entry}/parts")["parts"]]


def become(cell: Cell, party: str, entry: str, wanted: list[str]) -> None:
    until(lambda: states(cell, party, entry) == wanted, WITHIN_S, f"{entry} at {party}: {wanted}")


def lies_on(cell: Cell, party: str, name: str) -> bool:
    """Whether the words stand anywhere among the files of that node."""
    place = cell.node(party).folder.path
    return any(words(name).encode() in one.read_bytes() for one in place.rglob("*") if one.is_file())


def file(data: bytes) -> str:
    return base64.b64encode(data).decode()


class TestModes:
    """Who reads, who keeps, who has nothing."""

    @pytest.mark.parametrize(
        ("mode", "side", "guarantor"),
        [("COPY", "open", "open"), ("RELAY", "open", "open"), ("DIRECT", "open", "not for this party"),
         ("SEALED", "open", "sealed")],
    )  # fmt: skip
    def test_content_and_attachment(self, cell: Cell, mode: str, side: str, guarantor: str) -> None:
        more = {"content": {"text": words(mode)}, "attachments": [file(PICTURE)]}
        entry = send(cell, "s1", mode=mode, **more)
        for party, wanted in (("s2", side), ("g1", guarantor)):
            become(cell, party, entry, [wanted] * 3)
        part = cell.node("s2").api.get(f"/v1/entries/{entry}/parts/2")
        assert base64.b64decode(part["data"]) == PICTURE
        assert cell.node("s2").api.get(f"/v1/entries/{entry}")["content"] == {"text": words(mode)}
        assert lies_on(cell, "g1", mode) is (guarantor == "open")


class TestExpiry:
    """Until its second it is there, from then on it is nowhere, on three nodes."""

    def test_on_every_node(self, cell: Cell) -> None:
        until_at = int(time.time()) + 12
        entry = send(
            cell, "s2", content={"text": words("expiry")}, attachments=[file(PICTURE)],
            handling={"valid_until": until_at},
        )  # fmt: skip
        for party in PARTIES:
            become(cell, party, entry, ["open"] * 3)
        assert time.time() < until_at and all(lies_on(cell, one, "expiry") for one in PARTIES)
        until(lambda: time.time() >= until_at, 60, "its second")
        for party in PARTIES:
            api = cell.node(party).api
            assert api.get(f"/v1/entries/{entry}")["content"] is None, "over, whether destroyed yet or not"
            assert states(cell, party, entry) == ["open", "over", "over"]
            with pytest.raises(ApiError) as refusal:
                api.get(f"/v1/entries/{entry}/parts/2")
            assert refusal.value.code == "part-over"
        until(lambda: not any(lies_on(cell, one, "expiry") for one in PARTIES), WITHIN_S, "no byte is left")
        found = cell.node("s1").api.get(f"/v1/entries/{entry}/parts")["parts"][1]
        assert found["destroyed_at"] >= until_at and found["was_held"] is True


class TestRecall:
    """The author takes content back; its page says who confirmed; that it was said stays."""

    def test_to_the_last_confirmation_and_after_a_restart(self, cell: Cell) -> None:
        case = send(cell, "s1", content={"text": words("recall")}, attachments=[file(PICTURE)])
        for party in ("s2", "g1"):
            become(cell, party, case, ["open"] * 3)
        send(cell, "s2", "READ", case=case)
        until(
            lambda: [one["act"] for one in _case(cell, "s1", case)["timeline"]] == ["NEW", "READ"], WITHIN_S,
            "the reading is known",
        )  # fmt: skip
        send(cell, "s1", "RECALL", case=case)
        (found,) = until(lambda: _all_confirmed(cell, case), WITHIN_S, "both confirm")
        assert {one["party"]: one["outcome"] for one in found["confirmed"]} == {
            "g1": "DESTROYED", "s2": "DESTROYED",
        }  # fmt: skip
        assert found["read_before"] == ["s2"]
        assert not lies_on(cell, "s2", "recall") and not lies_on(cell, "g1", "recall")
        assert lies_on(cell, "s1", "recall"), "its author keeps what it said"
        for party in PARTIES:
            until(lambda party=party: _case(cell, party, case)["state"] == "recalled", WITHIN_S, party)
        cell.node("s2").process.terminate()  # type: ignore[union-attr]
        cell.node("s2").process.wait(30)  # type: ignore[union-attr]
        cell.start_node("s2")
        until(lambda: states(cell, "s2", case) == ["open", "over", "over"], 90, "S2 is back")
        assert not lies_on(cell, "s2", "recall")
        acts = [one["act"] for one in _case(cell, "s2", case)["timeline"]]
        assert acts.count("CONFIRM") == 2


class TestShow:
    """Sealed to its author alone; each view is asked for, logged on both nodes, and stored nowhere."""

    def test_one_view_and_none_while_the_author_is_away(self, cell: Cell) -> None:
        entry = send(
            cell, "s1", content={"text": words("show")}, attachments=[file(PICTURE)],
            handling={"mode": "SHOW"},
        )  # fmt: skip
        for party in ("s2", "g1"):
            become(cell, party, entry, ["open", "shown", "shown"])
        shown = _show(cell, "s2", entry, 2)
        assert (shown["role"], base64.b64decode(shown["data"])) == ("attachment", PICTURE)
        assert words("show").encode() in base64.b64decode(_show(cell, "g1", entry, 1)["data"])
        assert not lies_on(cell, "s2", "show") and not lies_on(cell, "g1", "show")
        assert states(cell, "s2", entry) == ["open", "shown", "shown"], "a view leaves nothing here"
        assert _views(cell, "s2", entry) == [("asked", "s2", 2, None)]
        assert _views(cell, "s1", entry) == [("showed", "s2", 2, None), ("showed", "g1", 1, None)]
        assert not cell.node("s2").status()["peers"]["s1"]["missing"], "it is never missing (A11)"
        cell.node("s1").hold()
        try:
            with pytest.raises(ApiError) as refusal:
                _show(cell, "s2", entry, 2)
        finally:
            cell.node("s1").resume()
        assert refusal.value.code == "originator-unreachable"
        assert _views(cell, "s2", entry)[-1] == ("asked", "s2", 2, "originator-unreachable")

    def test_none_after_its_recall(self, cell: Cell) -> None:
        entry = send(cell, "s2", content={"text": words("shown")}, handling={"mode": "SHOW"})
        become(cell, "s1", entry, ["open", "shown"])
        until(lambda: _show(cell, "s1", entry, 1), WITHIN_S, "a view")
        send(cell, "s2", "RECALL", case=entry)
        until(lambda: _case(cell, "s2", entry)["state"] == "recalled", WITHIN_S, "recalled")
        with pytest.raises(ApiError) as refusal:
            _show(cell, "s1", entry, 1)
        assert refusal.value.code == "show-over"


def _show(cell: Cell, party: str, entry: str, position: int) -> Any:
    path = f"/v1/entries/{entry}/parts/{position}/show"
    return cell.node(party).api.post(path, {"post": "WATCH"})


def _views(cell: Cell, party: str, entry: str) -> list[tuple[Any, ...]]:
    found = cell.node(party).api.get(f"/v1/entries/{entry}/views")["views"]
    return [(one["side"], one["viewer"], one["position"], one["code"]) for one in found]


def _case(cell: Cell, party: str, case: str) -> Any:
    return cell.node(party).api.get(f"/v1/cases/{case}")


def _all_confirmed(cell: Cell, case: str) -> Any:
    found = _case(cell, "s1", case)["recalls"]
    return found if found and not found[0]["waiting"] else None
