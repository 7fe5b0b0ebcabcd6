"""The layers of a configuration merged into one table that remembers where each value came from.

FILE, then conf.d/*.toml beside it by name, then CABINET_A__B of the environment, then flags. Tables merge, later
scalars win; [[link]], [[device]] and [[slot]] of all files are put one behind the other.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from cabinet.settings.toml_text import TomlFault, read_text, read_toml
from hal.problems import Problem
from hal.wording import allowed, did_you_mean, quoted, unknown_key

PREFIX: Final = "CABINET_"
BYTES_MAX: Final = 1024 * 1024

Place = tuple[str | int, ...]


@dataclass(slots=True)
class Layer:
    """One file, variable or flag. `text` is None where nothing has lines."""

    name: str
    text: str | None = None
    faults: list[tuple[int, int, str]] = field(default_factory=list)
    """Line, column, message; 0 and 0 for the layer as a whole."""

    def lines(self) -> list[str]:
        """Ready to print, in the order of the text."""
        return [
            f"{self.name}:{line}:{column}: {message}" if line else f"{self.name}: {message}"
            for line, column, message in sorted(self.faults)
        ]


class Layers:
    """What was read so far; problems are given to the layer they came from."""

    def __init__(self) -> None:
        self.raw: dict[str, Any] = {}
        self.broken = False
        """A file could not be read, so what seems to be missing may stand there."""
        self._layers: list[Layer] = []
        self._origin: dict[Place, tuple[Layer, Place]] = {}
        self._problems: dict[Place, str] = {}

    def add_file(self, file: Path) -> None:
        """Blocks."""
        layer = self._layer(str(file))
        try:
            if file.stat().st_size > BYTES_MAX:
                raise TomlFault(1, 1, f"larger than {BYTES_MAX} bytes")
            layer.text = read_text(file.read_bytes())
            self._merge(self.raw, read_toml(layer.text), (), layer)
        except OSError as error:
            self.broken = True
            layer.faults.append((0, 0, f"{error.strerror or error}; check --config"))
        except TomlFault as fault:
            self.broken = True
            layer.faults.append((fault.line, fault.column, fault.message))

    def add_environment(self, environ: Mapping[str, str], sections: Mapping[str, type[BaseModel]]) -> None:
        """Variables with two underscores between table and key; of others only those that miss one by mistake."""
        known = {f"{PREFIX}{t}_{k}".upper(): f"{PREFIX}{t}__{k}".upper() for t, k in _keys(sections)}
        for name in sorted(environ):
            if name in known:
                self._layer(name).faults.append((0, 0, f"has no effect; did you mean {known[name]}?"))
            elif name.startswith(PREFIX) and "__" in name:
                path = name.removeprefix(PREFIX).lower().split("__")
                self._add_scalar(name, path, environ[name], sections)

    def add_flags(self, flags: Iterable[tuple[str, str]], sections: Mapping[str, type[BaseModel]]) -> None:
        """Pairs such as ("cabinet.state_dir", "state")."""
        for name, value in flags:
            self._add_scalar(f"flag {name}", name.split("."), value, sections)

    def report(self, problem: Problem) -> None:
        """The first problem of a place is kept."""
        self._problems.setdefault(problem.path, problem.message)

    def place(self, path: Place) -> str:
        """`file:line:column` of a value, or the variable it came from."""
        layer, inner = self._source(path)
        line, column = _locate(layer, [inner])[0]
        return f"{layer.name}:{line}:{column}" if line else layer.name

    def lines(self) -> list[str]:
        """Every problem, file by file, each file from the top."""
        for layer in self._layers:
            mine = [
                (inner, message)
                for path, message in self._problems.items()
                for source, inner in [self._source(path)]
                if source is layer
            ]
            places = _locate(layer, [inner for inner, _ in mine])
            layer.faults += [(*place, message) for place, (_, message) in zip(places, mine, strict=True)]
        self._problems.clear()
        return [line for layer in self._layers for line in layer.lines()]

    def _layer(self, name: str) -> Layer:
        self._layers.append(Layer(name))
        return self._layers[-1]

    def _merge(self, into: dict[str, Any], new: Mapping[str, Any], path: Place, layer: Layer) -> None:
        for key, value in new.items():
            here = (*path, key)
            there = into.get(key)
            if there is not None and _kind(there) != _kind(value) and not path:
                self._origin[(*here, layer.name)] = (layer, here)
                self._problems[(*here, layer.name)] = (
                    f"{quoted(key)} is {_kind(there)} elsewhere, and {_kind(value)} here"
                )
            elif isinstance(value, dict):
                self._origin.setdefault(here, (layer, here))
                into[key] = there if isinstance(there, dict) else {}
                self._merge(into[key], value, here, layer)
            elif isinstance(value, list) and not path:
                self._append(into.setdefault(key, []), value, here, layer)
            else:
                into[key] = value
                self._origin[here] = (layer, here)

    def _append(self, rows: list[Any], new: Sequence[Any], here: Place, layer: Layer) -> None:
        self._origin.setdefault(here, (layer, here))
        for index, row in enumerate(new):
            self._origin[(*here, len(rows))] = (layer, (*here, index))
            rows.append(row)

    def _add_scalar(self, name: str, path: Sequence[str], text: str, sections: Mapping[str, type[BaseModel]]) -> None:
        layer = self._layer(name)
        if len(path) != 2 or path[0] not in sections:
            hint = did_you_mean(path[0], sections)
            layer.faults.append((0, 0, f"sets no single value of a table, {allowed(sections)}{hint}"))
            return
        table, key = path
        fields = sections[table].model_fields
        if key not in fields:
            layer.faults.append((0, 0, unknown_key(key, list(fields))))
            return
        value = _scalar(text) if fields[key].annotation in (int, float, bool) else text
        self._merge(self.raw, {table: {key: value}}, (), layer)

    def _source(self, path: Place) -> tuple[Layer, Place]:
        for length in range(len(path), 0, -1):
            found = self._origin.get(path[:length])
            if found:
                layer, inner = found
                return layer, (*inner, *path[length:])
        return self._layers[0], path


def _keys(sections: Mapping[str, type[BaseModel]]) -> Iterable[tuple[str, str]]:
    return ((table, key) for table, model in sections.items() for key in model.model_fields)


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    return "a list of tables" if isinstance(value, list) else "a value"


def _scalar(text: str) -> object:
    """A number or true or false, as in TOML; anything else stays text, for the model to refuse."""
    try:
        value: object = tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return text
    return value if isinstance(value, int | float) else text


def _locate(layer: Layer, paths: Sequence[Place]) -> list[tuple[int, int]]:
    if layer.text is None or not paths:
        return [(0, 0)] * len(paths)
    from cabinet.settings.positions import Positions  # A good configuration never needs it.

    positions = Positions(layer.text)
    return [positions.of(path) for path in paths]
