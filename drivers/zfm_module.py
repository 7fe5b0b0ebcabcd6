"""One fingerprint module on its link: found, set up as configured, and asked one thing after the other.

Answers carry no number. They come in order, so one is believed only if it has the length of an answer to what was asked
last; whoever acts on several of them puts one of another length between two of the same."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from drivers.wire.zfm import (
    BAUD_STEP,
    BAUD_STEPS,
    DONE,
    FACTORY_ADDRESS,
    FACTORY_PASSWORD,
    MEANINGS,
    NOT_RECEIVED,
    NOT_VERIFIED,
    WRONG_PASSWORD,
    Answer,
    Decoder,
    Heard,
    Parameters,
    Question,
    Started,
    count_templates,
    encode,
    parameters_in,
    read_parameters,
    set_address,
    set_baud,
    set_password,
    verify_password,
)
from hal.buses import ByteLink
from hal.errors import DeviceMisconfigured, DeviceRefused, DeviceTimeout

logger = logging.getLogger(__name__)

TRY_S = 0.1
"""For an answer while it is looked for: at 9600 baud the bytes alone take 30 ms."""
BOOT_TRIES = 4
"""An optical module may take half a second to start."""
USUAL_BAUDS = (57600, 115200, 9600, 19200, 38400)
AFTER_NOISE_S = 0.3
"""When anything but an answer was heard, it was probably the answer, spoilt."""
HEARD_MAX = 64
"""In one pause: a babbling line must not fill the memory."""


class Restarted(DeviceTimeout):
    """The module has started anew."""


class OutOfStep(DeviceTimeout):
    """The answer was to something else."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What it is spoken to by, and what it may still have. Passwords are not shown."""

    address: int
    old_addresses: tuple[int, ...]
    password: int
    old_passwords: tuple[int, ...]

    def __repr__(self) -> str:
        return f"Identity({self.address:08X})"


class ZfmModule:
    """All raise DeviceTimeout and LinkLost; `ask` and `find` also DeviceRefused."""

    def __init__(self, device: str, link: ByteLink) -> None:
        self._device = device
        self._link = link
        self._decoder = Decoder(FACTORY_ADDRESS)
        self._owes = False
        """A question had no answer; it may still come."""
        self._finding = False
        """It may just have been switched on, and say so."""
        self._anew = False
        """It has restarted since it was found: whoever asks next has to know."""

    async def find(self, identity: Identity) -> Parameters:
        """At its rate and address, as they are configured or as they may still be; then it has the configured ones."""
        if self._link.baud % BAUD_STEP or self._link.baud // BAUD_STEP not in range(1, BAUD_STEPS + 1):
            raise DeviceMisconfigured(
                self._device, f"baud {self._link.baud}: such modules have 9600 to 115200 in steps of 9600"
            )
        self._finding, self._anew = True, False
        try:
            return await self._find(identity)
        finally:
            self._finding = False

    async def _find(self, identity: Identity) -> Parameters:
        baud, address, code = await self._look(identity)
        if code != DONE:
            await self._unlock(identity)
        if address != identity.address:
            await self._move(identity)
        if baud != self._link.baud:
            await self.ask(set_baud(self._link.baud))
            self._link.set_baud(self._link.baud)
            await self.ask(verify_password(identity.password))
            logger.info("%s: it was at %d baud, now it is at %d", self._device, baud, self._link.baud)
        return parameters_in(await self._hear(read_parameters(), patient=True))

    async def ask(self, question: Question) -> Answer:
        """A good answer. Raises DeviceRefused for any other, but DeviceTimeout when the question was not understood."""
        answer = await self.answer(question)
        if answer.code == NOT_RECEIVED:
            raise DeviceTimeout(self._device, "it receives damaged commands; check the wiring")
        if answer.code != DONE:
            self._refuse(question, answer)
        return answer

    async def answer(self, question: Question) -> Answer:
        """Of whatever code. Raises Restarted, OutOfStep."""
        if self._anew:
            self._restarted()
        if self._owes:
            await self._hear(count_templates(), patient=True)
        heard = await self._hear(question)
        if heard.code == NOT_VERIFIED:
            self._restarted()
        return heard

    async def rest(self, seconds: float) -> None:
        """Asks nothing for a while, and lets pass what was not asked for. Raises Restarted when the module says so."""
        if any(isinstance(heard, Started) for heard in await self._drain(seconds)):
            self._started()

    async def _drain(self, seconds: float) -> list[Heard]:
        heard: list[Heard] = []
        try:
            async with asyncio.timeout(seconds) as limit:
                while len(heard) < HEARD_MAX:
                    heard += self._decoder.feed(await self._link.read())
        except TimeoutError:
            if not limit.expired():
                raise
        return heard

    async def _hear(self, question: Question, *, patient: bool = False) -> Answer:
        """`patient`: only a good answer counts where it has a length of its own, and what does not fit is left out.
        When it is there, all answers to earlier questions have passed."""
        self._owes = True
        decoder, loop = self._decoder, asyncio.get_running_loop()
        decoder.reset()
        dropped = decoder.dropped
        deadline = loop.time() + question.within_s
        noisy = False
        try:
            async with asyncio.timeout_at(deadline) as limit:
                await self._link.write(encode(decoder.address, question.payload))
                while True:
                    for heard in decoder.feed(await self._link.read()):
                        if isinstance(heard, Started):
                            self._started()
                        elif heard.fits(question) and not (patient and question.more and heard.code != DONE):
                            self._owes = False
                            return heard
                        elif not patient:
                            raise OutOfStep(self._device, "its answers do not fit what it is asked; check the wiring")
                    if not noisy and decoder.dropped > dropped:
                        noisy = True
                        limit.reschedule(min(deadline, loop.time() + AFTER_NOISE_S))
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise DeviceTimeout(self._device, self._silence(noisy)) from error

    def _silence(self, noisy: bool) -> str:
        foreign = self._decoder.foreign
        if foreign is not None:
            return f"a module answers with the address 0x{foreign:08X}; name it with the key old_address"
        if noisy:
            return "only damaged answers; check the wiring, the supply and the key baud of the link"
        return "no answer; check its supply, its wires and the key baud of the link"

    # -- finding it --------------------------------------------------------------------------------------------------

    async def _look(self, identity: Identity) -> tuple[int, int, int]:
        """Rate, address, and what it says to the password."""
        self._decoder = Decoder(identity.address)
        configured = self._link.baud
        self._link.set_baud(configured)
        others = [address for address in identity.old_addresses if address != identity.address]
        places = [(configured, identity.address)] * BOOT_TRIES
        for baud in (configured, *(baud for baud in USUAL_BAUDS if baud != configured)):
            places += [(baud, address) for address in (identity.address, *others)]
        question = verify_password(identity.password)
        probe = Question(question.name, question.payload, within_s=TRY_S)
        hint, rate, foreign = "", configured, None
        try:
            for number, (baud, address) in enumerate(places):
                if baud != rate:
                    self._link.set_baud(baud)
                    rate = baud
                self._link.discard_input()
                self._decoder.address = address
                try:
                    answer = await self._hear(probe, patient=True)
                except DeviceTimeout as error:
                    foreign = foreign or self._decoder.foreign
                    hint = hint or error.hint
                    continue
                if answer.code != DONE and number:
                    await self._drain(2 * TRY_S)
                return baud, address, answer.code
        except BaseException:
            self._link.set_baud(configured)
            raise
        self._link.set_baud(configured)
        raise DeviceTimeout(self._device, self._silence(noisy=False) if foreign else hint)

    async def _unlock(self, identity: Identity) -> None:
        """It has another password than the configured one."""
        for password in identity.old_passwords:
            if (await self._hear(verify_password(password), patient=True)).code == DONE:
                await self.ask(set_password(identity.password))
                await self.ask(verify_password(identity.password))
                logger.info("%s: it has the configured password now", self._device)
                return
        raise DeviceRefused(
            self._device,
            "it has another password; name the file with the old one by the key old_password_file, or replace it",
            WRONG_PASSWORD,
        )

    async def _move(self, identity: Identity) -> None:
        """To the configured address. Whatever it says to that, whether it answers there is what counts."""
        old, question = self._decoder.address, set_address(identity.address)
        await self._link.write(encode(old, question.payload))
        self._decoder.address = identity.address
        await self.rest(2 * TRY_S)
        await self.ask(verify_password(identity.password))
        logger.info("%s: it was at address 0x%08X, now it is at 0x%08X", self._device, old, identity.address)

    def _started(self) -> None:
        if not self._finding:
            self._restarted()

    def _restarted(self) -> NoReturn:
        self._anew = True
        raise Restarted(self._device, "it has started anew by itself; check its supply")

    def _refuse(self, question: Question, answer: Answer) -> NoReturn:
        meaning = MEANINGS.get(answer.code, "for a reason of its own")
        raise DeviceRefused(
            self._device, f"it did not {question.name}: {meaning} (code 0x{answer.code:02X})", answer.code
        )


def old_addresses(configured: int | None) -> tuple[int, ...]:
    return (FACTORY_ADDRESS,) if configured is None else (configured, FACTORY_ADDRESS)


def old_passwords(passwords: Sequence[int]) -> tuple[int, ...]:
    return (*passwords, FACTORY_PASSWORD)
