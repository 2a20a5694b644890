"""The table of routes, the OpenAPI document and the reference page say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from node.database import template

template()

from detente.node.api import openapi, routes  # noqa: E402 - Django must be configured first
from detente.node.api.schemas import NAMED  # noqa: E402
from detente.record.errors import ERRORS  # noqa: E402

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "local-api.md"

# What the builders of desk, command line and alarm were promised; a route may be added, none may vanish.
PROMISED = {
    "GET /v1/status", "GET /v1/charter", "GET /v1/openapi.json", "GET /v1/entries", "GET /v1/entries/{id}",
    "GET /v1/receipts/{id}", "GET /v1/cases", "GET /v1/cases/{id}", "GET /v1/events", "POST /v1/proposals",
    "POST /v1/proposals/{name}/release", "POST /v1/send", "POST /v1/sessions",
    "POST /v1/sessions/{name}/assertion", "DELETE /v1/sessions/{name}", "POST /v1/enrolment",
    "POST /v1/credentials", "GET /v1/alarm", "POST /v1/alarm/heartbeat", "POST /v1/alarm/test",
    "POST /v1/alarm/confirm",
}  # fmt: skip


class TestDocuments:
    """One table, three ways to read it."""

    def test_every_promised_route_is_served(self):
        assert {f"{route.method} {route.path}" for route in routes.ROUTES} >= PROMISED

    def test_the_openapi_document_names_exactly_the_routes(self):
        paths = openapi.document()["paths"]
        said = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
        assert said == {f"{route.method} {route.path}" for route in routes.ROUTES}

    def test_every_reference_in_the_document_leads_somewhere(self):
        named = set(re.findall(r"#/components/schemas/(\w+)", repr(openapi.document())))
        assert named <= NAMED.keys()
        assert named >= {route.answer for route in routes.ROUTES}

    @pytest.mark.parametrize("name", sorted(NAMED))
    def test_every_shape_is_a_json_schema(self, name):
        Draft202012Validator.check_schema(NAMED[name])

    def test_the_page_is_what_the_table_gives(self):
        assert PAGE.read_text("utf-8") == openapi.page(), (
            "write it anew: python -m detente.node.api > docs/reference/local-api.md"
        )

    def test_every_error_of_a_route_has_its_row(self):
        codes = {code for route in routes.ROUTES for code in (*route.errors, *openapi.COMMON)}
        assert codes <= ERRORS.keys()

    def test_two_routes_never_share_a_name(self):
        names = [route.name for route in routes.ROUTES]
        assert len(names) == len(set(names))
