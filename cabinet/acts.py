"""From effects to devices: each effect becomes a job in the lane of its device, and its result an event."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cabinet.core.effects import (
    NAME,
    Answer,
    AskVerifier,
    CheckPin,
    CommitRoster,
    DeleteFingers,
    Effect,
    Enrol,
    EnrolFinger,
    Erase,
    Light,
    OpenEpoch,
    Pulse,
    Show,
    Sound,
    StopFinger,
)
from cabinet.core.events import BoltPulsed, Enrolled, Event, Outcome, PinChecked, Verified
from cabinet.finger_acts import FingerActs
from cabinet.lanes import Job, Lanes
from cabinet.policy.rights import Pseudonym
from hal.capabilities import Buzzer, Display, FingerReader, Indicator, Lock, Verifier
from hal.errors import DeviceError, DeviceRefused, DeviceTimeout, LinkLost
from hal.secret import Secret

log = logging.getLogger(__name__)

_PULSE_LATEST_S = 3.0


@dataclass(frozen=True, slots=True)
class Hardware:
    """The devices by what they do. `up` waits (seconds, at most) until a device answers, and wakes it."""

    locks: Mapping[int, Lock]
    lamps: Mapping[int, Indicator]
    displays: Sequence[Display]
    buzzers: Sequence[Buzzer]
    verifier: Verifier | None
    fingers: Mapping[str, FingerReader]
    up: Callable[[str, float], Awaitable[bool]]


class Acts:
    """`dispatch` is handed to the runner. What comes back goes to `post`."""

    def __init__(
        self,
        hardware: Hardware,
        *,
        post: Callable[[Event], bool],
        check_pin: Callable[[Pseudonym | None, Secret], Awaitable[bool | None]],
        enrol: Callable[[Enrol], Awaitable[str | None]],
        commit_roster: Callable[[int], Awaitable[None]],
        erase: Callable[[Erase], Awaitable[None]],
        answer: Callable[[Answer], None],
        open_epoch: Callable[[], None],
        name_of: Callable[[Pseudonym], str | None],
    ) -> None:
        self._hardware = hardware
        self._post = post
        self._check_pin = check_pin
        self._enrol = enrol
        self._commit_roster = commit_roster
        self._erase = erase
        self._answer = answer
        self._open_epoch = open_epoch
        self._name_of = name_of
        self._asking: asyncio.Timeout | None = None
        """The time of the question that the verifier has."""
        self.lanes = Lanes()
        self._fingers = FingerActs(hardware.fingers, hardware.up, self.lanes, post)

    def dispatch(self, effect: Effect) -> None:
        """Never blocks. What finds its lane full is dropped, a pulse with the answer that it was not done."""
        match effect:
            case Pulse():
                self._pulse(effect)
            case CheckPin():
                self.lanes.of("pin").put(lambda: self._pin(effect))
            case AskVerifier():
                self._ask_verifier(effect)
            case Enrol():
                if not self.lanes.of("enrol").put(lambda: self._enrols(effect)):
                    self._post(Enrolled(effect.visit, effect.seq, effect.what, "not_recorded"))
            case EnrolFinger():
                self._fingers.enrol(effect)
            case StopFinger(reader):
                self._fingers.stop(reader)
            case DeleteFingers():
                self._fingers.delete(effect)
            case Show(text, named):
                if named is not None:
                    text = text.replace(NAME, self._name_of(named) or "…")
                for display in self._hardware.displays:
                    self._put(display.device, _showing(display, text), key="text")
            case Light(slot, pattern):
                lamp = self._hardware.lamps.get(slot)
                if lamp is not None:
                    self._put(lamp.device, lambda: lamp.show(pattern), key=f"slot {slot}")
            case Sound(tone):
                for buzzer in self._hardware.buzzers:
                    self._put(buzzer.device, lambda buzzer=buzzer: buzzer.sound(tone), key="tone")  # type: ignore[misc]
            case CommitRoster(request):
                self.lanes.of("roster").put(lambda: self._commit_roster(request))
            case Erase():
                # A lane of its own: it waits for the change of the roster that is under way.
                self.lanes.of("erase").put(lambda: self._erase(effect))
            case OpenEpoch():
                self._open_epoch()
            case Answer():
                self._answer(effect)

    async def stop(self) -> None:
        await self.lanes.stop()

    def _put(self, device: str, job: Job, *, key: str) -> None:
        """For what a person sees or hears: the newest wins, a device that is lost is left alone.

        A turn of the loop later: a pulse beside it is on its line by then, and that is what a person waits for."""
        lane = self.lanes.of(device)
        asyncio.get_running_loop().call_soon(lambda: lane.put(job, key=key))

    def _pulse(self, effect: Pulse) -> None:
        lock = self._hardware.locks[effect.slot]
        latest_s = asyncio.get_running_loop().time() + _PULSE_LATEST_S
        if not self.lanes.of(lock.device).put(lambda: self._release(lock, effect, latest_s)):
            self._post(BoltPulsed(effect.slot, effect.grant, "not_done", f"{lock.device}: too much waits for it"))

    async def _release(self, lock: Lock, effect: Pulse, latest_s: float) -> None:
        """Not after `latest_s`: a person who was told nothing has gone, and a late bolt opens for the next one."""
        left_s = latest_s - asyncio.get_running_loop().time()
        outcome: Outcome = "not_done"
        hint = f"{lock.device} does not answer; look at `cabinetctl devices`"
        try:
            if left_s > 0 and await self._hardware.up(lock.device, left_s):
                await lock.pulse(effect.hold_s)
                outcome, hint = "done", ""
        except (DeviceTimeout, DeviceRefused, LinkLost) as error:
            hint = str(error)
        except DeviceError as error:
            outcome, hint = "unknown", str(error)
        if outcome != "done":
            log.warning("slot %d: bolt %s: %s", effect.slot, outcome.replace("_", " "), hint)
        self._post(BoltPulsed(effect.slot, effect.grant, outcome, hint))

    async def _pin(self, effect: CheckPin) -> None:
        correct = await self._check_pin(effect.person, effect.secret)
        self._post(PinChecked(effect.visit, effect.seq, effect.keypad, effect.person, effect.by_number, correct))

    def _ask_verifier(self, effect: AskVerifier) -> None:
        """One that waits or runs is of a visit that has ended: it makes way."""
        loop = asyncio.get_running_loop()
        if self._asking is not None:
            self._asking.reschedule(loop.time())
        latest_s = loop.time() + effect.within_s
        if not self.lanes.of(effect.device).put(lambda: self._verify(effect, latest_s), key="verify"):
            self._post(Verified(effect.visit, effect.seq, effect.device, effect.person, "none"))

    async def _verify(self, effect: AskVerifier, latest_s: float) -> None:
        verifier = self._hardware.verifier
        assert verifier is not None, "the core asks only where there is one"
        verdict = None
        try:
            async with asyncio.timeout_at(latest_s) as self._asking:
                if await self._hardware.up(effect.device, effect.within_s):
                    left_s = latest_s - asyncio.get_running_loop().time()
                    verdict = await verifier.verify(effect.person, left_s)
        except TimeoutError:
            log.debug("%s: no answer in time", effect.device)
        finally:
            self._asking = None
        answer: Literal["yes", "no", "none"] = "none" if verdict is None else "yes" if verdict else "no"
        self._post(Verified(effect.visit, effect.seq, effect.device, effect.person, answer))

    async def _enrols(self, effect: Enrol) -> None:
        refusal: str | None = "not_recorded"
        try:
            refusal = await self._enrol(effect)
        finally:
            self._post(Enrolled(effect.visit, effect.seq, effect.what, refusal))


def _showing(display: Display, text: str) -> Job:
    return lambda: display.show(text)
