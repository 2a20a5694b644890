"""All addresses: every page stands under its language, the event stream stands in front (asgi)."""

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path


def root(_request: HttpRequest) -> HttpResponse:
    """The party's own language first; the reader changes it on the page."""
    return redirect(f"/{settings.LANGUAGE_CODE}/")


def enrolment_link(_request: HttpRequest, code: str) -> HttpResponse:
    """A one-time link names no language."""
    return redirect(f"/{settings.LANGUAGE_CODE}/enrol/{code}/")


urlpatterns = [
    path("", root),
    path("enrol/<slug:code>/", enrolment_link),
    *i18n_patterns(
        path("", include("detente.desk.watch.urls")), path("", include("detente.desk.signin.urls"))
    ),
]
