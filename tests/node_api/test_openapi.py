"""Requests made from the OpenAPI document at a real node: answers as described, never a failure of ours.

Schemathesis makes the requests, good and bad; the node has its store, writer, signer and clocks' model.
"""

from __future__ import annotations

import os

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from node.database import template

template()

from detente.node.api import openapi, routes  # noqa: E402 - Django must be configured first
from node_api.test_api import raw  # noqa: E402

#: Requests a route; with 25 routes this stays below a minute.
EXAMPLES = int(os.environ.get("DETENTE_SCHEMATHESIS", "12"))
BUILD = settings(
    max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)  # fmt: skip
STREAMS = {route.path for route in routes.ROUTES if route.stream}
ALL = [(route.method, route.path) for route in routes.ROUTES if not route.stream]


def described() -> dict[str, object]:
    """The document, with patterns anchored: ours are matched whole, JSON Schema searches."""

    def anchored(value: object) -> object:
        if isinstance(value, dict):
            return {
                key: f"^(?:{one})$" if key == "pattern" and isinstance(one, str) else anchored(one)
                for key, one in value.items()
            }
        return [anchored(one) for one in value] if isinstance(value, list) else value

    found = anchored(openapi.document())
    assert isinstance(found, dict)
    return found


SCHEMA = schemathesis.openapi.from_dict(described())


class TestDescribedRequests:
    """Every route but the stream, with what its description allows."""

    @pytest.mark.parametrize(("method", "path"), ALL, ids=lambda one: one.strip("/").replace("/", "."))
    def test_route(self, node, method, path):
        token = node.folder.api_token.read_text().strip()
        operation = SCHEMA[path][method]
        bodies = []

        @BUILD
        @hypothesis.given(case=operation.as_strategy())
        def ask(case):
            status, answer = send(node, case, token)
            bodies.append(status)
            assert status < 500 or answer["error"] in MAY_FAIL, (status, answer)
            operation_answer(status, answer, operation)

        ask()
        assert bodies


#: 5xx that name a state of the node, not a fault: this node has no alarm, and peers that never answer.
MAY_FAIL = frozenset({"starting", "signer-not-started", "disk-full"})


def send(node, case, token):
    """(status, JSON) of a generated request over the node's socket."""
    import json
    from urllib.parse import quote, urlencode

    path = case.path
    for name, value in (case.path_parameters or {}).items():
        path = path.replace("{" + name + "}", quote(str(value), safe=""))
    query = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in (case.query or {}).items() if name != "wait"
    }  # fmt: skip
    if query:
        path += "?" + urlencode(query, doseq=True)
    has_body = isinstance(case.body, dict | list | str | int)
    body = json.dumps(case.body, ensure_ascii=True).encode() if has_body else None
    return raw(node, case.method.upper(), path, body, token=token)


def operation_answer(status, answer, operation):
    """The answer has the shape that the document names for it."""
    from detente.node.api import shape
    from detente.node.api.schemas import NAMED, ref

    route = next(
        one for one in routes.ROUTES if (one.method, one.path) == (operation.method.upper(), operation.path)
    )
    shape.check(answer, ref(route.answer if status == 200 else "Error"), NAMED)


class TestToken:
    """No route of the table answers without the token, whatever is asked."""

    @pytest.mark.parametrize("route", routes.ROUTES, ids=lambda one: one.name)
    @pytest.mark.parametrize("token", [None, "wrong"])
    def test_refused(self, node, route, token):
        path = route.path.replace("{id}", "S1-X00000").replace("{name}", "abcdefgh")
        body = b"{}" if route.body else None
        status, answer = raw(node, route.method, path, body, token=token)
        assert (status, answer["error"]) == (401, "unauthorised")
