"""Sign-in by passkey, the alarm test, the lock, and enrolment by a one-time link."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from detente.desk.access import require_session, require_watch, the_viewer
from detente.desk.charter import charter
from detente.desk.frame import THEMES
from detente.desk.here import api
from detente.desk.signin import services
from detente.desk.viewer import viewer_of
from detente.desk.watch.views import stop_context
from detente.desk.words import refusal
from detente.record.errors import DetenteError


@require_GET
def sign_in(request: HttpRequest) -> HttpResponse:
    """Choose the post, then the passkey."""
    if viewer_of(request) is not None:
        return redirect("board")
    context = {"posts": services.posts_to_sign_in(charter()), "last": request.session.get("post")}
    return render(request, "signin/signin.html", context)


@require_POST
def challenge(request: HttpRequest) -> HttpResponse:
    """JSON for the browser's passkey call; for a locked screen always for the post that locked it."""
    viewer = viewer_of(request)
    post = viewer.post if viewer is not None else request.POST.get("post", "")
    try:
        return JsonResponse(services.offer_session(request, post))
    except DetenteError as error:
        return _refused(error)


@require_POST
def assertion(request: HttpRequest) -> HttpResponse:
    """The passkey's answer; where to go next."""
    try:
        to_alarm = services.accept_assertion(request, request.body)
    except DetenteError as error:
        return _refused(error)
    return JsonResponse({"next": reverse("alarm" if to_alarm else "board")})


@require_http_methods(["GET", "POST"])
@require_watch
def alarm(request: HttpRequest) -> HttpResponse:
    """Sound the alarm; the officer says whether it was heard."""
    if request.method == "GET":
        return render(request, "signin/alarm.html", {"sounded": False})
    if request.POST.get("heard") == "yes":
        services.confirm_alarm(request, the_viewer(request))
        return redirect("board")
    if request.POST.get("heard") == "no":
        return redirect("board")
    services.sound_alarm()
    return render(request, "signin/alarm.html", {"sounded": True})


@require_GET
@require_session
def locked(request: HttpRequest) -> HttpResponse:
    """The locked screen: nothing of the record, but STOP-AND-CHECK."""
    viewer = the_viewer(request)
    if not viewer.locked:
        return redirect("board")
    waiting = sum(bool(raw.get("open")) for raw in api().get("/v1/cases", kind="D02")["cases"])
    return render(request, "signin/locked.html", {"waiting": waiting, **stop_context(request)})


@require_POST
@require_session
def lock(request: HttpRequest) -> HttpResponse:
    """Lock this screen; the watch and its alarm go on."""
    request.session["locked"] = True
    return redirect("locked")


@require_POST
@require_session
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the watch session at the node, then the web session."""
    services.end_session(request, the_viewer(request))
    return redirect("signin")


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Theme, and whether single keys act; kept in the web session, for this screen only."""
    if request.POST.get("theme") in THEMES:
        request.session["theme"] = request.POST["theme"]
    if request.POST.get("keys") in ("on", "off"):
        request.session["keys"] = request.POST["keys"] == "on"
    return redirect("board" if viewer_of(request) is not None else "signin")


@require_GET
def enrolment(request: HttpRequest, code: str) -> HttpResponse:
    """The page of a one-time link."""
    context = {"code": code, "posts": services.posts_to_sign_in(charter()), "last": request.GET.get("post")}
    return render(request, "signin/enrol.html", context)


@require_POST
def enrolment_options(request: HttpRequest, code: str) -> HttpResponse:
    """JSON for the browser to make a passkey for the post that is chosen."""
    try:
        return JsonResponse(services.offer_enrolment(request, code, charter(), request.POST.get("post", "")))
    except DetenteError as error:
        return _refused(error)


@require_POST
def enrolment_credential(request: HttpRequest) -> HttpResponse:
    """The new passkey's public half goes to the node."""
    try:
        in_force = services.enrol(request, request.body)
    except DetenteError as error:
        return _refused(error)
    return JsonResponse({"next": reverse("signin") + ("" if in_force else "?pending=1")})


def _refused(error: DetenteError) -> JsonResponse:
    said = refusal(error)
    return JsonResponse({"refused": said.sentence, "code": said.code})
