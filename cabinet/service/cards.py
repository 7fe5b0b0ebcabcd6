"""credential.scan, .look, .personalise: cards that are laid on a reader for somebody at the service socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.core.requests import CardPersonalised
from cabinet.service.desk import Desk
from cabinet.service.parameters import choice, line, number
from cabinet.service.views import View
from cabinet.wiring import Wiring
from drivers.wire.card_number import format_card, parse_card
from hal.capabilities import CardIssuer
from hal.errors import DeviceError, DeviceTimeout, LinkLost

SCAN_MAX_S: Final = 120.0


class Cards:
    def __init__(self, wiring: Wiring, desk: Desk) -> None:
        self._wiring = wiring
        self._desk = desk

    def methods(self) -> Mapping[str, Handler]:
        return {
            "credential.scan": self.scan,
            "credential.look": self.look,
            "credential.personalise": self.personalise,
        }

    async def scan(self, params: Params, peer: Peer) -> View:
        """The number of the next card at a reader, for enrolling it, and as how strong it has shown itself."""
        readers = self._wiring.readers()
        if not readers:
            raise ControlError(Code.NOT_FOUND, "no card reader is configured")
        reader = choice(params, "reader", readers)
        timeout_s = number(params, "timeout_s", 1, SCAN_MAX_S)
        if self._wiring.scanning(reader):
            raise ControlError(Code.BUSY, f"{reader} waits for a card already")
        shown = await self._wiring.next_card(reader, timeout_s)
        if shown is None:
            raise ControlError(Code.TIMEOUT, f"no card at {reader} within {timeout_s:g} s")
        if shown.proof == "failed":
            why = f"`cabinetctl credential personalise {reader}` says what is wrong with it"
            raise ControlError(Code.REFUSED, f"the card could not prove its key; {why}")
        return {"card": format_card(shown.card), "strength": shown.proof}

    async def look(self, params: Params, peer: Peer) -> View:
        """What the card that lies on a reader is to us; nothing is written."""
        reader, issuer = self._issuer(params)
        timeout_s = number(params, "timeout_s", 1, SCAN_MAX_S)
        try:
            found = await issuer.look(timeout_s)
        except DeviceError as error:
            raise _said(error) from error
        if found is None:
            raise ControlError(Code.TIMEOUT, f"no card on {reader} within {timeout_s:g} s")
        return {"card": format_card(found.card), "state": found.state, "hint": found.hint}

    async def personalise(self, params: Params, peer: Peer) -> View:
        """Writes the keys onto the card that was looked at; journaled once it has proved them."""
        reader, issuer = self._issuer(params)
        try:
            card = parse_card(line(params, "card", 64))
        except ValueError as error:
            raise ControlError(Code.BAD_PARAMS, f"card: {error}") from None
        try:
            await issuer.personalise(card)
        except DeviceError as error:
            raise _said(error) from error
        await self._desk.ask(lambda request: CardPersonalised(request, reader, peer.user))
        return {"card": format_card(card)}

    def _issuer(self, params: Params) -> tuple[str, CardIssuer]:
        issuers = self._wiring.issuers()
        if not issuers:
            raise ControlError(Code.NOT_FOUND, "no reader is configured that puts keys onto cards; see pn532-reader")
        reader = choice(params, "reader", list(issuers))
        if not self._wiring.is_up(reader):
            raise ControlError(Code.REFUSED, f"{reader} does not answer just now; see `cabinetctl devices`")
        return reader, issuers[reader]


def _said(error: DeviceError) -> ControlError:
    return ControlError(Code.HARDWARE if isinstance(error, DeviceTimeout | LinkLost) else Code.REFUSED, str(error))
