"""From the configuration of a link to the bus its devices hang on. Imports only what the link needs."""

from __future__ import annotations

from pathlib import Path

from hal.buses import Bus
from hal.specs import GpioLinkSpec, LinkSpec, ModbusLinkSpec


def make_bus(spec: LinkSpec, folder: Path) -> Bus:
    """A closed bus. Relative ports and paths are relative to `folder`, that of the configuration file."""
    if isinstance(spec, GpioLinkSpec):
        return _gpio(spec, folder)
    from hal.serial_link import SerialLink

    link = SerialLink(spec.id, str(folder / spec.port), spec.baud)
    if not isinstance(spec, ModbusLinkSpec):
        return link
    from hal.modbus import RtuLine

    return RtuLine(link, baud=spec.baud, timeout_ms=spec.timeout_ms, latency_ms=spec.latency_ms, echo=spec.echo)


def _gpio(spec: GpioLinkSpec, folder: Path) -> Bus:
    if spec.backend == "sim":
        from hal.gpio_sim import SimLines

        return SimLines(spec.id, str(folder / (spec.path or "")))
    if spec.backend == "rpi-gpio":
        from hal.gpio_rpi import RpiGpioLines

        return RpiGpioLines(spec.id)
    from hal.gpio_gpiod import GpiodLines

    return GpiodLines(spec.id, spec.chip or "")
