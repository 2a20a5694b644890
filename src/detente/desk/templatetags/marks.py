"""Isolated marks: instants, ids and grids left-to-right whatever the page's direction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from detente.desk.charter import PartyWords

register = template.Library()


@register.filter
def utc(at: int | None, as_of: int | None = None) -> SafeString | str:
    """`10:41:07Z`; with the date when it is not that of `as_of`."""
    if at is None:
        return ""
    instant = datetime.fromtimestamp(int(at), UTC)
    today = as_of is not None and datetime.fromtimestamp(int(as_of), UTC).date() == instant.date()
    shown = f"{instant:%H:%M:%SZ}" if today else f"{instant:%Y-%m-%d %H:%M:%SZ}"
    return format_html(
        '<bdi dir="ltr"><time datetime="{}">{}</time></bdi>', f"{instant:%Y-%m-%dT%H:%M:%SZ}", shown
    )


@register.filter
def ltr(value: Any) -> SafeString:
    """An id, a grid, a number with its unit."""
    return format_html('<bdi dir="ltr" class="code">{}</bdi>', value)


@register.filter
def named(party: PartyWords) -> SafeString:
    """A party's code and name in text."""
    return format_html('<bdi class="party {}">{}</bdi>', party.tone, party.name)


@register.filter
def own(value: str) -> SafeString:
    """A foreign string inside a sentence."""
    return format_html('<bdi dir="auto">{}</bdi>', value)
