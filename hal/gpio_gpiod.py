"""GPIO lines through the kernel's character device (libgpiod 2): the backend for real boards.

The chip is found by its label, because its number differs between kernels ("pinctrl-rp1" is gpiochip0 or gpiochip4
on one and the same Pi 5). The kernel's debouncing is not used: drivers see every edge and judge by its time."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import gpiod
from gpiod import line as gpiod_line

from hal.buses import Drive, Edge, Pull
from hal.edges import EdgeInbox
from hal.errors import DeviceError, DeviceMisconfigured, DeviceRefused, LinkLost
from hal.file_access import who_may

CHIPS = Path("/dev")
CONSUMER = "keycabinet"
EVENTS_MAX = 256
"""Edges the kernel keeps for one request until they are read."""
BIAS = {"up": gpiod_line.Bias.PULL_UP, "down": gpiod_line.Bias.PULL_DOWN, "none": gpiod_line.Bias.DISABLED}
DRIVE = {"push-pull": gpiod_line.Drive.PUSH_PULL, "open-drain": gpiod_line.Drive.OPEN_DRAIN}
LEVEL = {True: gpiod_line.Value.ACTIVE, False: gpiod_line.Value.INACTIVE}


class GpiodLines:
    """GpioLines of the chip with this label. Lines claimed together are one request of the kernel: written and
    read at one moment, and given back together."""

    def __init__(self, name: str, label: str) -> None:
        self.name = name
        self._label = label
        self._chip: gpiod.Chip | None = None
        self._claims: dict[int, gpiod.LineRequest] = {}
        self._inbox = EdgeInbox()

    async def open(self) -> None:
        self._inbox = EdgeInbox()
        self._chip = self._find_chip()

    async def close(self) -> None:
        if self._chip is None:
            return
        await self.release(list(self._claims))
        self._chip.close()
        self._chip = None
        self._inbox.fail(LinkLost(self.name, "the GPIO chip was closed"))

    async def claim_outputs(self, lines: Sequence[int], *, high: bool, drive: Drive = "push-pull") -> None:
        self._claim(
            lines,
            gpiod.LineSettings(direction=gpiod_line.Direction.OUTPUT, drive=DRIVE[drive], output_value=LEVEL[high]),
        )

    async def claim_inputs(self, lines: Sequence[int], *, pull: Pull = "none", edges: bool = False) -> None:
        detection = gpiod_line.Edge.BOTH if edges else gpiod_line.Edge.NONE
        request = self._claim(
            lines,
            gpiod.LineSettings(direction=gpiod_line.Direction.INPUT, bias=BIAS[pull], edge_detection=detection),
        )
        if edges:
            self._inbox.watch(lines)
            asyncio.get_running_loop().add_reader(request.fd, self._take_edges, request)

    async def write(self, values: Mapping[int, bool]) -> None:
        with self._link_lost():
            for request, lines in self._by_request(values):
                request.set_values({line: LEVEL[values[line]] for line in lines})

    async def read(self, lines: Sequence[int]) -> tuple[bool, ...]:
        levels: dict[int, bool] = {}
        with self._link_lost():
            for request, mine in self._by_request(lines):
                values = request.get_values(mine)
                levels |= {line: value is LEVEL[True] for line, value in zip(mine, values, strict=True)}
        return tuple(levels[line] for line in lines)

    async def next_edges(self, lines: Sequence[int]) -> list[Edge]:
        return await self._inbox.take(lines)

    async def release(self, lines: Sequence[int]) -> None:
        for request, _ in self._by_request([line for line in lines if line in self._claims]):
            asyncio.get_running_loop().remove_reader(request.fd)
            released = request.offsets
            self._inbox.forget(released)
            for line in released:
                del self._claims[line]
            with self._link_lost():
                # A released output may keep its level (Raspberry Pi OS does): as an input it follows its pull.
                request.reconfigure_lines({tuple(released): gpiod.LineSettings(direction=gpiod_line.Direction.INPUT)})
            request.release()

    def _find_chip(self) -> gpiod.Chip:
        labels = set()
        for path in sorted(CHIPS.glob("gpiochip*")):
            try:
                chip = gpiod.Chip(str(path))
            except PermissionError as error:
                raise LinkLost(self.name, f"no permission to open {path}; {who_may(path)}") from error
            except OSError:
                continue  # it has just gone
            label = chip.get_info().label
            if label == self._label:
                return chip
            chip.close()
            labels.add(label)
        there = ", ".join(sorted(labels)) or "none"
        raise LinkLost(self.name, f'no GPIO chip has the label "{self._label}"; there are: {there}')

    def _claim(self, lines: Sequence[int], settings: gpiod.LineSettings) -> gpiod.LineRequest:
        if self._chip is None:
            raise LinkLost(self.name, "the GPIO chip is not open")
        try:
            request = self._chip.request_lines({tuple(lines): settings}, CONSUMER, EVENTS_MAX)
        except ValueError as error:
            most = self._chip.get_info().num_lines - 1
            raise DeviceMisconfigured(self.name, f"lines 0 to {most} exist on {self._label}") from error
        except OSError as error:
            raise self._reason(lines, error) from error
        self._claims |= dict.fromkeys(request.offsets, request)
        return request

    def _reason(self, lines: Sequence[int], error: OSError) -> DeviceError:
        assert self._chip is not None
        if error.errno in (errno.ENODEV, errno.ENXIO):
            return LinkLost(self.name, "the GPIO chip is gone")
        for line in lines:
            info = self._chip.get_line_info(line)
            if info.used:  # another program may give it back; a driver of the kernel will not
                hint = f'line {line} is taken by "{info.consumer}"; end that, or choose another line'
                return DeviceRefused(self.name, hint)
        return DeviceMisconfigured(self.name, f"lines {list(lines)} cannot be used so: {error}")

    def _take_edges(self, request: gpiod.LineRequest) -> None:
        try:
            events = request.read_edge_events(EVENTS_MAX)
        except OSError:
            asyncio.get_running_loop().remove_reader(request.fd)
            self._inbox.fail(LinkLost(self.name, "the GPIO chip is gone"))
            return
        for event in events:
            high = event.event_type is gpiod.EdgeEvent.Type.RISING_EDGE
            self._inbox.put(Edge(event.line_offset, high, event.timestamp_ns, event.line_seqno))

    def _by_request(self, lines: Iterable[int]) -> list[tuple[gpiod.LineRequest, list[int]]]:
        groups: dict[int, tuple[gpiod.LineRequest, list[int]]] = {}
        for line in lines:
            request = self._claims[line]
            groups.setdefault(id(request), (request, []))[1].append(line)
        return list(groups.values())

    @contextmanager
    def _link_lost(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LinkLost(self.name, f"the GPIO chip does not answer: {error.strerror}") from error
