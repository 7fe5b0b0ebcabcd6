"""The collector's configuration: one TOML file, conf.d beside it, CABINET_COLLECTOR__* and CABINET_BROKER__*."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from cabinet.journal.note import ED25519, Verifier
from cabinet.settings.sections import Section, read_tables
from cabinet.settings.uplink import Base, BrokerSettings, File
from hal.problems import ConfigError
from sync.collector.ingest import Pin
from sync.collector.names import NAME_PATTERN, Cabinet

KeyName = Annotated[str, Field(pattern=r"^[^\s+]+$", max_length=128)]
Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]


class CollectorSection(Section):
    """[collector]"""

    name: KeyName
    """The name that its cosignatures carry."""
    fleet_key: Annotated[str, Field(max_length=256)] | None = None
    """Verifier key (Ed25519) of whoever may revoke the keys of cabinets."""
    key_file: File = "collector.key"
    """Of the Ed25519 seed; made on the first start."""
    database: File = "collector.db"
    base: Base = "kc/v1"
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=64)]
    """For the broker, which keeps what arrives while the collector is away under this name."""

    @model_validator(mode="after")
    def _signs(self) -> Self:
        if self.fleet_key is not None and Verifier.from_vkey(self.fleet_key).kind != ED25519:
            raise ValueError("fleet_key cosigns; it should be a key that signs notes (type 01)")
        return self


class CabinetRow(Section):
    """[[cabinet]]: the key of a cabinet. Others are pinned as they first announce it."""

    site: Name
    device: Name
    vkey: Annotated[str, Field(max_length=256)]

    @model_validator(mode="after")
    def _of_this_cabinet(self) -> Self:
        verifier = Verifier.from_vkey(self.vkey)
        if verifier.kind != ED25519 or self.cabinet.epoch(verifier.name) is None:
            raise ValueError(f"vkey is of {verifier.name}; it should be the signing key of {self.cabinet.origin}")
        return self

    @property
    def cabinet(self) -> Cabinet:
        return Cabinet(self.site, self.device)

    @property
    def pin(self) -> Pin:
        return Pin(self.cabinet, Verifier.from_vkey(self.vkey).public)


@dataclass(frozen=True, slots=True)
class Config:
    """Relative paths are taken from the folder of the file."""

    name: str
    key_file: Path
    database: Path
    base: str
    client_id: str
    broker: BrokerSettings
    pins: tuple[Pin, ...]
    fleet_key: Verifier | None = None


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Blocks. Raises ConfigError with a line for every problem."""
    models: dict[str, type[BaseModel]] = {"collector": CollectorSection, "broker": BrokerSettings}
    read = read_tables(path, environ, models, {"cabinet": CabinetRow})
    section: CollectorSection = read["collector"]
    broker: BrokerSettings = read["broker"]
    rows: list[CabinetRow] = read["cabinet"]
    twice = {row.cabinet.origin for row in rows if sum(other.cabinet == row.cabinet for other in rows) > 1}
    if twice:
        raise ConfigError([f"{path}: [[cabinet]] stands twice for {origin}" for origin in sorted(twice)])
    folder = path.parent
    return Config(
        section.name,
        folder / section.key_file,
        folder / section.database,
        section.base,
        section.client_id,
        broker.under(folder),
        tuple(row.pin for row in rows),
        None if section.fleet_key is None else Verifier.from_vkey(section.fleet_key),
    )
