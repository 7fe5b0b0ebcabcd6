"""What a device type lacks: the steps of docs/how-to/add-a-device.md, each looked for where it belongs.

`python -m tests.contract.parts acme-reader` names what is missing, and where to put it."""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from hal.registry import DEVICE_TYPES, load
from hal.specs import DeviceSpec
from simulator.types import SIMULATED, body_class
from tests.contract.rows import ROWS, type_of

ROOT: Final = Path(__file__).parents[2]
ONLY_ENCODES: Final = ("relay_commands",)
SECTIONS: Final = ("Wiring", "Configuration", "What it promises", "What it cannot promise", "Faults")
FAULT_COLUMNS: Final = "| fault | what happens | what the technician sees |"


def missing(name: str) -> list[str]:
    """One sentence for each part that is not there, its step first. Nothing else can be looked for without a type."""
    if name not in DEVICE_TYPES:
        return [f"registry: {name} stands in no line of DEVICE_TYPES in hal/registry.py"]
    found = []
    for step, look in STEPS.items():
        try:
            found += [f"{step}: {sentence}" for sentence in look(name)]
        except (ImportError, AttributeError, OSError, LookupError, ValueError) as error:
            found.append(f"{step}: {error or type(error).__name__}")
    return found


def codecs(module: str) -> set[str]:
    """Of drivers.wire, that a driver or what it imports of its own package uses."""
    text = (ROOT / Path(*module.split(".")).with_suffix(".py")).read_text("utf-8")
    used = set(re.findall(r"from drivers\.wire\.(\w+) import", text))
    for names in re.findall(r"from drivers\.wire import ([\w, ]+)", text):
        used |= {one.partition(" as ")[0] for one in names.split(", ")}
    for other in re.findall(r"from (drivers\.(?!wire|specs)\w+) import", text):
        used |= codecs(other)
    return used


def is_fuzzed(codec: str) -> bool:
    return codec in ONLY_ENCODES or f"from drivers.wire.{codec} import" in _all(ROOT / "tests" / "fuzz")


def _codec(name: str) -> Iterator[str]:
    for codec in sorted(codecs(_module(name))):
        if not (ROOT / "tests" / "wire" / f"test_{codec}.py").exists():
            yield f"no tests/wire/test_{codec}.py, with frames from outside"
        if not is_fuzzed(codec):
            yield f"tests/fuzz/streams.py has no target for drivers/wire/{codec}.py"


def _spec(name: str) -> Iterator[str]:
    entry, spec = DEVICE_TYPES[name], load(DEVICE_TYPES[name].spec)
    if not issubclass(spec, DeviceSpec) or spec.model_fields["type"].annotation.__args__ != (name,):
        yield f'{spec.__name__} is no DeviceSpec with type: Literal["{name}"]'
    if ("profile" in spec.model_fields) != (entry.profile is not None):
        yield "a field profile, and the model of profiles in hal/registry.py, come together"
    if entry.bus == "gpio":
        claimed = spec.model_validate({"id": "device", "type": name, "link": "link"} | ROWS[name].keys).claimed_lines()
        if not claimed or not set(claimed.values()) <= set(spec.model_fields):
            yield "claimed_lines() does not give each line and its key"
    key = {"modbus": "unit", "rs485": "unit", "i2c": "address"}.get(entry.bus)
    if key and key not in spec.model_fields:
        yield f"a device on {entry.bus} has a field {key}"


def _driver(name: str) -> Iterator[str]:
    entry = DEVICE_TYPES[name]
    wanted = ["spec", "profile"] if entry.profile else ["spec"]
    parameters = list(inspect.signature(load(entry.driver)).parameters)
    if parameters[: len(wanted)] != wanted or len(parameters) != len(wanted) + 2 or parameters[-1] != "clock":
        yield f"it is made with ({', '.join(wanted)}, bus, clock), not with ({', '.join(parameters)})"
    if f"from {_module(name)} import" not in _all(ROOT / "tests" / "drivers"):
        yield f"no tests/drivers/test_{_module(name).removeprefix('drivers.')}.py"
    if _module(name) not in (ROOT / ".importlinter").read_text("utf-8").split():
        yield f"{_module(name)} is not among those in .importlinter that the simulator must not import"


def _twin(name: str) -> Iterator[str]:
    if name not in SIMULATED:
        yield "no line of SIMULATED in simulator/types.py"
        return
    body, spec = body_class(name), DEVICE_TYPES[name].spec.partition(":")[2]
    if "unplug" not in body.faults or len(body.faults) < 2:
        yield "its faults are those that it can have, unplug and at least one more"
    if f"case {spec}():" not in (ROOT / "simulator" / "assembly.py").read_text("utf-8"):
        yield f"simulator/assembly.py has no case {spec}(): it stands in no whole cabinet"
    if f"| `{name}` |" not in (ROOT / "docs" / "reference" / "simulator.md").read_text("utf-8"):
        yield "no line in docs/reference/simulator.md"


def _contract(name: str) -> Iterator[str]:
    if name not in {type_of(row) for row in ROWS}:
        yield "no line of ROWS in tests/contract/rows.py"


def _measures(name: str) -> Iterator[str]:
    from bench.devices import ACTS

    if name not in ACTS:
        yield "no line of ACTS in bench/devices.py"


def _page(name: str) -> Iterator[str]:
    page = (ROOT / "docs" / "reference" / "devices" / f"{name}.md").read_text("utf-8")
    if not page.startswith(f"# `{name}`"):
        yield f"docs/reference/devices/{name}.md does not begin with its name"
    for section in SECTIONS:
        if f"\n## {section}\n" not in page:
            yield f"docs/reference/devices/{name}.md has no section {section}"
    for key in load(DEVICE_TYPES[name].spec).model_fields.keys() - DeviceSpec.model_fields.keys():
        if f"`{key}`" not in page:
            yield f"docs/reference/devices/{name}.md does not explain {key}"
    table = page.partition("\n## Faults\n")[2].partition("\n## ")[0].splitlines()
    if FAULT_COLUMNS not in table:
        yield f"the faults stand in a table {FAULT_COLUMNS}"
    named = {fault for row in table if row.startswith("|") for fault in re.findall(r"`([a-z-]+)", row.split("|")[1])}
    for fault in body_class(name).faults:
        if fault not in named:
            yield f"docs/reference/devices/{name}.md does not tell what the technician sees of {fault}"


def _words(name: str) -> Iterator[str]:
    example = tomllib.loads((ROOT / "config" / "cabinet.example.toml").read_text("utf-8"))
    if name not in {device["type"] for device in example["device"]}:
        yield "no [[device]] in config/cabinet.example.toml"
    for path in ("docs/reference/configuration.md", "CHANGELOG.md"):
        if f"`{name}`" not in (ROOT / path).read_text("utf-8"):
            yield f"{path} does not name it"


STEPS: Final[dict[str, Callable[[str], Iterator[str]]]] = {
    "codec": _codec,
    "configuration": _spec,
    "driver": _driver,
    "simulated device": _twin,
    "contract": _contract,
    "measures": _measures,
    "page": _page,
    "words": _words,
}


def _module(name: str) -> str:
    return DEVICE_TYPES[name].driver.partition(":")[0]


def _all(folder: Path) -> str:
    return "".join(path.read_text("utf-8") for path in folder.glob("*.py"))


def main(names: list[str]) -> int:
    """All types unless named. 1 when something is missing."""
    found: list[Any] = [(name, sentence) for name in names or DEVICE_TYPES for sentence in missing(name)]
    for name, sentence in found:
        print(f"{name}: {sentence}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
