"""Tables of a configuration as checked models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from cabinet.settings.layers import PREFIX, Layers
from hal.problems import ConfigError, Problem
from hal.wording import problems_of

S = TypeVar("S", bound=BaseModel)


class Section(BaseModel):
    """One table: unknown keys and wrong types are problems."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def read_section(layers: Layers, name: str, model: type[S]) -> S | None:
    """The table `name`, or None with its problems reported to `layers`."""
    try:
        return model.model_validate(layers.raw.get(name, {}))
    except ValidationError as error:
        missing = {detail["loc"] for detail in error.errors() if detail["type"] == "missing"}
        for problem in problems_of(error, model, (name,)):
            if problem.path[1:] not in missing:
                layers.report(problem)
            elif not layers.broken:
                layers.report(Problem(problem.path, f"[{name}]: {problem.message}"))
        return None


def read_rows(layers: Layers, name: str, model: type[S]) -> list[S]:
    """Every [[name]] without a problem; the others are reported to `layers`."""
    raw = layers.raw.get(name, [])
    if not isinstance(raw, list):
        layers.report(Problem((name,), f"{name} is a list of tables: write [[{name}]]"))
        return []
    good: list[S] = []
    for index, row in enumerate(raw):
        try:
            good.append(model.model_validate(row))
        except ValidationError as error:
            for problem in problems_of(error, model, (name, index)):
                layers.report(problem)
    return good


def read_tables(
    path: Path,
    environ: Mapping[str, str],
    models: Mapping[str, type[BaseModel]],
    rows: Mapping[str, type[BaseModel]] | None = None,
) -> dict[str, Any]:
    """Only the tables of `models` of FILE, conf.d beside it and the environment; the others belong to somebody else.

    Of `rows` a list of models each: [[name]] of the files. Blocks. Raises ConfigError with a line for every
    problem."""
    layers = Layers()
    for file in files_of(path):
        layers.add_file(file)
    mine = tuple(f"{PREFIX}{table}_".upper() for table in models)
    layers.add_environment({k: v for k, v in environ.items() if k.startswith(mine)}, models)
    read: dict[str, Any] = {name: read_section(layers, name, model) for name, model in models.items()}
    read |= {name: read_rows(layers, name, model) for name, model in (rows or {}).items()}
    if lines := layers.lines():
        raise ConfigError(lines)
    return read


def files_of(path: Path) -> list[Path]:
    """FILE and conf.d/*.toml beside it, in the order in which they are merged."""
    return [path, *sorted((path.parent / "conf.d").glob("*.toml"))]
