"""What is said at this node, by whom, and what came of it: values between the local API and the speaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from detente.cases.faults import Fault
from detente.record.names import EntryId

LOG_POST: Final = "LOG"  # the post of what the node itself says
ADMIN_POST: Final = "ADMIN"


@dataclass(frozen=True)
class Statement:
    """What somebody at this node wants to say. `to` is the party asked, where the kind leaves a choice;
    `attachments` are files as they are, without salt.
    """

    kind: str
    act: str
    post: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    content: Mapping[str, Any] = field(default_factory=dict)
    case: EntryId | None = None
    refers_to: tuple[EntryId, ...] = ()
    precedence: str | None = None
    to: str | None = None
    mode: str | None = None
    handling: Mapping[str, Any] = field(default_factory=dict)
    attachments: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class By:
    """Who approves: a watch session, the post's own key (exercise cells), both administrators.

    `also`: further posts of ours whose own keys approve beside the post's (exercise cells).
    """

    session: str | None = None
    post_key: bool = False
    admins: bool = False
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spoken:
    """An own entry that would survive a power cut."""

    entry: EntryId
    time: int
    notices: tuple[Fault, ...]


@dataclass(frozen=True)
class Proposed:
    """A kept proposal: the core's bytes and digest, and the challenge for a passkey."""

    name: str
    core: bytes
    sha256: bytes
    challenge: str
    preview: Mapping[str, Any]
    notices: tuple[Fault, ...]
