"""The OpenAPI 3.1 document and the reference page, both made from the table of routes."""

from __future__ import annotations

import re
from typing import Any, Final

from detente import __version__
from detente.node import disk, signer_client, writer
from detente.node.api import routes
from detente.node.api.routes import Parameter, Route
from detente.node.api.schemas import NAMED, ref
from detente.node.refusals import BY_CODE, OWN, status_of
from detente.record.errors import ERRORS, DetenteError

_JSON: Final = "application/json"
#: Where codes of the routes are declared: they must be known before the page is made.
_DECLARING: Final = (disk, signer_client, writer)
#: What any route may answer.
COMMON: Final = ("unauthorised", "malformed", "starting", "unexpected")


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 description of the local API."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes.ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Detente: local API of one party's node",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": NAMED,
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    content = "text/event-stream" if route.stream else _JSON
    found: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.meaning,
        "parameters": [_parameter(one, "query") for one in route.query]
        + [_parameter(one, "path") for one in path_parameters(route)],
        "responses": {
            "200": {"description": route.answer, "content": {content: {"schema": ref(route.answer)}}},
            "default": {"description": _codes(route), "content": {_JSON: {"schema": ref("Error")}}},
        },
    }
    if route.body:
        found["requestBody"] = {"required": True, "content": {_JSON: {"schema": ref(route.body)}}}
    return found


def path_parameters(route: Route) -> list[Parameter]:
    """The segments in braces, with their schemas."""
    return [
        Parameter(name, route.path_schemas[name], "in the path")
        for name in re.findall(r"{([a-z]+)}", route.path)
    ]


def _parameter(parameter: Parameter, where: str) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": where,
        "required": where == "path",
        "description": parameter.meaning,
        "schema": dict(parameter.schema),
    }


def _codes(route: Route) -> str:
    return "codes: " + ", ".join((*route.errors, *COMMON))


_HEAD: Final = """# Local API

The party's own tools speak to their node here: desk, command line, alarm, and what the party builds itself.
This page is made from the table of routes in `detente.node.api.routes`; the node serves the same as
OpenAPI 3.1 at `GET /v1/openapi.json`.

- **Where**: the Unix socket `run/api.sock` in the node's folder (0600), and the loopback port
  `[local] listen` when set.
- **Who**: `Authorization: Bearer` with the text of `run/token`, always. A token opens everything that the
  node can do for its party but what needs an officer: releases need a session, a passkey or, in exercise
  cells, a post's key.
- **Form**: UTF-8 JSON without duplicate keys, floats or unknown members; times are POSIX seconds UTC.
- **Durable**: an answer to `send` or `release` comes only when the entry would survive a power cut.
- **Receipt is not agreement**: no route says that a party agreed to anything; receipts say what is on whose
  disk.
"""


def page() -> str:
    """The text of docs/reference/local-api.md."""
    parts = [_HEAD, "## Routes\n\n| method | path | what |\n|---|---|---|"]
    parts += [f"| {r.method} | `{r.path}` | {r.meaning} |" for r in routes.ROUTES]
    parts += [_section(route) for route in routes.ROUTES]
    parts.append(_shapes())
    parts.append(_error_table())
    return "\n".join(parts) + "\n"


def _section(route: Route) -> str:
    lines = [f"\n## {route.method} {route.path}\n", route.meaning, ""]
    lines += [
        f"- `{one.name}` ({_short(dict(one.schema))}): {one.meaning}"
        for one in (*path_parameters(route), *route.query)
    ]
    if route.body:
        lines.append(f"- body: [{route.body}](#{route.body.lower()}), at most {route.limit} bytes")
    answer = "server-sent events" if route.stream else f"[{route.answer}](#{route.answer.lower()})"
    lines.append(f"- answer: {answer}")
    if route.errors:
        lines.append("- errors: " + ", ".join(f"`{code}`" for code in route.errors))
    return "\n".join(lines)


def _shapes() -> str:
    lines = ["\n# Shapes"]
    for name, schema in sorted(NAMED.items()):
        lines += [f"\n## {name}\n", "| member | form | needed |", "|---|---|---|"]
        required = schema.get("required", ())
        for member, form in schema.get("properties", {}).items():
            lines.append(f"| `{member}` | {_short(form)} | {'yes' if member in required else 'no'} |")
    return "\n".join(lines)


def _short(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kinds = schema.get("type", "anything")
    text = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if text == "array":
        text = f"list of {_short(schema['items'])}"
    if "default" in schema:
        text += f", default {schema['default']}"
    return f"{text}: {schema['description']}" if "description" in schema else text


def _error_table() -> str:
    lines = [
        "\n# Errors\n",
        'Every refusal is `{"error": code, "who": who must act, "clause": rule or null, "values": {…}}`.\n',
        "| code | status | who must act | meaning |",
        "|---|---|---|---|",
    ]
    named = {code for route in routes.ROUTES for code in route.errors} | {*COMMON, *OWN}
    for code in sorted(named):
        who, meaning = ERRORS[code]
        lines.append(f"| `{code}` | {_status(code)} | {who} | {meaning} |")
    return "\n".join(lines)


#: Codes whose class is fixed elsewhere: the status of their leaf.
_LEAVES: Final = {"malformed": 400, "unverified": 403, "conflict": 409, "equivocation": 409}


def _status(code: str) -> int:
    if code in BY_CODE:
        return status_of(DetenteError(code))
    return _LEAVES.get(code, 503)
