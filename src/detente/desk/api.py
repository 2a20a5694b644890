"""The desk's only way to the node: the local API, and nothing of the node's own rooms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol


class Api(Protocol):
    """What `detente.node.client.LocalApi` offers. Refusals raise `DetenteError` with a stable code."""

    def get(self, path: str, **query: Any) -> Any: ...

    def post(self, path: str, body: Any = None) -> Any: ...

    def delete(self, path: str) -> Any: ...

    def events(self, path: str = "/v1/events", *, from_: int | None = None) -> Iterator[Any]: ...
