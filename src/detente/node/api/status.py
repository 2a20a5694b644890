"""Routes about the node itself: status, charter, this description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detente import __version__
from detente.node import selectors
from detente.node.api.call import Call
from detente.node.api.charterview import charter_json
from detente.node.lines import PeerState
from detente.node.signer import restored_mark
from detente.record.header import Header

if TYPE_CHECKING:
    from detente.node.api.services import Services


async def get_openapi(_services: Services, _call: Call) -> dict[str, Any]:
    """The OpenAPI document."""
    from detente.node.api.openapi import document

    return document()


async def get_charter(services: Services, _call: Call) -> dict[str, Any]:
    """What a screen needs of the charter."""
    return charter_json(services.context.charter, services.context.party)


async def get_status(services: Services, _call: Call) -> dict[str, Any]:
    """Line, log, watch and peers. Answers while the record is still being read, and with every line cut."""
    return await services.read(status_json, services)


def status_json(services: Services) -> dict[str, Any]:
    """Shape `Status`. Reads the database: in a reader thread."""
    context = services.context
    own = selectors.log(context.folder.origin)
    head = selectors.largest_head(context.folder.origin)
    armed, now = services.arming.state(), context.now()
    return {
        "party": context.party, "cell": context.charter.cell, "exercise": context.charter.exercise,
        "charter": context.charter.digest.hex(), "in_force": services.model.book.register.in_force,
        "version": __version__, "time": now,
        "log": {
            "origin": context.folder.origin, "size": own.size if own else 0,
            "root": head.root.hex() if head else None, "stopped_at": own.stopped_at if own else None,
        },
        "logs": [
            {
                "origin": one.origin, "party": one.party, "generation": one.generation, "size": one.size,
                "stopped_at": one.stopped_at,
            }
            for one in selectors.logs()
        ],
        "start": _start(services), "signer": services.signer.shown(), "armed": armed.armed,
        "watch": {
            "why": armed.why, "heard_at": services.officers.heard_at(),
            "posts": sorted({one.post for one in services.officers.on_watch()}),
        },
        "peers": {
            party: _peer(services, party, state, own.size if own else 0)
            for party, state in sorted(context.lines.states(at=now).items())
        },
        "waiting": {
            "released": len(selectors.proposals("released")),
            "proposed": len(selectors.proposals("proposed")),
            "parts": len(selectors.wanted()), "writer": context.writer.waiting(),
        },
        "evidence": sorted({one.origin for one in selectors.evidence()}),
    }  # fmt: skip


def _start(services: Services) -> dict[str, str | None]:
    """Who must act before the own log's signer and the mirrors sign: peers, the operator, or nobody (None).

    Peers are asked over lines that this node dials. Where it dials none, only the operator can go on (C2).
    """
    from detente.node.link.lineset import lines_of

    folder = services.context.folder
    asking = {
        "log": services.signer.state == "asking",
        "mirrors": restored_mark(folder).exists(),
    }
    if not any(asking.values()):
        return dict.fromkeys(asking)
    dials = any(line.dial for line in lines_of(folder, services.context.charter))
    return {name: ("peers" if dials else "operator") if waits else None for name, waits in asking.items()}


def _peer(services: Services, party: str, state: PeerState, size: int) -> dict[str, Any]:
    origin = services.context.folder.origin
    held = selectors.largest_cosignature(origin, party)
    has = held.size if held else 0
    return {
        "line": state.line, "last_heard": state.last_heard, "since": state.since,
        "holds": {
            "size": has, "behind": max(0, size - has), "at": held.time if held else None,
            "since": _lacks_since(origin, has) if has < size else None,
        },
        "missing": _missing(services, party, origin), "armed": state.armed,
        "clock_offset_s": state.clock_offset_s, "version": state.version, "error": state.error,
        "digest": _digest(services, party),
    }  # fmt: skip


def _digest(services: Services, party: str) -> dict[str, Any] | None:
    """Whether the state digest of its newest heartbeat is the one we find for the same cut (B8)."""
    found = services.digests.found.get(party)
    return None if found is None else {"id": found.id, "same": found.same}


def _lacks_since(origin: str, size: int) -> int | None:
    """Header time of the first own entry that the peer is not known to hold."""
    from detente.node.store import parse_or_none

    found = selectors.entries(origin, size, size + 1)
    header: Header | None = parse_or_none(found[0]) if found else None
    return header.time if header else None


def _missing(services: Services, party: str, origin: str) -> int:
    """Entries of our log of which the peer's newest `seen` says that parts are missing there."""
    newest = services.model.rows.newest_seen(party, origin)
    return sum(one.last - one.first + 1 for one in newest.missing) if newest else 0
