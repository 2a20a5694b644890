"""A7: a passkey opens a watch session; its key approves floor kinds and nothing else."""

from __future__ import annotations

import hashlib

import pytest

from cases.cell import Cell, started
from detente.record.approvals import SessionApproval, WebauthnApproval, approval_challenge, approval_message
from detente.record.approvals import session_challenge as challenge_of
from detente.record.references import reference_json
from record.test_approvals import ORIGIN, RP_ID, SESSION, SESSION_KEY, assertion, cose_p256


@pytest.fixture
def cell() -> Cell:
    """The watch of s1 has a passkey, and no key of its own any more."""
    cell = started()
    fields = {
        "change": "REPLACED",
        "post": "WATCH",
        "credential_kind": "WEBAUTHN",
        "public": cose_p256().hex(),
        "credential_id": b"cred".hex(),
        "rp_id": RP_ID,
        "origins": [ORIGIN],
    }
    cell.write("s1", "D28", fields=fields, post="ADMIN", by=("ADMIN.1", "ADMIN.2"))
    return cell


def session(cell: Cell, core: bytes, *, first: int = 0, last: int = 28_800, opened=None) -> SessionApproval:
    begin, end = cell.now + first, cell.now + last
    challenge = challenge_of(cell.rules.cell, "s1", "WATCH", SESSION_KEY, begin, end)
    message = approval_message(cell.rules.cell, "s1", hashlib.sha256(core).digest())
    return SessionApproval(
        SESSION_KEY, SESSION.sign(message), "WATCH", begin, end, opened or assertion(challenge)
    )


def approved(cell: Cell, make, **what):
    """Write an entry, then again with the approval that `make` gives for its core."""
    draft = what.pop("write")(by=(), **what)
    cell.logs[draft.id.log].pop()
    cell.trees = _trees(cell)
    return what_again(cell, draft, make(draft.core))


def what_again(cell: Cell, draft, approval):
    from dataclasses import replace

    from cases.cell import Written
    from detente.record.header import encode_header

    header = replace(draft.header, approvals=(approval,))
    entry = cell.append("s1", encode_header(header), header)
    cell.opened[entry.id, 0] = draft.core
    return Written(entry.id, draft.core, header)


def _trees(cell: Cell):
    from detente.record.tree import Tree, leaf_hash

    return {log: Tree(leaf_hash(one.header_bytes) for one in held) for log, held in cell.logs.items()}


def press(cell: Cell, make):
    return approved(cell, make, write=lambda **options: cell.stop_and_check("s1", "s2", **options))


class TestSession:
    """No prompt and no second person before sending."""

    def test_its_key_approves_a_press(self, cell):
        written = press(cell, lambda core: session(cell, core))
        book = cell.book()
        assert book.verdict(written.id).state == "ok"
        assert book.act(written.id).approved_by == ("WATCH",)

    def test_the_passkey_itself_approves_a_press(self, cell):
        def by_passkey(core):
            challenge = approval_challenge(cell.rules.cell, "s1", hashlib.sha256(core).digest())
            return WebauthnApproval(assertion(challenge))

        assert (
            cell.book().verdict(press(cell, by_passkey).id).state == "not held here"
        )  # asked before it stood
        written = press(cell, by_passkey)
        assert cell.book().verdict(written.id).state == "ok"

    @pytest.mark.parametrize(("first", "last"), [(1, 100), (-100, -1)])
    def test_it_approves_within_its_times_only(self, cell, first, last):
        written = press(cell, lambda core: session(cell, core, first=first, last=last))
        assert cell.book().verdict(written.id).code == "approval-unverified"

    def test_the_assertion_may_stand_in_an_earlier_entry_of_the_own_log(self, cell):
        before = press(cell, lambda core: session(cell, core))
        again = press(cell, lambda core: session(cell, core, opened=before.id))
        assert cell.book().verdict(again.id).state == "ok"

    def test_it_does_not_approve_the_register(self, cell):
        """D28 is floor, and still no watch session may change who approves."""
        cell.register("s1", "ADMIN", "REVOKED")
        fields = {"change": "REGISTERED", "post": "HEAD", "credential_kind": "ED25519", "public": "00" * 32}

        def write(**options):
            return cell.write("s1", "D28", fields=fields, post="WATCH", **options)

        written = approved(cell, lambda core: session(cell, core), write=write)
        assert cell.book().verdict(written.id).state == "irregular"

    def test_it_does_not_approve_what_is_not_floor(self, cell):
        first, second = cell.stop_and_check("s2", "s1"), cell.stop_and_check("s2", "s1", salt="b")
        named = {name: reference_json(one.reference) for name, one in (("one", first), ("other", second))}

        def write(**options):
            return cell.write("s1", "R05", fields=named, to="s2", **options)

        written = approved(cell, lambda core: session(cell, core), write=write)
        assert cell.book().verdict(written.id).code == "session-limit"

    def test_it_does_not_confirm_its_own_press(self, cell):
        """V01: the second signature comes from another post and another credential."""
        opened = press(cell, lambda core: session(cell, core))

        def write(**options):
            return cell.write("s1", "D02", "SIGN", case=opened, post="WATCH", **options)

        written = approved(cell, lambda core: session(cell, core), write=write)
        assert cell.book().verdict(written.id).code == "post-may-not"
