"""What goes wrong around a cabinet: devices, disk, power, processes, clock. Seeded, and all of it can be mended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final, Literal, get_args

from simulator.harness import happenings as seen
from simulator.harness.cabinet import Cabinet
from simulator.harness.contradiction import harm
from simulator.harness.model_disk import Failure
from simulator.harness.network.troubles import Mend, NetworkTroubles

DISK_FAILURES: Final[tuple[Failure, ...]] = ("full", "read-only", "write-error", "sync-error")
HOUR_MS: Final = 3_600_000


Group = Literal["device", "wire", "disk", "kill", "power", "clock", "network"]
GROUPS: Final[frozenset[Group]] = frozenset(get_args(Group))


class Troubles:
    """Begins one, and lets it end by itself; `mend` ends all at once."""

    def __init__(
        self, cabinet: Cabinet, network: NetworkTroubles, random: Random, groups: frozenset[Group] = GROUPS
    ) -> None:
        self.count = 0
        self.kills = 0
        self.cuts = 0
        self._cabinet = cabinet
        self._random = random
        self._broken: dict[str, Callable[[], None]] = {}
        kinds: list[tuple[Group, int, Callable[[], None]]] = [
            ("device", 50, self._device),
            ("device", 3, self._switch_on),
            ("wire", 20, self._wire),
            ("disk", 8, self._disk),
            ("disk", 6, self._slow_disk),
            ("disk", 2, self._damage),
            ("kill", 10, self._kill),
            ("power", 6, self._power_cut),
            ("clock", 4, self._clock_jumps),
            ("clock", 4, self._clock_is_not_trusted),
            ("network", 8, partial(self._network, network.lie)),
            ("network", 5, partial(self._network, network.cut)),
            ("network", 3, partial(self._network, network.forget)),
            ("network", 4, partial(self._network, network.kill_uplink)),
            ("network", 4, partial(self._network, network.crash_upstream)),
            ("network", 6, partial(self._network, network.forge)),
        ]
        self._kinds = {begin: weight for group, weight, begin in kinds if group in groups}

    def begin(self) -> None:
        """Any one of them."""
        self.count += 1
        [kind] = self._random.choices(list(self._kinds), weights=list(self._kinds.values()))
        kind()

    def mend(self) -> None:
        """From now on everything works, or is about to."""
        for end in list(self._broken.values()):
            end()
        self._cabinet.power_on()

    def break_device(self, device: str, fault: str) -> None:
        """Until mended."""
        self._cabinet.fault(device, fault)
        self._broken[device] = lambda: self._cabinet.clear(device)

    def _for_a_while(self, name: str, end: Callable[[], None], low_s: float, high_s: float) -> None:
        def mended() -> None:
            timer.cancel()
            if self._broken.pop(name, None) is not None:
                end()

        timer = asyncio.get_running_loop().call_later(self._random.uniform(low_s, high_s), mended)
        self._broken[name] = mended

    def _device(self) -> None:
        device = self._random.choice(list(self._cabinet.level.devices))
        if device in self._broken:
            return
        fault = self._random.choice(self._cabinet.level.devices[device].faults)
        self._cabinet.fault(device, fault)
        self._for_a_while(device, lambda: self._cabinet.clear(device), 1, 300)

    def _switch_on(self) -> None:
        """Somebody gives a bolt current, with a tool of their own."""
        if self._cabinet.powered:
            self._cabinet.switch_on(self._random.choice(list(self._cabinet.world.slots)))

    def _wire(self) -> None:
        spoilt = self._cabinet.level.spoil(self._random)
        if spoilt is None:
            return
        what, mend = spoilt
        name = f"wire {self.count}"
        self._cabinet.witness.tell(seen.Broken(name, what))

        def end() -> None:
            mend()
            self._cabinet.witness.tell(seen.Mended(name))

        self._for_a_while(name, end, 1, 60)

    def _disk(self) -> None:
        if "disk" in self._broken:
            return
        failure = self._random.choice(DISK_FAILURES)
        self._cabinet.disk.failure = failure
        self._cabinet.witness.tell(seen.Broken("disk", failure))
        self._for_a_while("disk", self._mend_disk, 1, 60)

    def _mend_disk(self) -> None:
        self._cabinet.disk.failure = None
        self._cabinet.witness.tell(seen.Mended("disk"))

    def _slow_disk(self) -> None:
        if "slow disk" in self._broken:
            return
        self._cabinet.slow_disk = True
        self._cabinet.witness.tell(seen.Broken("slow disk", "2 s a sync"))
        self._for_a_while("slow disk", self._mend_slow_disk, 5, 60)

    def _mend_slow_disk(self) -> None:
        self._cabinet.slow_disk = False
        self._cabinet.witness.tell(seen.Mended("slow disk"))

    def _damage(self) -> None:
        """Late leaves of the journal are not what they were; the state beside them is."""
        if self._cabinet.running and self._cabinet.disk.failure is None:
            self.kills += 1
            harm(self._cabinet, "leaf")

    def _kill(self) -> None:
        self.kills += 1
        self._cabinet.kill()

    def _power_cut(self) -> None:
        if not self._cabinet.powered:
            return
        self.cuts += 1
        self._cabinet.power_fails(self._random.uniform(2, 90))

    def _network(self, begin: Callable[[], Mend | None]) -> None:
        name = f"network {self.count}"
        if (mend := begin()) is not None:
            self._for_a_while(name, mend, 1, 600)

    def _clock_jumps(self) -> None:
        if "wall clock" in self._broken:
            return
        by_ms = self._random.choice((-2 * HOUR_MS, -HOUR_MS // 2, HOUR_MS // 2, 3 * HOUR_MS, 26 * HOUR_MS))
        self._cabinet.wall.jump(by_ms)
        self._cabinet.witness.tell(seen.WallClock(f"jumps by {by_ms} ms", moved=True))
        self._for_a_while("wall clock", self._set_clock, 60, 7_200)

    def _set_clock(self) -> None:
        self._cabinet.wall.correct()
        self._cabinet.witness.tell(seen.WallClock("is right again", moved=True))

    def _clock_is_not_trusted(self) -> None:
        if "time service" in self._broken:
            return
        self._cabinet.wall.quality = self._random.choice(("none", "rtc"))
        self._cabinet.witness.tell(seen.WallClock(f"is {self._cabinet.wall.quality}"))
        if self._random.random() < 0.5:
            self._clock_jumps()
        self._for_a_while("time service", self._trust_clock, 60, 7_200)

    def _trust_clock(self) -> None:
        self._cabinet.wall.quality = "ntp"
        self._cabinet.witness.tell(seen.WallClock("is ntp"))
