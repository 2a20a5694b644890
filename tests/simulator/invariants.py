"""What must always be true, each under its name with the reason; and the watcher that looks.

The watcher stands outside the nodes: it sees each signature when it is made and each disk when it likes, and
asks no node whether it did well.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from detente.record.errors import DetenteError
from detente.record.evidence import parse_two_histories, verify_two_histories
from detente.record.head import Head, parse_body
from detente.record.names import party_of
from simulator.cheap import log_keys_of
from simulator.cheap import remembered_note as parse_note
from simulator.disk import header_of
from simulator.drafts import log_of, state_digest

if TYPE_CHECKING:
    from simulator.cell import CellSimulator
    from simulator.node import Node

INVARIANTS: Final = {
    "one-history": "An honest log never signs two roots for one size: the two heads would convict it (C1).",
    "receipt-on-disk": "A mirror cosigns only what is on its disk: a receipt is a fact, not a hope (B1).",
    "receipt-kept": "What a mirror cosigned it holds at the end, whatever it went through (P1).",
    "fork-proven": "Who was shown two histories of one log holds a file that convinces a stranger (P3, C4).",
    "honest-not-convicted": "No fault makes an honest node look dishonest or stops its signer (C4).",
    "floor-delivered": "A STOP-AND-CHECK is held and readable soon, while one path there exists (P6, D3).",
    "equal-states": "After quiet all honest nodes hold the same and fold it to the same states (P4).",
}

#: Seconds in which a path exists, without loss and with it, until a floor entry must be there.
FLOOR_S: Final = 6.0
FLOOR_LOSSY_S: Final = 18.0
SAMPLE_S: Final = 0.25


class Watch:
    """Sees signatures and disks of one cell. `broken` maps a named invariant to what was seen."""

    def __init__(self, cell: "CellSimulator") -> None:
        self.cell = cell
        self.broken: dict[str, str] = {}
        self.heads: dict[tuple[str, int], bytes] = {}
        self.receipts: dict[tuple[str, str, int], bytes] = {}
        self.shown: dict[tuple[str, str], dict[int, set[bytes]]] = defaultdict(lambda: defaultdict(set))
        self.pressed: dict[tuple[str, str, bytes], float] = {}
        self.slowest = 0.0
        self.limit = FLOOR_LOSSY_S if cell.noise.loss or cell.noise.late else FLOOR_S
        self.rolled_back: set[str] = set()

    def fail(self, name: str, text: str) -> None:
        assert name in INVARIANTS
        if name not in self.broken:
            self.broken[name] = f"{self.cell.now:.3f} s: {text}"
            self.cell.tell_story(f"BROKEN {name}: {text}")

    # ---- while it runs

    def head_signed(self, node: "Node", note: bytes) -> None:
        """A head leaves the signer of an honest node."""
        head = _head(note)
        known = self.heads.setdefault((head.origin, head.size), head.root)
        if node.honest and known != head.root:
            self.fail("one-history", f"{head.origin} signed two heads of {head.size}")

    def cosigned(self, node: "Node", log: str, size: int, root: bytes) -> None:
        """A mirror's signature is made."""
        if not node.honest or not size:
            return
        held = node.disk.logs[log]
        if held.size < size or held.tree.root(size) != root:
            self.fail("receipt-on-disk", f"{node.party} cosigned {log} at {size} and holds {held.size}")
        self.receipts.setdefault((node.party, log, size), root)

    def head_shown(self, node: "Node", note: bytes) -> None:
        """A head with both signatures of its log came to a node, one whose disk can keep anything."""
        if node.room == "none":
            return
        head = _head(note)
        self.shown[node.party, head.origin][head.size].add(head.root)

    def press(self, node: "Node", to: str, core: bytes) -> None:
        """A floor entry is released."""
        if node.honest and self.cell.nodes[to].honest:
            self.pressed[node.party, to, core] = 0.0

    def forget(self, party: str) -> None:
        """A node is rolled back: of what it released since, what no other disk has a trace of is gone."""
        self.rolled_back.add(party)
        self.pressed = {key: t for key, t in self.pressed.items() if key[0] != party}
        log = log_of(party)
        others = [node.disk.logs[log] for node in self.cell.nodes.values() if node.party != party]
        known = max(max(one.size, *one.heads, 0) if one.heads else one.size for one in others)
        self.heads = {key: root for key, root in self.heads.items() if key[0] != log or key[1] <= known}

    def sample(self) -> None:
        """Count for each floor entry under way how long a path has existed."""
        for key, waited in list(self.pressed.items()):
            author, to, core = key
            if self._delivered(author, to, core):
                self.slowest = max(self.slowest, waited)
                del self.pressed[key]
                continue
            self.pressed[key] = waited + SAMPLE_S if self._path(author, to) else 0.0
            if self.pressed[key] > self.limit:
                self.fail(
                    "floor-delivered", f"{author} to {to}, {core.hex()[:6]}: {waited:.2f} s with a path"
                )

    def _delivered(self, author: str, to: str, core: bytes) -> bool:
        disk, log = self.cell.nodes[to].disk, log_of(author)
        aside = [one.entry for (origin, _), one in disk.aside.items() if origin == log]
        for entry in (*disk.logs[log].entries, *aside):
            header = header_of(entry)
            if header is not None and header.core == core:
                return header.parts[0].sha256 in disk.parts
        return False

    def _path(self, one: str, other: str) -> bool:
        """Both ends live, and a chain of living honest nodes and whole links joins them."""
        third = next(name for name in self.cell.parties if name not in (one, other))
        if not (self._lives(one) and self._lives(other)):
            return False
        relay = self.cell.nodes[third].honest and self._lives(third)
        return self._joined(one, other) or (relay and self._joined(one, third) and self._joined(third, other))

    def _lives(self, party: str) -> bool:
        node = self.cell.nodes[party]
        return node.up and node.room != "none"

    def _joined(self, one: str, other: str) -> bool:
        return not (self.cell.links[one, other].cut or self.cell.links[other, one].cut)

    # ---- at the end

    def judge(self, *, folded: bool) -> None:
        """All that can be said after quiet."""
        for check in CHECKS:
            check(self)
        if folded:
            _equal_folds(self)


def _receipt_kept(watch: Watch) -> None:
    for (party, log, size), root in watch.receipts.items():
        # What only a hostile author could bring back to a rolled back disk is lost by its doing, and said so.
        if party in watch.rolled_back and not watch.cell.nodes[party_of(log)].honest:
            continue
        held = watch.cell.nodes[party].disk.logs[log]
        if held.size < size or held.tree.root(size) != root:
            watch.fail("receipt-kept", f"{party} cosigned {log} at {size} and holds {held.size}")


def _fork_proven(watch: Watch) -> None:
    accused = [node.own for node in watch.cell.nodes.values() if not node.honest]
    for log in accused:
        for node in watch.cell.honest:
            if log not in node.disk.evidence and _met(watch, node, log):
                watch.fail("fork-proven", f"{node.party} met two histories of {log} and proves none")
            if log in node.disk.evidence and not _convicts(watch, node, log):
                watch.fail("fork-proven", f"the evidence of {node.party} against {log} does not convince")


def _met(watch: Watch, node: "Node", log: str) -> bool:
    """Whether two heads that this node was shown, or one and its tree, cannot both be true."""
    held = node.disk.logs[log]
    for size, roots in watch.shown[node.party, log].items():
        mine = {held.tree.root(size)} if 0 < size <= held.largest() else set()
        if len(roots | mine) > 1:
            return True
    for other in watch.cell.honest:  # two honest nodes talk, so they must have met
        theirs = other.disk.logs[log]
        size = min(held.size, theirs.size)
        if size and held.tree.root(size) != theirs.tree.root(size):
            return True
    return False


def _convicts(watch: Watch, node: "Node", log: str) -> bool:
    try:
        verify_two_histories(parse_two_histories(node.disk.evidence[log]), log_keys_of(log, watch.cell.real))
    except DetenteError:
        return False
    return True


def _honest_not_convicted(watch: Watch) -> None:
    for accused in watch.cell.honest:
        for node in watch.cell.honest:
            if accused.own in node.disk.evidence:
                watch.fail("honest-not-convicted", f"{node.party} holds evidence against {accused.own}")
        status = accused.signer.status()
        if status.state == "stopped":
            watch.fail("honest-not-convicted", f"the signer of {accused.own} stopped: {status.cause}")


def _floor_delivered(watch: Watch) -> None:
    watch.sample()
    for author, to, core in watch.pressed:
        watch.fail("floor-delivered", f"{author} to {to}, {core.hex()[:6]}: not there after quiet")


def _equal_states(watch: Watch) -> None:
    if not watch.cell.agreed():
        sizes = {
            node.party: [node.disk.logs[one.own].size for one in watch.cell.honest]
            + [node.signer.status().state, len(node.disk.released)]
            for node in watch.cell.honest
        }
        watch.fail("equal-states", f"no agreement after quiet: {sizes}")


def _equal_folds(watch: Watch) -> None:
    honest = watch.cell.honest
    logs = [node.own for node in honest]
    as_of = watch.cell.time() + 86_400
    digests = {node.party: state_digest(node.disk, node.party, logs, as_of) for node in honest}
    if len(set(digests.values())) > 1:
        watch.fail("equal-states", f"state digests differ: {digests}")


CHECKS: Final[tuple[Callable[[Watch], None], ...]] = (
    _receipt_kept,
    _fork_proven,
    _honest_not_convicted,
    _floor_delivered,
    _equal_states,
)


def _head(note: bytes) -> Head:
    return parse_body(parse_note(note).text)
