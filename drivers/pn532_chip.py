"""What a driver asks a PN532 on a serial port: each command is acknowledged, answered, and bounded.

For whoever speaks with a card: after search() has found one that `speaks_apdu`, exchange(apdu) carries APDUs to it and
its answers back, of any length, until the card leaves (CardFailed), or the next search() or field_off() ends that."""

from __future__ import annotations

import asyncio
from collections import deque

from drivers.wire import pn532_commands as commands
from drivers.wire.pn532 import ACK, NACK, WAKE_UP, Decoder, Frame, Packet, encode
from drivers.wire.pn532_commands import Exchanged, Target
from hal.buses import ByteLink
from hal.errors import DeviceRefused, DeviceTimeout

ACK_S = 0.05
"""The chip acknowledges within 15 ms; an adapter may keep the bytes for 16 ms more, in both directions."""
SENDS_MAX = 3
WAKE_ACK_S, WAKES_MAX = 0.1, 12
"""The first bytes through a USB adapter may take a second."""
REPLY_S = 0.3
SEARCH_S = 1.4
EXCHANGE_S = 1.5
"""One APDU with all its parts. A card that has to think longer says so to the chip, up to its frame waiting time."""
QUIET_S = 0.05
"""A frame that has begun and does not go on for so long is cut short."""
MOMENT_S = 0.001
ABORT_S = 0.01
"""A command that comes sooner after the abort of another one may be lost."""
ANSWER_MAX = 65538
"""Bytes of the longest APDU answer there is (ISO 7816-4)."""
SEARCH_RETRIES = 50
"""Some 5 ms each: a search says after about 0.3 s that there is no card."""

UNHEARD = "it does not acknowledge; check its supply, RX and TX, baud 115200 and that its switches say HSU"


class CardFailed(DeviceTimeout):
    """The card did not answer, or not well; the reader itself works. `code` is the status in the chip's protocol.

    Mostly it was taken away too soon, or is held at the edge of the field."""

    def __init__(self, device: str, code: int) -> None:
        text = commands.STATUS_TEXT.get(code, "error")
        super().__init__(device, f"{text} (0x{code:02X}); hold the card still until the display answers")
        self.code = code


class Pn532Chip:
    """One caller at a time. All calls raise DeviceTimeout (nothing is known), DeviceRefused, LinkLost."""

    def __init__(self, device: str, link: ByteLink) -> None:
        self._device = device
        self._link = link
        self._decoder = Decoder()
        self._frames: deque[Frame] = deque()
        self._target: Target | None = None

    async def set_up(self) -> None:
        """Wakes it, ends what it was doing, checks what it is, and undoes what another program may have set."""
        self._target = None
        await self._write(WAKE_UP + ACK)
        await asyncio.sleep(ABORT_S)
        await self._ask(commands.SAM_NORMAL, wakes=True)
        firmware = commands.read_firmware(await self._ask(commands.FIRMWARE))
        if firmware is None or firmware.ic != commands.PN532:
            raise DeviceRefused(self._device, "something else than a PN532 answers; check the type of the reader")
        await self._ask(commands.AUTOMATIC)
        await self._ask(commands.TIMINGS)
        await self._ask(commands.retries(SEARCH_RETRIES))

    async def search(self) -> Target | None:
        """The card in the field, selected for exchange(); None when for about 0.3 s there was none."""
        self._target = None
        targets = commands.read_targets(await self._ask(commands.SEARCH, SEARCH_S))
        if targets is None:
            raise DeviceTimeout(self._device, "its answer to a search makes no sense")
        self._target = targets[0] if targets else None
        return self._target

    async def field_off(self) -> None:
        """The card in it, if any, starts anew at the next search."""
        self._target = None
        await self._ask(commands.FIELD_OFF)

    async def exchange(self, apdu: bytes) -> bytes:
        """What the card answers to `apdu`, status word included, within 1.5 s. Raises CardFailed as well."""
        try:
            async with asyncio.timeout(EXCHANGE_S) as limit:
                return await self._exchange(apdu)
        except TimeoutError as error:
            if not limit.expired():
                raise
            await self._abort()
            raise CardFailed(self._device, 0x01) from error

    async def stop(self) -> None:
        """Ends what it is doing and switches the field off."""
        await self._abort()
        await self.field_off()

    async def _exchange(self, apdu: bytes) -> bytes:
        if self._target is None:
            raise CardFailed(self._device, 0x27)
        number = self._target.number
        parts = [apdu[at : at + commands.SEND_MAX] for at in range(0, len(apdu), commands.SEND_MAX)] or [b""]
        for part in parts[:-1]:
            await self._exchanged(commands.exchange(number, part, more=True))
        reply = await self._exchanged(commands.exchange(number, parts[-1]))
        answer = reply.data
        while reply.more:
            reply = await self._exchanged(commands.exchange(number, b""))
            answer += reply.data
            if not reply.data or len(answer) > ANSWER_MAX:
                raise CardFailed(self._device, 0x0E)
        return answer

    async def _exchanged(self, command: Packet) -> Exchanged:
        """Sent once: a card that hears an APDU twice is out of step, and its proof would look like a forged one."""
        self._forget()
        await self._write(encode(command))
        if not await self._acknowledged(ACK_S):
            await self._abort()
            raise CardFailed(self._device, 0x01)
        reply = commands.read_exchanged(await self._reply(command.code + 1, EXCHANGE_S))
        if reply is None:
            raise DeviceTimeout(self._device, "its answer to an exchange is empty")
        if reply.status:
            raise CardFailed(self._device, reply.status)
        return reply

    async def _ask(self, command: Packet, within_s: float = REPLY_S, *, wakes: bool = False) -> bytes:
        """The data of the reply to `command`, which is sent again when it is not acknowledged."""
        wire = (WAKE_UP if wakes else b"") + encode(command)
        for _ in range(WAKES_MAX if wakes else SENDS_MAX):
            self._forget()
            await self._write(wire)
            if await self._acknowledged(WAKE_ACK_S if wakes else ACK_S):
                return await self._reply(command.code + 1, within_s)
        raise DeviceTimeout(self._device, UNHEARD)

    async def _acknowledged(self, within_s: float) -> bool:
        """Whatever comes before it answers something else: it is left out."""
        until_s = asyncio.get_running_loop().time() + within_s
        while (frame := await self._next(until_s)) is not None:
            if frame == "ack":
                return True
        return False

    async def _reply(self, code: int, within_s: float) -> bytes:
        until_s = asyncio.get_running_loop().time() + within_s
        asked_again, dropped = 0, self._decoder.dropped
        while True:
            frame = await self._next(until_s, QUIET_S)
            if isinstance(frame, Packet) and frame.to_host and frame.code == code:
                return frame.data
            if frame == "error":
                raise DeviceRefused(self._device, f"it does not know the command 0x{code - 1:02X}", code=0x7F)
            if asyncio.get_running_loop().time() >= until_s:
                await self._abort()
                raise DeviceTimeout(self._device, "it acknowledges and does not answer; switch its power off and on")
            spoilt = self._decoder.dropped > dropped or (frame is None and self._decoder.begun)
            if spoilt:
                if asked_again == SENDS_MAX:
                    await self._abort()
                    raise DeviceTimeout(self._device, "its answers arrive damaged; check the cable and its length")
                # The command may have acted on a card: only the reply is asked for again.
                asked_again, dropped = asked_again + 1, self._decoder.dropped
                self._decoder.reset()
                await self._write(NACK)

    async def _next(self, until_s: float, quiet_s: float | None = None) -> Frame | None:
        """None: nothing more in time, or in the middle of a frame for `quiet_s`, or something useless has come."""
        dropped = self._decoder.dropped
        while not self._frames:
            left_s = until_s - asyncio.get_running_loop().time()
            if left_s <= 0 or (quiet_s is not None and self._decoder.dropped > dropped):
                return None
            wait_s = min(left_s, quiet_s) if quiet_s is not None and self._decoder.begun else left_s
            # The waiting also ends when the whole program stood still: then it may have come long ago.
            chunk = await self._read_within(wait_s) or await self._read_within(MOMENT_S)
            if not chunk:
                return None
            self._frames += self._decoder.feed(chunk)
        return self._frames.popleft()

    async def _read_within(self, seconds: float) -> bytes:
        try:
            async with asyncio.timeout(seconds) as limit:
                return await self._link.read()
        except TimeoutError:
            if not limit.expired():
                raise
            return b""

    async def _abort(self) -> None:
        self._forget()
        await self._write(ACK)
        await asyncio.sleep(ABORT_S)

    async def _write(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(REPLY_S) as limit:
                await self._link.write(data)
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeviceTimeout(self._device, "the port takes no bytes; check its flow control") from None

    def _forget(self) -> None:
        self._link.discard_input()
        self._decoder.reset()
        self._frames.clear()
