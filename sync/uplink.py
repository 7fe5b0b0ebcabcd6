"""cabinet-uplink: carries the journal upstream and brings acknowledgements back.

The only program of a cabinet with a network. It can forge nothing: cabinetd judges all that it hands in. One loop
over uplink.sock, the broker's wake pipe and time; route.py joins the two sides, machine.py decides.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import random
import select
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Final

from cabinet.control.address import AddressError, socket_path
from cabinet.control.protocol import Exit
from cabinet.settings.sections import read_tables
from cabinet.settings.uplink import UplinkSettings
from hal.clock import Clock
from hal.notify import Notifier
from hal.problems import ConfigError
from hal.system_clock import SystemClock
from sync import payloads
from sync.broker import Broker
from sync.cabinet_link import CabinetLink
from sync.events import Event, Head
from sync.machine import Machine
from sync.mqtt_link import Will
from sync.route import Route
from sync.tls import tls_context
from sync.topics import Topics

log = logging.getLogger(__name__)

GOODBYE_S: Final = 2.0
_IDLE_S: Final = 60.0


class WrongCabinet(Exception):
    """cabinetd speaks for no cabinet, or for another one than at first, whose topics and certificate these are."""


class Uplink:
    """One run. Reaches for the broker once cabinetd has said which cabinet this is."""

    def __init__(self, settings: UplinkSettings, path: Path, clock: Clock, random: Callable[[], float]) -> None:
        """`path` is uplink.sock."""
        self._settings = settings
        self._clock = clock
        self._random = random
        self._heard, self._bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._cabinet = CabinetLink(path, clock, random)
        self._topics: Topics | None = None
        self._route: Route | None = None
        self.is_over = False

    def run(self, notifier: Notifier) -> None:
        """Until `end` was called. Raises WrongCabinet."""
        notifier.tell("READY=1")
        try:
            fed_s = self._clock.mono_s()
            while not self.is_over:
                self.turn(notifier.interval_s or _IDLE_S)
                if self._clock.mono_s() - fed_s >= notifier.interval_s / 2:
                    fed_s = self._clock.mono_s()
                    notifier.tell("WATCHDOG=1")
            notifier.tell("STOPPING=1")
            self._say_goodbye()
        finally:
            self.close()

    def turn(self, wait_s_max: float) -> None:
        """Waits until something happens, at most so long, and deals with it. Raises WrongCabinet."""
        files: list[int] = [self._heard, *self._cabinet.files()]
        select.select(files, [], [], self._wait_s(wait_s_max))
        with contextlib.suppress(BlockingIOError):
            os.read(self._heard, 4096)
        for event in self._cabinet.poll():
            self._take(event)
        if self._route is not None:
            self._route.turn()

    def end(self) -> None:
        """`run` comes to its end; also from a signal handler."""
        self.is_over = True
        self.wake()

    def wake(self) -> None:
        """Ends the waiting of `turn`; from any thread."""
        with contextlib.suppress(OSError):
            os.write(self._bell, b"\0")

    def close(self) -> None:
        """At once; the broker publishes the will unless good-bye was said."""
        self._cabinet.close()
        if self._route is not None:
            self._route.close()
        os.close(self._bell)
        os.close(self._heard)

    def _wait_s(self, wait_s_max: float) -> float:
        times = [self._cabinet.wake_s, self._route.wake_s if self._route is not None else None]
        now_s = self._clock.mono_s()
        return max(0.0, min([wait_s_max, *(at - now_s for at in times if at is not None)]))

    def _take(self, event: Event) -> None:
        if isinstance(event, Head):
            self._know(event.origin)
        if self._route is not None:
            self._route.feed(event)

    def _know(self, origin: str) -> None:
        try:
            topics = Topics.of(self._settings.base, origin)
        except ValueError as error:
            raise WrongCabinet(f"cabinetd's journal: {error}") from None
        if self._topics not in (None, topics):
            raise WrongCabinet(f"cabinetd speaks for {origin} now")
        if self._route is None:
            self._topics = topics
            self._route = Route(topics, self._machine(topics), self._broker(topics), self._cabinet, self._clock)

    def _machine(self, topics: Topics) -> Machine:
        return Machine(
            topics,
            version("keycabinet"),
            self._random,
            jitter_s_max=self._settings.jitter_s_max,
            resend_s=self._settings.resend_s,
            started_s=self._clock.mono_s(),
        )

    def _broker(self, topics: Topics) -> Broker:
        return Broker.at(
            self._settings,
            topics.device,
            wake=self.wake,
            clock=self._clock,
            random=self._random,
            payload_max=payloads.LONGEST_IN,
            will=Will(topics.status, b"offline"),
        )

    def _say_goodbye(self) -> None:
        """First `offline`, then the end of the connection, each within 2 s; or the will says it."""
        route = self._route
        if route is None:
            return
        route.stop()
        self._turn_until(lambda: route.has_left)
        if route.has_left:
            route.leave()
            self._turn_until(lambda: not route.is_connected)

    def _turn_until(self, holds: Callable[[], bool]) -> None:
        end_s = self._clock.mono_s() + GOODBYE_S
        while not holds() and self._clock.mono_s() < end_s:
            self.turn(GOODBYE_S / 10)


def main(arguments: Sequence[str] | None = None) -> int:
    """The whole program. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="cabinet-uplink", description="Carries the journal of a cabinet upstream.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the cabinet's configuration (TOML)")
    config = parser.parse_args(arguments).config
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        settings = read_settings(config)
        tls_context(settings)
        path = socket_path("uplink", config=str(config))
    except (ConfigError, AddressError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 -- for the person who started it
        return Exit.CONFIGURATION
    uplink = Uplink(settings, path, SystemClock(), random.random)

    def end(number: int, frame: FrameType | None) -> None:
        uplink.end()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        uplink.run(Notifier(os.environ))
    except WrongCabinet as error:
        log.error("%s; starting afresh puts it right", error)
        return Exit.FAILURE
    return Exit.OK


def read_settings(config: Path) -> UplinkSettings:
    """[uplink], its relative paths taken from the folder of the file. Raises ConfigError."""
    settings = read_tables(config, os.environ, {"uplink": UplinkSettings})["uplink"]
    assert isinstance(settings, UplinkSettings)
    return settings.under(config.absolute().parent)
