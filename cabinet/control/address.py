"""Where a cabinet's sockets and databases are, found without loading the whole configuration: cabinetctl starts
often, and must find its way when the rest of the configuration is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

DEFAULT_CONFIG = Path("/etc/cabinet/cabinet.toml")
DEFAULT_SOCKET_DIR = Path("/run/cabinet")
DEFAULT_STATE_DIR = Path("/var/lib/cabinet")

Role = Literal["service", "uplink"]


class AddressError(ValueError):
    """The configuration does not say where to look; the text names file and reason."""


def socket_path(
    role: Role,
    socket: str | None = None,
    config: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Path:
    """`socket` itself, or `<role>.sock` in the folder `cabinet.socket_dir`.

    Raises AddressError for a configuration that was asked for and cannot be used."""
    if socket is not None:
        return Path(socket)
    return _folder("socket_dir", DEFAULT_SOCKET_DIR, config, environment) / f"{role}.sock"


def state_dir(config: str | None = None, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder `cabinet.state_dir`. Raises AddressError like socket_path."""
    return _folder("state_dir", DEFAULT_STATE_DIR, config, environment)


def _folder(key: str, default: Path, config: str | None, environment: Mapping[str, str]) -> Path:
    """What the environment, conf.d, the configuration, or the default says, in this order."""
    file = Path(config) if config is not None else DEFAULT_CONFIG
    named = environment.get(f"CABINET_CABINET__{key.upper()}")
    if named is not None:
        return file.parent / named
    if config is None and not os.access(DEFAULT_CONFIG, os.R_OK):
        return default
    try:
        return file.parent / _configured(file, key, default)
    except AddressError:
        # A running daemon keeps its last good configuration: a bad default file must not hide it.
        if config is None:
            return default
        raise


def _configured(file: Path, key: str, default: Path) -> Path:
    folder = default
    for table in _tables(file):
        cabinet = table.get("cabinet", {})
        named = cabinet.get(key) if isinstance(cabinet, dict) else None
        if named is None:
            continue
        if not isinstance(named, str):
            raise AddressError(f"{file}: cabinet.{key} must be a text, the path of a folder")
        folder = Path(named)
    return folder


def _tables(file: Path) -> Iterator[dict[str, object]]:
    import tomllib

    for part in (file, *sorted((file.parent / "conf.d").glob("*.toml"))):
        try:
            yield tomllib.loads(part.read_text("utf-8"))
        except OSError as error:
            raise AddressError(f"{part}: {error.strerror}: check --config") from None
        except ValueError as error:
            raise AddressError(f"{part}: {error}: see cabinetctl config check --config {file}") from None
