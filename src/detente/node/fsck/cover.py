"""What a flipped bit in each column of each table gives: a finding, or the reason why none can.

A test compares this table with the schema and flips a bit in every column: a new column without a row here
fails it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_NUMBER: Final = "a row's number: nothing refers to it"
_WHEN: Final = "when this node stored it: a remark for its operator that no rule, receipt or proof reads"
_LOCAL: Final = "this node's own convenience: no entry comes of it, and it can be made again"

#: table -> column -> codes of findings, with a space between.
COVER: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({
    "node_log": {
        "id": "database log", "origin": "log", "party": "log", "generation": "log",
        "size": "entry-missing entry-beyond", "frontier": "frontier", "stopped_at": "stopped",
    },
    "node_entry": {
        "log_id": "entry-missing database entry-beyond", "index": "entry-missing entry-beyond",
        "header": "entry-changed", "leaf": "entry-changed", "floor": "entry-row", "stored_at": "entry-row",
    },
    "node_head": {
        "log_id": "head database", "size": "head", "root": "head", "time": "head", "note": "head",
    },
    "node_cosignature": {
        "log_id": "cosignature database", "size": "cosignature", "root": "cosignature",
        "mirror": "cosignature", "time": "cosignature", "lines": "cosignature",
    },
    "node_part": {
        "log_id": "part-unlisted database", "index": "part-unlisted", "position": "part-unlisted",
        "role": "part-unlisted", "sha256": "part-unlisted", "size": "part-unlisted", "to": "part-unlisted",
        "keep": "part-unlisted",
    },
    "node_partbytes": {"sha256": "part-changed", "data": "part-changed"},
    "node_destroyed": {
        "sha256": "part-stray part-lost", "size": "part-stray", "act_log": "part-stray",
    },
    "node_wanted": {
        "log_id": "part-wanted database part-lost", "index": "part-wanted part-lost",
        "position": "part-wanted part-lost", "role": "part-wanted", "sha256": "part-wanted",
        "size": "part-wanted",
    },
    "node_opened": {
        "log_id": "opened database core-changed", "index": "opened core-changed",
        "position": "opened core-changed", "role": "opened", "plaintext": "core-changed opened",
        "file_key": "opened", "failure": "opened", "opened_at": "opened",
    },
    "node_ahead": {
        "log_id": "ahead database", "index": "ahead arrival", "header": "ahead", "note": "ahead",
        "proof": "ahead", "stored_at": "ahead",
    },
    "node_arrival": {
        "position": "arrival counter", "log_id": "arrival database entry-row ahead opened",
        "index": "arrival entry-row ahead opened", "what": "arrival", "at": "entry-row ahead opened",
    },
    "node_counter": {"name": "counter", "value": "counter"},
    "node_proposal": {
        "state": "proposal", "floor": "proposal", "core_sha256": "proposal", "draft": "proposal",
        "plaintexts": "proposal", "file_keys": "proposal", "post": "proposal", "log_id": "proposal database",
        "index": "proposal",
    },
    "node_watchsession": {
        "post": "session", "public": "session", "seed": "session", "not_before": "session",
        "not_after": "session", "assertion": "session",
    },
    "node_certificate": {"origin": "certificate", "note": "certificate"},
    "node_evidence": {
        "log_id": "evidence database", "sha256": "evidence", "file": "evidence", "found_at": "stopped",
    },
})  # fmt: skip

#: table -> column -> why a flipped bit there gives no finding.
LOCAL: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({
    "node_entry": {"id": _NUMBER},
    "node_head": {"id": _NUMBER, "stored_at": _WHEN},
    "node_cosignature": {"id": _NUMBER, "stored_at": _WHEN},
    "node_part": {"id": _NUMBER},
    "node_partbytes": {"stored_at": _WHEN},
    "node_destroyed": {
        "act_index": "which act asked for it: that act itself stands in the log",
        "reason": "why the bytes went: the act that asked for it stands in the log",
        "destroyed_at": _WHEN, "held": "whether the bytes had come; they are gone",
    },
    "node_view": dict.fromkeys(
        ("id", "side", "log", "index", "position", "viewer", "post", "request", "signature", "certificate",
         "code", "at"), _LOCAL,
    ),
    "node_wanted": {"id": _NUMBER},
    "node_opened": {"id": _NUMBER},
    "node_ahead": {"id": _NUMBER},
    "node_proposal": {"name": _LOCAL, "made_at": _WHEN},
    "node_watchsession": {"name": _LOCAL, "ended_at": _WHEN},
    "node_enrolment": dict.fromkeys(("code_sha256", "post", "made_at", "valid_until", "used_at"), _LOCAL),
    "node_certificate": {"id": _NUMBER, "at": _WHEN},
    "node_evidence": {"id": _NUMBER},
    "node_localstate": dict.fromkeys(("name", "value", "set_at"), _LOCAL),
})  # fmt: skip
