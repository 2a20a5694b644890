"""One party's node without sockets: the pure machines, the real signers, and the shell that joins them.

1. Order as in the product: parts, then the signer's journal, then the store, then the wire. Every durable
   write is one step of `durable`, before or behind which the cell may crash the node, or tell it that the
   disk is full.
2. Own entries go through `LogSigner`, receipts through `MirrorSigner`; both read their journals again after
   every crash, and the log's signer asks the start question.
3. Every call goes through the real codecs, so each answer and body is bytes.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from detente.node.log_signer import LogSigner
from detente.node.mirror_signer import MirrorSigner
from detente.record import sync
from detente.record.errors import Conflict, DetenteError, Refused, Unreachable, Unverified
from detente.record.evidence import (
    TwoHistories,
    encode_two_histories,
    find_two_histories,
    parse_two_histories,
)
from detente.record.head import Cosignature, Head, parse_body
from detente.record.header import Header, MissingRange, Seen, missing_ranges
from detente.record.mirror import Accepted, ForkFound, fork_evidence
from detente.record.names import mirror_name, party_of
from detente.record.note import add_lines
from detente.record.sync import (
    Ahead,
    Answered,
    CosignatureKnown,
    Failed,
    FloorAdded,
    Holds,
    Mirror,
    Notice,
    PartHeld,
    PartLacked,
    PeerSaid,
    PeerSync,
    Probe,
    Pull,
    PullPart,
    Push,
    PushAnswer,
    SendAhead,
    SendHeads,
    SendProbe,
    SendPush,
    Tick,
    Wait,
)
from detente.record.tree import EMPTY_ROOT, Tree, leaf_hash
from simulator.cheap import (
    log_keys_of,
    mirror_keys_of,
    pair_of,
)
from simulator.cheap import (
    remembered_cosignature as open_cosignature,
)
from simulator.cheap import (
    remembered_head as open_head,
)
from simulator.cheap import (
    remembered_note as parse_note,
)
from simulator.disk import Disk, Draft, Log, MemoryJournal, header_of
from simulator.drafts import CELL, draft, first_drafts, log_of, part_hash

if TYPE_CHECKING:
    from simulator.cell import CellSimulator

START_EVERY_S = 0.3
START_PATIENCE_S = 1.0
WORK_AGAIN_S = 0.5
LOOK_S = 1.0

DISK_FULL = "disk-full"


class Crash(BaseException):
    """The process ends here. No handler of errors may see it."""


class Node:
    """A party's node. `disk` survives a crash; everything else is made again by `start`."""

    honest = True

    def __init__(self, cell: "CellSimulator", party: str, reserve: str = "all") -> None:
        self.cell, self.party, self.own = cell, party, log_of(party)
        self.others = tuple(name for name in cell.parties if name != party)
        self.disk = Disk({log_of(name): Log() for name in cell.parties})
        self.room = reserve  # "all", "reserve" (ordinary refused, floor kept) or "none"
        self.clock_offset = 0
        self.trap: tuple[int, str] | None = None  # durable steps to go, and what happens then
        self.refusals: list[str] = []
        self.said = 0
        self.life = 0
        self.up = False
        for made, part in first_drafts(party):
            self.disk.parts[part_hash(part)] = part
            self.disk.released.append(made)

    # ---- life

    def start(self) -> None:
        """Begin a life: read the journals, tell the machines what is held, ask the start question."""
        self.life += 1
        self.up, self.news = True, 0
        self._open_signers()
        self.peers = {
            name: PeerSync(
                self.party,
                name,
                dials=name not in self.cell.hidden,
                reachable=self.party not in self.cell.hidden,
            )
            for name in self.others
        }
        self.asked = False
        self.doubts: dict[tuple[str, str], None] = {}
        self.shown: set[tuple[str, str]] = set()
        for name in self.others:
            for (mirror, log), known in self.disk.cosignatures.items():
                self.tell(name, known_event(mirror, log, known))
            for log, held in self.disk.logs.items():
                self.tell(name, Holds(log, held.largest()))
        for log in self.disk.logs:
            self.tell_lacked(log)
        self.every(START_EVERY_S, self._look_at_signer)
        self.every(LOOK_S, self._look_at_histories)

    def _open_signers(self) -> None:
        def journal(name: str) -> Any:
            return MemoryJournal(self.disk.journals.setdefault(name, []), self.durable)

        real, watched = self.cell.real, party_of(self.own)
        names = {peer: mirror_name(CELL, peer, watched) for peer in self.others}
        self.mirrors = {}
        for name in self.others:
            mirror = mirror_name(CELL, self.party, name)
            self.mirrors[log_of(name)] = MirrorSigner(
                log_of(name), mirror, pair_of(mirror, real), journal(mirror), clock=self.clock
            )
        self.signer = LogSigner(
            self.own,
            pair_of(self.own, real),
            journal(self.own),
            peers={peer: mirror_keys_of(name, real) for peer, name in names.items()},
            knows=lambda row: self.mirrors[row.log].knows(row),
            clock=self.clock,
        )

    def crash(self) -> None:
        """End this life. What was on its way to this node finds nobody."""
        self.life += 1
        self.up, self.trap = False, None

    def clock(self) -> int:
        return self.cell.time() + self.clock_offset

    def every(self, seconds: float, act: Callable[[], None]) -> None:
        """Do `act` now and again, in this life."""
        life = self.life

        def again() -> None:
            if self.life != life:
                return
            self.cell.at(self.cell.now + seconds, again)
            try:
                act()
            except DetenteError as error:
                self._refuse(error)

        self.cell.at(self.cell.now, again)

    def durable(self, what: str, change: Callable[[], Any], *, floor: bool = True) -> Any:
        """One durable step: on disk behind it, nothing of it before. Raises Crash or Refused `disk-full`."""
        fate = self._fate()
        if fate == "not done":
            self.cell.tell_story(f"{self.party}: crash before {what}", "crash, not done")
            raise Crash(self.party)
        if self.room == "none" or (self.room == "reserve" and not floor):
            raise Refused(DISK_FULL)
        done = change()
        if fate == "done":
            self.cell.tell_story(
                f"{self.party}: crash behind {what}, answer lost", "crash, done, answer lost"
            )
            raise Crash(self.party)
        return done

    def _fate(self) -> str:
        if self.trap is None:
            return ""
        steps, fate = self.trap
        self.trap = (steps - 1, fate) if steps else None
        return "" if steps else fate

    # ---- own entries

    def say(self, what: str, to: str = "") -> bytes:
        """Release an entry: its part is stored, then the signer is asked. The SHA-256 of its core."""
        self.said += 1
        made, part = draft(self.party, 100 + self.said, what, to)
        # A party's word is its own: what was released stays released over a crash.
        self.disk.released.append(made)
        self.disk.parts[part_hash(part)] = part
        self.cell.tell_story(f"{self.party}: releases {what} {made.core.hex()[:6]}")
        self.work()
        return made.core

    def work(self) -> None:
        """Have what is released signed and stored, as far as signer and disk go now."""
        if not self.up:
            return
        try:
            while self.disk.released:
                held = self.disk.logs[self.own].size
                drafts = [one.header for one in self.disk.released]
                groups = self.sign(drafts, held)
                if not groups:
                    break
                for group in groups:
                    self._keep_own(group)
        except DetenteError as error:
            self._refuse(error)
            life = self.life
            self.cell.at(self.cell.now + WORK_AGAIN_S, lambda: self.work() if self.life == life else None)

    def sign(self, drafts: list[bytes], held: int) -> tuple[Any, ...]:
        """Groups that the signer gives; a mutant may sign otherwise."""
        return self.signer.append(drafts, self.seen(), have=held)

    def _keep_own(self, group: Any) -> None:
        log = self.disk.logs[self.own]
        self.cell.watch.head_signed(self, group.note)
        if group.start + len(group.entries) <= log.size:
            return

        def change() -> None:
            log.extend(group.entries)
            log.heads[group.size] = group.note
            logged = {header.core for one in group.entries if (header := header_of(one))}
            self.disk.released = [one for one in self.disk.released if one.core not in logged]

        self.durable("store of own entries", change)
        # durable from here: only now the wire may hear of it
        self.news += 1
        first = group.size - len(group.entries)
        for name in sync.push_order(self.peers, log.size):
            for index in range(first, group.size):
                header = header_of(log.entries[index])
                if header and header.floor:
                    self.tell(name, FloorAdded(self.own, index))
            self.tell(name, Holds(self.own, log.size))

    def seen(self) -> list[Seen]:
        """What this party's mirrors cosigned, with what is lacked under it (B2)."""
        rows = []
        for log, mirror in self.mirrors.items():
            if mirror.size:
                missing = self.missing(log, mirror.size)
                rows.append(Seen(log, mirror.size, mirror.root, mirror.time, missing))
        return rows

    def missing(self, log: str, size: int) -> tuple[MissingRange, ...]:
        lacking: dict[int, list[str]] = {}
        for index, part in self.disk.lacked(self.party, log):
            if index < size:
                lacking.setdefault(index, []).append(part.role)
        return missing_ranges(lacking)

    # ---- start question (C2)

    def _look_at_signer(self) -> None:
        for origin in self.mirrors:
            own = self.disk.cosignatures.get((mirror_name(CELL, self.party, party_of(origin)), origin))
            told = own.head.size if own else 0
            if self.disk.logs[origin].largest() > told and origin not in self.disk.evidence:
                self.receipt(origin, "")  # stored before a crash, and the receipt is owed
        state = self.signer.status().state
        log = self.disk.logs[self.own]
        if state in ("asking", "behind"):
            size = self.signer.status().size
            if (whole := log.largest()) > size:
                self.signer.feed(size, log.entries[size:whole], log.heads[whole])
        if state == "asking" and not self.asked:
            self._ask_all()
        elif state == "started":
            self._catch_up()

    def _ask_all(self) -> None:
        """Ask every peer, and judge what came when all have answered or had their time, largest first.

        A peer that knows less may answer sooner than one that knows more.
        """
        self.asked = True
        answers: dict[str, bytes] = {}
        life = self.life

        def judge() -> None:
            if self.life != life or not self.asked:
                return
            self.asked = False
            for peer, answer in sorted(answers.items(), key=lambda one: -_answered_size(one[1])):
                try:
                    self._start_answer(answer, peer)
                except DetenteError as error:
                    self._refuse(error)

        def take(answer: bytes, peer: str) -> None:
            answers[peer] = answer
            if len(answers) == len(self.others):
                judge()

        for peer in self.others:
            self.cell.ask(self, peer, "start", self.own.encode(), take)
        self.cell.at(self.cell.now + START_PATIENCE_S, judge)

    def _start_answer(self, answer: bytes, peer: str) -> None:
        body, _, lines = answer.rpartition(b"\n\n")
        before = self.signer.status().state
        after = self.signer.start_answer(body + b"\n", lines).state
        if before != after:
            self.cell.tell_story(f"{self.party}: signer {after} by the answer of {peer}")
        self._catch_up()

    def _catch_up(self) -> None:
        if self.signer.status().state != "started":
            return
        for group in self.signer.groups(self.disk.logs[self.own].size):
            self._keep_own(group)
            self.tell_lacked(
                self.own
            )  # a store that was rolled back takes entries from the journal, not parts
        if self.disk.released:
            self.work()

    # ---- the talk

    def tell(self, peer: str, event: sync.Event) -> None:
        if not self.up:
            return
        machine = self.peers[peer]
        for action in machine.receive(event, self.cell.now):
            self.cell.call(self, peer, action)
        due = machine.next_due(self.cell.now)
        if due is not None:
            self.cell.wake(self, peer, due)

    def tell_all(self, event: sync.Event) -> None:
        for name in self.peers:
            self.tell(name, event)

    def tell_lacked(self, log: str, first: int = 0) -> None:
        entries = self.disk.logs[log].entries
        for index, part in self.disk.lacked(self.party, log):
            if index >= first:
                header = header_of(entries[index])
                self.tell_all(PartLacked(log, part.sha256, floor=header is not None and header.floor))

    def ask(self, action: sync.Action, peer: str) -> tuple[str, bytes] | None:
        """Route and body of an action; None if nothing is there to send."""
        match action:
            case SendPush():
                push = self.push_of(action, peer)
                return ("push", sync.encode_push(push)) if push else None
            case SendHeads():
                return "heads", sync.encode_notice(self.notice(action, peer))
            case SendAhead():
                return "ahead", sync.encode_ahead(self.ahead_of(action))
            case Pull():
                return "pull", f"{action.log} {action.start}".encode()
            case PullPart():
                return "part", action.sha256
            case SendProbe() | Wait():
                return "probe", sync.encode_probe(self.probe(peer))

    def push_of(self, action: SendPush, peer: str) -> Push | None:
        log = self.disk.logs[action.log]
        size = log.largest(action.size)
        if size < action.start or size not in log.heads:
            return None
        entries = tuple(log.entries[action.start : size])
        parts = tuple(data for one in entries for data in self._parts_of(one) if header_of(one).floor)
        wanted = tuple(self.disk.parts[one] for one in action.parts if one in self.disk.parts)
        return Push(action.log, action.start, entries, log.heads[size], parts + wanted, action.cosignatures)

    def ahead_of(self, action: SendAhead) -> Ahead:
        log = self.disk.logs[action.log]
        size, entry = log.largest(), log.entries[action.index]
        proof = log.tree.inclusion_proof(action.index, size)
        return Ahead(action.log, action.index, entry, log.heads[size], proof, tuple(self._parts_of(entry)))

    def _parts_of(self, entry: bytes) -> list[bytes]:
        header = header_of(entry)
        names = [part.sha256 for part in header.parts] if header else []
        return [self.disk.parts[one] for one in names if one in self.disk.parts]

    def notice(self, action: SendHeads, peer: str) -> Notice:
        heads = tuple(self.newest(log) for log, _ in action.heads if self.disk.logs[log].largest())
        return Notice(heads, action.cosignatures, self.peers[peer].wants())

    def newest(self, log: str) -> bytes:
        held = self.disk.logs[log]
        return held.heads[held.largest()]

    def probe(self, peer: str) -> Probe:
        holds = {log: held.largest() for log, held in self.disk.logs.items()}
        return Probe(max(self.clock(), 1), True, holds, {}, "1")

    def answer(self, route: str, body: bytes, caller: str) -> bytes:
        """What this node answers `caller`. Raises DetenteError, or Crash."""
        match route:
            case "push":
                return self._answer_push(sync.parse_push(body), caller)
            case "heads":
                self.read_notice(sync.parse_notice(body), caller)
                return sync.encode_notice(self.notice(self.peers[caller].answer_notice(), caller))
            case "ahead":
                return self._answer_ahead(sync.parse_ahead(body), caller)
            case "pull":
                return self._answer_pull(body, caller)
            case "part":
                if body not in self.disk.parts:
                    raise DetenteError("not-found")
                return self.disk.parts[body]
            case "start":
                return self.start_answer(body.decode("ascii", "replace"), caller)
            case "checkpoint":
                return self._answer_checkpoint(body.decode("ascii", "replace"))
            case "probe":
                probe = sync.parse_probe(body)
                self.tell(caller, PeerSaid(self.known(probe.holds)))
                return sync.encode_probe(self.probe(caller))
            case _:
                raise DetenteError("not-found")

    def _answer_push(self, push: Push, caller: str) -> bytes:
        self.require_log(push.log, caller)
        claimed = sync.cosigned_head(push.head).size
        size, own = self.take(push, caller)
        for note in push.cosignatures:
            self.learn(note, caller)
        self.tell(caller, PeerSaid({push.log: claimed}))
        receipt = sync.cosignature_note(own) if own else b""
        return sync.encode_push_answer(PushAnswer(size, receipt, (), self.peers[caller].wants()))

    def _answer_ahead(self, ahead: Ahead, caller: str) -> bytes:
        self.require_log(ahead.log, caller)
        signed = sync.check_ahead(ahead, log_keys_of(ahead.log, self.cell.real))
        header = header_of(ahead.entry)
        if header is None or not header.floor:
            raise Refused("not-floor")
        self.take_head(signed.note, caller)

        def change() -> None:
            self.disk.aside[ahead.log, ahead.index] = ahead
            self.keep_parts(header, ahead.parts)

        self.durable("store ahead of the log", change)
        return b""

    def _answer_pull(self, body: bytes, caller: str) -> bytes:
        name, _, start = body.decode("ascii", "replace").partition(" ")
        held = self.disk.logs.get(name)
        if held is None or not start.isdecimal() or int(start) > held.largest() or not held.largest():
            raise DetenteError("not-found")
        size = held.largest()
        return sync.encode_push(
            Push(name, int(start), tuple(held.entries[int(start) : size]), held.heads[size])
        )

    def _answer_checkpoint(self, name: str) -> bytes:
        held = self.disk.logs.get(name)
        if held is None or not held.largest():
            raise DetenteError("not-found")
        return self.newest(name)

    def start_answer(self, origin: str, caller: str) -> bytes:
        """SPEC: protocol C2"""
        if origin not in self.mirrors or party_of(origin) != caller:
            raise DetenteError("not-found")
        log = self.disk.logs[origin]
        size = log.largest()
        root = log.tree.root(size) if size else EMPTY_ROOT
        made = self.cosign(origin, size, root)
        shown = log.heads[size] if size else Head(origin, size, root).body() + b"\n"
        return add_lines(shown, made.lines)

    def require_log(self, log: str, caller: str) -> None:
        if log not in self.disk.logs or party_of(log) != caller:
            raise Refused("unknown-log")

    def known(self, holds: Any) -> dict[str, int]:
        return {log: size for log, size in holds.items() if log in self.disk.logs}

    def read(self, action: sync.Action, body: bytes, peer: str) -> None:
        """The good answer to an action. Raises DetenteError."""
        match action:
            case SendPush():
                answer = sync.parse_push_answer(body)
                for note in (answer.cosignature, *answer.cosignatures):
                    if note:
                        self.learn(note, peer)
                self.tell(peer, Answered(action, {action.log: answer.size}, answer.wants))
            case SendHeads():
                notice = sync.parse_notice(body)
                self.tell(peer, Answered(action, self.read_notice(notice, peer), notice.wants))
            case Pull():
                push = sync.parse_push(body)
                if push.log != action.log:
                    raise Unverified("origin")
                self.take(push, peer)
                self.tell(peer, Answered(action))
            case PullPart():
                if part_hash(body) != action.sha256:
                    raise Unverified("part")
                self.durable("store of a part", lambda: self.disk.parts.update({action.sha256: body}))
                self.part_came(action.sha256)
                self.tell(peer, Answered(action))
            case SendProbe() | Wait():
                self.tell(peer, Answered(action, self.known(sync.parse_probe(body).holds)))
            case SendAhead():
                self.tell(peer, Answered(action))

    # ---- taking

    def take(self, push: Push, sender: str) -> tuple[int, Cosignature | None]:
        """Store a push or pull of any log, and cosign; the size now held, and the own receipt."""
        self.news += 1
        log, keys = self.disk.logs[push.log], log_keys_of(push.log, self.cell.real)
        if push.log in self.disk.evidence:
            raise Refused("log-closed")
        mirror = Mirror(push.log, keys, log.tree.frontier(), past=log.tree.frontier)
        try:
            accepted = mirror.accept(push)
        except ForkFound as fork:
            self._convict_fork(fork, log)
            raise
        except Unverified:
            # What cannot be joined to the tree held proves nothing now; its signed head may, later (C4).
            self.take_head(push.head, sender)
            raise
        self._check_shown(push.log, accepted)
        headers = [header_of(one) for one in accepted.entries]
        floor = all(one is not None and one.floor for one in headers)

        def change() -> None:
            log.extend(accepted.entries)
            log.heads[accepted.head.head.size] = accepted.head.note
            for header in [*headers, *(header_of(one) for one in push.entries)]:
                if header is not None:
                    self.keep_parts(header, push.parts)
            for index in range(accepted.start, log.size):
                self.disk.aside.pop((push.log, index), None)

        early = self.before_store(accepted)
        self.durable("store of entries", change, floor=floor)
        self._compare_known(push.log, accepted.start)
        for data in push.parts:
            self.part_came(part_hash(data))
        if accepted.entries:
            self.tell_all(Holds(push.log, log.size))
            self.tell_lacked(push.log, accepted.start)
        if party_of(push.log) == self.party:
            self._feed(push, accepted)
            return log.size, None
        return log.size, early or self.receipt(push.log, sender)

    def before_store(self, accepted: Accepted) -> Cosignature | None:
        """Nothing, in a node that keeps B1; a mutant signs here."""
        return None

    def keep_parts(self, header: Header, parts: tuple[bytes, ...]) -> None:
        ours = {one.sha256 for one in header.parts if header.party == self.party or self.party in one.keep}
        self.disk.parts |= {sha256: data for data in parts if (sha256 := part_hash(data)) in ours}

    def part_came(self, sha256: bytes) -> None:
        if sha256 not in self.disk.parts:
            return
        for name, talk in self.peers.items():
            if sha256 in talk.wants():
                self.tell(name, PartHeld(sha256))
        for log in self.mirrors:
            held = self.disk.logs[log]
            ours = (part.sha256 for one in held.entries if (h := header_of(one)) for part in h.parts)
            if held.largest() and sha256 in ours and not self.disk.lacked(self.party, log):
                self.receipt(log, "")

    def _feed(self, push: Push, accepted: Accepted) -> None:
        """Own entries that came back: the signer may have lost them too."""
        size = self.signer.status().size
        if size < accepted.frontier.size:
            entries = self.disk.logs[self.own].entries[size : accepted.frontier.size]
            state = self.signer.feed(size, entries, push.head).state
            self.cell.tell_story(f"{self.party}: refetched its own log to {accepted.frontier.size}, {state}")

    def receipt(self, log: str, sender: str) -> Cosignature | None:
        """Cosign what is stored; who sent its own log gets the cosignature as the answer."""
        held = self.disk.logs[log]
        size = held.largest()
        try:
            made = self.cosign(log, size, held.tree.root(size))
        except DetenteError as error:
            self._refuse(error)
            return None
        self.keep_cosignature(made, sender if sender == party_of(log) else "")
        return made

    def cosign(self, log: str, size: int, root: bytes) -> Cosignature:
        """The own mirror's lines. Raises Refused."""
        made = self.mirrors[log].cosign(size, root)
        name = mirror_name(CELL, self.party, party_of(log))
        self.cell.watch.cosigned(self, log, size, root)
        return Cosignature(name, Head(log, size, root), made.time, made.lines)

    def keep_cosignature(self, made: Cosignature, told: str) -> None:
        key = (made.mirror, made.head.origin)
        old = self.disk.cosignatures.get(key)
        if old is None or (old.head.size, old.time) < (made.head.size, made.time):
            self.disk.cosignatures[key] = made
            event = known_event(made.mirror, made.head.origin, made)
            for peer in self.peers:
                self.tell(peer, replace(event, told=True) if peer == told else event)
        elif told:
            self.tell(told, replace(known_event(made.mirror, made.head.origin, made), told=True))

    def learn(self, note: bytes, sender: str) -> None:
        """Keep a mirror's cosignature; one over another root than ours is a doubt, not a receipt (C4)."""
        head = sync.cosigned_head(note)
        if head.origin not in self.disk.logs:
            raise Unverified("origin")
        self.news += 1
        lines = note[len(head.body()) + 1 :]
        for party in self.cell.parties:
            name = mirror_name(CELL, party, party_of(head.origin)) if party != party_of(head.origin) else ""
            if not name or name.encode() not in lines:
                continue
            found = open_cosignature(lines, head, mirror_keys_of(name, self.cell.real))
            held = self.disk.logs[head.origin]
            if 0 < head.size <= held.size and held.tree.root(head.size) != head.root:
                self.doubts[party, head.origin] = None
                continue
            self.keep_cosignature(found, sender)

    def read_notice(self, notice: Notice, sender: str) -> dict[str, int]:
        for note in notice.cosignatures:
            self.learn(note, sender)
        holds: dict[str, int] = {}
        for note in notice.heads:
            head = self.take_head(note, sender)
            holds[head.origin] = max(head.size, holds.get(head.origin, 0))
        self.tell(sender, PeerSaid(holds, notice.wants))
        return holds

    # ---- two histories (C4)

    def take_head(self, note: bytes, sender: str) -> Head:
        """Keep a signed head of any log and compare it. Raises Unverified, or Equivocation on a fork."""
        head = parse_body(parse_note(note).text)
        if head.origin not in self.disk.logs:
            raise Unverified("origin")
        signed = open_head(note, log_keys_of(head.origin, self.cell.real))
        log = self.disk.logs[head.origin]
        if head.size == 0:
            return head
        if head.origin == self.own and (head.size > log.size or log.tree.root(head.size) != head.root):
            self.signer.feed(self.signer.status().size, (), signed.note)
            return head
        known = log.heads.get(head.size)
        self.cell.watch.head_shown(self, signed.note)
        if known is None:
            log.heads[head.size] = signed.note
        elif parse_body(parse_note(known).text).root != head.root:
            self._convict(head.origin, known, signed.note, None)
        if head.size <= log.size and log.tree.root(head.size) != head.root:
            held = log.largest()
            log.heads.pop(head.size, None) if known is None else None
            if held:
                self._convict(head.origin, log.heads.get(log.largest(), note), signed.note, log.tree)
        return head

    def _compare_known(self, origin: str, start: int) -> None:
        """A receipt may come before the entries that it is about: only now it can be compared."""
        log = self.disk.logs[origin]
        for (_, named), known in self.disk.cosignatures.items():
            head = known.head
            if named == origin and start < head.size <= log.size and log.tree.root(head.size) != head.root:
                self.doubts[known.mirror.split("/")[1], origin] = None

    def _check_shown(self, origin: str, accepted: Accepted) -> None:
        """Heads shown before must be heads of the tree that came."""
        log = self.disk.logs[origin]
        shown = [one for one in log.heads if accepted.start < one <= accepted.frontier.size]
        if not shown or not accepted.entries:
            return
        tree = Tree([*map(leaf_hash, log.entries), *map(leaf_hash, accepted.entries)])
        for size in sorted(shown):
            if parse_body(parse_note(log.heads[size]).text).root != tree.root(size):
                self._convict(origin, log.heads[size], accepted.head.note, tree)
                raise Refused("log-closed")

    def _convict_fork(self, fork: ForkFound, log: Log) -> None:
        keys = log_keys_of(fork.head.head.origin, self.cell.real)
        leaves = [leaf_hash(one) for one in log.entries]
        self.cell.watch.head_shown(self, fork.head.note)
        for size in sorted((one for one in log.heads if one <= log.size), reverse=True):
            try:
                self._keep_evidence(fork_evidence(fork, log.heads[size], leaves, keys))
            except Unverified:
                continue
            return

    def _convict(self, origin: str, first: bytes, second: bytes, tree: Tree | None) -> None:
        found = find_two_histories(first, second, log_keys_of(origin, self.cell.real), tree)
        if found is not None:
            self._keep_evidence(found)

    def _keep_evidence(self, found: TwoHistories) -> None:
        if found.log in self.disk.evidence:
            return
        file = encode_two_histories(found)
        self.durable("store of evidence", lambda: self.disk.evidence.setdefault(found.log, file))
        self.cell.tell_story(f"{self.party}: proves two histories of {found.log}")

    def _look_at_histories(self) -> None:
        """Ask who cosigned another root for the head; show evidence to every peer (C4)."""
        for mirror, origin in list(self.doubts):
            if mirror not in self.peers:
                del self.doubts[mirror, origin]
                continue

            def compare(body: bytes, peer: str, key: tuple[str, str] = (mirror, origin)) -> None:
                self.take_head(body, peer)
                self.doubts.pop(key, None)

            if origin not in self.disk.evidence:
                self.cell.ask(self, mirror, "checkpoint", origin.encode(), compare)
        for origin, file in self.disk.evidence.items():
            found = parse_two_histories(file)
            body = sync.encode_notice(Notice((found.smaller, found.larger)))
            for peer in self.others:
                if (origin, peer) not in self.shown:
                    self.cell.ask(
                        self, peer, "heads", body, lambda _, to, log=origin: self.shown.add((log, to))
                    )

    def _refuse(self, error: DetenteError) -> None:
        if not isinstance(error, Conflict | Unreachable):
            self.refusals.append(error.code)


def _answered_size(answer: bytes) -> int:
    try:
        return sync.cosigned_head(answer).size
    except DetenteError:
        return -1


def known_event(mirror: str, log: str, known: Cosignature) -> CosignatureKnown:
    return CosignatureKnown(mirror, log, known.head.size, known.time, sync.cosignature_note(known))


__all__ = ["Crash", "Draft", "Failed", "Node", "Tick"]
