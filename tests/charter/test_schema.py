"""The published JSON Schemas and the reader agree about what a charter and a kind file look like."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from charter.harbour import DEMO, ROOM, charter_text, kind_files, template
from detente.charter.kindfile import parse_common, parse_kind
from detente.charter.load import load_charter
from detente.record.errors import DetenteError


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((ROOM / "schema" / f"{name}.schema.json").read_bytes())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def of_file(name: str) -> str:
    return "common" if name == "common.toml" else "kind"


class TestShipped:
    """Every shipped file passes its schema."""

    @pytest.mark.parametrize("name", sorted(kind_files()))
    def test_kind_file(self, name: str) -> None:
        validator(of_file(name)).validate(tomllib.loads(kind_files()[name].decode()))

    @pytest.mark.parametrize("text", [template(), charter_text(), (DEMO / "charter.toml").read_bytes()])
    def test_charter(self, text: bytes) -> None:
        validator("charter").validate(tomllib.loads(text.decode()))


class TestForm:
    """What breaks the form is refused by both, so that an editor's red line means what the node means."""

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("version = 1", "version = 0"),
            ("version = 1", "version = 1.5"),
            ("version = 1", ""),
            ("floor = true", 'floor = "yes"'),
            ('basket = "MIL"', 'basket = "GUN"'),
            ('mode = "COPY"', 'mode = "copy"'),
            ('opened_by = ["side"]', "opened_by = []"),
            ('opened_by = ["side"]', 'opened_by = ["side", "side"]'),
            ('addressees = "one"', 'addressees = "many"'),
            ('name = "meaning"', 'name = "Meaning"'),
            ('type = "time"', 'type = "date"'),
            ("maximum = 20000", ""),
            ("label.en =", "label.english ="),
            ("label.en =", "labels.en ="),
            ("approvals = 1", "approvals = 9"),
            ('by = ["author"]', 'by = ["s1"]'),
            ('start = "earliest"', 'start = "sent"'),
            ('clock = "T1"', 'clock = "first"'),
            ('id = "FIRE_ON_US"', 'id = "fire on us"'),
            ("final = true", "final = 1"),
        ],
    )
    def test_of_a_kind_file(self, old: str, new: str) -> None:
        files = kind_files()
        text = files["D02.toml"].decode()
        assert old in text
        broken = text.replace(old, new, 1)
        document: dict[str, Any] = tomllib.loads(broken)
        assert not validator("kind").is_valid(document)
        with pytest.raises(DetenteError):
            parse_kind("D02.toml", broken.encode(), parse_common(files["common.toml"]))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('cell = "harbour.exercise"', 'cell = "Harbour"'),
            ('languages = ["ar", "he", "en"]', "languages = []"),
            ('decision_rule = "any"', 'decision_rule = "vote"'),
            ("precision_m = 1000", "precision_m = 0"),
            ('role = "guarantor"', 'role = "observer"'),
            ('lat = "-45.012300"', 'lat = "-45.0123"'),
            ('lat = "-45.012300"', "lat = -45.0123"),
            ("bound_s = 120", "bound_s = 0"),
            ("anchor_s = 900", "anchor_s = 901"),
            ("entries = 2000", "entries = 0"),
            ('status = "agreed"', 'status = "final"'),
            ("handling =", "handing ="),
            ('receiving = "age1pq1', 'receiving = "age1'),
            ('kind = "ed25519"', 'kind = "rsa"'),
            ("ca_fingerprint =", "ca ="),
        ],
    )
    def test_of_a_charter(self, old: str, new: str) -> None:
        text = charter_text().decode()
        assert old in text
        broken = text.replace(old, new, 1)
        assert not validator("charter").is_valid(tomllib.loads(broken))
        with pytest.raises(DetenteError):
            load_charter(broken.encode(), kind_files())
