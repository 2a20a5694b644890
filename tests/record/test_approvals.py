"""Approvals of a core: protocol A7, spec/formats/approvals.md."""

import base64
import hashlib
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from detente.record.approvals import (
    ApprovedBy,
    Assertion,
    Credential,
    Ed25519Approval,
    SessionApproval,
    WebauthnApproval,
    approval_challenge,
    approval_json,
    approval_message,
    parse_approval,
    session_challenge,
    session_message,
    verify_approval,
)
from detente.record.cose import parse_cose_key
from detente.record.errors import Malformed, Unverified
from detente.record.names import EntryId

CELL, PARTY, CORE, NOON = "kadesh.exercise", "s1", b"\x11" * 32, 1_800_000_000
ORIGIN, RP_ID = "https://desk.s1.example", "desk.s1.example"
ED25519 = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
SESSION = Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
P256 = derive_private_key(0x1234567, SECP256R1())
SESSION_KEY = SESSION.public_key().public_bytes_raw()


def cose_p256() -> bytes:
    numbers = P256.public_key().public_numbers()
    x, y = numbers.x.to_bytes(32), numbers.y.to_bytes(32)
    return b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + x + b"\x22\x58\x20" + y


def cose_ed25519() -> bytes:
    return b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20" + ED25519.public_key().public_bytes_raw()


def passkey(public: bytes, post: str = "WATCH", credential_id: bytes = b"cred") -> Credential:
    return Credential(post, "webauthn", public, credential_id, RP_ID, (ORIGIN,))


def assertion(over: bytes, *, flags: int = 0x05, rp_id: str = RP_ID, ed25519: bool = False, tail=b"", **said):
    client = {
        "type": "webauthn.get",
        "challenge": base64.urlsafe_b64encode(over).rstrip(b"=").decode(),
        "origin": ORIGIN,
        **said,
    }
    client_data = json.dumps(client).encode()
    authenticator = hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + bytes(4) + tail
    signed = authenticator + hashlib.sha256(client_data).digest()
    signature = ED25519.sign(signed) if ed25519 else P256.sign(signed, ECDSA(SHA256()))
    return Assertion(b"cred", authenticator, client_data, signature)


def verify(approval, credentials, *, cell=CELL, party=PARTY, core=CORE, at=NOON, **more):
    return verify_approval(
        approval, cell=cell, party=party, core=core, credentials=credentials, at=at, **more
    )


class TestMessages:
    """A7: bound to domain, cell, party and SHA-256 of the core."""

    def test_the_approval_message(self):
        expected = b"detente/approval/v1\nkadesh.exercise\ns1\n" + b"11" * 32 + b"\n"
        assert approval_message(CELL, PARTY, CORE) == expected
        assert approval_challenge(CELL, PARTY, CORE) == hashlib.sha256(expected).digest()

    def test_the_session_message(self):
        expected = b"detente/session/v1\nkadesh.exercise\ns1\nWATCH\n" + b"02" * 32 + b"\n5\n9\n"
        assert session_message(CELL, PARTY, "WATCH", b"\2" * 32, 5, 9) == expected

    @pytest.mark.parametrize("post", ["", "A B", "A\nB", "é", "A" * 41])
    def test_a_post_that_could_change_the_shape_is_refused(self, post):
        with pytest.raises(Malformed):
            session_message(CELL, PARTY, post, b"\2" * 32, 5, 9)

    def test_a_cell_that_could_change_the_shape_is_refused(self):
        with pytest.raises(Malformed):
            approval_message("a\nb", PARTY, CORE)


class TestEd25519:
    """A7: a post's own key signs the message."""

    key = ED25519.public_key().public_bytes_raw()
    credentials = (Credential("LEGAL", "ed25519", key), passkey(cose_p256()))

    def approval(self, **of):
        message = approval_message(of.get("cell", CELL), of.get("party", PARTY), of.get("core", CORE))
        return Ed25519Approval(self.key, ED25519.sign(message))

    def test_the_post_is_named(self):
        assert verify(self.approval(), self.credentials) == ApprovedBy("LEGAL", "ed25519")

    @pytest.mark.parametrize("of", [{"cell": "other"}, {"party": "s2"}, {"core": b"\x12" * 32}])
    def test_an_approval_of_something_else_is_refused(self, of):
        with pytest.raises(Unverified, match="signature"):
            verify(self.approval(**of), self.credentials)

    def test_a_key_that_is_not_registered_is_refused(self):
        with pytest.raises(Unverified, match="key"):
            verify(self.approval(), self.credentials[1:])


class TestWebauthn:
    """A7 and the record layer: what an assertion must say."""

    credentials = (passkey(cose_p256()),)

    def approve(self, credentials=credentials, **changes):
        made = assertion(approval_challenge(CELL, PARTY, CORE), **changes)
        return verify(WebauthnApproval(made), credentials)

    def test_es256(self):
        assert self.approve() == ApprovedBy("WATCH", "webauthn")

    def test_eddsa(self):
        assert self.approve((passkey(cose_ed25519()),), ed25519=True) == ApprovedBy("WATCH", "webauthn")

    def test_cross_origin_false_and_unknown_members_are_right(self):
        assert self.approve(crossOrigin=False, other_keys_can_be_added_here="so browsers say")

    def test_extensions_behind_the_flags_are_right(self):
        assert self.approve(flags=0x85, tail=b"\xa0")

    @pytest.mark.parametrize(
        ("what", "changes"),
        [
            ("type", {"type": "webauthn.create"}),
            ("challenge", {"challenge": "AAAA"}),
            ("origin", {"origin": "https://desk.s2.example"}),
            ("origin", {"origin": None}),
            ("cross origin", {"crossOrigin": True}),
            ("cross origin", {"crossOrigin": None}),
            ("cross origin", {"topOrigin": "https://elsewhere.example"}),
            ("cross origin", {"topOrigin": ORIGIN}),
            ("RP ID", {"rp_id": "desk.s2.example"}),
            ("not present", {"flags": 0x04}),
            ("not verified", {"flags": 0x01}),
            ("authenticator data", {"tail": b"\xa0"}),
            ("signature", {"ed25519": True}),
        ],
    )
    def test_each_wrong_thing_is_refused_by_its_name(self, what, changes):
        with pytest.raises(Unverified, match=what):
            self.approve(**changes)

    def test_another_core_is_refused(self):
        made = assertion(approval_challenge(CELL, PARTY, b"\x12" * 32))
        with pytest.raises(Unverified, match="challenge"):
            verify(WebauthnApproval(made), self.credentials)

    def test_another_credential_is_refused(self):
        with pytest.raises(Unverified, match="credential"):
            self.approve((passkey(cose_p256(), credential_id=b"else"),))

    def test_a_registered_key_that_is_none_is_refused(self):
        with pytest.raises(Unverified, match="registered key"):
            self.approve((passkey(b"\xa0"),))

    def test_changed_client_data_is_refused(self):
        made = assertion(approval_challenge(CELL, PARTY, CORE))
        changed = replace(made, client_data=made.client_data.replace(b"{", b"{ ", 1))
        with pytest.raises(Unverified, match="signature"):
            verify(WebauthnApproval(changed), self.credentials)

    @pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"type":"webauthn.get","type":"webauthn.get"}'])
    def test_client_data_that_has_no_one_reading_is_refused(self, data):
        made = replace(assertion(approval_challenge(CELL, PARTY, CORE)), client_data=data)
        with pytest.raises(Unverified, match="client data"):
            verify(WebauthnApproval(made), self.credentials)


class TestSession:
    """A7: a passkey opened the session, whose Ed25519 key signs."""

    credentials = (passkey(cose_p256()),)
    start, end = NOON - 60, NOON + 60

    def approval(self, *, post="WATCH", opened=None, opened_post="WATCH", core=CORE):
        challenge = session_challenge(CELL, PARTY, opened_post, SESSION_KEY, self.start, self.end)
        signature = SESSION.sign(approval_message(CELL, PARTY, core))
        return SessionApproval(
            SESSION_KEY, signature, post, self.start, self.end, opened or assertion(challenge)
        )

    def test_the_post_that_opened_it_is_named(self):
        assert verify(self.approval(), self.credentials) == ApprovedBy("WATCH", "session")

    @pytest.mark.parametrize("at", [NOON - 60, NOON + 60])
    def test_first_and_last_second_are_within(self, at):
        assert verify(self.approval(), self.credentials, at=at)

    @pytest.mark.parametrize("at", [NOON - 61, NOON + 61])
    def test_before_and_after_are_not(self, at):
        with pytest.raises(Unverified, match="time"):
            verify(self.approval(), self.credentials, at=at)

    def test_a_longer_session_than_was_opened_is_refused(self):
        with pytest.raises(Unverified, match="challenge"):
            verify(replace(self.approval(), not_after=self.end + 1), self.credentials)

    def test_a_session_opened_for_another_post_is_refused(self):
        with pytest.raises(Unverified, match="challenge"):
            verify(self.approval(post="LEGAL"), self.credentials)

    def test_a_post_opened_by_another_posts_passkey_is_refused(self):
        approval = self.approval(post="LEGAL", opened_post="LEGAL")
        with pytest.raises(Unverified, match="post"):
            verify(approval, self.credentials)

    def test_a_signature_over_another_core_is_refused(self):
        with pytest.raises(Unverified, match="approval signature"):
            verify(self.approval(core=b"\x12" * 32), self.credentials)

    def test_an_entry_may_hold_the_opening(self):
        opening = self.approval().opened
        approval = self.approval(opened=EntryId(f"{CELL}/s1/1", 7))
        assert verify(approval, self.credentials, opening=opening) == ApprovedBy("WATCH", "session")
        with pytest.raises(Unverified, match="opening"):
            verify(approval, self.credentials)

    def test_a_carried_opening_cannot_be_replaced_by_the_caller(self):
        good = self.approval().opened
        bad = self.approval(opened=assertion(b"\0" * 32))
        with pytest.raises(Unverified, match="challenge"):
            verify(bad, self.credentials, opening=good)

    def test_a_registered_posts_key_is_no_session_key(self):
        with pytest.raises(Unverified):
            verify(
                Ed25519Approval(SESSION_KEY, SESSION.sign(approval_message(CELL, PARTY, CORE))),
                self.credentials,
            )


APPROVALS = [
    TestEd25519().approval(),
    WebauthnApproval(assertion(b"\0" * 32)),
    TestSession().approval(),
    TestSession().approval(opened=EntryId(f"{CELL}/s1/1", 7)),
]


class TestJson:
    """spec/formats/approvals.md: one JSON form each."""

    @pytest.mark.parametrize("approval", APPROVALS)
    def test_parse_is_the_inverse_of_encode(self, approval):
        assert parse_approval(json.loads(json.dumps(approval_json(approval)))) == approval

    @pytest.mark.parametrize("approval", APPROVALS)
    def test_every_key_is_needed_and_no_other_allowed(self, approval):
        whole = approval_json(approval)
        for key in whole:
            with pytest.raises(Malformed):
                parse_approval({name: value for name, value in whole.items() if name != key})
        with pytest.raises(Malformed):
            parse_approval(whole | {"extra": 1})

    def test_assertion_and_entry_together_are_refused(self):
        both = approval_json(APPROVALS[2]) | approval_json(APPROVALS[3])
        with pytest.raises(Malformed, match="either"):
            parse_approval(both)

    @pytest.mark.parametrize(
        "changes",
        [{"sig": "AA=="}, {"sig": "not"}, {"key": "AB" * 32}, {"key": 1}, {"type": "ED25519"}, {"sig": None}],
    )
    def test_one_wrong_field_is_malformed(self, changes):
        with pytest.raises(Malformed):
            parse_approval(approval_json(APPROVALS[0]) | changes)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["type", "key", "sig", "assertion"]), inner)
            ),
        )
    )
    def test_any_value_gives_malformed(self, value):
        with pytest.raises(Malformed):
            parse_approval(value)


class TestCoseKey:
    """Registered keys: two forms and nothing else."""

    def test_both_forms_are_read(self):
        assert parse_cose_key(cose_p256()).public_numbers() == P256.public_key().public_numbers()
        assert parse_cose_key(cose_ed25519()) == ED25519.public_key()

    @pytest.mark.parametrize(
        ("why", "data"),
        [
            ("empty", b""),
            ("not a map", b"\x01"),
            ("cut short", cose_p256()[:-1]),
            ("bytes behind", cose_p256() + b"\0"),
            ("longer length", cose_ed25519().replace(b"\x58\x20", b"\x59\x00\x20")),
            ("number not shortest", cose_ed25519().replace(b"\xa4\x01\x01", b"\xa4\x18\x01\x01")),
            ("a member twice", b"\xa5\x01\x01" + cose_ed25519()[1:]),
            ("another algorithm", cose_ed25519().replace(b"\x03\x27", b"\x03\x26")),
            ("another member", b"\xa5" + cose_ed25519()[1:] + b"\x02\x01"),
            ("not on the curve", cose_p256()[:-1] + bytes([cose_p256()[-1] ^ 1])),
            ("indefinite map", b"\xbf" + cose_ed25519()[1:] + b"\xff"),
        ],
    )
    def test_anything_else_is_malformed(self, why, data):
        assert why
        with pytest.raises(Malformed):
            parse_cose_key(data)

    @given(st.binary(max_size=90))
    def test_any_bytes_give_malformed(self, data):
        with pytest.raises(Malformed):
            parse_cose_key(data)
