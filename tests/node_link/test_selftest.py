"""The start-up self-test refuses to serve from a listener that answers whom it must not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest

from detente.node.link import server
from detente.node.link.selftest import check_listener
from detente.node.link.tls import check_ca, server_context
from detente.record.errors import Refused
from node_link.fakes import RememberingRecord
from node_link.pki import Party, make_party

Parties = Mapping[str, Party]


def attempt(
    parties: Parties, context: ssl.SSLContext, *, shown: ssl.SSLContext | None = None
) -> RememberingRecord:
    """Run the self-test on a listener with `context`, telling it that the context was `shown`."""
    record = RememberingRecord()

    async def inner() -> None:
        runner = await server.listen(server.build_app("s2", record), "127.0.0.1", 0, context)
        try:
            own, ca = parties["s1"].identity, parties["s2"].ca
            await check_listener("127.0.0.1", runner.addresses[0][1], own, shown or context, ca)
        finally:
            await runner.cleanup()

    asyncio.run(asyncio.wait_for(inner(), 20))
    return record


class TestSelfTest:
    """Protocol D1: both attempts must fail, or the node refuses to serve."""

    def test_a_right_listener_passes_and_no_request_reached_it(self, parties: Parties) -> None:
        record = attempt(parties, server_context(parties["s1"].identity, parties["s2"].ca))
        assert record.calls == []

    def test_a_listener_that_asks_for_no_certificate_is_found(self, parties: Parties) -> None:
        right = server_context(parties["s1"].identity, parties["s2"].ca)
        lax = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        lax.load_cert_chain(parties["s1"].identity.certificate, parties["s1"].identity.key)
        with pytest.raises(Refused) as caught:
            attempt(parties, lax, shown=right)
        assert (caught.value.code, caught.value.values["caller"]) == ("listener-open", "no certificate")

    def test_a_listener_that_trusts_another_ca_is_found_by_calling_it(self, parties: Parties) -> None:
        right = server_context(parties["s1"].identity, parties["s2"].ca)
        wide = server_context(parties["s1"].identity, parties["s2"].ca)
        wide.load_verify_locations(cadata=parties["s1"].ca.decode())
        with pytest.raises(Refused) as caught:
            attempt(parties, wide, shown=right)
        assert caught.value.values["caller"] == "own certificate"

    def test_a_listener_that_trusts_a_third_ca_is_found_by_its_context(self, parties: Parties) -> None:
        wide = server_context(parties["s1"].identity, parties["s2"].ca)
        wide.load_verify_locations(cadata=parties["g1"].ca.decode())
        with pytest.raises(Refused) as caught:
            attempt(parties, wide)
        assert caught.value.values["caller"] == "any other CA"

    def test_a_listener_that_is_not_there_proves_nothing(self, parties: Parties) -> None:
        context = server_context(parties["s1"].identity, parties["s2"].ca)
        with pytest.raises(Refused):
            asyncio.run(check_listener("127.0.0.1", 9, parties["s1"].identity, context, parties["s2"].ca))


class TestPeerAuthority:
    """The CA of a card vouches for its party's hosts alone."""

    def test_a_constrained_ca_is_taken(self, parties: Parties) -> None:
        assert check_ca(parties["s2"].ca).subject

    @pytest.mark.parametrize("loose", [{"constrained": False}, {"path_length": 1}])
    def test_a_ca_that_could_vouch_for_more_is_refused(self, tmp_path: Path, loose: dict[str, int]) -> None:
        with pytest.raises(Refused) as caught:
            check_ca(make_party("s2", tmp_path, **loose).ca)  # type: ignore[arg-type]
        assert caught.value.code == "peer-ca-weak"

    def test_two_certificates_in_one_card_are_refused(self, parties: Parties) -> None:
        with pytest.raises(Refused):
            check_ca(parties["s2"].ca + parties["g1"].ca)
