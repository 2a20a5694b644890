"""The client of the local API: one folder in, values or a named refusal out."""

from __future__ import annotations

import pytest

from detente.node.client import ApiError, LocalApi
from detente.record.errors import Refused
from node_api.fake_node import FakeNode


@pytest.fixture
def node(tmp_path):
    made = []

    def start(answer, folder=tmp_path):
        node = FakeNode(folder, answer)
        made.append(node)
        return node

    yield start
    for one in made:
        one.close()


class TestCalls:
    """GET, POST and DELETE over the Unix socket."""

    def test_a_value_comes_back(self, node, tmp_path):
        node(lambda _m, path, _b: (200, {"path": path}))
        with LocalApi(tmp_path) as api:
            assert api.get("/v1/entries", from_=3, limit=None, open=True) == {
                "path": "/v1/entries?from=3&open=true"
            }

    def test_a_body_goes_out(self, node, tmp_path):
        running = node(lambda _m, _p, body: (200, body))
        assert LocalApi(tmp_path).post("/v1/send", {"text": "שלום"}) == {"text": "שלום"}
        assert running.calls == [("POST", "/v1/send", {"text": "שלום"})]

    def test_a_refusal_keeps_the_nodes_words(self, node, tmp_path):
        refusal = {"error": "session-unknown", "who": "officer", "clause": "A7", "values": {"n": 1}}
        node(lambda *_: (403, refusal))
        with pytest.raises(ApiError) as caught:
            LocalApi(tmp_path).get("/v1/x")
        found = caught.value
        assert (found.code, found.who, found.clause, found.values, found.status) == (
            "session-unknown", "officer", "A7", {"n": 1}, 403,
        )  # fmt: skip

    def test_no_node_is_said_so(self, tmp_path):
        with pytest.raises(Refused) as caught:
            LocalApi(tmp_path).get("/v1/status")
        assert caught.value.code == "node-not-running"

    def test_a_folder_deeper_than_a_socket_address_works(self, node, tmp_path):
        deep = tmp_path / ("d" * 60) / ("e" * 60)
        node(lambda *_: (200, {}), deep)
        assert LocalApi(deep).get("/v1/status") == {}

    def test_a_restarted_node_is_reached_again(self, node, tmp_path):
        first = node(lambda *_: (200, {"n": 1}))
        api = LocalApi(tmp_path)
        assert api.get("/v1/status") == {"n": 1}
        first.close()
        api.close()
        second = node(lambda *_: (200, {"n": 2}))
        assert api.post("/v1/send", {}) == {"n": 2}
        assert len(second.calls) == 1


class TestEvents:
    """Server-sent events as the client reads them."""

    def test_type_id_and_data(self, node, tmp_path):
        running = node(lambda *_: (200, {}))
        stream = LocalApi(tmp_path).events()

        def first():
            return next(stream)

        import threading

        found = []
        reader = threading.Thread(target=lambda: found.append(first()))
        reader.start()
        while not running._streams:
            pass
        running.publish("entry", {"id": "S1-00001"}, "7")
        reader.join(5)
        (event,) = found
        assert (event.type, event.id, event.data) == ("entry", "7", {"id": "S1-00001"})

    def test_silence_longer_than_allowed_is_a_node_that_is_gone(self, node, tmp_path):
        node(lambda *_: (200, {}))
        with pytest.raises(Refused):
            list(LocalApi(tmp_path).events(timeout=0.2))
