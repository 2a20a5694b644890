"""`/metrics` (Prometheus text) and `/healthz` on a local port: numbers and states, never content.

Labels are party ids and states from closed lists. `/healthz` is 200 while the node can take and keep an
entry: writer alive, record read, signer answering; else 503 with the reasons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from detente.node.api.server import loopback
from detente.node.api.status import status_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detente.node.api.services import Services

_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_LINES: Final = ("direct", "relay", "none")
_SIGNER: Final = ("unreachable", "asking", "behind", "started", "stopped")
_MIB: Final = 1024 * 1024
_DAY_S: Final = 86_400


class MetricsServer:
    """The local port of `[metrics] listen`; nothing when it is not set."""

    def __init__(self, services: Services) -> None:
        self._services = services
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)

    async def start(self) -> None:
        """Listen, if a port is set."""
        listen = self._services.context.folder.settings.metrics_listen
        if listen:
            host, port = loopback(listen, "metrics.listen")
            await self._runner.setup()
            await web.TCPSite(self._runner, host, port).start()

    async def stop(self) -> None:
        """Close the port."""
        await self._runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        text = "\n".join(await self._services.read(metric_lines, self._services)) + "\n"
        return web.Response(text=text, headers={"Content-Type": _TEXT})

    async def _healthz(self, _request: web.Request) -> web.Response:
        wrong = troubles(self._services)
        return web.json_response({"ok": not wrong, "troubles": wrong}, status=503 if wrong else 200)


def troubles(services: Services) -> list[str]:
    """Why this node could not take and keep an entry now; empty when it could."""
    found = []
    if not services.context.writer.is_alive():
        found.append("writer-ended")
    if not services.model.ready.is_set():
        found.append("starting")
    if services.signer.state != "started":
        found.append(f"signer-{services.signer.state}")
    return found


def metric_lines(services: Services) -> list[str]:
    """All samples with their help. Reads the database: in a reader thread."""
    status = status_json(services)
    peers = status["peers"]
    return [
        *_metric("detente_log_size", "Entries in the own log.", [("", status["log"]["size"])]),
        *_metric("detente_position", "Arrivals read and folded.", [("", services.model.position)]),
        *_metric("detente_armed", "Whether the watch is armed.", [("", int(status["armed"]))]),
        *_metric("detente_ringing", "Reasons for the alarm to sound.", [("", len(services.model.ringing))]),
        *_metric("detente_quarantined", "Cases the fold could not take.",
                 [("", len(services.model.quarantined))]),
        *_metric("detente_signer_started", "Whether the signer signs.",
                 [("", int(services.signer.state == "started"))]),
        *_metric("detente_waiting", "What waits, by kind.",
                 [(f'what="{name}"', count) for name, count in status["waiting"].items()]),
        *_metric("detente_two_histories", "Logs with evidence of two histories.",
                 [("", len(status["evidence"]))]),
        *_metric("detente_peer_line", "The line to a peer.", [
            (f'peer="{party}",line="{line}"', int(peer["line"] == line))
            for party, peer in peers.items() for line in _LINES
        ]),
        *_metric("detente_peer_behind", "Entries of the own log that the peer is not known to hold.",
                 [(f'peer="{party}"', peer["holds"]["behind"]) for party, peer in peers.items()]),
        *_metric("detente_peer_held", "Entries of the own log that the peer has confirmed.",
                 [(f'peer="{party}"', peer["holds"]["size"]) for party, peer in peers.items()]),
        *_metric("detente_peer_lag_seconds", "Age of the oldest own entry that the peer has not confirmed.", [
            (f'peer="{party}"', _age(status, peer["holds"]["since"])) for party, peer in peers.items()
        ]),
        *_metric("detente_peer_heard_seconds", "Time since the peer was heard directly; -1: never.",
                 [(f'peer="{party}"', _heard(status, peer)) for party, peer in peers.items()]),
        *_metric("detente_peer_armed", "Whether the peer says that its watch is armed.",
                 [(f'peer="{party}"', int(bool(peer["armed"]))) for party, peer in peers.items()]),
        *_metric("detente_peer_clock_offset_seconds", "How far the peer's clock is from ours.",
                 [(f'peer="{party}"', peer["clock_offset_s"] or 0) for party, peer in peers.items()]),
        *_metric("detente_peer_state_differs", "Whether the peer's newest state digest is not ours.", [
            (f'peer="{party}"', int(peer["digest"] is not None and peer["digest"]["same"] is False))
            for party, peer in peers.items()
        ]),
        *_metric("detente_quota_used_ratio", "Share of the day's entries that a party's log has used.",
                 [(f'party="{party}"', share) for party, share in quota_used(services).items()]),
        *_metric("detente_disk_free_bytes", "Free disk for this user where the node lies.",
                 [("", services.context.keeper.reserve.free())]),
        *_metric("detente_disk_reserve_bytes", "Free disk that is kept for the own log and floor kinds.",
                 [("", services.context.folder.settings.disk_reserved_mb * _MIB)]),
        *_metric("detente_signer_state", "The signer's state.", [
            (f'state="{state}"', int(services.signer.state == state)) for state in _SIGNER
        ]),
        *_metric("detente_peer_missing", "Entries of which the peer says that parts are missing.",
                 [(f'peer="{party}"', peer["missing"]) for party, peer in peers.items()]),
    ]  # fmt: skip


def _age(status: dict[str, Any], since: int | None) -> int:
    return 0 if since is None else max(0, status["time"] - since)


def _heard(status: dict[str, Any], peer: dict[str, Any]) -> int:
    return -1 if peer["last_heard"] is None else max(0, status["time"] - peer["last_heard"])


def quota_used(services: Services) -> dict[str, float]:
    """By party: entries of its newest log stored today that are not floor ones, over its quota (D5)."""
    from detente.node import models as tables

    context = services.context
    begun = context.now() // _DAY_S * _DAY_S
    found = {}
    for party, row in sorted(context.charter.parties.items()):
        quota = context.charter.quotas.get(row.role)
        log = tables.Log.objects.filter(party=party).order_by("-generation").first()
        if quota is None or log is None:
            found[party] = 0.0
            continue
        # From the end of the log, where today's entries are; no more than the quota has to be counted.
        newest = tables.Entry.objects.filter(log=log, index__gte=log.size - 2 * quota.entries)
        found[party] = round(newest.filter(floor=False, stored_at__gte=begun).count() / quota.entries, 4)
    return found


def _metric(name: str, meaning: str, samples: Iterable[tuple[str, float]]) -> list[str]:
    head = [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
    return [
        *head,
        *(f"{name}{{{labels}}} {value}" if labels else f"{name} {value}" for labels, value in samples),
    ]
