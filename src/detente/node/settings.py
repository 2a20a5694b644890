"""The settings of a node: one table, one strict reader, one page made from the table.

1. `SETTINGS` is the only list. `docs/reference/settings.md` is made from it and a test compares the two.
2. An unknown section or key, a wrong type or a value out of its range stops the node: a misspelt setting that
   is silently ignored is a setting that nobody knows to be off.
3. A setting never changes what an entry means: the fold reads none of them, or parties would differ.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from detente.record.errors import DetenteError, declare
from detente.record.names import is_cell, is_exercise, is_party

SETTING_WRONG: Final = declare("setting-wrong", "operator", "node.toml holds a setting that cannot be used")


def _party(value: Any) -> bool:
    return is_party(value)


def _cell(value: Any) -> bool:
    return is_cell(value)


def _address(value: Any) -> bool:
    host, colon, port = value.rpartition(":")
    return value == "" or bool(host and colon and port.isascii() and port.isdigit() and int(port) < 65536)


def _url(value: Any) -> bool:
    return bool(value == "" or value.startswith("https://"))


def _hex32(value: Any) -> bool:
    return value == "" or (len(value) == 64 and all(letter in "0123456789abcdef" for letter in value))


def _between(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: low <= value <= high


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: where it stands, what it may be, what holds when it is absent.

    `section` "link.*" stands for one section a peer, e.g. `[link.s2]`. `default` None: it must be given.
    """

    section: str
    key: str
    kind: type
    default: Any
    meaning: str
    may: Callable[[Any], bool] = field(default=lambda _value: True, compare=False)

    @property
    def attribute(self) -> str:
        """Name of the field of `Settings` (or of `PeerLink`) that holds it."""
        return self.key if self.section in ("node", "link.*") else f"{self.section}_{self.key}"


SETTINGS: Final = (
    Setting("node", "cell", str, None, "Name of the cell; an exercise cell ends with `.exercise`.", _cell),
    Setting("node", "party", str, None, "The party whose node this is, e.g. `s1`.", _party),
    Setting(
        "node", "generation", int, 1,
        "Number of the log this node writes. Raised only when a next log is opened (protocol C3).",
        _between(1, 999_999_999),
    ),
    Setting(
        "node", "clock_offset_s", int, 0,
        "Seconds added to the machine's clock. Exercise cells only; refused elsewhere.",
        _between(-86400, 86400),
    ),
    Setting(
        "database", "url", str, "",
        "Empty: SQLite in the node's folder. Else `postgresql://user@host:port/name`.",
        lambda value: value == "" or value.startswith("postgresql://"),
    ),
    Setting(
        "disk", "reserved_mb", int, 64,
        "Free disk in MiB below which only the own log and floor entries are stored.", _between(1, 1_000_000),
    ),
    Setting(
        "writer", "queue", int, 1024,
        "Jobs that may wait for the writer; beyond it only floor jobs, as many again.",
        _between(16, 65536),
    ),
    Setting("writer", "group", int, 64, "Most own entries under one head.", _between(1, 256)),
    Setting("heartbeat", "interval_s", int, 900, "Longest time between two own heads.", _between(5, 900)),
    Setting(
        "keys", "courier_s", int, 604_800,
        "Seconds for which an old receiving key is kept after every peer confirmed the new one, for what is "
        "under way by stick or courier.", _between(0, 31_536_000),
    ),
    Setting("link.*", "listen", str, "", "`host:port` for this peer's calls; empty: dial only.", _address),
    Setting("link.*", "dial", str, "", "`https://…` instead of the address on the peer's card.", _url),
    Setting("link.*", "pin", str, "", "Hex SHA-256 of the public key (SPKI) of the peer's leaf.", _hex32),
    Setting("local", "listen", str, "", "Loopback `host:port` of the local API beside its socket.", _address),
    Setting("metrics", "listen", str, "", "`host:port` of `/healthz` and `/metrics`; empty: off.", _address),
    Setting("desk", "listen", str, "", "`host:port` of the officers' console; empty: no desk.", _address),
    Setting("desk", "origin", str, "", "Origin the officers' browsers see; needs a DNS name for passkeys."),
    Setting("desk", "rp_id", str, "", "Relying party id of the passkeys; empty: host of the origin."),
    Setting("desk", "language", str, "", "Language of the console before sign-in; empty: the party's own."),
    Setting("desk", "actual_origin", str, "", "In an exercise cell: the console of the actual cell."),
    Setting("desk", "clocks", dict, {}, "Time zone by party for clocks, e.g. `s1 = \"Atlantic/Azores\"`."),
    Setting(
        "desk", "idle_lock_s", int, 0,
        "Seconds without key or pointer after which the screen locks; 0: by hand only.",
        _between(0, 86400),
    ),
    Setting("alarm", "hook", list, [], "Command run at every alarm, as a list of words."),
    Setting("alarm", "sound", bool, True, "Whether the alarm uses the sound card when there is one."),
    Setting(
        "log", "level", str, "info", "`debug`, `info`, `warning` or `error`.",
        lambda value: value in ("debug", "info", "warning", "error"),
    ),
)  # fmt: skip

_PEER: Final = "link.*"


@dataclass(frozen=True, slots=True)
class PeerLink:
    """Settings of the line to one peer."""

    listen: str = ""
    dial: str = ""
    pin: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """A node's settings, read and checked. Field = section and key, but for `[node]`."""

    cell: str
    party: str
    generation: int = 1
    clock_offset_s: int = 0
    database_url: str = ""
    disk_reserved_mb: int = 64
    writer_queue: int = 1024
    writer_group: int = 64
    heartbeat_interval_s: int = 900
    keys_courier_s: int = 604_800
    local_listen: str = ""
    metrics_listen: str = ""
    desk_listen: str = ""
    desk_origin: str = ""
    desk_rp_id: str = ""
    desk_language: str = ""
    desk_actual_origin: str = ""
    desk_clocks: Mapping[str, str] = field(default_factory=dict)
    desk_idle_lock_s: int = 0
    alarm_hook: tuple[str, ...] = ()
    alarm_sound: bool = True
    log_level: str = "info"
    link: Mapping[str, PeerLink] = field(default_factory=dict)


def parse_settings(text: str) -> Settings:
    """Settings of a `node.toml`. Raises DetenteError `setting-wrong` naming section and key."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DetenteError(SETTING_WRONG, detail=str(error)) from error
    given: dict[str, Any] = {}
    links: dict[str, PeerLink] = {}
    for section, table in tables.items():
        if not isinstance(table, dict):
            raise DetenteError(SETTING_WRONG, key=section)
        if section == "link":
            links = {peer: PeerLink(**_section(_PEER, peer, rows)) for peer, rows in table.items()}
        else:
            given |= _section(section, section, table)
    missing = [row.key for row in SETTINGS if row.default is None and row.attribute not in given]
    if missing:
        raise DetenteError(SETTING_WRONG, section="node", missing=", ".join(missing))
    settings = Settings(**given, link=links)
    _check_together(settings)
    return settings


def encode_settings(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """TOML of `{section: {key: value}}`; `parse_settings` gives the same values back."""
    lines: list[str] = []
    for section, rows in tables.items():
        lines += [f"[{section}]", *(f"{key} = {_toml(value)}" for key, value in rows.items()), ""]
    return "\n".join(lines)


def settings_page() -> str:
    """The text of docs/reference/settings.md."""
    lines = [
        "# Settings of a node",
        "",
        "`node.toml` in the node's folder. This page is made from the table in `detente.node.settings`.",
        "A section or key that is not listed stops the node.",
    ]
    section = ""
    for row in SETTINGS:
        if row.section != section:
            section = row.section
            shown = "link.PEER" if section == _PEER else section
            lines += ["", f"## [{shown}]", "", "| key | type | default | meaning |", "|---|---|---|---|"]
        default = "(must be given)" if row.default is None else f"`{_toml(row.default)}`"
        lines.append(f"| `{row.key}` | {_KINDS[row.kind]} | {default} | {row.meaning} |")
    return "\n".join(lines) + "\n"


_KINDS: Final = {str: "text", int: "number", bool: "yes/no", list: "list of texts", dict: "table of texts"}


def _section(pattern: str, name: str, table: Any) -> dict[str, Any]:
    """Field values of one section of the file. Raises DetenteError."""
    rows = {row.key: row for row in SETTINGS if row.section == pattern}
    if not rows or not isinstance(table, dict) or (pattern == _PEER and not is_party(name)):
        raise DetenteError(SETTING_WRONG, section=name)
    found = {}
    for key, value in table.items():
        row = rows.get(key)
        # bool is an int in Python; a yes where a number belongs is a slip.
        if row is None or type(value) is not row.kind or not _texts_only(value) or not row.may(value):
            raise DetenteError(SETTING_WRONG, section=name, key=key)
        found[row.attribute] = tuple(value) if isinstance(value, list) else value
    return found


def _texts_only(value: Any) -> bool:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(isinstance(member, str) for member in members)


def _check_together(settings: Settings) -> None:
    if settings.clock_offset_s and not is_exercise(settings.cell):
        raise DetenteError(SETTING_WRONG, section="node", key="clock_offset_s", cell=settings.cell)
    if settings.party in settings.link:
        raise DetenteError(SETTING_WRONG, section=f"link.{settings.party}")


def _toml(value: Any) -> str:
    """A TOML value: JSON's texts, numbers, booleans and lists are TOML too; a table is written inline."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def check_table() -> list[str]:
    """Fields of `Settings` and `PeerLink` that the table lacks, or the reverse; empty when they agree."""
    table = {row.attribute for row in SETTINGS}
    held = {one.name for one in (*fields(Settings), *fields(PeerLink))} - {"link"}
    return sorted(table ^ held)
