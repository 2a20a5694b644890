"""The table of targets: every file in `targets/`, by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PLACE: Final = Path(__file__).parent / "targets"
NAMES: Final = tuple(sorted(one.stem for one in PLACE.glob("*.py") if one.stem != "__init__"))


@dataclass(frozen=True)
class Target:
    """What one file says. `about` is the first line of its docstring."""

    name: str
    about: str
    parsers: tuple[str, ...]
    seeds: Callable[[], Iterable[bytes]]
    one: Callable[[bytes], None]


def load(name: str) -> Target:
    """The target of that name. Raises KeyError."""
    if name not in NAMES:
        raise KeyError(name)
    found = importlib.import_module(f"fuzz.targets.{name}")
    about = (found.__doc__ or "").partition("\n")[0]
    return Target(name, about, tuple(found.PARSERS), found.seeds, found.one)
