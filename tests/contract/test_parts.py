"""No device type without its parts: docs/how-to/add-a-device.md."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path

import pytest

from hal.registry import DEVICE_TYPES, load
from hal.specs import DeviceSpec
from simulator.types import SIMULATED, body_class
from tests.contract.rows import ROWS, type_of

ROOT = Path(__file__).parents[2]
ONLY_ENCODES = ("relay_commands",)


@pytest.mark.parametrize("name", DEVICE_TYPES)
def test_a_type_has_driver_and_spec(name: str) -> None:
    entry = DEVICE_TYPES[name]
    spec = load(entry.spec)
    assert issubclass(spec, DeviceSpec)
    assert spec.model_fields["type"].annotation.__args__ == (name,)
    wanted = ["spec", "profile"] if entry.profile else ["spec"]
    parameters = list(inspect.signature(load(entry.driver)).parameters)
    assert parameters[: len(wanted)] == wanted
    assert parameters[-1] == "clock"
    assert ("profile" in spec.model_fields) == (entry.profile is not None)


@pytest.mark.parametrize("name", DEVICE_TYPES)
def test_a_type_says_which_lines_it_claims_or_its_address(name: str) -> None:
    entry = DEVICE_TYPES[name]
    spec = load(entry.spec)
    if entry.bus == "gpio":
        table = {"id": "device", "type": name, "link": "link"} | ROWS[name].keys
        claimed = spec.model_validate(table).claimed_lines()
        assert claimed
        assert set(claimed.values()) <= set(spec.model_fields)
    elif entry.bus in ("modbus", "rs485"):
        assert "unit" in spec.model_fields
    elif entry.bus == "i2c":
        assert "address" in spec.model_fields


@pytest.mark.parametrize("name", DEVICE_TYPES)
def test_a_type_has_a_simulated_device_with_faults(name: str) -> None:
    assert name in SIMULATED
    driver = DEVICE_TYPES[name].driver.partition(":")[0]
    assert driver in (ROOT / ".importlinter").read_text("utf-8").split(), "the simulator must not import it"
    assert "unplug" in body_class(name).faults
    assert len(body_class(name).faults) >= 2


@pytest.mark.parametrize("name", DEVICE_TYPES)
def test_a_type_has_tests_and_a_contract_row(name: str) -> None:
    module = load(DEVICE_TYPES[name].driver).__module__
    folders = (ROOT / "tests" / "drivers", ROOT / "tests" / "wire")
    tests = [path for folder in folders for path in folder.glob("test_*.py")]
    assert any(f"from {module} import" in path.read_text("utf-8") for path in tests)
    assert name in ROWS


@pytest.mark.parametrize("codec", [path.stem for path in (ROOT / "drivers" / "wire").glob("[a-z]*.py")])
def test_a_codec_is_fuzzed(codec: str) -> None:
    targets = "".join(path.read_text("utf-8") for path in (ROOT / "tests" / "fuzz").glob("*.py"))
    assert f"from drivers.wire.{codec} import" in targets or codec in ONLY_ENCODES


@pytest.mark.parametrize("name", DEVICE_TYPES)
def test_a_type_has_a_page_and_an_example(name: str) -> None:
    page = (ROOT / "docs" / "reference" / "devices" / f"{name}.md").read_text("utf-8")
    assert page.startswith(f"# `{name}`")
    for key in load(DEVICE_TYPES[name].spec).model_fields:
        assert f"`{key}`" in page or key in DeviceSpec.model_fields
    for fault in body_class(name).faults:
        assert f"`{fault}`" in page
    example = tomllib.loads((ROOT / "config" / "cabinet.example.toml").read_text("utf-8"))
    assert name in {device["type"] for device in example["device"]}


def test_no_row_and_no_simulated_device_without_a_type() -> None:
    assert {type_of(name) for name in ROWS} == set(SIMULATED) == set(DEVICE_TYPES)


def test_every_board_profile_is_named_on_a_page() -> None:
    pages = "".join(path.read_text("utf-8") for path in (ROOT / "docs/reference/devices").glob("*.md"))
    for profile in (ROOT / "config" / "profiles").glob("*.toml"):
        assert f"`{profile.stem}`" in pages
