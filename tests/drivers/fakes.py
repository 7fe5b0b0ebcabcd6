"""Small in-memory buses for the drivers, on a virtual loop: what a device would do, and what may go wrong."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence

from hal.buses import Drive, Edge, Pull
from hal.capabilities import Reading
from hal.clock import Now
from hal.errors import DeviceError, DeviceMisconfigured, DeviceRefused, DeviceTimeout, LinkLost

ANSWER_S = 0.03
TIMEOUT_S = 0.35


class LoopClock:
    """The running loop's time."""

    def mono_s(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> Now:
        return Now(self.mono_s(), 1_790_000_000_000 + round(self.mono_s() * 1000), "ntp")


class FakeLink:
    """A ByteLink: the test puts bytes in, and reads what was written."""

    name = "uart0"
    baud = 57600

    def __init__(self) -> None:
        self.written = b""
        self.rates: list[int] = []
        """Others than the configured one that were set."""
        self.takes_bytes = asyncio.Event()
        self.takes_bytes.set()
        self.lost = False
        self._input = b""
        self._arrived = asyncio.Event()

    def put(self, data: bytes) -> None:
        self._input += data
        self._arrived.set()

    def lose(self) -> None:
        self.lost = True
        self._arrived.set()

    def set_baud(self, baud: int) -> None:
        self._check()
        self.rates.append(baud)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def read(self) -> bytes:
        while not self._input:
            self._check()
            self._arrived.clear()
            await self._arrived.wait()
        data, self._input = self._input, b""
        return data

    async def write(self, data: bytes) -> None:
        self._check()
        await self.takes_bytes.wait()
        self.written += data

    def discard_input(self) -> int:
        count, self._input = len(self._input), b""
        return count

    def _check(self) -> None:
        if self.lost:
            raise LinkLost(self.name, "unplugged")


class FakeLine:
    """A ModbusLine with one Waveshare-like board on it, unit 1: coils, flash-on, inputs, control modes."""

    name = "rs485"

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.on_until: dict[int, float] = {}
        self.stuck: set[int] = set()
        self.inputs = [False] * 8
        self.modes: list[int] | None = [0] * 8
        self._failures: dict[str, deque[tuple[DeviceError | None, bool]]] = {}

    def fail(self, call: str, error: DeviceError | None, *, times: int = 1, acts: bool = False) -> None:
        """The next `times` calls raise; with `acts`, the board has done it all the same."""
        self._failures.setdefault(call, deque()).extend([(error, acts)] * times)

    def succeed(self, call: str) -> None:
        """One good call behind the failures asked for so far."""
        self.fail(call, None)

    @property
    def writes(self) -> list[tuple[object, ...]]:
        return [call for call in self.calls if str(call[0]).startswith("write")]

    def coils(self) -> list[bool]:
        now_s = asyncio.get_running_loop().time()
        return [coil in self.stuck or self.on_until.get(coil, 0.0) > now_s for coil in range(8)]

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def read_coils(self, unit: int, first: int, count: int, *, urgent: bool = False) -> tuple[bool, ...]:
        self.calls.append(("read_coils", unit, first, count, urgent))
        await self._answer("read_coils")
        return tuple(self.coils()[first : first + count])

    async def read_inputs(self, unit: int, first: int, count: int) -> tuple[bool, ...]:
        self.calls.append(("read_inputs", unit, first, count))
        await self._answer("read_inputs")
        return tuple(self.inputs[first : first + count])

    async def read_registers(self, unit: int, first: int, count: int) -> tuple[int, ...]:
        self.calls.append(("read_registers", unit, first, count))
        await self._answer("read_registers")
        if self.modes is None or first != 0x1000:
            raise DeviceRefused(self.name, "exception 2", code=2)
        return tuple(self.modes[:count])

    async def write_coil(self, unit: int, address: int, value: int) -> None:
        self.calls.append(("write_coil", unit, address, value))
        if self._acts("write_coil"):
            now_s = asyncio.get_running_loop().time()
            if address >= 0x0200:
                self.on_until[address - 0x0200] = now_s + value * 0.1
            else:
                self.on_until[address] = now_s + (1e9 if value else 0)
        await self._answer("write_coil")

    async def write_coils(self, unit: int, first: int, values: Sequence[bool]) -> None:
        self.calls.append(("write_coils", unit, first, tuple(values)))
        if self._acts("write_coils"):
            for coil, on in enumerate(values, start=first):
                self.on_until[coil] = 1e9 if on else 0.0
        await self._answer("write_coils")

    def _acts(self, call: str) -> bool:
        failures = self._failures.get(call)
        return not failures or failures[0][0] is None or failures[0][1]

    async def _answer(self, call: str) -> None:
        failures = self._failures.get(call)
        error = failures.popleft()[0] if failures else None
        await asyncio.sleep(TIMEOUT_S if isinstance(error, DeviceTimeout) else ANSWER_S)
        if error is not None:
            raise error


class FakeGpio:
    """GpioLines with what hangs on them: `shorts` connects pairs of lines, as keys do."""

    name = "gpio0"

    def __init__(self) -> None:
        self.outputs: dict[int, bool] = {}
        self.inputs: dict[int, Pull] = {}
        self.drives: dict[int, Drive] = {}
        self.shorts: set[tuple[int, int]] = set()
        self.reads = 0
        self.history: list[tuple[float, dict[int, bool]]] = []
        """Each change of the outputs, with its time."""
        self.lost = False
        self._levels: dict[int, bool] = {}
        self._edges: list[Edge] = []
        self._edge = asyncio.Event()

    def press(self, row: int, column: int) -> None:
        self.shorts.add((row, column))
        self._settle()

    def release_key(self, row: int, column: int) -> None:
        self.shorts.discard((row, column))
        self._settle()

    def lose(self) -> None:
        self.lost = True
        self._edge.set()

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def claim_outputs(self, lines: Sequence[int], *, high: bool, drive: Drive = "push-pull") -> None:
        self._claim(lines)
        self.drives |= dict.fromkeys(lines, drive)
        self._put(dict.fromkeys(lines, high))

    async def claim_inputs(self, lines: Sequence[int], *, pull: Pull = "none", edges: bool = False) -> None:
        self._claim(lines)
        self.inputs |= dict.fromkeys(lines, pull)
        self._settle()

    async def write(self, values: Mapping[int, bool]) -> None:
        self._check()
        assert set(values) <= set(self.outputs)
        self._put(values)

    async def read(self, lines: Sequence[int]) -> tuple[bool, ...]:
        self._check()
        self.reads += 1
        return tuple(self._level(line) for line in lines)

    async def next_edges(self, lines: Sequence[int]) -> list[Edge]:
        while not self._edges:
            self._check()
            self._edge.clear()
            await self._edge.wait()
        edges, self._edges = self._edges, []
        return edges

    async def release(self, lines: Sequence[int]) -> None:
        for line in lines:
            self.outputs.pop(line, None)
            self.inputs.pop(line, None)

    def _claim(self, lines: Sequence[int]) -> None:
        self._check()
        for line in lines:
            if line in self.outputs or line in self.inputs:
                raise DeviceMisconfigured(self.name, f"line {line} is taken")

    def _check(self) -> None:
        if self.lost:
            raise LinkLost(self.name, "the chip is gone")

    def _put(self, values: Mapping[int, bool]) -> None:
        if any(self.outputs.get(line) != high for line, high in values.items()):
            self.history.append((asyncio.get_running_loop().time(), dict(values)))
        self.outputs |= values
        self._settle()

    def _level(self, line: int) -> bool:
        """An input reads low when a key connects it, perhaps by way of others, to a row that is low."""
        joined = {line}
        while True:
            more = {one for pair in self.shorts if joined & set(pair) for one in pair} - joined
            if not more:
                break
            joined |= more
        return not any(self.outputs.get(other) is False for other in joined)

    def _settle(self) -> None:
        for line in self.inputs:
            high = self._level(line)
            if self._levels.get(line, True) != high:
                self._edges.append(Edge(line, high, 0, len(self._edges) + 1))
                self._edge.set()
            self._levels[line] = high


class Readings(list[tuple[float, Reading]]):
    """What a driver emitted, and when."""

    def __call__(self, reading: Reading) -> None:
        self.append((asyncio.get_running_loop().time(), reading))

    @property
    def all(self) -> list[Reading]:
        return [reading for _, reading in self]
