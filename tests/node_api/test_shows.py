"""One view of a part that is only shown: the author's rule at one node over a real store."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from detente.node import keys as key_files
from detente.node import shows
from detente.node.client import ApiError
from detente.record.age import recipient_of
from detente.record.errors import DetenteError, Malformed, Refused, Unreachable
from detente.record.parts import open_sealed, seal
from detente.record.showing import (
    ShowRequest,
    encode_body,
    encode_request,
    parse_body,
    parse_request,
    signed_message,
)  # fmt: skip
from node.rig import Clock
from node_api.rig import Node, make_cell
from node_api.test_parts import WORDS, everywhere, run, says, send, states


@pytest.fixture
def node(tmp_path) -> Iterator[Node]:
    found = Node(make_cell(tmp_path, trial=True), Clock())
    found.start()
    found.in_force()
    found.register("s2", "WATCH")
    yield found
    found.stop()


def asked(node: Node, entry: str, party: str = "s2", **changes) -> tuple[bytes, bytes]:
    """(leaf certificate, body) as `party`'s node would send them for the content of an entry of ours."""
    found = node.services.entry_id(entry)
    values = {
        "log": found.log, "index": found.index, "position": 1, "viewer": party, "post": "WATCH",
        "receiving": node.charter.parties[party].receiving, "at": node.clock(),
        "nonce": secrets.token_hex(32), **changes,
    }  # fmt: skip
    request = encode_request(ShowRequest(**values))
    keys = node.folders[party].link_keys
    key = load_pem_private_key((keys / "leaf.key").read_bytes(), None)
    leaf = x509.load_pem_x509_certificate((keys / "leaf.pem").read_bytes()).public_bytes(Encoding.DER)
    return leaf, encode_body(request, key.sign(signed_message(request), ECDSA(SHA256())))


def answer(node: Node, peer: str, leaf: bytes, body: bytes) -> bytes:
    return run(node, node.services.shows.answer, peer, leaf, body)


def code(node: Node, peer: str, leaf: bytes, body: bytes) -> str:
    with pytest.raises(DetenteError) as refusal:
        answer(node, peer, leaf, body)
    return refusal.value.code


@pytest.fixture
def entry(node) -> str:
    return send(node, handling={"mode": "SHOW"}, content={"text": WORDS})


class TestTheAuthorsRule:
    """Who is shown what, and who is not."""

    def test_a_reader_of_the_core_opens_what_comes(self, node, entry) -> None:
        sealed = answer(node, "s2", *asked(node, entry))
        (seed,) = key_files.receiving_seeds(node.folders["s2"])
        assert json.loads(open_sealed(sealed, seed))["fields"] == {"text": WORDS}
        assert answer(node, "g1", *asked(node, entry, "g1"))

    def test_nobody_else_and_nothing_else(self, node, entry) -> None:
        direct = send(node, mode="DIRECT", handling={"mode": "SHOW"}, content={"text": WORDS})
        given = send(node, content={"text": WORDS})
        assert code(node, "g1", *asked(node, direct, "g1")) == "not-shown"
        assert code(node, "s2", *asked(node, given)) == "not-shown", "what is given is not shown"
        assert code(node, "s2", *asked(node, entry, position=2)) == "not-shown"
        assert code(node, "s2", *asked(node, entry, index=9999)) == "not-shown"
        assert code(node, "g1", *asked(node, entry)) == "unverified", "another line than the viewer's"
        leaf, body = asked(node, entry)
        other, _ = asked(node, entry, "g1")
        assert code(node, "s2", other, body) == "unverified"
        request, signature = parse_body(body)
        assert code(node, "s2", leaf, encode_body(request + b" ", signature)) == "unverified"

    def test_a_request_counts_once_and_soon(self, node, entry) -> None:
        leaf, body = asked(node, entry)
        assert answer(node, "s2", leaf, body)
        assert code(node, "s2", leaf, body) == "show-stale"
        skew = node.charter.bounds.skew_s
        assert code(node, "s2", *asked(node, entry, at=node.clock() - skew - 1)) == "show-stale"
        assert code(node, "s2", *asked(node, entry, at=node.clock() + skew + 1)) == "show-stale"
        assert answer(node, "s2", *asked(node, entry, at=node.clock() - skew))

    def test_the_key_is_the_one_in_force(self, node, entry) -> None:
        assert code(node, "s2", *asked(node, entry, receiving=recipient_of(b"9" * 32))) == "show-key"

    def test_not_after_its_end(self, node) -> None:
        until = node.clock() + 50
        entry = send(node, handling={"mode": "SHOW", "valid_until": until}, content={"text": WORDS})
        node.clock.now = until - 1
        assert answer(node, "s2", *asked(node, entry))
        node.clock.now = until
        assert code(node, "s2", *asked(node, entry)) == "show-over"
        recalled = send(node, handling={"mode": "SHOW"}, content={"text": WORDS})
        node.clock.now += 5
        send(node, "RECALL", case=recalled)
        assert code(node, "s2", *asked(node, recalled)) == "show-over"

    def test_a_days_views_are_counted(self, node, entry, monkeypatch) -> None:
        monkeypatch.setattr(shows, "VIEWS_A_DAY", 2)
        for _ in range(2):
            answer(node, "s2", *asked(node, entry))
        assert code(node, "s2", *asked(node, entry)) == "show-quota"
        assert answer(node, "g1", *asked(node, entry, "g1")), "each party has its own"
        node.clock.now += 86_401
        assert answer(node, "s2", *asked(node, entry))

    def test_every_view_is_logged_and_refused_ones_too(self, node, entry) -> None:
        answer(node, "s2", *asked(node, entry))
        code(node, "s2", *asked(node, entry, position=2))
        found = node.api.get(f"/v1/entries/{entry}/views")["views"]
        assert [(one["side"], one["viewer"], one["position"], one["code"]) for one in found] == [
            ("showed", "s2", 1, None), ("showed", "s2", 2, "not-shown"),
        ]  # fmt: skip


class TestTheViewer:
    """What comes is checked against the core, handed on, and kept nowhere."""

    def test_a_true_answer_reaches_the_caller(self, node) -> None:
        entry, content = self._shown(node)

        async def ask(party: str, body: bytes, limit: int) -> bytes:
            request = parse_request(parse_body(body)[0])
            return seal(content, [request.receiving], file_key=b"k" * 16, nonce=b"n" * 16)

        found = self._ask(node, entry, ask)
        assert base64.b64decode(found["data"]) == content
        assert states(node, entry) == ["open", "shown"]
        assert content not in everywhere(node)

    def test_other_bytes_than_the_core_names_are_refused(self, node) -> None:
        entry, _ = self._shown(node)

        async def ask(party: str, body: bytes, limit: int) -> bytes:
            request = parse_request(parse_body(body)[0])
            return seal(b"other words", [request.receiving], file_key=b"k" * 16, nonce=b"n" * 16)

        with pytest.raises(ApiError) as refusal:
            self._ask(node, entry, ask)
        assert refusal.value.code == "unverified"
        assert node.api.get(f"/v1/entries/{entry}/views")["views"][-1]["code"] == "unverified"

    @pytest.mark.parametrize(
        ("error", "named"),
        [(Unreachable("s2"), "originator-unreachable"), (Refused("show-over"), "show-over")],
    )
    def test_a_refusal_is_named_and_logged(self, node, error, named) -> None:
        entry, _ = self._shown(node)

        async def ask(party: str, body: bytes, limit: int) -> bytes:
            raise error

        with pytest.raises(ApiError) as refusal:
            self._ask(node, entry, ask)
        assert refusal.value.code == named
        assert [one["code"] for one in node.api.get(f"/v1/entries/{entry}/views")["views"]] == [named]

    def _shown(self, node: Node) -> tuple[str, bytes]:
        from detente.node.api.parts import print_id

        entry = says(node, handling={"mode": "SHOW"})
        (seed,) = key_files.receiving_seeds(node.folders["s2"])
        return print_id(entry), open_sealed(node.sealed[1], seed)

    def _ask(self, node: Node, entry: str, ask):
        node.context.ask_peer = ask
        return node.api.post(f"/v1/entries/{entry}/parts/1/show", {"post": "WATCH"})


class TestForm:
    """Requests are strict."""

    @pytest.mark.parametrize(
        "changes",
        [{"position": 0}, {"position": 64}, {"viewer": "S2"}, {"nonce": "00"}, {"nonce": "G" * 64}, {"at": 0},
         {"receiving": "age1x"}, {"log": "nothing"}, {"post": "W" * 49}],
    )  # fmt: skip
    def test_what_is_out_of_form(self, changes) -> None:
        good = {
            "log": "harbour.exercise/s1/1", "index": 1, "position": 1, "viewer": "s2", "post": "WATCH",
            "receiving": recipient_of(b"1" * 32), "at": 1, "nonce": "ab" * 32,
        }  # fmt: skip
        assert parse_request(encode_request(ShowRequest(**good))) == ShowRequest(**good)
        with pytest.raises(Malformed):
            encode_request(ShowRequest(**{**good, **changes}))


def test_asyncio_is_not_needed_to_say_no() -> None:
    """A context without a link names the author as out of reach."""
    from detente.node.context import _no_peer

    with pytest.raises(Unreachable):
        asyncio.run(_no_peer("s2", b"", 1))
