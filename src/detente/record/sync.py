"""The link without a socket: what a node says to its peers, what it accepts from them, and when.

One door to four rooms: messages.py (bytes), mirror.py (what continues a log), actions.py (events and
actions), peersync.py (the talk with one peer). Protocol B1, D2 to D6.
"""

from collections.abc import Iterable

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
from detente.record.messages import (
    Ahead,
    Notice,
    Probe,
    Push,
    PushAnswer,
    cosignature_note,
    cosigned_head,
    encode_ahead,
    encode_notice,
    encode_probe,
    encode_push,
    encode_push_answer,
    open_cosignature_note,
    parse_ahead,
    parse_notice,
    parse_probe,
    parse_push,
    parse_push_answer,
)
from detente.record.mirror import Accepted, ForkFound, Mirror, check_ahead, fork_evidence
from detente.record.peersync import PeerSync

__all__ = [
    "Accepted",
    "Action",
    "Ahead",
    "Answered",
    "CosignatureKnown",
    "Event",
    "Failed",
    "FloorAdded",
    "ForkFound",
    "Holds",
    "Mirror",
    "Notice",
    "PartHeld",
    "PartLacked",
    "PeerSaid",
    "PeerSync",
    "Probe",
    "Pull",
    "PullPart",
    "Push",
    "PushAnswer",
    "SendAhead",
    "SendHeads",
    "SendProbe",
    "SendPush",
    "Tick",
    "Wait",
    "check_ahead",
    "cosignature_note",
    "cosigned_head",
    "encode_ahead",
    "encode_notice",
    "encode_probe",
    "encode_push",
    "encode_push_answer",
    "fork_evidence",
    "open_cosignature_note",
    "parse_ahead",
    "parse_notice",
    "parse_probe",
    "parse_push",
    "parse_push_answer",
    "push_order",
]


def push_order(peers: Iterable[str], size: int) -> tuple[str, ...]:
    """In which order the peers get the head of `size`: it turns by one with every entry (D6).

    A function of the size, so that a restart does not favour anyone.
    """
    ordered = sorted(peers)
    turn = size % len(ordered) if ordered else 0
    return tuple(ordered[turn:] + ordered[:turn])
