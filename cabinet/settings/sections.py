"""Tables of a configuration as checked models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

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


def read_tables(path: Path, environ: Mapping[str, str], models: Mapping[str, type[BaseModel]]) -> dict[str, BaseModel]:
    """Only the tables of `models` of FILE, conf.d beside it and the environment; the others belong to somebody else.

    Blocks. Raises ConfigError with a line for every problem."""
    layers = Layers()
    for file in files_of(path):
        layers.add_file(file)
    mine = tuple(f"{PREFIX}{table}_".upper() for table in models)
    layers.add_environment({k: v for k, v in environ.items() if k.startswith(mine)}, models)
    read = {name: read_section(layers, name, model) for name, model in models.items()}
    if lines := layers.lines():
        raise ConfigError(lines)
    return {name: section for name, section in read.items() if section is not None}


def files_of(path: Path) -> list[Path]:
    """FILE and conf.d/*.toml beside it, in the order in which they are merged."""
    return [path, *sorted((path.parent / "conf.d").glob("*.toml"))]
