"""All addresses: every page stands under its language, the event stream stands in front (asgi)."""

from urllib.parse import urlencode

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path


def root(_request: HttpRequest) -> HttpResponse:
    """The party's own language first; the reader changes it on the page."""
    return redirect(f"/{settings.LANGUAGE_CODE}/")


def enrolment_link(request: HttpRequest, code: str) -> HttpResponse:
    """A one-time link names no language; it may name its post."""
    query = urlencode({"post": request.GET["post"]}) if "post" in request.GET else ""
    return redirect(f"/{settings.LANGUAGE_CODE}/enrol/{code}/" + (f"?{query}" if query else ""))


urlpatterns = [
    path("", root),
    path("enrol/<slug:code>/", enrolment_link),
    *i18n_patterns(
        path("", include("detente.desk.watch.urls")), path("", include("detente.desk.signin.urls"))
    ),
]
