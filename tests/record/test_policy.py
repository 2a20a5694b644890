"""C2SP tlog-policy: parsing, and counting who signed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.record import policy as policies
from detente.record.errors import Malformed, Unverified
from detente.record.note import add_lines, encode_note, parse_note
from detente.record.policy import Group, encode_policy, judge, parse_policy
from record import logs

ENTRIES = logs.entries(9)
HEAD = logs.cosigned(ENTRIES)
S2, G1 = logs.mirrors_of("s1")
LOG_KEYS = logs.pair(logs.LOG).log_keys(logs.LOG)
S2_KEYS = logs.pair(S2).mirror_keys(S2)
G1_KEYS = logs.pair(G1).mirror_keys(G1)

SMALL = f"""# delivered and deposited
log {LOG_KEYS.ed25519.encode()} https://log.example/

witness s2 {S2_KEYS.ed25519.encode()}
  witness\tg1  {G1_KEYS.mldsa44.encode()} https://g1.example/
group both all s2 g1
quorum both
""".encode()


def with_lines(*wanted: int) -> bytes:
    """The head with some of its lines: 0, 1 the log's, 2, 3 the other side's, 4, 5 the guarantor's."""
    parsed = parse_note(HEAD)
    return encode_note(parsed.text, [parsed.signatures[n] for n in wanted])


class TestParse:
    """formats/policy 1 and 2."""

    def test_what_stands_in_the_lines(self):
        policy = parse_policy(SMALL)
        assert policy.logs == (LOG_KEYS.ed25519,)
        assert dict(policy.witnesses) == {"s2": S2_KEYS.ed25519, "g1": G1_KEYS.mldsa44}
        assert policy.groups == (Group("both", 2, ("s2", "g1")),)
        assert policy.quorum == "both"
        assert policy.urls[LOG_KEYS.ed25519] == "https://log.example/"

    def test_what_we_write_is_read_back(self):
        for policy in (parse_policy(SMALL), logs.policy(), logs.policy(generations=2)):
            assert parse_policy(encode_policy(policy)) == policy

    def test_none_asks_for_no_cosigner(self):
        assert parse_policy(b"quorum none\n").quorum is None

    @given(st.binary(max_size=200) | st.text("loggroupquorumwitness none any all 1 2 #\n\t").map(str.encode))
    def test_any_bytes_give_a_policy_or_malformed(self, data):
        try:
            policy = parse_policy(data)
        except Malformed:
            return
        assert parse_policy(encode_policy(policy)) == policy

    def test_names_are_octets(self):
        data = b"witness \xff\xe2 " + S2_KEYS.ed25519.encode().encode() + b"\nquorum \xff\xe2\n"
        assert encode_policy(parse_policy(data)) == data

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"quorum both\n", b""),
            (b"quorum both\n", b"quorum both\nquorum both\n"),
            (b"quorum both\n", b"quorum both"),
            (b"quorum both\n", b"quorum\n"),
            (b"quorum both\n", b"quorum all\n"),
            (b"quorum both\n", b"quorum both\r\n"),
            (b"group both all s2 g1", b"group both 3 s2 g1"),
            (b"group both all s2 g1", b"group both 0 s2 g1"),
            (b"group both all s2 g1", b"group both 02 s2 g1"),
            (b"group both all s2 g1", b"group both most s2 g1"),
            (b"group both all s2 g1", b"group both all"),
            (b"group both all s2 g1", b"group both all s2 s2"),
            (b"group both all s2 g1", b"group both all s2 none"),
            (b"group both all s2 g1", b"group both all s2 both"),
            (b"group both all s2 g1", b"group a all s2\ngroup both all s2 g1"),
            (b"group both", b"group s2"),
            (b"group both", b"group none"),
            (b"# delivered", b"\x00# delivered"),
            (b"# delivered", b"delivered"),
            (b"log ", b"log x "),
            (b"log ", b"log x y "),
            (G1_KEYS.mldsa44.encode().encode(), S2_KEYS.ed25519.encode().encode()),
            (S2_KEYS.ed25519.encode().encode(), LOG_KEYS.ed25519.encode().encode()),
            (LOG_KEYS.ed25519.encode().encode(), S2_KEYS.ed25519.encode().encode()),
        ],
    )
    def test_one_broken_rule_refuses_the_file(self, old, new):
        assert parse_policy(SMALL)
        assert SMALL.count(old) == 1
        with pytest.raises(Malformed):
            parse_policy(SMALL.replace(old, new))

    def test_a_file_over_the_limit_is_refused(self):
        with pytest.raises(Malformed):
            parse_policy(b"#" * policies.MAX_POLICY + b"\nquorum none\n")
        with pytest.raises(Malformed):
            parse_policy(b"\n" * policies.MAX_LINES + b"quorum none\n")


class TestCellPolicy:
    """formats/policy 3: the log's ML-DSA key and both keys of both mirrors, all of them, of any one log."""

    def test_a_head_with_all_lines_counts(self):
        judged = judge(HEAD, logs.policy())
        assert judged.satisfied
        assert (judged.head.origin, judged.head.size) == (logs.LOG, 9)
        assert judged.cosigned == {
            f"{logs.LOG}:mldsa44": logs.TIME,
            f"{S2}:ed25519": logs.TIME + 2,
            f"{S2}:mldsa44": logs.TIME + 2,
            f"{G1}:ed25519": logs.TIME + 2,
            f"{G1}:mldsa44": logs.TIME + 2,
        }

    @pytest.mark.parametrize("absent", [1, 2, 3, 4, 5])
    def test_without_one_of_the_lines_it_does_not(self, absent):
        kept = [n for n in range(6) if n != absent]
        assert not judge(with_lines(*kept), logs.policy()).satisfied

    def test_without_the_log_s_own_line_it_is_no_head_of_a_known_log(self):
        with pytest.raises(Unverified, match="no known log"):
            judge(with_lines(1, 2, 3, 4, 5), logs.policy())

    def test_the_next_log_shares_the_mirrors(self):
        both = logs.policy(generations=2)
        assert judge(HEAD, both).satisfied
        assert both.log_keys(f"{logs.CELL}/s1/2").mldsa44.name == f"{logs.CELL}/s1/2"

    def test_a_log_it_does_not_know_has_no_keys(self):
        with pytest.raises(Unverified, match="log key unknown"):
            logs.policy().log_keys(f"{logs.CELL}/s1/2")
        with pytest.raises(Unverified, match="log key unknown"):
            parse_policy(SMALL).log_keys(logs.LOG)  # it does not know the ML-DSA half


class TestJudge:
    """formats/policy: a group counts its members; a wrong signature of a known key refuses the head."""

    @pytest.mark.parametrize(
        ("group", "lines", "enough"),
        [
            (b"all s2 g1", (0, 2, 5), True),
            (b"all s2 g1", (0, 2), False),
            (b"any s2 g1", (0, 5), True),
            (b"any s2 g1", (0,), False),
            (b"1 s2 g1", (0, 2), True),
            (b"2 s2 g1", (0, 2), False),
        ],
    )
    def test_a_group_needs_its_number(self, group, lines, enough):
        policy = parse_policy(SMALL.replace(b"all s2 g1", group))
        assert judge(with_lines(*lines), policy).satisfied is enough

    def test_a_policy_may_ask_for_nobody(self):
        assert judge(with_lines(0), parse_policy(SMALL.replace(b"quorum both", b"quorum none"))).satisfied

    def test_an_ml_dsa_log_line_is_verified_too(self):
        policy = parse_policy(f"log {LOG_KEYS.mldsa44.encode()}\nquorum none\n".encode())
        assert judge(with_lines(1), policy).satisfied
        with pytest.raises(Unverified):
            judge(with_lines(0), policy)

    @pytest.mark.parametrize("place", [0, 2, 5])
    def test_a_wrong_signature_of_a_known_key_refuses_the_head(self, place):
        other = parse_note(logs.cosigned(logs.entries(8)))
        parsed = parse_note(HEAD)
        signatures = list(parsed.signatures)
        signatures[place] = other.signatures[place]
        with pytest.raises(Unverified, match="signature"):
            judge(encode_note(parsed.text, signatures), parse_policy(SMALL))

    def test_two_times_under_one_mirror_s_name_refuse_the_head(self):
        later = parse_note(logs.note(ENTRIES) + logs.lines(ENTRIES, time=logs.TIME + 3))
        parsed = parse_note(HEAD)
        mixed = (*parsed.signatures[:3], later.signatures[3], *parsed.signatures[4:])
        with pytest.raises(Unverified, match="cosignature time"):
            judge(encode_note(parsed.text, mixed), logs.policy())

    def test_a_known_key_twice_refuses_the_head(self):
        again = parse_note(HEAD).signatures[2].encode()
        with pytest.raises(Malformed, match="repeated"):
            judge(add_lines(HEAD, again), parse_policy(SMALL))
