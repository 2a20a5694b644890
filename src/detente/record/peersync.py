"""What to say to one peer, and when: a state machine without socket or clock (protocol D2 to D5).

1. It is told events (actions.py) with the instant `now`, in seconds of any steady clock, and gives the
   actions to begin now. `next_due` says when to tick it again. It knows sizes and hashes, never bytes.
2. Own entries are pushed, from what the peer holds to the newest head; one push is under way at a time.
3. A head of another log that the peer lacks is told it after `HEADS_PAUSE_S`, in which the own receipt is
   made and goes along, and the peer pulls. A log of which the peer holds more is pulled, whoever wrote it,
   once it has not grown here for a grace: the author's own push is mostly under way. A node that cannot be
   reached has none to wait for.
4. A floor entry that a push would deliver late goes ahead of its log (D3).
5. Cosignatures are told on, the newest of each mirror and log, until the peer has answered: the own one of
   the peer's log at once, another's of the peer's log after `RECEIPT_S`, since its mirror mostly tells it
   itself, all others with the next message or after `GOSSIP_S`. A receipt whose answer was lost is asked for
   by a push of no entries (owed.py).
6. Each kind of action has a lane of its own, so that a long pull or a refused push stops nothing else.
7. After a failure to reach the peer a lane waits `RETRY_FIRST_S`, doubled up to `RETRY_CAP_S`; after a
   refusal `REFUSED_S`. Any sign of life of the peer ends the waits for reach.
8. A probe every `PROBE_S`. Who only dials out keeps one `Wait` open besides; whom we cannot dial we send
   nothing: it asks, and `answer_notice` and `wants` are what it is told.

Everything may happen twice: an action carried out again, an answer that comes late or again, change nothing
for the worse. After a restart the shell tells every `Holds`, the newest `CosignatureKnown` of each mirror and
log, and every `PartLacked` again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from detente.record.actions import (
    Action,
    Answered,
    CosignatureKnown,
    Event,
    Failed,
    FloorAdded,
    Holds,
    PartHeld,
    PartLacked,
    PeerSaid,
    Pull,
    PullPart,
    SendAhead,
    SendHeads,
    SendProbe,
    SendPush,
    Tick,
    Wait,
)
from detente.record.gossip import Gossip
from detente.record.lacking import Lacking
from detente.record.lanes import LANES, Lane
from detente.record.messages import MAX_HEADS, MAX_PUSH_ENTRIES
from detente.record.names import generation_of, parse_mirror, party_of
from detente.record.owed import Owed

PROBE_S: Final = 3.0
#: Between the answer to a `Wait` and the next one.
WAIT_PAUSE_S: Final = 0.05
#: A part that this peer does not have yet, a pull or push that brought nothing forward.
IDLE_RETRY_S: Final = 1.0
#: How long a log may stand still before it is pulled: from its author, and from another.
AUTHOR_GRACE_S: Final = 2.0
RELAY_GRACE_S: Final = 0.06
HEADS_PAUSE_S: Final = 0.02
#: A push under way for longer lets floor entries go ahead, and so do more entries before them.
AHEAD_AFTER_S: Final = 0.25
AHEAD_GAP: Final = 64
AHEAD_FEW, AHEAD_SLOW_S = 4, 4.0
#: Logs of one peer that are followed; all parties' generations of a cell are far fewer.
MAX_FOLLOWED: Final = 256


@dataclass(slots=True)
class _Peer:
    """What is believed of the peer."""

    holds: dict[str, int] = field(default_factory=dict)
    changed: dict[str, float] = field(default_factory=dict)  # when `holds` last moved
    told: dict[str, int] = field(default_factory=dict)  # size of the last head it was told, by log
    wants: dict[bytes, None] = field(default_factory=dict)  # hashes, in order of asking


class PeerSync:
    """The talk of party `me` with party `peer`. Not safe for threads; one owner calls it.

    `dials`: this node can reach the peer. `reachable`: the peer can reach this node; if not, this node keeps
    a `Wait` open and brings the parts that the peer wants.
    """

    def __init__(self, me: str, peer: str, *, dials: bool = True, reachable: bool = True) -> None:
        self.me, self.peer = me, peer
        self._dials, self._polls = dials, not reachable
        self._mine: dict[str, int] = {}
        self._theirs = _Peer()
        self._floor: dict[str, set[int]] = {}
        self._gossip = Gossip(me, peer)
        self._lacking = Lacking()
        self._owed = Owed(me)
        self._fresh: dict[str, float] = {}
        self._grace: dict[str, float] = {}
        self._tried: dict[str, float] = {}
        self._ask_notice = False
        self._next_probe = 0.0
        self._serial = 0
        makers: tuple[Callable[[float], Action | None], ...] = (
            self._probe, self._wait, self._ahead, self._push,
            self._heads, self._pull, self._urgent, self._bulk,
        )  # fmt: skip
        self._lanes = {make.__name__: Lane(make) for make in makers}

    # What the shell may read.

    def peer_holds(self, log: str) -> int:
        """Entries of `log` that the peer holds, by its own word or its cosignature."""
        return self._theirs.holds.get(log, 0)

    def behind(self) -> int:
        """Own entries that the peer is not known to hold."""
        return sum(max(0, size - self.peer_holds(log)) for log, size in self._mine.items() if self._own(log))

    def wants(self) -> tuple[bytes, ...]:
        """Hashes of lacked parts to name in answers to this peer, urgent ones first."""
        return self._lacking.wants()

    def answer_notice(self) -> SendHeads:
        """Heads and cosignatures to answer the peer's notice with. Nothing is struck off by it."""
        return SendHeads(0, self._to_tell(again=True), self._gossip.notes())

    # What drives it.

    def receive(self, event: Event, now: float) -> tuple[Action, ...]:
        """Take in one event and give the actions to begin at `now`."""
        match event:
            case Holds():
                self._hold(event.log, event.size, now)
            case FloorAdded():
                self._floor.setdefault(event.log, set()).add(event.index)
            case CosignatureKnown():
                self._learn(event, now)
            case PartLacked():
                grace = 0.0 if party_of(event.log) == self.peer else RELAY_GRACE_S
                self._lacking.lack(event.sha256, event.urgent, now + grace, event.floor)
            case PartHeld():
                self._lacking.hold(event.sha256)
            case PeerSaid():
                self._hear(event.holds, event.wants, now)
            case Answered():
                self._answered(event, now)
            case Failed():
                self._failed(event, now)
            case Tick():
                pass
        return self._begin(now)

    def next_due(self, now: float) -> float | None:
        """The next instant at which a Tick may give actions; None if only events can."""
        if not self._dials:
            return None
        waits = [lane.not_before for lane in self._lanes.values() if lane.action is None]
        waits += self._lacking.dues()
        waits += self._gossip.dues()
        waits += self._fresh.values()
        waits += self._grace.values()
        if self._floor:
            waits += [self._lanes["_push"].since + after for after in (AHEAD_AFTER_S, AHEAD_SLOW_S)]
        if self._lanes["_probe"].action is None:
            waits.append(self._next_probe)
        if owed := self._owed_at():
            waits.append(owed[1])
        return min((instant for instant in waits if instant > now), default=None)

    # Events.

    def _hold(self, log: str, size: int, now: float) -> None:
        if size <= self._mine.get(log, -1):
            return
        self._mine[log] = size
        self._fresh.setdefault(log, now + HEADS_PAUSE_S)
        if log in self._grace:
            self._grace[log] = now + self._grace_of(log)

    def _learn(self, event: CosignatureKnown, now: float) -> None:
        if parse_mirror(event.mirror)[1] == self.peer:
            self._believe(event.log, event.size, now)
            if self._own(event.log):
                self._owed.learn(event.log, event.size)
            return
        self._gossip.learn(event, now)

    def _hear(
        self,
        holds: Mapping[str, int],
        wants: tuple[bytes, ...] | None,
        now: float,
        asked: float | None = None,
    ) -> None:
        for lane in self._lanes.values():
            lane.revive()
        if wants is not None:
            self._theirs.wants = dict.fromkeys(wants)
        for log, size in holds.items():
            lost = size < self.peer_holds(log)
            if not lost:
                self._believe(log, size, now)
            # Less than before is believed only of an answer to what was asked after the last change: an
            # older one that was overtaken says nothing new.
            elif asked is not None and asked > self._theirs.changed.get(log, 0.0):
                self._theirs.holds[log], self._theirs.changed[log] = size, now
                self._theirs.told.pop(log, None)
                self._fresh.setdefault(log, now)

    def _believe(self, log: str, size: int, now: float) -> None:
        known = self._theirs.holds
        if size <= known.get(log, -1) or (log not in known and len(known) >= MAX_FOLLOWED):
            return
        known[log], self._theirs.changed[log] = size, now
        if size > self._mine.get(log, 0):
            self._grace.setdefault(log, now + self._grace_of(log))

    def _answered(self, event: Answered, now: float) -> None:
        action = event.action
        lane = self._lane_of(action)
        if mine := lane.end(action):
            lane.succeed()
        asked = action.at if isinstance(action, SendProbe | Wait) else None
        self._hear(event.holds, event.wants, now, asked)
        idle = False
        match action:
            case SendPush():
                self._gossip.strike(action.cosignatures)
                for sha256 in action.parts:
                    self._theirs.wants.pop(sha256, None)
                idle = action.size > action.start and self.peer_holds(action.log) <= action.start
            case SendHeads():
                self._gossip.strike(action.cosignatures)
                self._theirs.told |= action.heads
                self._ask_notice = False
            case SendAhead():
                self._floor.get(action.log, set()).discard(action.index)
            case Pull():
                idle = self._mine.get(action.log, 0) <= action.start
            case PullPart():
                self._lacking.put_off(action.sha256, now + IDLE_RETRY_S)
            case SendProbe() | Wait():
                self._ask_notice = self._ask_notice or isinstance(action, Wait)
        if mine and isinstance(action, Wait):
            lane.not_before = now + WAIT_PAUSE_S
        elif mine and idle:  # a good answer that brought nothing forward must not turn into a busy loop
            lane.not_before = now + IDLE_RETRY_S

    def _failed(self, event: Failed, now: float) -> None:
        action = event.action
        if event.code != "unreachable":
            self._hear({}, None, now)
        if isinstance(action, SendPush) and event.code == "conflict" and event.size is not None:
            self._theirs.holds[action.log], self._theirs.changed[action.log] = event.size, now
            if event.size > self._mine.get(action.log, 0):
                self._grace.setdefault(action.log, now)
        lane = self._lane_of(action)
        if not lane.end(action):
            return
        refused = action.sha256 if isinstance(action, PullPart) and event.code != "unreachable" else b""
        # A refused part waits by itself: the others of its kind need not wait for it.
        if not self._lacking.put_off(refused, now + IDLE_RETRY_S):
            lane.fail(event.code, now)

    # Actions. Each gives the next of its kind, None if there is nothing to do.

    def _begin(self, now: float) -> tuple[Action, ...]:
        if not self._dials:
            return ()
        self._tidy()
        begun = [lane.begin(now) for lane in self._lanes.values() if lane.free(now)]
        return tuple(action for action in begun if action is not None)

    def _tidy(self) -> None:
        """Forget what has been reached."""
        for log, indexes in list(self._floor.items()):
            held = self.peer_holds(log)
            self._floor[log] = {index for index in indexes if index >= held}
            if not self._floor[log]:
                del self._floor[log]
        for log in [log for log in self._grace if self._mine.get(log, 0) >= self.peer_holds(log)]:
            del self._grace[log]
        if self._fresh:
            lacking = dict(self._to_tell(again=False))
            for log in [log for log in self._fresh if log not in lacking]:
                del self._fresh[log]

    def _probe(self, now: float) -> Action | None:
        if now < self._next_probe:
            return None
        self._next_probe = now + PROBE_S
        return SendProbe(self._number(), now)

    def _wait(self, now: float) -> Action | None:
        return Wait(self._number(), now) if self._polls else None

    def _ahead(self, now: float) -> Action | None:
        waiting = sorted((index, log) for log, indexes in self._floor.items() for index in indexes)
        for index, log in waiting:
            if index < self._mine.get(log, 0) and self._late(log, index, now):
                return SendAhead(self._number(), log, index)
        return None

    def _late(self, log: str, index: int, now: float) -> bool:
        push = self._lanes["_push"]
        carried = isinstance(push.action, SendPush) and push.action.start <= index < push.action.size
        # Sent once more beside a push that brings it soon, on a slow line it would only hold itself up.
        soon = carried and index - self.peer_holds(log) < AHEAD_FEW
        under_way = push.action is not None and now - push.since >= (AHEAD_SLOW_S if soon else AHEAD_AFTER_S)
        held_up = push.action is None and push.refused and now < push.not_before
        return under_way or held_up or index - self.peer_holds(log) >= AHEAD_GAP

    def _push(self, now: float) -> Action | None:
        waiting = [log for log, size in self._mine.items() if self._own(log) and size > self.peer_holds(log)]
        if waiting:
            log = max(waiting, key=lambda one: (one in self._floor, generation_of(one)))
            start = self.peer_holds(log)
            size = min(self._mine[log], start + MAX_PUSH_ENTRIES)
            return SendPush(self._number(), log, start, size, self._gossip.notes())
        # It cannot fetch what it wants, and a push needs a head.
        if self._polls and self._theirs.wants and (log := self._newest_of_both()):
            held, wants = self._mine[log], tuple(self._theirs.wants)
            return SendPush(self._number(), log, held, held, self._gossip.notes(), wants)
        if (owed := self._owed_at()) and owed[1] <= now:
            log, size = owed[0], self._mine[owed[0]]
            self._owed.claim(log, now)
            return SendPush(self._number(), log, size, size, self._gossip.notes())
        return None

    def _newest_of_both(self) -> str:
        """The newest own log that the peer holds whole; "" if none."""
        own = (log for log in self._mine if self._own(log))
        both = (log for log in own if 0 < self._mine[log] == self.peer_holds(log))
        return max(both, key=generation_of, default="")

    def _owed_at(self) -> tuple[str, float] | None:
        return self._owed.due(self._mine, self._theirs.holds, self._theirs.changed)

    def _heads(self, now: float) -> Action | None:
        due = [*self._fresh.values(), *self._gossip.dues()]
        if self._ask_notice or any(instant <= now for instant in due):
            return SendHeads(self._number(), self._to_tell(again=False), self._gossip.notes())
        return None

    def _pull(self, now: float) -> Action | None:
        ready = [
            log
            for log, size in self._theirs.holds.items()
            if size > self._mine.get(log, 0) and self._grace.get(log, 0.0) <= now
        ]
        if not ready:
            return None
        log = min(ready, key=lambda one: self._tried.get(one, 0.0))
        self._tried[log] = now
        return Pull(self._number(), log, self._mine.get(log, 0), self.peer_holds(log), self._own(log))

    def _urgent(self, now: float) -> Action | None:
        return self._part(now, urgent=True)

    def _bulk(self, now: float) -> Action | None:
        return self._part(now, urgent=False)

    def _part(self, now: float, *, urgent: bool) -> Action | None:
        sha256 = self._lacking.next(now, urgent=urgent)
        return None if sha256 is None else PullPart(self._number(), sha256, urgent)

    # Small questions.

    def _grace_of(self, log: str) -> float:
        if self._polls or self._own(log):
            return 0.0
        return AUTHOR_GRACE_S if party_of(log) == self.peer else RELAY_GRACE_S

    def _own(self, log: str) -> bool:
        return party_of(log) == self.me

    def _to_tell(self, *, again: bool) -> tuple[tuple[str, int], ...]:
        """Heads of others' logs that the peer lacks; of its own log only if it said how much it has."""
        told = {} if again else self._theirs.told
        heads = [
            (log, size)
            for log, size in sorted(self._mine.items())
            if not self._own(log) and size > max(self.peer_holds(log), told.get(log, 0))
            if party_of(log) != self.peer or log in self._theirs.holds
        ]
        return tuple(heads[:MAX_HEADS])

    def _lane_of(self, action: Action) -> Lane:
        match action:
            case PullPart():
                return self._lanes["_urgent" if action.urgent else "_bulk"]
            case _:
                return self._lanes[LANES[type(action)]]

    def _number(self) -> int:
        self._serial += 1
        return self._serial
