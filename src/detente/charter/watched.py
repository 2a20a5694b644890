"""The cell's tlog-policy, made from the charter's keys: what an outsider checks heads with."""

from __future__ import annotations

from collections.abc import Iterable

from detente.charter.model import Charter
from detente.record.names import generation_of, party_of
from detente.record.nextlog import NextLog
from detente.record.policy import Policy, Watched, cell_policy


def charter_policy(charter: Charter, next_logs: Iterable[NextLog] = ()) -> Policy:
    """Every party's log with its ML-DSA line and the mirrors of all others, both key types, all required.

    `next_logs` are those whose certificates the caller has verified: their keys are known as well (C3).
    """
    later = sorted(next_logs, key=lambda one: generation_of(one.origin))
    return cell_policy(
        Watched(
            party.id,
            (party.log, *(one.keys for one in later if party_of(one.origin) == party.id)),
            tuple(one.mirrors[party.id] for one in charter.parties.values() if party.id in one.mirrors),
        )
        for party in charter.parties.values()
    )
