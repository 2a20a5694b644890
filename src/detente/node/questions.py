"""Reads that every received entry asks for: compiled by Django once, then only their values change.

Most of the time of a small query is not the database's but that of putting the query together, and an officer
waits for it. Tables, columns and both databases stay Django's; its compiler writes the statement, from marks
in the places of the values, and the marks tell which value goes where.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet

#: A mark no real value equals, for each type: texts begin with a control character, numbers are huge.
_MARKS: Final[dict[type, Callable[[int], Any]]] = {str: lambda n: f"\x01{n}", int: lambda n: (1 << 60) + n}


class Question:
    """`Question(build, str, int)(origin, size)`: rows as tuples of what `build` selects, in its order.

    `build` takes values of those types, once each, and gives a query with `values_list`. It may not branch on
    them, and their place must not be a slice.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]], *types: type) -> None:
        self._build, self._types = build, types
        self._compiled: dict[str, tuple[str, tuple[tuple[bool, Any], ...]]] = {}

    def __call__(self, *values: str | int) -> list[tuple[Any, ...]]:
        """All rows."""
        sql, places = self._statement()
        with connection.cursor() as cursor:
            cursor.execute(sql, [values[one] if is_value else one for is_value, one in places])
            return list(cursor.fetchall())

    def first(self, *values: str | int) -> tuple[Any, ...] | None:
        """The first row, None if there is none. The query itself should ask for one."""
        rows = self(*values)
        return rows[0] if rows else None

    def _statement(self) -> tuple[str, tuple[tuple[bool, Any], ...]]:
        """The statement, and for each place in it a value's number (True) or a constant (False)."""
        known = self._compiled.get(connection.vendor)
        if known is None:
            marks = [_MARKS[one](n) for n, one in enumerate(self._types)]
            sql, params = self._build(*marks).query.sql_with_params()
            places = tuple((True, marks.index(one)) if one in marks else (False, one) for one in params)
            if {one for is_value, one in places if is_value} != set(range(len(marks))):
                raise LookupError(f"a value has no place in: {sql}")
            known = self._compiled[connection.vendor] = (sql, places)
        return known
