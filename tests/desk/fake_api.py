"""A node in memory that answers the local API over the real Unix socket, so that the real client is used.

It keeps one small D02 conversation and moves it by the acts that come in; it judges no rule but which acts
lie open. A watch session's assertion must be a true WebAuthn assertion over the challenge it gave.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import webauthn

from charter.harbour import charter
from detente.cases.places import Point, place_at, place_json
from detente.node.api.charterview import charter_json

FINAL = {"ended", "false_alarm", "withdrawn"}
ANSWERED = {
    "PAUSED": "holding",
    "CHECKING": "checking",
    "NOT_OURS": "not_ours",
    "CANNOT_REACH_UNIT": "not_reached",
    "PASSED_UP": "passed_up",
}
MOVES = {"WITHDRAW": "withdrawn", "CORRECT": "false_alarm", "MOVE": "ended"}
OK = {"state": "ok", "code": None, "clause": None, "findings": []}


class Refused(Exception):  # noqa: N818
    def __init__(self, status: int, code: str, clause: str | None = None) -> None:
        self.status, self.body = status, {"error": code, "who": "officer", "clause": clause, "values": {}}
        super().__init__(code)


class FakeNode:
    """One party's node. Tests reach in: `status`, `cases`, `calls`, `refuse_next`."""

    def __init__(self, me: str, origin: str, *, exercise: bool = True) -> None:
        self.me, self.origin = me, origin
        self.charter = charter_json(charter(), me) | {"exercise": exercise}
        self.rp_id = urlsplit(origin).hostname or ""
        self.lock = threading.RLock()
        self.news = threading.Condition(self.lock)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.calls: list[tuple[str, str, Any]] = []
        self.refuse_next: Refused | None = None
        self.sessions: dict[str, dict[str, Any]] = {}
        self.credentials: dict[str, list[dict[str, Any]]] = {}
        self.codes = {
            "invite-watch-1": "WATCH",
            "invite-super-1": "SUPERVISOR",
            "invite-release-1": "RELEASE",
        }
        self.cases: list[dict[str, Any]] = []
        self.checks: list[dict[str, Any]] = []
        self.index = {"s1": 122, "s2": 86, "g1": 50}
        self.armed = False
        others = [p["id"] for p in self.charter["parties"] if p["id"] != me]
        self.peers = {p: self._peer() for p in others}

    def _peer(self) -> dict[str, Any]:
        now = int(time.time())
        holds = {"size": 123, "behind": 0, "at": now - 4, "since": None}
        return {
            "line": "direct",
            "last_heard": now,
            "since": now - 4000,
            "holds": holds,
            "missing": 0,
            "armed": True,
            "clock_offset_s": 0,
            "version": "0.1.0",
            "error": None,
        }

    def status(self) -> dict[str, Any]:
        return {
            "party": self.me,
            "cell": self.charter["cell"],
            "exercise": self.charter["exercise"],
            "charter": "0" * 64,
            "time": int(time.time()),
            "log": {"origin": "x", "size": self.index[self.me] + 1, "root": ""},
            "signer": {"state": "ready"},
            "armed": self.armed,
            "watch": {},
            "peers": self.peers,
            "waiting": {},
        }

    # ------------------------------------------------ the record

    def next_id(self, party: str) -> str:
        self.index[party] += 1
        x = "X" if self.charter["exercise"] else ""
        return f"{party.upper()}-{x}{self.index[party]:05}"

    def open_case(
        self, party: str, fields: dict[str, Any], content: dict[str, Any], at: int | None = None
    ) -> dict[str, Any]:
        at = int(time.time()) if at is None else at
        case_id = self.next_id(party)
        others = [p["id"] for p in self.charter["parties"] if p["id"] != party]
        case = {
            "id": case_id,
            "kind": "D02",
            "opened_by": party,
            "addressee": next(p for p in others if p != "g1"),
            "post": "WATCH",
            "at": at,
            "precedence": "FLASH",
            "state": "sent",
            "state_as_held": "sent",
            "open": True,
            "confirmation": "awaiting",
            "confirm_due": at + 900,
            "result": None,
            "puts": [],
            "not_held": [],
            "quarantined": False,
            "fields": {k: {"value": v, "entry": case_id} for k, v in {**fields, **content}.items()},
            "timeline": [],
            "clocks": [],
            "receipts": [self._receipt(p) for p in others],
        }
        case["timeline"].append(self._act(case_id, party, "WATCH", "NEW", fields, content, at))
        other = next(p for p in others if p != "g1")
        case["clocks"] = [
            {
                "rule": "T1",
                "entry": case_id,
                "party": other,
                "state": "running",
                "start": at,
                "start_by": "receipt",
                "due": at + 120,
                "met_at": None,
            }
        ]
        self.cases.insert(0, case)
        self.tell("entry", {"id": case_id, "kind": "D02", "act": "NEW", "case": case_id})
        return case

    def _receipt(self, party: str) -> dict[str, Any]:
        return {
            "party": party,
            "state": "not held",
            "at": None,
            "anchored": None,
            "moves_clocks": False,
            "read_at": None,
            "acknowledged_at": None,
            "acknowledged_as": None,
            "passed_on": [],
            "answered_at": None,
            "by_path": None,
        }

    def hold(self, case: dict[str, Any], party: str, at: int, by_path: str = "direct") -> dict[str, Any]:
        receipt = next(r for r in case["receipts"] if r["party"] == party)
        receipt.update(state="held", at=at, anchored=at, moves_clocks=True, by_path=by_path)
        return receipt

    def _act(
        self, id_: str, party: str, post: str, act: str, fields: Any, content: Any, at: int
    ) -> dict[str, Any]:
        return {
            "id": id_,
            "party": party,
            "post": post,
            "act": act,
            "time": at,
            "fields": fields,
            "content": content or {},
            "verdict": OK,
            "held": True,
            "ahead": False,
            "provisional": False,
        }

    def act(
        self,
        case: dict[str, Any],
        party: str,
        post: str,
        act: str,
        fields: dict[str, Any],
        content: Any = None,
        at: int | None = None,
    ) -> str:
        at = int(time.time()) if at is None else at
        id_ = self.next_id(party)
        case["timeline"].append(self._act(id_, party, post, act, fields, content, at))
        receipt = next((r for r in case["receipts"] if r["party"] == party), None)
        if receipt is not None:
            stamp = {"READ": "read_at", "ACK": "acknowledged_at", "ANSWER": "answered_at"}.get(act)
            if stamp:
                receipt[stamp] = at
            if act == "ACK":
                receipt["acknowledged_as"] = fields.get("ack")
            if act == "PASS_ON":
                receipt["passed_on"].append(
                    {"echelon": fields["echelon"], "post": post, "at": fields.get("passed_at", at)}
                )
        if act == "ANSWER":
            case["state"] = ANSWERED[fields["answer"]]
        elif act in ("ACK", "PASS_ON") and case["state"] == "sent" and party != "g1":
            case["state"] = "human_reply"
        case["state"] = MOVES.get(act, case["state"])
        case["open"] = case["state"] not in FINAL
        if act in ("ANSWER", "ACK", "PASS_ON"):
            case["clocks"] = [{**c, "state": "met"} for c in case["clocks"]]
        if act == "SIGN":
            case["confirmation"] = "confirmed"
        if act == "WITHDRAW":
            case["confirmation"] = "withdrawn"
        self.tell("entry", {"id": id_, "kind": "D02", "act": act, "case": case["id"]})
        return id_

    def may(self, case: dict[str, Any]) -> list[str]:
        if not case["open"]:
            return ["READ"] if case["opened_by"] != self.me else []
        if case["opened_by"] == self.me:
            sign = ["SIGN", "WITHDRAW"] if case["confirmation"] == "awaiting" else []
            return [*sign, "UPDATE", "MOVE", "CORRECT"]
        return ["READ", "ACK", "PASS_ON"] + ([] if self.me == "g1" else ["ANSWER"])

    def tell(self, type_: str, data: dict[str, Any]) -> None:
        with self.news:
            self.events.append((type_, data))
            self.news.notify_all()

    # ------------------------------------------------ routes

    def get(self, path: str, query: dict[str, str]) -> Any:
        if path == "/v1/status":
            return self.status()
        if path == "/v1/charter":
            return self.charter
        if path == "/v1/checks":
            return {"checks": self.checks, "silences": []}
        if path == "/v1/alarm":
            return {"armed": self.armed}
        if path == "/v1/cases":
            return {"cases": [self.shown(c) for c in self.cases if c["kind"] == query.get("kind", c["kind"])]}
        if path.startswith("/v1/cases/"):
            for case in self.cases:
                if case["id"] == path.rpartition("/")[2]:
                    return self.shown(case)
        raise Refused(404, "not-found")

    def shown(self, case: dict[str, Any]) -> dict[str, Any]:
        return {**case, "may": self.may(case)}

    def post(self, path: str, body: dict[str, Any]) -> Any:
        if self.refuse_next is not None:
            refused, self.refuse_next = self.refuse_next, None
            raise refused
        if path == "/v1/sessions":
            return self.begin(body["post"])
        if path.endswith("/assertion"):
            return self.take_assertion(path.split("/")[3], body["assertion"])
        if path == "/v1/credentials":
            return self.enrol(body)
        if path == "/v1/send":
            return self.send(body)
        if path == "/v1/alarm/test":
            return {"armed": self.armed}
        if path == "/v1/alarm/confirm":
            self._session(body["session"])
            self.armed = True
            self.tell("status", {"armed": True})
            return {"armed": True}
        raise Refused(404, "not-found")

    def begin(self, post: str) -> Any:
        known = self.credentials.get(post, [])
        if not known:
            raise Refused(409, "no-credential")
        name, challenge = secrets.token_urlsafe(12), hashlib.sha256(secrets.token_bytes(16)).digest()
        self.sessions[name] = {"post": post, "challenge": challenge, "in_force": False}
        url = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        ids = [
            base64.urlsafe_b64encode(base64.b64decode(c["credential_id"])).rstrip(b"=").decode()
            for c in known
        ]
        return {"session": name, "post": post, "challenge": url, "rp_id": self.rp_id, "credentials": ids}

    def take_assertion(self, name: str, assertion: dict[str, str]) -> Any:
        session = self.sessions.get(name)
        if session is None:
            raise Refused(404, "session-unknown")
        url = {
            k: base64.urlsafe_b64encode(base64.b64decode(v)).rstrip(b"=").decode()
            for k, v in assertion.items()
        }
        known = next(
            (c for c in self.credentials[session["post"]] if c["credential_id"] == assertion["credential"]),
            None,
        )
        if known is None:
            raise Refused(403, "unverified")
        response = {
            "clientDataJSON": url["client_data"],
            "authenticatorData": url["authenticator_data"],
            "signature": url["signature"],
        }
        credential = {
            "id": url["credential"],
            "rawId": url["credential"],
            "type": "public-key",
            "response": response,
        }
        try:
            webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=session["challenge"],
                expected_rp_id=self.rp_id,
                expected_origin=self.origin,
                credential_public_key=base64.b64decode(known["public"]),
                credential_current_sign_count=0,
                require_user_verification=True,
            )
        except Exception as error:
            raise Refused(403, "unverified") from error
        session["in_force"] = True
        return {"session": name, "post": session["post"], "valid_until": int(time.time()) + 8 * 3600}

    def enrol(self, body: dict[str, Any]) -> Any:
        credential = body["credential"]
        if self.codes.get(body["code"]) != credential["post"]:
            raise Refused(404, "code-unknown")
        del self.codes[body["code"]]
        self.credentials.setdefault(credential["post"], []).append(credential)
        return {"state": "registered", "id": self.next_id(self.me), "proposal": None}

    def _session(self, name: str) -> dict[str, Any]:
        session = self.sessions.get(name)
        if session is None or not session["in_force"]:
            raise Refused(404, "session-unknown")
        return session

    def send(self, body: dict[str, Any]) -> Any:
        session = self._session(body["session"])
        if session["post"] != body["post"]:
            raise Refused(403, "unverified")
        fields, content = body["fields"], body.get("content", {})
        if body["act"] == "NEW":
            case = self.open_case(self.me, fields, content)
            return {
                "id": case["id"],
                "log": "x",
                "index": self.index[self.me],
                "time": case["at"],
                "findings": [],
            }
        case = next((c for c in self.cases if c["id"] == body["case"]), None)
        if case is None:
            raise Refused(404, "not-found")
        id_ = self.act(case, self.me, body["post"], body["act"], fields, content)
        return {"id": id_, "log": "x", "index": self.index[self.me], "time": int(time.time()), "findings": []}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_args: Any) -> None:
        pass

    def _answer(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _run(self) -> None:
        node, url = self.server.node, urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            self._answer(401, {"error": "token-wrong", "who": "operator", "clause": None, "values": {}})
            return
        if url.path == "/v1/events":
            self._events(node)
            return
        try:
            with node.lock:
                node.calls.append((self.command, url.path, body))
                if self.command == "GET":
                    self._answer(200, node.get(url.path, dict(parse_qsl(url.query))))
                elif self.command == "DELETE":
                    node.sessions.pop(url.path.rpartition("/")[2], None)
                    self._answer(200, {"done": True})
                else:
                    self._answer(200, node.post(url.path, body))
        except Refused as refused:
            self._answer(refused.status, refused.body)

    do_GET = do_POST = do_DELETE = _run  # noqa: N815

    def _events(self, node: FakeNode) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        number = len(node.events)
        while not self.server.ended:
            with node.news:
                node.news.wait(1.0)
                fresh, number = node.events[number:], len(node.events)
            try:
                for type_, data in fresh:
                    self.wfile.write(f"id: {number}\nevent: {type_}\ndata: {json.dumps(data)}\n\n".encode())
                self.wfile.write(b": beat\n\n")
            except OSError:
                return


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    node: FakeNode
    token: str
    ended = False


def serve(node: FakeNode, folder: Path) -> _Server:
    """Serve `node` at the folder's socket until `server.shutdown()`."""
    run = folder / "run"
    run.mkdir(parents=True, exist_ok=True)
    token = secrets.token_urlsafe(24)
    (run / "token").write_text(token)
    (run / "api.sock").unlink(missing_ok=True)
    server = _Server(str(run / "api.sock"), _Handler)
    server.node, server.token = node, token
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def conversation(node: FakeNode) -> None:
    """The played situation: an open entry of each side, an ended one, checks, one relayed line."""
    now = int(time.time())
    then = now - 90_000  # another day than today's everywhere: its instants are shown with their day
    hill = place_json(
        place_at([Point(-45_016_000, -126_071_000)], precision_m=100, basis="REPORTED", gazetteer_id="P01")
    )
    far = place_json(
        place_at([Point(-44_940_000, -126_012_000)], precision_m=100, basis="REPORTED", gazetteer_id="P01")
    )
    asked = {"ask": "PAUSE_AND_CHECK", "own_action": "NOT_STATED"}
    old = node.open_case("s1", {"meaning": "LOST_OR_STRAYED", "since": then, **asked}, {"place": hill}, then)
    for party in ("s2", "g1"):
        if party != node.me or node.me != "s1":
            node.hold(old, party, then + 2)
    node.act(old, "s2", "WATCH", "READ", {}, None, then + 50)
    node.act(
        old,
        "s2",
        "WATCH",
        "ANSWER",
        {"answer": "NOT_OURS"},
        {"text": "נבדק מול הגזרה. לא שלנו.", "lang": "he"},
        then + 100,
    )
    node.act(old, "s1", "RELEASE", "SIGN", {}, None, then + 300)
    node.act(old, "s1", "WATCH", "CORRECT", {}, None, then + 400)
    ours = node.open_case(
        "s1", {"meaning": "FIRE_ON_CIVILIANS", "since": now - 700, **asked}, {"place": far}, now - 700
    )
    node.hold(ours, "s2", now - 699, "relay")
    node.hold(ours, "g1", now - 699)
    node.act(ours, "s2", "WATCH", "READ", {}, None, now - 660)
    node.act(ours, "s2", "WATCH", "ACK", {"ack": "UNDERSTOOD"}, None, now - 640)
    node.act(ours, "s2", "WATCH", "PASS_ON", {"echelon": "SECTOR", "passed_at": now - 600}, None, now - 590)
    node.act(ours, "s2", "WATCH", "ANSWER", {"answer": "CHECKING"}, None, now - 560)
    theirs = node.open_case(
        "s2", {"meaning": "AIRCRAFT_AT_RISK", "since": now - 40, **asked}, {"place": hill}, now - 38
    )
    node.hold(theirs, "s1", now - 37)
    results = [
        ("MORNING", "OK"),
        ("HANDOVER", "OK_LATE"),
        ("MORNING", "LINE_ALIVE_NO_ANSWER"),
        ("HANDOVER", None),
    ]
    node.checks = [_check(n, slot, result, now) for n, (slot, result) in enumerate(results)]
    sides = [p for p in node.peers if p != "g1"]
    other = node.peers[sides[0]]
    other.update(line="relay", since=now - 720, last_heard=now - 725, armed=False)
    other["holds"].update(behind=2, at=now - 60)


def _check(n: int, slot: str, result: str | None, now: int) -> dict[str, Any]:
    by, to = ("s1", "s2") if n % 2 == 0 else ("s2", "s1")
    return {
        "id": f"{by.upper()}-X000{80 + n}", "by": by, "to": to, "slot": slot, "path": "PRIMARY",
        "sent": now - 21000 + n * 3600, "due": None, "result": result, "rung": None, "answered_at": None,
        "echo_matches": True,
    }  # fmt: skip
