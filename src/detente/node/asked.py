"""What every received entry asks the record, compiled once (`questions`). `selectors` says what it means."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import QuerySet

from detente.node import models as tables
from detente.node.from_tables import COSIGNATURE, HEAD, LOG
from detente.node.questions import Question

#: Most rows one call gives when the caller says no limit.
PAGE: Final = 1000


def heads(origin: str) -> QuerySet[tables.Head, tuple[Any, ...]]:
    return tables.Head.objects.filter(log__origin=origin).values_list(*HEAD)


def cosignatures(origin: str) -> QuerySet[tables.Cosignature, tuple[Any, ...]]:
    return tables.Cosignature.objects.filter(log__origin=origin).values_list(*COSIGNATURE)


#: A size that bounds nothing.
ANY: Final = 2**62

THE_LOG: Final = Question(lambda origin: tables.Log.objects.filter(origin=origin).values_list(*LOG), str)
LOGS: Final = Question(lambda: tables.Log.objects.order_by("party", "generation").values_list(*LOG))
HEAD_AT: Final = Question(lambda origin, size: heads(origin).filter(size=size), str, int)
LARGEST_HEAD: Final = Question(
    lambda origin, within: heads(origin).filter(size__lte=within).order_by("-size")[:1], str, int
)
HEAD_WITHIN: Final = Question(
    lambda origin, start, end: heads(origin).filter(size__gt=start, size__lte=end).order_by("-size")[:1],
    str, int, int,
)  # fmt: skip
HEAD_BEHIND: Final = Question(
    lambda origin, start: heads(origin).filter(size__gt=start).order_by("size")[:1], str, int
)
HEADS: Final = Question(
    lambda origin, after: heads(origin).filter(size__gt=after).order_by("size")[:PAGE], str, int
)
COSIGNATURES: Final = Question(
    lambda origin, size: cosignatures(origin).filter(size=size).order_by("time"), str, int
)
LARGEST_COSIGNATURE: Final = Question(
    lambda origin, mirror, within: cosignatures(origin)
    .filter(mirror=mirror, size__lte=within)
    .order_by("-size", "-time")[:1],
    str, str, int,
)  # fmt: skip
FIRST_COVERING: Final = Question(
    lambda origin, mirror, index: cosignatures(origin)
    .filter(mirror=mirror, size__gt=index)
    .order_by("time", "size")[:1],
    str, str, int,
)  # fmt: skip
MIRRORS: Final = Question(
    lambda origin: tables.Cosignature.objects.filter(log__origin=origin).values_list("mirror").distinct(), str
)
WANTED_AT_ALL: Final = Question(
    lambda origin: tables.Wanted.objects.filter(log__origin=origin).values_list("id")[:1], str
)
LACKING: Final = Question(
    lambda origin, size: tables.Wanted.objects.filter(log__origin=origin, index__lt=size).values_list(
        "index", "role"
    ),
    str, int,
)  # fmt: skip
POSITION: Final = Question(lambda name: tables.Counter.objects.filter(name=name).values_list("value"), str)
