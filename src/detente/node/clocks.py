"""The clocks of one node: what is due next, and what the node itself then says or does.

1. The fold says what is due and when the book would read differently; this loop only sleeps until then. It
   keeps no timers, so a restart one minute before a deadline changes nothing.
2. Reminders are local: the own side at the due instant, the guarantor and the other side some minutes later,
   each by its own node from the same book: who forgot hears of it first and can still mend it.
3. What the node says by itself, signed by the log alone: R01 and R02 once, R03 at least every
   `heartbeat.interval_s`, at once when the armed state changes (A12) or when a FLASH or IMMEDIATE entry, or
   a floor entry that starts or ends a duty, has to be anchored (B4), and machine contact checks with their
   answers (T7), R06 for a part that does not open, and CONFIRM for a recall that was obeyed here. R03s are
   never anchored at once.
4. Everything is derived from the record and the present state; whatever fails is tried again a second later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from detente import __version__
from detente.node import logs, selectors
from detente.node.arming import HEARTBEAT_S
from detente.node.bus import Event, Scalar
from detente.node.cannotopen import due_complaints
from detente.node.checks import due_answers, due_checks
from detente.node.keylife import due_key_changes
from detente.node.nextlogs import successor_fields
from detente.node.seeing import own_seen
from detente.node.statements import ADMIN_POST, LOG_POST, By, Statement
from detente.record.errors import DetenteError
from detente.record.names import generation_of, party_of, print_id

if TYPE_CHECKING:
    from detente.cases.book import Clock
    from detente.node.api.services import Services
    from detente.node.rowbook import EntryRow
    from detente.record.header import Seen

STEP_S: Final = 0.5
SETTLE_S: Final = 0.05
RETRY_S: Final = 1.0
_TRIES: Final = 4
_AT_ONCE: Final = frozenset(("FLASH", "IMMEDIATE"))
_STARTS_OR_ENDS: Final = frozenset(("NEW", "ANSWER"))
#: Seconds after the due instant at which a party's own people are reminded, by what the duty is to them.
REMIND_S: Final = {"own": 0, "guarantor": 120, "other": 300}


@dataclass
class ClockLoop:
    """One thread over the services. `step` does everything once and may be called by a test."""

    services: Services
    _stop: threading.Event = field(default_factory=threading.Event)
    _wake: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _not_before: float = 0.0
    _armed_said: bool | None = None
    _last_step: float = float("-inf")
    _settled_at: float = 0.0
    _lines: dict[str, str] = field(default_factory=dict)
    _shown: dict[str, Any] = field(default_factory=dict)
    _reminded: set[tuple[str, Any, int]] = field(default_factory=set)

    def start(self) -> None:
        """Begin."""
        self.services.context.on_grown(self._wake.set)
        self._thread = threading.Thread(target=self._run, name="clocks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the present step."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.step(time.monotonic())
            except Exception as exc:
                logs.failure("clocks-fault", exc)
            if self._wake.wait(STEP_S):
                # What woke us is still on its way to the alarm and the peers: those go first.
                self._stop.wait(SETTLE_S)
            self._wake.clear()
        _close_connections()

    def step(self, now: float) -> None:
        """Show what changed, remind, and say what the node has to say."""
        services = self.services
        if now - self._last_step > HEARTBEAT_S:
            # Started, or stopped in mid-run: the alarm had no chance to be heard since then.
            self._settled_at = now + HEARTBEAT_S
        self._last_step = now
        self._tell_lines()
        self._tell_state()
        self._tell_paths()
        if not services.model.ready.is_set():
            return
        self._remind()
        services.life.step()
        for party in services.digests.look(services.model):
            services.context.bus.publish(Event("status", {"party": party, "state": "differs"}))
        if services.signer.state != "started" or now < self._not_before:
            return
        try:
            self._speak()
        except DetenteError as exc:
            logs.failure("clocks-refused", exc)
            self._not_before = now + RETRY_S

    # ---- what screens are told

    def _tell_lines(self) -> None:
        context = self.services.context
        for party, state in context.lines.states(at=context.now()).items():
            if self._lines.get(party) != state.line:
                self._lines[party] = state.line
                logs.line("line", peer=party, line=state.line)
                context.bus.publish(Event("status", {"party": party, "line": state.line}))

    def _tell_state(self) -> None:
        services = self.services
        now: dict[str, Scalar] = {
            "armed": services.arming.state().armed,
            "signer": services.signer.state,
        }
        if now != self._shown:
            self._shown = now
            logs.line("state", state="armed" if now["armed"] else "not-armed")
            services.context.bus.publish(Event("status", now))

    def _tell_paths(self) -> None:
        """Remember by which path a peer's receipt of each own entry came: the line at that moment."""
        services, origin = self.services, self.services.context.folder.origin
        for party, line in list(self._lines.items()):
            held = selectors.largest_cosignature(origin, party)
            index = held.size - 1 if held else -1
            while index >= 0 and (party, index) not in services.paths:
                services.paths[party, index] = "relay" if line == "relay" else "direct"
                index -= 1

    def _remind(self) -> None:
        """One `due` event a clock and party when its time has come (rule 2)."""
        context = self.services.context
        with self.services.model.reading() as book:
            due = book.due
        for clock in due:
            key = (clock.rule, clock.entry, clock.due or 0)
            if clock.state != "overdue" or clock.due is None or key in self._reminded:
                continue
            if context.now() < clock.due + REMIND_S[self._relation(clock)]:
                continue
            self._reminded.add(key)
            context.bus.publish(Event("due", {
                "id": print_id(clock.entry), "rule": clock.rule, "party": clock.owed_by,
                "case": print_id(clock.case) if clock.case else None,
            }))  # fmt: skip

    def _relation(self, clock: Clock) -> str:
        context = self.services.context
        if clock.owed_by == context.party:
            return "own"
        return "guarantor" if context.charter.parties[context.party].role == "guarantor" else "other"

    # ---- what the node says

    def _speak(self) -> None:
        size = self._own_size()
        if size == 0:
            self._open_log()  # before what waits: nothing else may be entry 0
        if selectors.proposals("released", limit=1):
            self.services.context.writer.submit(self.services.context.keeper.author.resume).result(30)
        own = self.services.model.rows.size_of(self.services.context.folder.origin)
        if own < size:
            return  # the own log is not read yet: nothing is derived from half of it
        self._accede()
        for statement in self._due():
            self.services.speaker.say(statement)
            logs.line("said", kind=statement.kind, act=statement.act)
        if self._heartbeat_due():
            self._heartbeat()

    def _due(self) -> list[Statement]:
        services = self.services
        with services.model.reading() as book:
            confirmed = services.life.confirmations(book)
        found = [*due_key_changes(services), *due_checks(services), *due_answers(services)]
        return [*found, *due_complaints(services), *confirmed]

    def _own_size(self) -> int:
        log = selectors.log(self.services.context.folder.origin)
        return log.size if log else 0

    def _open_log(self) -> None:
        origin = self.services.context.folder.origin
        fields: dict[str, Any] = {"generation": generation_of(origin), "software": __version__}
        fields |= successor_fields(self.services.context.charter, origin, software=__version__)
        self.services.speaker.say(Statement("R01", "NEW", LOG_POST, fields))
        logs.line("log-opened", origin=origin)

    def _accede(self) -> None:
        """R02, once, by both administrators where their keys lie here; else a proposal that waits."""
        context, speaker = self.services.context, self.services.speaker
        if context.party in self.services.model.book.register.acceded or self._waits("R02"):
            return
        statement = Statement("R02", "NEW", ADMIN_POST, {"charter": context.charter.digest.hex()})
        if context.charter.exercise and len(self.services.officers.approve_by_admins(bytes(32))) >= 2:
            spoken = speaker.send(statement, By(admins=True))
            self.services.model.wait_folded(spoken.entry)
        else:
            speaker.propose(statement)
        logs.line("accession", kind="R02")

    def _waits(self, kind: str) -> bool:
        """Whether an own entry of that kind is proposed, or in the log and not folded yet."""
        from detente.cases.core import parse_core

        waiting = any(parse_core(row.plaintexts[0]).kind == kind for row in selectors.proposals("proposed"))
        me = self.services.context.party
        rows = self.services.model.rows.all()
        return waiting or any(row.party == me and row.core and row.core.kind == kind for row in rows)

    def _heartbeat_due(self) -> bool:
        services = self.services
        last = self._last_own()
        if last is None or last.header is None:
            return False
        armed = services.arming.state().armed
        if self._armed_said is None:
            known = services.model.book.register.armed.get(services.context.party)
            self._armed_said = known.armed if known else None
        interval = services.context.folder.settings.heartbeat_interval_s
        old = services.context.now() - last.header.time >= interval
        certain = armed or self._armed_said is None or self._last_step >= self._settled_at
        changed = certain and armed != self._armed_said
        return old or changed or self._must_anchor(last)

    def _heartbeat(self) -> None:
        armed = self.services.arming.state().armed
        # The record may grow while one is made; B4 says at once, so it is made anew without waiting.
        if not any(self.services.speaker.heartbeat(armed) is not None for _ in range(_TRIES)):
            return
        self._armed_said = armed
        logs.line("heartbeat", state="armed" if armed else "not-armed")

    def _last_own(self) -> EntryRow | None:
        return self.services.model.rows.last_of(self.services.context.folder.origin)

    def _must_anchor(self, last: EntryRow) -> bool:
        """Whether an entry that may not wait is held here and our log does not say so (B4).

        Neither may a floor entry that starts or ends a duty: until its receipt is anchored, a contact check
        that came over a living line would be graded as a dead one for a whole heartbeat.
        """
        said = {seen.log: seen for seen in last.header.seen} if last.header else {}
        waiting = list(self._unsaid(said))
        if not waiting:
            return False  # the ordinary case, without asking the database
        held = {seen.log: seen for seen in own_seen(self.services.context.party)}
        return any(
            (now := held.get(row.id.log)) is not None
            and row.id.index < now.size
            and not _lacks(now, row.id.index)
            for row in waiting
        )

    def _unsaid(self, said: Mapping[str, Seen]) -> Iterator[EntryRow]:
        """Rows of other parties that may not wait and that our log does not name as received yet."""
        rows, context = self.services.model.rows, self.services.context
        for log in rows.logs():
            before = said.get(log)
            if party_of(log) == context.party:
                continue
            for row in rows.between(log, _first_unsaid(before), rows.size_of(log)):
                unsaid = before is None or before.size <= row.id.index or _lacks(before, row.id.index)
                if unsaid and _may_not_wait(row):
                    yield row


def _first_unsaid(seen: Seen | None) -> int:
    return 0 if seen is None else min([seen.size, *(one.first for one in seen.missing)])


def _may_not_wait(row: EntryRow) -> bool:
    if row.core is None or row.header is None:
        return False
    return row.core.precedence in _AT_ONCE or (row.header.floor and row.core.act in _STARTS_OR_ENDS)


def _lacks(seen: Any, index: int) -> bool:
    return bool(seen.lacks(index, "core") or seen.lacks(index, "content"))


def _close_connections() -> None:
    from django.db import connections

    connections.close_all()
