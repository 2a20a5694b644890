"""The listener and the dialling end over real mutual TLS on loopback, with a record that only remembers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import pytest

from detente.node.link import server
from detente.node.link.client import PeerClient
from detente.node.link.tls import client_context, server_context, spki_sha256
from detente.record.errors import Conflict, Malformed, Refused, Unreachable, Unverified
from node_link.fakes import RememberingRecord
from node_link.pki import Party

Parties = Mapping[str, Party]


@asynccontextmanager
async def listener(
    parties: Parties, record: RememberingRecord, pin: bytes | None = None
) -> AsyncIterator[int]:
    """S1's listener for S2; gives its port."""
    context = server_context(parties["s1"].identity, parties["s2"].ca, pin=pin)
    runner = await server.listen(server.build_app("s2", record), "127.0.0.1", 0, context)
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def dialled(
    parties: Parties, port: int, caller: str = "s2", pin: bytes | None = None
) -> AsyncIterator[PeerClient]:
    context = client_context(parties[caller].identity, parties["s1"].ca, pin=pin)
    client = PeerClient("s1", f"https://127.0.0.1:{port}", context)
    try:
        yield client
    finally:
        await client.close()


def run(parties: Parties, use: Callable[[PeerClient, RememberingRecord, int], Awaitable[None]]) -> None:
    async def inner() -> None:
        record = RememberingRecord()
        async with listener(parties, record) as port, dialled(parties, port) as client:
            await use(client, record, port)

    asyncio.run(asyncio.wait_for(inner(), 20))


async def raw(parties: Parties, port: int, request: bytes, caller: str | None = "s2") -> bytes:
    """Everything that answers a hand-written request; empty when the connection is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=parties["s1"].ca.decode())
    if caller:
        context.load_cert_chain(parties[caller].identity.certificate, parties[caller].identity.key)
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="127.0.0.1"
        )
        writer.write(request)
        async with asyncio.timeout(5):
            answer = await reader.read(4096)
        writer.close()
    except (ssl.SSLError, ConnectionError):
        return b""
    return answer


POST = b"POST /link/v1/push HTTP/1.1\r\nHost: s1\r\nContent-Length: 4\r\n\r\nbody"


class TestWhoMayCall:
    """Protocol D1: the listener answers the one peer that it is for, and nobody else."""

    def test_the_peer_is_answered_and_known_by_its_listener(self, parties: Parties) -> None:
        async def use(client: PeerClient, record: RememberingRecord, _port: int) -> None:
            assert await client.post("push", b"body", limit=100) == b"took body"
            assert record.calls == [("push", "s2", b"body")]

        run(parties, use)

    @pytest.mark.parametrize("caller", [None, "g1", "s1"])
    def test_a_caller_without_the_peers_certificate_gets_no_byte(
        self, parties: Parties, caller: str | None
    ) -> None:
        async def use(_client: PeerClient, record: RememberingRecord, port: int) -> None:
            assert await raw(parties, port, POST, caller="s2") != b""
            record.calls.clear()
            assert await raw(parties, port, POST, caller=caller) == b""
            assert record.calls == []

        run(parties, use)

    def test_a_listener_with_another_ca_is_not_spoken_to(self, parties: Parties) -> None:
        async def inner() -> None:
            record = RememberingRecord()
            async with listener(parties, record) as port:
                context = client_context(parties["s2"].identity, parties["g1"].ca)
                client = PeerClient("g1", f"https://127.0.0.1:{port}", context)
                with pytest.raises(Unreachable):
                    await client.post("push", b"secret", limit=10)
                await client.close()
                assert record.calls == []

        asyncio.run(asyncio.wait_for(inner(), 20))

    def test_tls_1_2_is_refused(self, parties: Parties) -> None:
        async def use(_client: PeerClient, _record: RememberingRecord, port: int) -> None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.load_verify_locations(cadata=parties["s1"].ca.decode())
            context.load_cert_chain(parties["s2"].identity.certificate, parties["s2"].identity.key)
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="127.0.0.1")

        run(parties, use)


class TestPins:
    """A pinned leaf key is demanded inside the handshake, by both ends."""

    @pytest.mark.parametrize(("pinned", "passes"), [("s2", True), ("g1", False)])
    def test_the_listener_takes_only_the_pinned_leaf(
        self, parties: Parties, pinned: str, passes: bool
    ) -> None:
        async def inner() -> None:
            record = RememberingRecord()
            async with listener(parties, record, pin=spki_sha256(parties[pinned].leaf)) as port:
                assert (await raw(parties, port, POST) != b"") is passes
                assert bool(record.calls) is passes

        asyncio.run(asyncio.wait_for(inner(), 20))

    @pytest.mark.parametrize(("pinned", "passes"), [("s1", True), ("g1", False)])
    def test_the_caller_speaks_only_to_the_pinned_leaf(
        self, parties: Parties, pinned: str, passes: bool
    ) -> None:
        async def inner() -> None:
            record = RememberingRecord()
            pin = spki_sha256(parties[pinned].leaf)
            async with listener(parties, record) as port, dialled(parties, port, pin=pin) as client:
                if passes:
                    await client.post("push", b"body", limit=100)
                else:
                    with pytest.raises(Unreachable):
                        await client.post("push", b"body", limit=100)
                assert bool(record.calls) is passes

        asyncio.run(asyncio.wait_for(inner(), 20))


class TestBounds:
    """Oversized, endless, encoded or cut bodies cost the sender, not the node."""

    def test_a_content_encoding_is_refused_unread(self, parties: Parties) -> None:
        async def use(_client: PeerClient, record: RememberingRecord, port: int) -> None:
            answer = await raw(parties, port, POST.replace(b"Host", b"Content-Encoding: gzip\r\nHost"))
            assert b" 415 " in answer and b'"encoded"' in answer
            assert record.calls == []

        run(parties, use)

    def test_an_announced_oversize_is_refused_before_its_bytes(self, parties: Parties) -> None:
        async def use(_client: PeerClient, record: RememberingRecord, port: int) -> None:
            answer = await raw(parties, port, POST.replace(b"Content-Length: 4", b"Content-Length: 99999999"))
            assert b" 413 " in answer and b'"body-too-large"' in answer
            assert record.calls == []

        run(parties, use)

    def test_an_unannounced_oversize_is_cut_off(
        self, parties: Parties, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, "JSON_LIMIT", 10)

        async def use(_client: PeerClient, record: RememberingRecord, port: int) -> None:
            head = b"POST /link/v1/probe HTTP/1.1\r\nHost: s1\r\nTransfer-Encoding: chunked\r\n\r\n"
            answer = await raw(parties, port, head + b"8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n")
            assert b" 413 " in answer
            assert record.calls == []

        run(parties, use)

    def test_a_body_that_stops_half_way_is_named_too_slow(
        self, parties: Parties, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, "BODY_S", 0.2)

        async def use(client: PeerClient, record: RememberingRecord, port: int) -> None:
            answer = await raw(parties, port, POST[:-2])
            assert b" 408 " in answer and b'"too-slow"' in answer
            assert record.calls == []
            assert await client.post("push", b"next", limit=100) == b"took next"

        run(parties, use)

    def test_an_answer_longer_than_asked_for_is_not_read_to_its_end(self, parties: Parties) -> None:
        async def use(client: PeerClient, _record: RememberingRecord, _port: int) -> None:
            with pytest.raises(Malformed):
                await client.post("push", b"body", limit=3)

        run(parties, use)


class TestErrors:
    """The leaf decides the answer, and the other end gets the same leaf back."""

    def test_a_conflict_carries_the_size(self, parties: Parties) -> None:
        async def use(client: PeerClient, record: RememberingRecord, _port: int) -> None:
            record.raises = Conflict(417)
            with pytest.raises(Conflict) as caught:
                await client.post("push", b"body", limit=100)
            assert caught.value.size == 417

        run(parties, use)

    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (Malformed("push"), 400, "malformed"),
            (Unverified("signature"), 403, "unverified"),
            (Refused("not-here"), 404, "not-here"),
            (RuntimeError("a secret of the inside"), 500, "internal"),
        ],
    )
    def test_every_error_has_a_name_and_the_next_request_is_served(
        self, parties: Parties, error: Exception, status: int, code: str
    ) -> None:
        async def use(client: PeerClient, record: RememberingRecord, port: int) -> None:
            record.raises = error
            answer = await raw(parties, port, POST)
            assert f" {status} ".encode() in answer
            assert f'"{code}"'.encode() in answer
            assert b'"who"' in answer
            assert b"secret" not in answer
            record.raises = error
            with pytest.raises(Refused) as caught:
                await client.post("push", b"body", limit=100)
            assert caught.value.code == code
            assert await client.post("push", b"next", limit=100) == b"took next"

        run(parties, use)

    def test_an_unknown_route_or_name_is_not_found(self, parties: Parties) -> None:
        async def use(client: PeerClient, record: RememberingRecord, _port: int) -> None:
            for route in ("nothing", "parts/../push", "parts/ABC", "logs/zz/checkpoint"):
                with pytest.raises(Refused) as caught:
                    await client.get(route)
                assert caught.value.code == "not-here"
            assert record.calls == []

        run(parties, use)

    def test_a_silent_peer_is_unreachable_within_the_answer_time(self, parties: Parties) -> None:
        async def use(client: PeerClient, record: RememberingRecord, _port: int) -> None:
            record.delay_s = 1.6
            started = asyncio.get_running_loop().time()
            with pytest.raises(Unreachable):
                await client.post("probe", b"{}", limit=100)
            assert asyncio.get_running_loop().time() - started < 1.5
            record.delay_s = 0.0
            assert await client.post("push", b"next", limit=100) == b"took next"

        run(parties, use)


class TestParts:
    """Protocol D1, D2: a part goes to its own peers only, and in pieces."""

    def test_a_range_gives_that_piece_and_the_whole_size(self, parties: Parties) -> None:
        async def use(client: PeerClient, record: RememberingRecord, _port: int) -> None:
            record.parts[("s2", bytes(32))] = b"0123456789"
            piece = await client.get_range(f"parts/{bytes(32).hex()}", 4, 3)
            assert (piece.body, piece.total) == (b"456", 10)
            assert await client.get(f"parts/{bytes(32).hex()}") == b"0123456789"

        run(parties, use)

    def test_another_peers_part_looks_as_if_it_were_not_there(self, parties: Parties) -> None:
        async def use(client: PeerClient, record: RememberingRecord, _port: int) -> None:
            record.parts[("g1", bytes(32))] = b"sealed"
            with pytest.raises(Refused) as caught:
                await client.get(f"parts/{bytes(32).hex()}")
            assert caught.value.code == "not-here"

        run(parties, use)


class TestRetryAfter:
    """Protocol D5: 429 says when it is worth trying again."""

    @pytest.mark.parametrize(
        ("error", "seconds"), [(Refused("quota", retry_after=77), b"77"), (Refused("writer-busy"), b"3")]
    )
    def test_429_names_the_seconds(self, parties: Parties, error: Refused, seconds: bytes) -> None:
        async def use(_client: PeerClient, record: RememberingRecord, port: int) -> None:
            record.raises = error
            answer = await raw(parties, port, POST)
            assert answer.startswith(b"HTTP/1.1 429")
            assert b"\r\nRetry-After: " + seconds + b"\r\n" in answer

        run(parties, use)
