"""An entry's whole text in each language, from its codes: nobody has to type, and nothing is glued.

Each prepared sentence stands for one code (`kinds/*.toml`, `[[prepared]]`). An entry says every sentence that
holds for its values, in the order of the file, one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from detente.charter.model import Kind, Prepared
from detente.charter.table import holds

FIRST_STRONG_ISOLATE: Final = "\u2068"
POP_ISOLATE: Final = "\u2069"
_HOLE: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def sentences(kind: Kind, act: str, values: Mapping[str, object]) -> tuple[Prepared, ...]:
    """The sentences that an entry with `act` and these field values says, in file order.

    For an UPDATE give the case's current values: the text then says how the matter stands now.
    """
    return tuple(one for one in kind.prepared if act in one.act and holds(one.when, values))


def fill(sentence: Prepared, lang: str, holes: Mapping[str, str], *, isolate: bool = True) -> str:
    """The sentence in `lang` with its holes filled by display texts (a grid, a time, a number).

    With `isolate` each filled text stands between Unicode isolates, so that digits and grids keep their order
    inside right-to-left lines. Raises KeyError if a hole has no text or the language is lacking.
    """

    def shown(hole: re.Match[str]) -> str:
        filled = holes[hole[1]]
        return f"{FIRST_STRONG_ISOLATE}{filled}{POP_ISOLATE}" if isolate else filled

    # One pass: a place whose own name holds braces must not be filled again.
    return _HOLE.sub(shown, sentence.labels[lang])
