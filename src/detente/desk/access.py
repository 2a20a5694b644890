"""Who may see which page. A view that shows the record is behind `require_watch`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from detente.desk.viewer import Viewer, viewer_of

View = Callable[..., HttpResponse]


def require_watch(view: View) -> View:
    """Signed in and not locked; nobody else learns whether the thing asked for exists."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        viewer = viewer_of(request)
        if viewer is None:
            return _to(request, "signin")
        if viewer.locked:
            return _to(request, "locked")
        return view(request, *args, **kwargs)

    return guarded


def require_session(view: View) -> View:
    """Signed in, the screen may be locked: STOP-AND-CHECK and the lock itself."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if viewer_of(request) is None:
            return _to(request, "signin")
        return view(request, *args, **kwargs)

    return guarded


def _to(request: HttpRequest, name: str) -> HttpResponse:
    """A redirect that htmx follows as a whole page, never into a part of one."""
    if getattr(request, "htmx", False):
        response = render(request, "_moved.html")
        response["HX-Redirect"] = redirect(name)["Location"]
        return response
    return redirect(name)


def the_viewer(request: HttpRequest) -> Viewer:
    """The officer, in a view behind one of the two guards."""
    viewer = viewer_of(request)
    if viewer is None:
        raise AssertionError("a view without its guard")
    return viewer
