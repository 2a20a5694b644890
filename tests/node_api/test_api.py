"""The local API over a real store, writer and signer: who may, what is refused, what is durable."""

from __future__ import annotations

import http.client
import json
import socket
import sqlite3
import stat
import threading

import pytest

from detente.node.client import ApiError, LocalApi
from detente.node.unixsocket import connect
from detente.record.approvals import approval_json, approval_message
from node_api.rig import Authenticator, Node

STOP = {"meaning": "OTHER", "ask": "PAUSE_AND_CHECK", "own_action": "NOT_STATED"}
CANARY = "canary-word"


def stop(node, **more):
    """Body of a STOP-AND-CHECK."""
    fields = STOP | {"since": node.clock()}
    body = {"kind": "D02", "act": "NEW", "post": "WATCH", "fields": fields, "content": {"text": CANARY}}
    return body | more


def raw(node, method, path, body=None, *, token=None, **headers):
    """Status and JSON of a request made by hand."""
    connection = http.client.HTTPConnection("localhost")
    connection.sock = connect(node.folder.api_socket, 5)
    given = {} if token is None else {"Authorization": f"Bearer {token}"}
    connection.request(method, path, body, given | headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


@pytest.fixture
def token(node):
    return node.folder.api_token.read_text().strip()


class TestToken:
    """Rule 1 of `app`: everything needs the bearer token, and nothing else does."""

    @pytest.mark.parametrize("given", [None, "", "wrong", "tökén"])
    def test_without_the_right_token_nothing_is_read(self, node, given):
        given = None if given is None else given.encode().decode("latin-1")
        status, body = raw(node, "GET", "/v1/status", token=given)
        assert (status, body["error"], body["who"]) == (401, "unauthorised", "caller")

    def test_with_it_the_node_answers(self, node, token):
        assert raw(node, "GET", "/v1/status", token=token)[0] == 200

    def test_an_unknown_path_is_not_told_apart_without_the_token(self, node):
        assert raw(node, "GET", "/v1/nothing")[0] == 401

    @pytest.mark.parametrize(
        "headers", [{"Origin": "http://elsewhere.example"}, {"Host": "elsewhere.example"}]
    )
    def test_a_page_of_another_site_is_refused_even_with_the_token(self, node, token, headers):
        assert raw(node, "GET", "/v1/status", token=token, **headers)[0] == 401

    def test_socket_and_token_are_the_nodes_users_alone(self, node):
        for path in (node.folder.api_socket, node.folder.api_token):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


class TestInput:
    """Rule 2 of `app`: bounded, strict, named."""

    @pytest.mark.parametrize(
        "body",
        [
            b"", b"{", b"[]", b'{"kind":"D02","kind":"D02"}', b'{"kind":1.5}', b'{"a":NaN}', b"\xff\xfe",
            b'\xef\xbb\xbf{}', b"{}" + b" x", b'{"kind":"D02","act":"NEW","post":"WATCH","fields":{},"x":1}',
            b"[" * 40 + b"]" * 40,
        ],
    )  # fmt: skip
    def test_what_is_not_the_shape_is_refused_and_leaves_nothing(self, node, token, body):
        status, answer = raw(node, "POST", "/v1/send", body, token=token)
        assert (status, answer["error"]) == (400, "malformed")
        assert node.api.get("/v1/entries")["entries"] == []

    def test_a_body_beyond_the_limit_is_not_read(self, node, token):
        status, answer = raw(node, "POST", "/v1/sessions", b" " * 70_000, token=token)
        assert (status, answer["error"]) == (413, "too-large")

    @pytest.mark.parametrize(
        "query", ["from=-1", "from=x", "limit=0", "limit=1001", "wait=26", "x=1", "from=1&from=2"]
    )
    def test_a_query_out_of_its_bounds_is_refused(self, node, token, query):
        assert raw(node, "GET", f"/v1/entries?{query}", token=token)[0] == 400

    @pytest.mark.parametrize(
        "path", ["/v1/entries/nothing", "/v1/entries/S1-X99999", "/v1/cases/S1-00001", "/v1/no"]
    )
    def test_what_is_not_here_is_not_found(self, node, token, path):
        status, answer = raw(node, "GET", path, token=token)
        assert (status, answer["error"]) == (404, "not-found")

    def test_a_method_the_route_does_not_know(self, node, token):
        assert raw(node, "POST", "/v1/status", b"{}", token=token)[1]["error"] == "method-not-allowed"


class TestSpeaking:
    """propose → release → durable; what the charter refuses stops here with its clause."""

    def _stored(self, node):
        """Cores on the disk, read by another connection: what a power cut would leave."""
        base = sqlite3.connect(f"file:{node.folder.database}?mode=ro", uri=True)
        try:
            return base.execute("select count(*) from node_entry").fetchone()[0]
        finally:
            base.close()

    def test_a_proposal_alone_is_in_no_log(self, node):
        proposed = node.api.post("/v1/proposals", stop(node))
        assert proposed["preview"]["to"] == ["g1", "s2"]
        assert self._stored(node) == 0

    def test_it_is_listed_with_what_an_officer_elsewhere_needs(self, node):
        proposed = node.api.post("/v1/proposals", stop(node))
        (waiting,) = node.api.get("/v1/proposals")["proposals"]
        for name in ("proposal", "core", "sha256", "challenge"):
            assert waiting[name] == proposed[name]
        assert (waiting["kind"], waiting["post"], waiting["approvals"]) == ("D02", "WATCH", 1)

    def test_a_released_one_is_on_disk_and_in_the_journal_when_the_answer_comes(self, node):
        node.services.speaker.ensure_post_key("WATCH")
        proposed = node.api.post("/v1/proposals", stop(node))
        before = self._stored(node)
        logged = node.api.post(f"/v1/proposals/{proposed['proposal']}/release", {"post_key": True})
        assert self._stored(node) == before + 1
        assert node.signer.status().size == logged["index"] + 1
        assert logged["id"] == f"S1-X{logged['index']:05d}"

    def test_an_approval_made_elsewhere_is_taken(self, node):
        node.services.speaker.ensure_post_key("WATCH")
        key = node.services.officers.post_key("WATCH")
        proposed = node.api.post("/v1/proposals", stop(node))
        message = approval_message(node.charter.cell, "s1", bytes.fromhex(proposed["sha256"]))
        from detente.record.approvals import Ed25519Approval

        approval = approval_json(Ed25519Approval(key.public, key.sign(message)))
        path = f"/v1/proposals/{proposed['proposal']}/release"
        assert node.api.post(path, {"approvals": [approval]})["id"].startswith("S1-X")

    def test_an_approval_over_another_core_is_refused(self, node):
        node.services.speaker.ensure_post_key("WATCH")
        one, two = (node.api.post("/v1/proposals", stop(node)) for _ in range(2))
        key = node.services.officers.post_key("WATCH")
        from detente.record.approvals import Ed25519Approval

        message = approval_message(node.charter.cell, "s1", bytes.fromhex(two["sha256"]))
        approval = approval_json(Ed25519Approval(key.public, key.sign(message)))
        with pytest.raises(ApiError) as caught:
            node.api.post(f"/v1/proposals/{one['proposal']}/release", {"approvals": [approval]})
        assert (caught.value.code, caught.value.status) == ("unverified", 403)

    def test_without_approval_a_release_is_refused_with_the_clause(self, node):
        proposed = node.api.post("/v1/proposals", stop(node))
        with pytest.raises(ApiError) as caught:
            node.api.post(f"/v1/proposals/{proposed['proposal']}/release", {})
        assert (caught.value.code, caught.value.clause) == ("approvals-missing", "A7")
        assert self._stored(node) == 0

    def test_a_second_release_is_refused_and_names_the_entry(self, node):
        node.services.speaker.ensure_post_key("WATCH")
        proposed = node.api.post("/v1/proposals", stop(node))
        path = f"/v1/proposals/{proposed['proposal']}/release"
        logged = node.api.post(path, {"post_key": True})
        with pytest.raises(ApiError) as caught:
            node.api.post(path, {"post_key": True})
        assert (caught.value.code, caught.value.values["entry"]) == ("released-already", logged["id"])

    def test_what_the_charter_refuses_names_its_clause_and_keeps_nothing(self, node):
        body = stop(node)
        body["fields"] = body["fields"] | {"meaning": "NO_SUCH_CODE"}
        with pytest.raises(ApiError) as caught:
            node.api.post("/v1/send", body | {"post_key": True})
        assert (caught.value.status, bool(caught.value.clause)) == (422, True)
        assert node.api.get("/v1/status")["waiting"]["proposed"] == 0

    def test_a_form_check_never_delays_a_floor_entry(self, node):
        sent = node.api.post("/v1/send", stop(node, post_key=True))  # it names no place
        assert sent["id"].startswith("S1-X")
        assert [notice["code"] for notice in sent["notices"]] == sent["findings"] != []

    def test_while_the_signer_has_not_started_the_entry_is_kept_and_follows_by_itself(self, node):
        node.services.speaker.ensure_post_key("WATCH")
        node.signer.down = True
        with pytest.raises(ApiError) as caught:
            node.api.post("/v1/send", stop(node, post_key=True))
        assert (caught.value.status, caught.value.code) == (503, "unreachable")
        assert node.api.get("/v1/status")["waiting"]["released"] == 1
        node.signer.down = False
        node.step()
        assert node.api.get("/v1/status")["waiting"]["released"] == 0

    def test_the_sent_entry_is_read_back_judged(self, node):
        sent = node.api.post("/v1/send", stop(node, post_key=True))
        node.settled()
        row = node.api.get(f"/v1/entries/{sent['id']}")
        assert (row["kind"], row["verdict"]["state"], row["approvals"]) == ("D02", "ok", ["WATCH"])
        assert row["content"] == {"text": CANARY}
        case = node.api.get(f"/v1/cases/{sent['id']}")
        assert (case["state"], case["addressee"], case["open"]) == ("sent", "s2", True)
        assert "UPDATE" in case["may"]
        assert "ANSWER" not in case["may"]


class TestReading:
    """Positions, long-poll and events."""

    def test_a_reader_that_waits_is_answered_when_something_comes(self, node):
        found = {}

        def wait():
            found.update(LocalApi(node.folder).get("/v1/entries", from_=1, wait=20))

        reader = threading.Thread(target=wait)
        reader.start()
        node.api.post("/v1/send", stop(node, post_key=True))
        reader.join(10)
        assert found["entries"][0]["id"] == "S1-X00000"
        assert found["next"] > 1

    def test_pages_follow_one_another_without_gap(self, node):
        for _ in range(3):
            node.api.post("/v1/send", stop(node, post_key=True))
        node.settled()
        rows, start = [], 0
        while (page := node.api.get("/v1/entries", from_=start, limit=2))["entries"]:
            rows += [row["id"] for row in page["entries"]]
            start = page["next"]
        assert list(dict.fromkeys(rows)) == [f"S1-X{n:05d}" for n in range(4)]

    def test_events_resume_behind_the_last_seen(self, node):
        for _ in range(2):
            node.api.post("/v1/send", stop(node, post_key=True))
        node.settled()
        stream = LocalApi(node.folder).events(from_=0)
        first = [next(stream) for _ in range(3)]
        assert [event.data["kind"] for event in first] == ["D28", "D02", "D02"]
        again = LocalApi(node.folder).events(from_=int(first[1].id) + 1)
        assert next(again).data["id"] == first[2].data["id"]

    def test_a_live_event_carries_ids_and_kinds_only(self, node):
        stream = LocalApi(node.folder).events()
        found = []
        reader = threading.Thread(target=lambda: found.extend([next(stream), next(stream)]))
        reader.start()
        while not node.context.bus._subscriptions:
            pass
        node.api.post("/v1/send", stop(node, post_key=True))
        reader.join(10)
        assert [event.type for event in found] == ["entry", "entry"]
        assert set(found[1].data) == {"id", "kind", "act", "case", "position"}
        assert CANARY not in repr(found)


class TestSessions:
    """Watch sign-in (A7), with a software authenticator."""

    @pytest.fixture
    def passkey(self, node):
        made = Authenticator()
        code = node.api.post("/v1/enrolment", {"post": "WATCH"})
        assert code["link"].startswith("http://s1.detente.localhost:8443/enrol/")
        answer = node.api.post("/v1/credentials", {"code": code["code"], "credential": made.credential()})
        assert answer["state"] == "registered"
        return made

    def _sign_in(self, node, passkey):
        offer = node.api.post("/v1/sessions", {"post": "WATCH"})
        assertion = passkey.assertion(offer["challenge"])
        signed = node.api.post(f"/v1/sessions/{offer['session']}/assertion", {"assertion": assertion})
        assert signed["valid_until"] == offer["not_after"]
        return offer["session"]

    def test_a_session_sends_a_stop_and_check_that_every_party_finds_approved(self, node, passkey):
        sent = node.api.post("/v1/send", stop(node, session=self._sign_in(node, passkey)))
        node.settled()
        row = node.api.get(f"/v1/entries/{sent['id']}")
        assert (row["verdict"]["state"], row["approvals"]) == ("ok", ["WATCH"])

    @pytest.mark.parametrize(
        "change",
        [
            {"flags": 0x01}, {"flags": 0x04}, {"origin": "http://elsewhere.example"}, {"crossOrigin": True},
            {"topOrigin": "http://elsewhere.example"}, {"type": "webauthn.create"},
        ],
    )  # fmt: skip
    def test_an_assertion_with_one_defect_opens_nothing(self, node, passkey, change):
        offer = node.api.post("/v1/sessions", {"post": "WATCH"})
        with pytest.raises(ApiError) as caught:
            assertion = passkey.assertion(offer["challenge"], **change)
            node.api.post(f"/v1/sessions/{offer['session']}/assertion", {"assertion": assertion})
        assert caught.value.code == "unverified"
        with pytest.raises(ApiError) as caught:
            node.api.post("/v1/send", stop(node, session=offer["session"]))
        assert caught.value.code == "session-unknown"

    def test_a_challenge_of_another_session_opens_nothing(self, node, passkey):
        one, two = (node.api.post("/v1/sessions", {"post": "WATCH"}) for _ in range(2))
        with pytest.raises(ApiError) as caught:
            assertion = passkey.assertion(one["challenge"])
            node.api.post(f"/v1/sessions/{two['session']}/assertion", {"assertion": assertion})
        assert caught.value.code == "unverified"

    @pytest.mark.parametrize(
        ("kind", "post", "fields"),
        [
            ("R03", "LOG", {"armed": True, "software": "x"}),
            ("D28", "ADMIN", {
                "change": "REGISTERED", "post": "WATCH", "credential_kind": "ED25519", "public": "00" * 32,
            }),
        ],
    )  # fmt: skip
    def test_a_session_key_approves_floor_kinds_only_and_never_credentials(
        self, node, passkey, kind, post, fields
    ):
        session = self._sign_in(node, passkey)
        before = len(node.api.get("/v1/entries")["entries"])
        with pytest.raises(ApiError) as caught:
            body = {"kind": kind, "act": "NEW", "post": post, "fields": fields, "session": session}
            node.api.post("/v1/send", body)
        assert (caught.value.code, caught.value.clause) == ("session-floor-only", "A7")
        assert len(node.api.get("/v1/entries")["entries"]) == before

    def test_a_session_outlives_a_restart_of_the_node(self, node, passkey, folders, clock):
        session = self._sign_in(node, passkey)
        node.stop()
        again = Node(folders, clock, node.signer)
        again.start()
        try:
            assert again.api.post("/v1/send", stop(again, session=session))["id"].startswith("S1-X")
        finally:
            again.stop()
            node.start = node.stop = lambda: None

    def test_an_ended_one_and_one_that_ran_out_send_nothing(self, node, passkey, clock):
        ended, old = self._sign_in(node, passkey), self._sign_in(node, passkey)
        node.api.delete(f"/v1/sessions/{ended}")
        clock.now += 13 * 3600
        for session in (ended, old):
            with pytest.raises(ApiError) as caught:
                node.api.post("/v1/send", stop(node, session=session))
            assert caught.value.code == "session-unknown"

    def test_a_code_is_used_once_and_for_its_post_only(self, node):
        code = node.api.post("/v1/enrolment", {"post": "WATCH"})["code"]
        other = Authenticator().credential("RELEASE")
        with pytest.raises(ApiError) as caught:
            node.api.post("/v1/credentials", {"code": code, "credential": other})
        assert caught.value.code == "code-unknown"
        credential = Authenticator().credential()
        node.api.post("/v1/credentials", {"code": code, "credential": credential})
        with pytest.raises(ApiError) as caught:
            node.api.post("/v1/credentials", {"code": code, "credential": credential})
        assert caught.value.code == "code-unknown"

    def test_a_post_without_a_passkey_is_told_so(self, node):
        with pytest.raises(ApiError) as caught:
            node.api.post("/v1/sessions", {"post": "HEAD"})
        assert (caught.value.code, caught.value.who) == ("no-credential", "administrator")

    def test_the_database_never_holds_the_session_key_in_clear(self, node, passkey):
        from detente.node import keys, selectors
        from detente.node.opening import unwrap

        name = self._sign_in(node, passkey)
        row = node.services.reader.run(selectors.session, name).result()
        seed = unwrap(keys.storage_key(node.folder), row.seed)
        wal = node.folder.database.with_name(node.folder.database.name + "-wal")
        assert all(seed not in path.read_bytes() for path in (node.folder.database, wal) if path.exists())


class TestLoopback:
    """The port beside the socket: same token, loopback only."""

    def test_it_serves_with_the_token(self, folders, clock):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        toml = folders["s1"].node_toml
        toml.write_text(toml.read_text() + f'\n[local]\nlisten = "127.0.0.1:{port}"\n')
        node = Node(folders, clock)
        node.start()
        try:
            for given, status in (("wrong", 401), (node.folder.api_token.read_text().strip(), 200)):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/v1/status", headers={"Authorization": f"Bearer {given}"})
                assert connection.getresponse().status == status
        finally:
            node.stop()

    @pytest.mark.parametrize("listen", ["0.0.0.0:7501", "192.0.2.1:7501", "example.org:7501"])
    def test_an_address_others_could_reach_is_refused(self, listen):
        from detente.node.api.server import loopback
        from detente.record.errors import DetenteError

        with pytest.raises(DetenteError) as caught:
            loopback(listen, "local.listen")
        assert caught.value.code == "setting-wrong"


class TestStart:
    """`/v1/status` says what of this node signs nothing yet, and who must act; and which logs are here."""

    def test_every_log_with_its_generation(self, node: Node) -> None:
        node.in_force()
        status = node.api.get("/v1/status")
        own = next(one for one in status["logs"] if one["origin"] == status["log"]["origin"])
        assert own["party"] == status["party"] and own["generation"] == 1
        assert (own["size"], own["stopped_at"]) == (status["log"]["size"], None)

    def test_a_restored_node_says_who_must_act(self, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
        from detente.cli.status import waits
        from detente.node.link import lineset
        from detente.node.link.lineset import Line
        from detente.node.signer import restored_mark

        line = Line("g1", b"", ("127.0.0.1", 1), "", "g1", None)
        mark = restored_mark(node.folder)
        monkeypatch.setattr(lineset, "lines_of", lambda *_: (line,))
        assert node.api.get("/v1/status")["start"]["mirrors"] is None
        mark.touch()
        try:
            status = node.api.get("/v1/status")
            assert status["start"]["mirrors"] == "operator"
            assert any("OPERATOR" in one and "confirm-mirror" in one for one in waits(status))
            dialled = Line("g1", b"", None, "https://g1.exercise:1", "g1", None)
            monkeypatch.setattr(lineset, "lines_of", lambda *_: (line, dialled))
            assert node.api.get("/v1/status")["start"]["mirrors"] == "peers"
        finally:
            mark.unlink()
