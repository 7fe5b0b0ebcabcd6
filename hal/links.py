"""From the configuration of links to buses, and to what the supervisor keeps alive. A bus imports only what it
needs."""

from __future__ import annotations

from collections.abc import Callable

from hal.buses import Bus, ByteLink
from hal.clock import Clock
from hal.device_table import DeviceTable, build_device
from hal.specs import (
    GpioLinkSpec,
    I2cLinkSpec,
    InputLinkSpec,
    LinkSpec,
    ModbusLinkSpec,
    Rs485LinkSpec,
    SocketLinkSpec,
)
from hal.supervisor import LinkPlan


def link_plans(table: DeviceTable, clock: Clock, bus_of: Callable[[LinkSpec], Bus]) -> list[LinkPlan]:
    """Each link with its devices, all made, nothing opened. In simulation `bus_of` gives other buses."""
    plans = []
    for link in table.links:
        bus = bus_of(link)
        devices = tuple(build_device(entry, bus, clock) for entry in table.devices if entry.spec.link == link.id)
        plans.append(LinkPlan(bus, devices))
    return plans


def make_bus(spec: LinkSpec) -> Bus:
    """A closed bus. Ports and paths are taken as they stand."""
    if isinstance(spec, GpioLinkSpec):
        return _gpio(spec)
    if isinstance(spec, I2cLinkSpec):
        return _i2c(spec)
    if isinstance(spec, InputLinkSpec):
        return _input(spec)
    if isinstance(spec, SocketLinkSpec):
        from hal.unix_socket import UnixSocket

        return UnixSocket(spec.id, spec.path, spec.key_file)
    from hal.serial_link import SerialLink

    link = SerialLink(spec.id, spec.port, spec.baud)
    return master_of(spec, link) if isinstance(spec, ModbusLinkSpec | Rs485LinkSpec) else link


def master_of(spec: ModbusLinkSpec | Rs485LinkSpec, link: ByteLink) -> Bus:
    """Who asks on this line."""
    settings = {"baud": spec.baud, "timeout_ms": spec.timeout_ms, "latency_ms": spec.latency_ms}
    if isinstance(spec, ModbusLinkSpec):
        from hal.modbus import RtuLine

        return RtuLine(link, **settings, echo=spec.echo)
    from hal.board_line import SerialBoardLine

    return SerialBoardLine(link, **settings, echo=spec.echo)


def _gpio(spec: GpioLinkSpec) -> Bus:
    if spec.backend == "sim":
        from hal.gpio_sim import SimLines

        return SimLines(spec.id, spec.path or "")
    if spec.backend == "rpi-gpio":
        from hal.gpio_rpi import RpiGpioLines

        return RpiGpioLines(spec.id)
    from hal.gpio_gpiod import GpiodLines

    return GpiodLines(spec.id, spec.chip or "")


def _i2c(spec: I2cLinkSpec) -> Bus:
    if spec.backend == "sim":
        from hal.i2c_sim import SimI2c

        return SimI2c(spec.id, spec.path or "")
    from hal.i2c_dev import DevI2c

    return DevI2c(spec.id, spec.port or "")


def _input(spec: InputLinkSpec) -> Bus:
    if spec.backend == "sim":
        from hal.keyboards_sim import SimKeyboards

        return SimKeyboards(spec.id, spec.path or "")
    from hal.keyboards_evdev import EvdevKeyboards

    return EvdevKeyboards(spec.id)
