"""Signing in, arming the alarm, locking, enrolling: calls to the node, marks in the web session."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from detente.desk.charter import CharterView
from detente.desk.here import api, config
from detente.desk.signin import passkeys
from detente.desk.viewer import Viewer
from detente.desk.watch.acts import STOP
from detente.record.errors import DetenteError, Malformed


def offer_session(request: HttpRequest, post: str) -> dict[str, Any]:
    """Ask the node for a watch session of `post`; options for the passkey. The screen remembers the post."""
    request.session["post"] = post
    offer = api().post("/v1/sessions", {"post": post})
    request.session["pending"] = {"session": offer["session"], "post": post}
    return passkeys.request_options(offer)


def accept_assertion(request: HttpRequest, body: bytes) -> bool:
    """Give the assertion to the node; True if the alarm must still be heard."""
    pending = request.session.pop("pending", None)
    if not isinstance(pending, dict):
        raise Malformed("assertion")
    assertion = passkeys.parse_assertion(body)
    answer = api().post(f"/v1/sessions/{pending['session']}/assertion", {"assertion": assertion})
    before = request.session.get("watch")
    armed = bool(before and before.get("armed"))
    request.session.cycle_key()
    rotate_token(request)
    request.session["watch"] = {**pending, "valid_until": int(answer["valid_until"]), "armed": armed}
    request.session["locked"] = False
    return not armed


def end_session(request: HttpRequest, viewer: Viewer) -> None:
    """Leave the watch; a node that cannot be reached does not keep the officer in."""
    try:
        api().delete(f"/v1/sessions/{viewer.session}")
    except DetenteError:
        pass
    finally:
        request.session.flush()
        request.session["post"] = viewer.post


def sound_alarm() -> None:
    api().post("/v1/alarm/test", {})


def confirm_alarm(request: HttpRequest, viewer: Viewer) -> None:
    """The officer heard it: from now on the peers see this watch as armed."""
    api().post("/v1/alarm/confirm", {"session": viewer.session})
    request.session["watch"] = {**request.session["watch"], "armed": True}


def posts_to_sign_in(words: CharterView) -> tuple[tuple[str, str], ...]:
    """(id, label) of the own party's posts that may do anything at a watch."""
    return tuple(
        (str(p["id"]), words.post_label(p["id"])) for p in words.posts_of(words.me) if p["may"].get(STOP)
    )


def offer_enrolment(request: HttpRequest, code: str, words: CharterView, post: str) -> dict[str, Any]:
    """Options for a new passkey; the challenge is remembered with the one-time code."""
    options, challenge = passkeys.creation_options(rp_id=config().rp_id, rp_name=words.name, post=post)
    request.session["enrolment"] = {"code": code, "challenge": challenge, "post": post}
    return options


def enrol(request: HttpRequest, body: bytes) -> bool:
    """Hand the new public key to the node. False if an administrator must still approve it."""
    pending = request.session.pop("enrolment", None)
    if not isinstance(pending, dict):
        raise Malformed("credential")
    credential = passkeys.parse_credential(
        body,
        challenge=pending["challenge"],
        rp_id=config().rp_id,
        origin=config().origin,
        post=pending["post"],
    )
    answer = api().post("/v1/credentials", {"code": pending["code"], "credential": credential})
    request.session["post"] = pending["post"]
    return str(answer.get("state", "")) != "pending"
