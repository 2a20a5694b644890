"""The cell's tlog-policy, made from the charter's keys: what an outsider checks heads with."""

from __future__ import annotations

from detente.charter.model import Charter
from detente.record.policy import Policy, Watched, cell_policy


def charter_policy(charter: Charter) -> Policy:
    """Every party's log with its ML-DSA line and the mirrors of all others, both key types, all required."""
    return cell_policy(
        Watched(
            party.id,
            (party.log,),
            tuple(one.mirrors[party.id] for one in charter.parties.values() if party.id in one.mirrors),
        )
        for party in charter.parties.values()
    )
