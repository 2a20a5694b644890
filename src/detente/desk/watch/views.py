"""The watch page and its parts."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from detente.desk.access import require_session, require_watch, the_viewer
from detente.desk.charter import charter
from detente.desk.frame import Frame
from detente.desk.watch import selectors, services
from detente.desk.watch.acts import ACTS, MOVES, STOP
from detente.desk.watch.forms import ActForm, StopForm
from detente.desk.watch.place import place_row, typed_place, words_row
from detente.desk.words import finding_sentences, refusal
from detente.record.errors import DetenteError


@require_GET
@require_watch
def board(request: HttpRequest) -> HttpResponse:
    """The one page of the watch."""
    words, viewer = charter(), the_viewer(request)
    context = {"board": selectors.board(viewer), "acts": ACTS, "moves": MOVES, **stop_context(request)}
    name = "watch/board.html" if words.is_side(words.me) else "watch/guarantor.html"
    return render(request, name, context)


@require_GET
@require_watch
def lines(request: HttpRequest) -> HttpResponse:
    """Line states and contact checks: a part of the page."""
    return render(request, "watch/_lines.html", {"board": selectors.board(the_viewer(request))})


@require_GET
@require_watch
def cases(request: HttpRequest) -> HttpResponse:
    """All entries: a part of the page."""
    return render(request, "watch/_cases.html", {"board": selectors.board(the_viewer(request))})


@require_GET
@require_watch
def case(request: HttpRequest, case_id: str) -> HttpResponse:
    """One entry: a part of the page."""
    return render(request, "watch/_case.html", {"case": selectors.stop_case(the_viewer(request), case_id)})


@require_GET
@require_session
def stop(request: HttpRequest) -> HttpResponse:
    """The panel as a page of its own, for a browser without scripts."""
    return render(request, "watch/stop.html", stop_context(request))


@require_GET
@require_session
def read_back(request: HttpRequest) -> HttpResponse:
    """How the typed place reads: names, point, grid, distance and direction, seam."""
    text = request.GET.get("place", "").strip()
    words = charter()
    typed = typed_place(words, text)
    row = place_row(words, typed.place) if typed.place else words_row(typed.words) if text else None
    return render(request, "watch/_read_back.html", {"place": row, "typed": text})


@require_POST
@require_session
def send(request: HttpRequest) -> HttpResponse:
    """The third press. Only a meaning outside the list stops it; what the place lacks is shown afterwards."""
    form = StopForm(request.POST)
    if not form.is_valid():
        return render(request, "watch/stop.html", {**stop_context(request), "form": form})
    viewer, words = the_viewer(request), charter()
    typed = typed_place(words, form.cleaned_data["place"])
    now = Frame(request).as_of
    sent = services.send_stop(
        viewer=viewer, meaning=form.cleaned_data["meaning"], typed=typed, pressed_at=now
    )
    own = [] if typed.place else ["place-without-point" if typed.words else "place-missing"]
    request.session["sent"] = {"id": sent.id, "time": sent.time, "findings": [*own, *sent.findings]}
    return redirect("locked" if viewer.locked else "board")


@require_POST
@require_watch
def act(request: HttpRequest, case_id: str) -> HttpResponse:
    """One act on an entry; answers with the entry as it now is, with the refusal on it if there was one."""
    viewer = the_viewer(request)
    form = ActForm(request.POST)
    said: dict[str, object] = {}
    if form.is_valid():
        try:
            services.do_act(
                viewer=viewer, case_id=case_id, said=form.cleaned_data, as_of=Frame(request).as_of
            )
        except DetenteError as error:
            said = {"refused": refusal(error)}
    if not getattr(request, "htmx", False) and not said:
        return redirect("board")
    return render(request, "watch/_case.html", {"case": selectors.stop_case(viewer, case_id), **said})


def stop_context(request: HttpRequest) -> dict[str, object]:
    """What the panel needs: meanings in the charter's words and order, the list of place names."""
    words = charter()
    names = sorted({name for place in words.raw.get("places", ()) for name in place["names"].values()})
    return {
        "meanings": words.codes(STOP, "meaning"),
        "place_names": names,
        "may_stop": words.is_side(words.me) and words.may(the_viewer(request).post, STOP, "NEW"),
        "note_names": words.note("N4"),
        "sent": _sent(request),
    }


def _sent(request: HttpRequest) -> dict[str, object] | None:
    """What the last press sent, said once, with what its author should look at."""
    sent: dict[str, Any] | None = request.session.pop("sent", None) if request.method == "GET" else None
    return {**sent, "sentences": finding_sentences(sent["findings"])} if sent else None
