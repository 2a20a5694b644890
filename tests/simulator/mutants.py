"""Nodes that break one rule each. The simulator must name the invariant that falls, or it proves nothing."""

from typing import Any

from detente.record import sync
from detente.record.errors import DetenteError, Refused
from detente.record.head import Cosignature
from detente.record.mirror import Accepted, ForkFound
from detente.record.names import mirror_name, party_of
from detente.record.sync import SendAhead, SendPush
from simulator.disk import Log
from simulator.drafts import CELL, log_of
from simulator.node import Node


class CosignsBeforeStoring(Node):
    """Breaks B1: the receipt is signed, and then the entries are stored."""

    def before_store(self, accepted: Accepted) -> Cosignature | None:
        head = accepted.head.head
        if party_of(head.origin) == self.party or not accepted.entries:
            return None
        made = self.mirrors[head.origin].cosign(head.size, head.root)
        self.cell.watch.cosigned(self, head.origin, head.size, head.root)
        name = mirror_name(CELL, self.party, party_of(head.origin))
        return Cosignature(name, head, made.time, made.lines)


class SkipsStartQuestion(Node):
    """Breaks C2: after every start it signs at once, whatever the peers hold of its log."""

    def start(self) -> None:
        super().start()
        status = self.signer.status()
        self.signer.confirm(status.size, status.root)
        self.work()


class FloorWaitsBehindOthers(Node):
    """Breaks D3: nothing goes ahead of the log, and a push waits for the parts of all that it brings."""

    def ask(self, action: sync.Action, peer: str) -> tuple[str, bytes] | None:
        return None if isinstance(action, SendAhead | SendPush) else super().ask(action, peer)

    def _answer_pull(self, body: bytes, caller: str) -> bytes:
        raise DetenteError("not-found")


class ForgetsReceived(Node):
    """Breaks P1: at every start it drops the last entry that it holds of each other log."""

    def start(self) -> None:
        for party in self.others:
            old, kept = self.disk.logs[log_of(party)], Log()
            kept.extend(old.entries[:-1])
            kept.heads = {size: note for size, note in old.heads.items() if size <= kept.size}
            if kept.heads and kept.largest() == kept.size:
                self.disk.logs[log_of(party)] = kept
        super().start()

    def take(self, push: sync.Push, sender: str) -> Any:
        if self.life > 1:
            raise Refused("quota")
        return super().take(push, sender)


class KeepsForksToItself(Node):
    """Breaks C4: it meets two histories and keeps no evidence."""

    def _convict_fork(self, fork: ForkFound, log: Log) -> None:
        self.cell.watch.head_shown(self, fork.head.note)

    def _keep_evidence(self, found: Any) -> None:
        return


class AccusesTheHonest(Node):
    """Takes any refusal of another's entries for two histories, as a hasty implementation would."""

    def take(self, push: sync.Push, sender: str) -> Any:
        taken = super().take(push, sender)
        if self.disk.logs[push.log].size > 4:
            self.disk.evidence[push.log] = b"it says more than I knew"
        return taken


class LosesParts(Node):
    """Never asks for a part that did not come with its entry."""

    def ask(self, action: sync.Action, peer: str) -> tuple[str, bytes] | None:
        return None if isinstance(action, sync.PullPart) else super().ask(action, peer)
