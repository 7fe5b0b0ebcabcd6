"""A verifier behind a Unix socket: a camera, a finger reader, whatever answers yes, no, or nothing in time.

It is believed only what it has signed for this question; any other answer is none, and is reported as a loss, so that
a technician sees it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets

from drivers.specs.socket_verifier import SocketVerifierSpec
from drivers.wire.verifier import Answer, Reply, alive_request, verify_request
from hal.buses import RequestLink
from hal.capabilities import Emit, Verifier
from hal.clock import Clock
from hal.errors import DeviceError, DeviceRefused, DeviceTimeout

ALIVE_EVERY_S = 2.0
ALIVE_S = 1.5
NONCE_BYTES = 16


class SocketVerifier(Verifier):
    """One question at a time, each on a connection and with a nonce of its own: what comes late finds nobody."""

    def __init__(self, spec: SocketVerifierSpec, link: RequestLink, clock: Clock) -> None:
        self.device = spec.id
        self._link = link
        self._asking = asyncio.Lock()
        self._failed = asyncio.Event()
        self._failure: DeviceError | None = None

    async def start(self) -> None:
        """Proves that it answers, and with the same key."""
        self._failure = None
        self._failed.clear()
        await self._prove_alive()

    async def watch(self, emit: Emit) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ALIVE_EVERY_S):
                    await self._failed.wait()
            if self._failure is not None:
                raise self._failure
            await self._prove_alive()

    async def stop(self) -> None:
        """Nothing to switch off."""

    async def verify(self, person: str, within_s: float) -> bool | None:
        try:
            async with asyncio.timeout(within_s), self._asking:
                nonce = secrets.token_hex(NONCE_BYTES)
                request = verify_request(nonce, person, round(within_s * 1000))
                answer = await self._ask(request, nonce, person, ("yes", "no", "none"))
        except DeviceError as error:
            self._failure = error
            self._failed.set()
            return None
        except TimeoutError:
            return None  # nobody has looked; whether it is alive is asked next
        return {"yes": True, "no": False}.get(answer)

    async def _prove_alive(self) -> None:
        async with self._asking:  # it need not answer two at a time
            nonce = secrets.token_hex(NONCE_BYTES)
            try:
                async with asyncio.timeout(ALIVE_S) as limit:
                    await self._ask(alive_request(nonce), nonce, "", ("alive",))
            except TimeoutError:
                if not limit.expired():
                    raise
                raise DeviceTimeout(self.device, "it takes the question and does not answer; look at its log") from None

    async def _ask(self, request: bytes, nonce: str, person: str, allowed: tuple[Answer, ...]) -> Answer:
        """Raises LinkLost, DeviceRefused for what is not to be believed."""
        reply = Reply()
        await self._link.ask(request, reply.feed)
        answer, hint = reply.answer(self._link.key, nonce, person, allowed)
        if answer is None:
            raise DeviceRefused(self.device, hint)
        return answer
