"""What a node hands to strangers: its copy of every log as C2SP folders, the policy, proofs, earlier heads.

    logs/<party>/        tlog-tiles: checkpoint, tile/…; later generations in logs/<party>.<generation>/,
                         each with its certificate
    charter/             the charter and its kind files: what the digest given to `verify` covers
    policy               tlog-policy: every party's ML-DSA head line and both mirrors, both key types
    keys/*.vkey          the same public keys, a file each
    old/                 earlier heads, <party>-<size>.checkpoint
    proofs/              <id>.tlog-proof with <id>.entry beside it
    evidence/            two histories, if any were found

Nothing secret is in it: headers, hashes and signatures, no sealed parts. All of it can be checked without us.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from detente.charter import Charter
from detente.charter.watched import charter_policy
from detente.node import nextlogs, selectors
from detente.node.folder import NodeFolder
from detente.node.pairing import node_charter
from detente.node.rows import HeadRow, LogRow
from detente.node.snapshot import snapshot
from detente.record.errors import Refused, declare
from detente.record.generations import CERTIFICATE
from detente.record.keys import LogKeys, MirrorKeys
from detente.record.names import EntryId, print_id
from detente.record.note import add_lines
from detente.record.policy import encode_policy
from detente.record.proof import TlogProof, encode_proof
from detente.record.tiles import export_folder
from detente.record.tree import Tree, leaf_hash

NOT_HELD = declare("not-held-here", "caller", "this node does not hold that log or entry under a head")


def write_all(folder: NodeFolder, place: Path, *, proofs: Iterable[EntryId] = ()) -> list[Path]:
    """Write everything this node can show to `place` (an empty or new folder); the files written.

    The node may run and its logs may grow meanwhile: what is written is how the record stood at one moment.
    """
    with snapshot():
        return _write_all(folder, place, proofs)


def _write_all(folder: NodeFolder, place: Path, proofs: Iterable[EntryId]) -> list[Path]:
    charter = node_charter(folder)
    certificates = nextlogs.certificates()
    later = [nextlogs.verified(charter, note) for note in certificates.values()]
    written = [_write(place / "policy", encode_policy(charter_policy(charter, later)))]
    rules = folder.charter_toml.parent
    files = (folder.charter_toml, *sorted(folder.kinds.glob("*.toml")))
    written += [_write(place / "charter" / path.relative_to(rules), path.read_bytes()) for path in files]
    for name, vkey in vkeys(charter):
        written.append(_write(place / "keys" / f"{name}.vkey", f"{vkey}\n".encode()))
    for log in selectors.logs():
        if log.size:
            written += write_log(log.origin, place / "logs" / _folder_name(log))
            if log.origin in certificates:
                path = place / "logs" / _folder_name(log) / CERTIFICATE
                written.append(_write(path, certificates[log.origin]))
            shown, _ = best_head(log.origin)
            for head in selectors.heads(log.origin):
                if head.size > shown.size:  # a head that the folder does not reach is no earlier one
                    break
                name = f"{_folder_name(log)}-{head.size}.checkpoint"
                written.append(_write(place / "old" / name, head.note))
    for entry in proofs:
        proof, header = entry_proof(entry)
        written.append(_write(place / "proofs" / f"{print_id(entry)}.tlog-proof", proof))
        written.append(_write(place / "proofs" / f"{print_id(entry)}.entry", header))
    for found in selectors.evidence():
        written.append(_write(place / "evidence" / f"{found.sha256.hex()[:16]}.two-histories", found.file))
    return written


def write_log(origin: str, place: Path) -> list[Path]:
    """Write one log as a tlog-tiles folder, under the head that most mirrors cosigned."""
    head, lines = best_head(origin)
    entries = _entries(origin, head.size)
    return [_write(place / path, data) for path, data in export_folder(entries, head.note, lines)]


def best_head(origin: str) -> tuple[HeadRow, bytes]:
    """The largest head with the most cosigners, and their lines. Raises Refused `not-held-here`."""
    log = selectors.log(origin)
    held = log.size if log else 0  # a head may be known before its entries
    sizes = {row.size for row in selectors.largest_cosignatures(origin).values() if row.size <= held}
    found = [head for size in sizes if (head := selectors.head_at(origin, size))]
    if newest := selectors.largest_head(origin, within=held):
        found.append(newest)
    if not found:
        raise Refused(NOT_HELD, log=origin)
    head = max(found, key=lambda one: (len(selectors.cosignatures(origin, one.size)), one.size))
    cosigned = sorted(selectors.cosignatures(origin, head.size), key=lambda row: row.mirror)
    return head, b"".join(row.lines for row in cosigned)


def entry_proof(entry: EntryId) -> tuple[bytes, bytes]:
    """The tlog-proof of one entry and its header's bytes. Raises Refused `not-held-here`."""
    head, lines = best_head(entry.log)
    if not 0 <= entry.index < head.size:
        raise Refused(NOT_HELD, entry=print_id(entry))
    entries = list(_entries(entry.log, head.size))
    tree = Tree(leaf_hash(one) for one in entries)
    hashes = tree.inclusion_proof(entry.index, head.size)
    proof = TlogProof(index=entry.index, hashes=hashes, checkpoint=add_lines(head.note, lines))
    return encode_proof(proof), entries[entry.index]


def vkeys(charter: Charter) -> Iterator[tuple[str, str]]:
    """(file name without ending, vkey) of every log and mirror key in the charter."""
    pairs: list[tuple[str, LogKeys | MirrorKeys]] = []
    for party in charter.parties.values():
        pairs.append((f"{party.id}-log", party.log))
        pairs += [(f"{party.id}-mirror-{watched}", keys) for watched, keys in party.mirrors.items()]
    for name, keys in pairs:
        yield f"{name}-ed25519", keys.ed25519.encode()
        yield f"{name}-mldsa44", keys.mldsa44.encode()


def _entries(origin: str, size: int) -> Iterator[bytes]:
    for n, entry in enumerate(selectors.iterate_entries(origin)):
        if n == size:
            return
        yield entry


def _folder_name(log: LogRow) -> str:
    return log.party if log.generation == 1 else f"{log.party}.{log.generation}"


def _write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
