"""Accession (R02): the entry says which charter, by digest, and two administrators approve it."""

from charter.harbour import charter
from detente.charter import accession_fields


class TestAccession:
    """Protocol A12, A13."""

    def test_the_fields_are_those_that_the_kind_requires(self) -> None:
        act = charter().kinds["R02"].acts["NEW"]
        assert tuple(accession_fields(charter())) == act.required
        assert (act.approvals, act.posts) == (2, ("ADMIN",))

    def test_the_digest_is_in_hex(self) -> None:
        assert bytes.fromhex(accession_fields(charter())["charter"]) == charter().digest

    def test_every_party_has_the_two_administrators_it_takes(self) -> None:
        assert {len(party.admins) for party in charter().parties.values()} == {2}
        assert {admin.post for party in charter().parties.values() for admin in party.admins} == {"ADMIN"}
