"""Who sits at the screen: the officer's watch session as kept in the web session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest


@dataclass(frozen=True)
class Viewer:
    """An officer on watch. `session` is the node's watch session; it holds no key that the desk could use."""

    post: str
    session: str
    valid_until: int
    locked: bool
    armed: bool


class WatchRequest(HttpRequest):
    """A request that `require_watch` has let through."""

    viewer: Viewer
    htmx: Any


def viewer_of(request: HttpRequest) -> Viewer | None:
    """The officer of this web session, or None."""
    watch = request.session.get("watch")
    if not isinstance(watch, dict):
        return None
    return Viewer(
        post=str(watch["post"]),
        session=str(watch["session"]),
        valid_until=int(watch["valid_until"]),
        locked=bool(request.session.get("locked")),
        armed=bool(watch.get("armed")),
    )
