"""The device tables of a cabinet's configuration, for the simulator: FILE, and conf.d/*.toml beside it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from hal.device_table import DeviceTable, parse_table
from hal.problems import ConfigError


def read_table(file: Path) -> DeviceTable:
    """Tables merge, [[...]] are put one behind the other. Raises ConfigError with all problems; blocks."""
    raw: dict[str, Any] = {}
    for part in (file, *sorted(file.parent.glob("conf.d/*.toml"))):
        try:
            _merge(raw, tomllib.loads(part.read_text("utf-8")))
        except (OSError, ValueError) as error:
            raise ConfigError([f"{part}: {error}"]) from error
    table, problems = parse_table(raw)
    if table is None:
        raise ConfigError([f"{file}: {'.'.join(map(str, problem.path))}: {problem.message}" for problem in problems])
    return table


def _merge(into: dict[str, Any], new: dict[str, Any]) -> None:
    for key, value in new.items():
        there = into.get(key)
        if isinstance(there, list) and isinstance(value, list):
            there += value
        elif isinstance(there, dict) and isinstance(value, dict):
            there |= value
        else:
            into[key] = value
