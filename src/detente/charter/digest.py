"""The name of a charter: one hash over its text, every kind file and the version of the fold."""

import hashlib
from collections.abc import Mapping

from detente.charter.model import FOLD_VERSION


def charter_digest(toml: bytes, kinds: Mapping[str, bytes]) -> bytes:
    """SHA-256 (32 bytes) over a fixed head line, `name sha256` lines and the line of the fold.

    `kinds` is keyed by file name without folder. Bytes are hashed as they stand: a charter that differs in
    one space is another charter. SPEC: formats/charter 2
    """
    lines = [f"charter.toml {hashlib.sha256(toml).hexdigest()}"]
    lines += [f"kinds/{name} {hashlib.sha256(kinds[name]).hexdigest()}" for name in sorted(kinds)]
    lines.append(f"fold {FOLD_VERSION}")
    return hashlib.sha256(("detente/charter/v1\n" + "\n".join(lines) + "\n").encode()).digest()
