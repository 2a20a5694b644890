"""The statuses on spec/protocol/link.md are those that the listener answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from detente.node.link.errors import decode_error, encode_error, status_of
from detente.record.errors import DetenteError, Equivocation, Malformed, Refused, Unverified

PAGE = Path(__file__).resolve().parents[2] / "spec" / "protocol" / "link.md"
ROWS = re.findall(r"^\| ([0-9]{3}) \| `([a-z-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
LEAVES: dict[str, DetenteError] = {
    "malformed": Malformed("x"),
    "unverified": Unverified("x"),
    "equivocation": Equivocation("x"),
}


def test_the_page_has_its_table() -> None:
    assert len(ROWS) >= 14


@pytest.mark.parametrize(("status", "code"), ROWS)
def test_a_code_has_the_status_that_the_page_names(status: str, code: str) -> None:
    error = LEAVES.get(code) or Refused(code)
    assert status_of(error) == int(status)
    assert decode_error(*encode_error(error)).code == code


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"error":1}', b'{"error":"made-up"}', b"\xff", b'"x"'])
def test_any_answer_gives_an_error_of_ours(body: bytes) -> None:
    assert decode_error(500, "application/json", body).code == "internal"
    assert decode_error(409, "text/x.tlog.size", body).code == "internal"
