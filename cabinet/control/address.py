"""Where the control sockets are, found without loading the whole configuration: cabinetctl starts often."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

DEFAULT_CONFIG = Path("/etc/cabinet/cabinet.toml")
DEFAULT_FOLDER = Path("/run/cabinet")
FOLDER_VARIABLE = "CABINET_CABINET__SOCKET_DIR"

Role = Literal["service", "uplink"]


class AddressError(ValueError):
    """The configuration does not say where the sockets are; the text names file and reason."""


def socket_path(
    role: Role,
    socket: str | None = None,
    config: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Path:
    """`socket` itself, or `<role>.sock` in the folder that the environment, the configuration and its
    conf.d, or the default name, in this order. Raises AddressError for a configuration that was asked for
    and cannot be used.
    """
    if socket is not None:
        return Path(socket)
    return _folder(config, environment) / f"{role}.sock"


def _folder(config: str | None, environment: Mapping[str, str]) -> Path:
    file = Path(config) if config is not None else DEFAULT_CONFIG
    named = environment.get(FOLDER_VARIABLE)
    if named is not None:
        return file.parent / named
    if config is None and not os.access(DEFAULT_CONFIG, os.R_OK):
        return DEFAULT_FOLDER
    try:
        return file.parent / _configured(file)
    except AddressError:
        # A running daemon keeps its last good configuration: a bad default file must not hide it.
        if config is None:
            return DEFAULT_FOLDER
        raise


def _configured(file: Path) -> Path:
    folder = DEFAULT_FOLDER
    for table in _tables(file):
        cabinet = table.get("cabinet", {})
        named = cabinet.get("socket_dir") if isinstance(cabinet, dict) else None
        if named is None:
            continue
        if not isinstance(named, str):
            raise AddressError(f"{file}: cabinet.socket_dir must be a text, the path of a folder")
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
