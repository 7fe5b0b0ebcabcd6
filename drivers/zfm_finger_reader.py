"""Fingerprint modules that speak the ZFM protocol, on a serial port: who is it, and the templates in the module.

Templates are made, kept and compared in the module; here only their numbers are known."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from drivers.specs.zfm_finger_reader import ZfmFingerReaderSpec
from drivers.wire import zfm
from drivers.zfm_contents import Contents
from drivers.zfm_module import Identity, OutOfStep, Restarted, ZfmModule, old_addresses, old_passwords
from drivers.zfm_ring import Ring
from hal.buses import ByteLink
from hal.capabilities import Emit, EnrolStep, FingerModule, FingerReader, FingerSeen, FingerUnknown
from hal.clock import Clock
from hal.errors import DeviceError, DeviceRefused, DeviceTimeout, FingerRefused, LinkLost
from hal.file_access import read_secret

PAUSE_S = 0.1
"""Between two looks at the glass."""
IDLE_S = 0.2
"""The same while nothing is on it."""
LOST_S = 0.9
"""So long without a look that came to an end, and the module is lost."""
START_S = 2.0
"""For what is read and set once the module is found; finding it takes 1.9 s at most."""
CAPTURES = 3
"""So many images of a finger are tried before it is unknown: the first is often taken while it still comes down."""
OFF_LOOKS = 2
"""It has left when so many looks in a row find none: a dry finger is not seen each time."""
CHECK_S = 10.0
"""Whether it is still the same module with the same templates."""
UNCLEAR: Final = (zfm.MESSY, zfm.FEW_FEATURES, zfm.NOT_TAKEN)
GONE: Final = (zfm.NO_IMAGE, zfm.NO_FINGER)


@dataclass(frozen=True, slots=True)
class Family:
    """What a make can do beside the common commands."""

    fast_search: bool = False
    ring: bool = False


FAMILIES: Final = {
    "zfm": Family(fast_search=True),
    "r30x": Family(),
    "r503": Family(ring=True),
    "as608": Family(fast_search=True),
}


class ZfmFingerReader(FingerReader):
    """One at a time: looking at the glass, enrolling, deleting."""

    def __init__(self, spec: ZfmFingerReaderSpec, link: ByteLink, clock: Clock) -> None:
        self.device = spec.id
        self._spec = spec
        self._family = FAMILIES[spec.family]
        self._fast = self._family.fast_search
        self._link = link
        self._module = ZfmModule(spec.id, link)
        self.random: Callable[[int], bytes] = secrets.token_bytes
        """Of which marks are made."""
        self._busy = asyncio.Lock()
        self._watched = False
        self._contents = Contents(spec.id, self._module)
        self._ring = Ring(spec.id, self._module, there=self._family.ring)
        self._untold = True
        """What is stored has changed, or may have."""
        self._doubtful: tuple[bytes, int] | None = None
        """The module and a number that may be stored there, of an enrolment that came to no end."""
        self._pressed = False
        """The last image showed a finger."""
        self._finger = _Finger()
        self._checked_s = 0.0

    async def start(self) -> None:
        self._watched = False
        self._link.discard_input()
        parameters = await self._module.find(self._identity())
        try:
            async with asyncio.timeout(START_S) as limit:
                await self._set_up(parameters)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise DeviceTimeout(self.device, "it answers too slowly; check its supply and its wires") from error

    async def watch(self, emit: Emit) -> None:
        self._watched, patience = True, _Patience()
        try:
            while True:
                async with self._busy:
                    with patience:
                        await self._tell(emit)
                        await self._look(emit)
                    await self._module.rest(PAUSE_S if self._pressed or self._finger.off else IDLE_S)
        finally:
            self._watched = False

    async def stop(self) -> None:
        if self._contents.mark:
            await self._ring.show("off")

    async def enrol(self, template: int, told: Callable[[EnrolStep], None], within_s: float) -> None:
        async with self._taken():
            try:
                async with asyncio.timeout(within_s) as limit:
                    await self._enrol(template, told)
            except TimeoutError as error:
                if not limit.expired():
                    raise
                raise DeviceTimeout(self.device, "nobody put a finger on in time") from error
            finally:
                # One that is still on was not put on to be identified.
                self._finger = _Finger(reported=self._pressed)
                with contextlib.suppress(DeviceError):
                    await self._ring.show("off")
            self._doubtful = None

    async def delete(self, templates: frozenset[int]) -> None:
        async with self._taken():
            self._untold = True
            for template in sorted(templates & self._contents.stored):
                await self._module.ask(zfm.delete(template))
            await self._contents.read_stored()
            if left := templates & self._contents.stored:
                raise DeviceRefused(self.device, f"{len(left)} templates are still stored; replace the module")

    # -- starting ----------------------------------------------------------------------------------------------------

    def _identity(self) -> Identity:
        spec = self._spec
        password = self._password("password_file", spec.password_file)
        older = [] if spec.old_password_file is None else [self._password("old_password_file", spec.old_password_file)]
        return Identity(spec.address, old_addresses(spec.old_address), password, old_passwords(older))

    async def _set_up(self, parameters: zfm.Parameters) -> None:
        if parameters.level != self._spec.level:
            await self._module.ask(zfm.set_level(self._spec.level))
        await self._contents.read(parameters.capacity, self.random)
        if self._doubtful is not None and self._doubtful[0] != self._contents.mark:
            self._doubtful = None  # it is in another module, whose cabinet finds it when it comes back
        self._untold = True
        self._finger = _Finger()
        self._checked_s = asyncio.get_running_loop().time()
        await self._ring.show("off")

    def _password(self, key: str, file: str | None) -> int:
        return zfm.FACTORY_PASSWORD if file is None else int.from_bytes(read_secret(self.device, key, file, 4))

    # -- watching ----------------------------------------------------------------------------------------------------

    async def _tell(self, emit: Emit) -> None:
        """What is stored, when it may have changed."""
        now_s = asyncio.get_running_loop().time()
        if self._doubtful is not None:
            with contextlib.suppress(DeviceRefused):  # then the index says that it is there, and it is nobody's
                await self._module.ask(zfm.delete(self._doubtful[1]))
            self._doubtful, self._untold = None, True
        elif now_s - self._checked_s >= CHECK_S:
            await self._check()
        if self._untold:
            await self._contents.read_stored()
            emit(FingerModule(self.device, self._contents.mark, self._contents.stored, self._contents.capacity))
            self._untold = False

    async def _check(self) -> None:
        self._untold |= not await self._contents.check()
        self._checked_s = asyncio.get_running_loop().time()

    async def _look(self, emit: Emit) -> None:
        finger, code = self._finger, await self._image()
        if code in GONE:
            finger.off += 1
            if finger.off >= OFF_LOOKS:
                self._finger = _Finger()
                if finger.searched and not finger.reported:
                    await self._unknown(emit)
            return
        finger.off = 0
        if finger.reported:
            return
        template = await self._identify(finger)
        if template is not None:
            finger.reported = True
            emit(FingerSeen(self.device, self._contents.mark, template))
            await self._ring.show("known")
        elif finger.captures >= CAPTURES:
            finger.reported = True
            await self._unknown(emit)

    async def _identify(self, finger: _Finger) -> int | None:
        """By the image that was just taken."""
        if await self._contents.count() != len(self._contents.stored):
            self._untold = True
            return None
        features = await self._module.answer(zfm.read_features(1))
        if features.code in GONE:
            return None
        finger.captures += 1
        if features.code in UNCLEAR:
            return None
        if features.code != zfm.DONE:
            raise OutOfStep(self.device, f"it did not read the features (code 0x{features.code:02X})")
        found = await self._search(0, self._contents.capacity)
        finger.searched = True
        if found is None or found[1] < self._spec.score_min or not await self._confirmed(found[0]):
            return None
        if found[0] not in self._contents.stored:
            self._untold = True
            return None
        return found[0]

    async def _confirmed(self, template: int) -> bool:
        """Found again when it is looked for alone: two bits that have turned over leave the sum as it was, and may make
        the number of one finger that of another."""
        await self._contents.count()
        again = await self._search(template, 1)
        return again is not None and again[0] == template

    async def _unknown(self, emit: Emit) -> None:
        emit(FingerUnknown(self.device))
        await self._ring.show("unknown")

    async def _image(self) -> int:
        """Taken, or the code of GONE or UNCLEAR."""
        answer = await self._module.answer(zfm.take_image())
        self._pressed = answer.code not in GONE
        if answer.code == zfm.DONE or answer.code in GONE or answer.code in UNCLEAR:
            return answer.code
        raise OutOfStep(self.device, f"it did not take an image (code 0x{answer.code:02X})")

    async def _search(self, first: int, count: int) -> tuple[int, int] | None:
        """Template and score."""
        answer = await self._module.answer(zfm.search(1, first, count, fast=self._fast))
        if answer.code == zfm.NOT_RECEIVED and self._fast:
            self._fast = False
            answer = await self._module.answer(zfm.search(1, first, count))
        if answer.code == zfm.DONE:
            return zfm.hit_in(answer)
        if answer.code == zfm.NOT_FOUND:
            return None
        raise OutOfStep(self.device, f"it did not search (code 0x{answer.code:02X})")

    # -- enrolling ---------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _taken(self) -> AsyncIterator[None]:
        """The module to itself, as long as it is there."""
        async with self._busy:
            if not self._watched:
                raise LinkLost(self.device, "the finger reader is away; see what it says of itself")
            yield

    async def _enrol(self, template: int, told: Callable[[EnrolStep], None]) -> None:
        if template >= self._contents.capacity or template in self._contents.stored:
            raise DeviceRefused(
                self.device, f"number {template} is taken, or beyond its {self._contents.capacity} templates"
            )
        await self._capture(1, "put", told)
        if await self._search(0, self._contents.capacity) is not None:
            raise FingerRefused(self.device, "this finger is known already", "known")
        told("lift")
        await self._ring.show("lift")
        off, patience = 0, _Patience()
        while off < OFF_LOOKS:
            with patience:
                off = off + 1 if await self._image() in GONE else 0
            await self._module.rest(PAUSE_S)
        await self._capture(2, "again", told)
        await self._contents.count()
        await self._combine()
        await self._contents.count()
        self._doubtful, self._untold = (self._contents.mark, template), True
        await self._module.ask(zfm.store(1, template))
        await self._contents.read_stored()
        if template not in self._contents.stored:
            raise DeviceRefused(self.device, "the template was not stored; replace the module")

    async def _combine(self) -> None:
        try:
            await self._module.ask(zfm.combine())
        except DeviceRefused as error:
            if error.code != zfm.NOT_COMBINED:
                raise
            raise FingerRefused(self.device, "the two captures are not of one finger", "differs", error.code) from None

    async def _capture(self, buffer: int, step: EnrolStep, told: Callable[[EnrolStep], None]) -> None:
        """Until the features are good. `unclear` is said once for each time that it is put on."""
        told(step)
        await self._ring.show("put")
        said, patience = False, _Patience()
        while True:
            with patience:
                code = await self._image()
                if code == zfm.DONE:
                    await self._contents.count()
                    code = (await self._module.answer(zfm.read_features(buffer))).code
                if code == zfm.DONE:
                    return
                if code in GONE:
                    said = False
                elif code in UNCLEAR and not said:
                    said = True
                    told("unclear")
                    await self._ring.show("unclear")
            await self._module.rest(PAUSE_S)


@dataclass(slots=True)
class _Finger:
    """What is on the glass, since it was put on."""

    captures: int = 0
    searched: bool = False
    reported: bool = False
    off: int = 0
    """Looks in a row that found none."""


class _Patience:
    """Looks may fail, as single answers are spoilt; not for long in a row."""

    def __init__(self) -> None:
        self._good_s = asyncio.get_running_loop().time()

    def __enter__(self) -> None:
        """A look begins."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        now_s = asyncio.get_running_loop().time()
        if error is None:
            self._good_s = now_s
        elif isinstance(error, DeviceTimeout) and not isinstance(error, Restarted):
            return now_s - self._good_s <= LOST_S
        return False
