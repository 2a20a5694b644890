"""Puts the viewer on each request, and turns refusals of the node into sentences."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from detente.desk.viewer import viewer_of
from detente.desk.words import refusal
from detente.record.errors import DetenteError

GetResponse = Callable[[HttpRequest], HttpResponse]


def viewer(get_response: GetResponse) -> GetResponse:
    """`request.viewer`: the officer on watch, or None. No page is kept by a cache or by the history."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.viewer = viewer_of(request)  # type: ignore[attr-defined]
        response = get_response(request)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


class errors:  # noqa: N801 - named in the settings like its neighbour
    """Shows a refusal in the reader's language, with its code and clause; 200 for htmx, which drops 4xx."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, DetenteError):
            return None
        lost = exception.code == "node-not-running"
        context = {"refusal": refusal(exception), "node_lost": lost}
        if getattr(request, "htmx", False):
            response = render(request, "_refusal.html", context)
            response["HX-Retarget"] = "#refusals"
            response["HX-Reswap"] = "innerHTML"
            return response
        return render(request, "refused.html", context, status=503 if lost else 409)
