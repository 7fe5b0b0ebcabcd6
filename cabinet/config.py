"""The configuration of one cabinet, read and checked as a whole: every problem at once, each with its place.

Loads no driver: of each device type only its keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, Field

from cabinet.backup.keys import parse_recipient
from cabinet.journal.errors import NoteRefused
from cabinet.journal.note import COSIGNATURE, ED25519, Verifier
from cabinet.policy.rights import Language
from cabinet.settings.layers import Layers
from cabinet.settings.retention import RetentionSection
from cabinet.settings.sections import Section, files_of, read_section
from cabinet.settings.uplink import UplinkSettings
from hal.device_table import DeviceTable, parse_table
from hal.problems import ConfigError, Problem
from hal.specs import DoorSpec
from hal.wording import did_you_mean, quoted, unknown_key

Flags = Sequence[tuple[str, str]]

_NAMES: Final = {"link": "id", "device": "id", "slot": "number"}
_REFERENCES: Final = frozenset({"link", "lock", "sensor", "indicator", "fob_reader", "contact"})
_PATHS: Final = (("link", ("port", "path", "key_file")), ("device", ("password_file", "old_password_file")))
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("1 to 32 of a-z, 0-9 and - are allowed, the first one no -")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        hint = did_you_mean(value, available_timezones())
        raise ValueError(f"{quoted(value)} is no time zone such as Europe/Zurich{hint}") from None
    return value


def _span_of_day(value: str) -> str:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError('should be two local times such as "22:00-06:00"')
    return value


def _cosigner(value: str) -> str:
    try:
        verifier = Verifier.from_vkey(value)
    except NoteRefused as error:
        raise ValueError(f"{error}; `cabinet-collector --config FILE key` prints one") from None
    if verifier.kind != COSIGNATURE:
        raise ValueError(f"the key of {verifier.name} signs notes; a delivery key cosigns them (type 04)")
    return value


def _log_key(value: str) -> str:
    try:
        verifier = Verifier.from_vkey(value)
    except NoteRefused as error:
        raise ValueError(f"{error}; `cabinet-collector fleet-key FILE NAME` prints one") from None
    if verifier.kind != ED25519:
        raise ValueError(f"the key of {verifier.name} cosigns; a fleet key signs notes (type 01)")
    return value


def _tenths(value: float) -> float:
    if abs(value * 10 - round(value * 10)) > 1e-6:
        raise ValueError("only steps of 0.1 s are allowed: the boards count in tenths")
    return value


NameText = Annotated[str, AfterValidator(_name)]
Seconds = Annotated[float, Field(ge=1, le=3600)]
TakeSeconds = Annotated[float, Field(ge=5, le=3600)]
"""Longer than a pulse may be late (3 s for a board to come back): no bolt moves for a grant that has lapsed."""
HoldSeconds = Annotated[float, Field(ge=0.1, le=1.0), AfterValidator(_tenths)]
Folder = Annotated[str, Field(min_length=1)]


class CabinetSection(Section):
    """[cabinet]"""

    site: NameText
    device: NameText
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    language: Language = "en"
    """Shown while nobody is identified."""
    quiet: Annotated[str, AfterValidator(_span_of_day)] | None = None
    """Tones but alarms are silent from the first local time to the second."""
    mode: Literal["normal", "monitor"] = "normal"
    """`monitor`: for a roll-out, see cabinet/policy/monitor.py."""
    state_dir: Folder = "/var/lib/cabinet"
    socket_dir: Folder = "/run/cabinet"


class VisitSection(Section):
    """[visit]"""

    idle_s: Seconds = 30.0
    """A visit ends after so long without an act."""
    take_s: TakeSeconds = 15.0
    """A grant lapses after so long."""
    hold_s: HoldSeconds = 0.5
    """How long a bolt is pulsed; a slot may say otherwise."""
    pin_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    """A PIN has to be changed after so many days."""


def _program(value: tuple[str, ...]) -> tuple[str, ...]:
    if value and not value[0].startswith("/"):
        raise ValueError(f"{quoted(value[0])}: the program's whole path is needed, such as /usr/bin/cabinet-key")
    return value


class VaultSection(Section):
    """[vault]"""

    device_key_command: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False), AfterValidator(_program)
    ] = ()
    """A program and its arguments: prints the device key. Without it a systemd credential, else a file."""


class UpstreamSection(Section):
    """[upstream]"""

    delivery_keys: tuple[Annotated[str, AfterValidator(_cosigner)], ...] = Field((), strict=False)
    """Verifier keys (cosignature/v1) of upstream: whose operators state that they store all leaves."""

    fleet_key: Annotated[str, AfterValidator(_log_key)] | None = None
    """Verifier key (Ed25519) of whoever may revoke this cabinet's signing key."""

    def verifiers(self) -> list[Verifier]:
        return [Verifier.from_vkey(vkey) for vkey in self.delivery_keys]


def _recipient(value: str) -> str:
    parse_recipient(value)
    return value


class BackupSection(Section):
    """[backup]"""

    recipient: Annotated[str, AfterValidator(_recipient)] | None = None
    """Whose private key opens the backups of this cabinet."""


SECTIONS: Final[dict[str, type[BaseModel]]] = {
    "cabinet": CabinetSection,
    "visit": VisitSection,
    "door": DoorSpec,
    "vault": VaultSection,
    "upstream": UpstreamSection,
    "backup": BackupSection,
    "retention": RetentionSection,
    "uplink": UplinkSettings,
}


@dataclass(frozen=True, slots=True)
class Config:
    """A good configuration. All its paths are absolute."""

    file: Path
    cabinet: CabinetSection
    visit: VisitSection
    vault: VaultSection
    upstream: UpstreamSection
    backup: BackupSection
    retention: RetentionSection
    table: DeviceTable

    @property
    def origin(self) -> str:
        """The name of this cabinet's journal."""
        return f"cabinet.{self.cabinet.site}/{self.cabinet.device}"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.cabinet.timezone)

    @property
    def state_dir(self) -> Path:
        return Path(self.cabinet.state_dir)

    @property
    def socket_dir(self) -> Path:
        return Path(self.cabinet.socket_dir)


def load(path: Path, environ: Mapping[str, str], overrides: Flags = ()) -> Config:
    """Reads FILE, conf.d beside it, the environment and `overrides` (("visit.idle_s", "20"), ...). Blocks.

    Relative paths are taken from the folder of FILE. Raises ConfigError with a line for every problem."""
    layers = Layers()
    for file in files_of(path):
        layers.add_file(file)
    layers.add_environment(environ, SECTIONS)
    layers.add_flags(overrides, SECTIONS)
    _resolve_paths(layers.raw, path.parent.absolute())
    cabinet = read_section(layers, "cabinet", CabinetSection)
    visit = read_section(layers, "visit", VisitSection)
    vault = read_section(layers, "vault", VaultSection)
    upstream = read_section(layers, "upstream", UpstreamSection)
    backup = read_section(layers, "backup", BackupSection)
    retention = read_section(layers, "retention", RetentionSection)
    if "uplink" in layers.raw:
        read_section(layers, "uplink", UplinkSettings)  # the uplink's own; checked here so that one check finds all
    table = _table(layers)
    for key in layers.raw.keys() - SECTIONS.keys() - _NAMES.keys():
        layers.report(Problem((key,), unknown_key(key, [*SECTIONS, *_NAMES])))
    if lines := layers.lines():
        raise ConfigError(lines)
    if cabinet is None or visit is None or vault is None or upstream is None:
        raise AssertionError("a part is missing only with a problem")
    if backup is None or retention is None or table is None:
        raise AssertionError("a part is missing only with a problem")
    return Config(path, cabinet, visit, vault, upstream, backup, retention, table)


def check(path: Path, environ: Mapping[str, str]) -> list[str]:
    """Every problem, ready to print; empty for a good configuration. Blocks."""
    try:
        load(path, environ)
    except ConfigError as error:
        return list(error.lines)
    return []


def _table(layers: Layers) -> DeviceTable | None:
    for problem in _repeated(layers):
        layers.report(problem)
    table, problems = parse_table(layers.raw)
    for problem in problems:
        # What it names may stand in the file that cannot be read.
        if not (layers.broken and problem.path[-1:] and problem.path[-1] in _REFERENCES):
            layers.report(problem)
    return table


def _repeated(layers: Layers) -> Iterator[Problem]:
    for table, key in _NAMES.items():
        seen: dict[object, int] = {}
        for index, row in enumerate(_rows(layers.raw, table)):
            name = row.get(key)
            if not isinstance(name, str | int):
                continue
            first = seen.setdefault(name, index)
            if first != index:
                where = layers.place((table, first, key))
                yield Problem((table, index, key), f"{table} {quoted(name)} stands in {where} already")


def _rows(raw: Mapping[str, Any], table: str) -> list[dict[str, Any]]:
    rows = raw.get(table)
    return [row if isinstance(row, dict) else {} for row in rows] if isinstance(rows, list) else []


def _resolve_paths(raw: dict[str, Any], folder: Path) -> None:
    cabinet = raw.get("cabinet")
    places: list[tuple[dict[str, Any], tuple[str, ...]]] = []
    if isinstance(cabinet, dict):
        places.append((cabinet, ("state_dir", "socket_dir")))
    places += [(row, keys) for table, keys in _PATHS for row in _rows(raw, table)]
    places += [(row["strong"], ("key_file",)) for row in _rows(raw, "device") if isinstance(row.get("strong"), dict)]
    for table, keys in places:
        for key in keys:
            if isinstance(table.get(key), str) and table[key]:
                table[key] = str(folder / table[key])
