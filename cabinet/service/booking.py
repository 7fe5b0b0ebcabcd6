"""booking.*: items kept for somebody at some time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.core.requests import BookingAsked, BookingCancelled
from cabinet.policy.booking import Booking
from cabinet.roster.store import Roster
from cabinet.runner import Runner
from cabinet.service.codes import Codes
from cabinet.service.desk import Desk
from cabinet.service.parameters import REASON_MAX, flag, instant_ms, integer, line
from cabinet.service.views import View
from hal.clock import Clock
from hal.worker import Worker

_N_MAX = 2**53


class BookingService:
    """Speaks of people by their ids, and of times in the cabinet's zone."""

    def __init__(self, roster: Roster, runner: Runner, desk: Desk, worker: Worker, clock: Clock, codes: Codes) -> None:
        self._roster = roster
        self._runner = runner
        self._desk = desk
        self._worker = worker
        self._clock = clock
        self._codes = codes

    def methods(self) -> Mapping[str, Handler]:
        return {"booking.make": self.make, "booking.list": self.list, "booking.cancel": self.cancel}

    async def make(self, params: Params, peer: Peer) -> View:
        """`code`: with a one-time code, which is in no other answer."""
        person_id, item = line(params, "person", 32), line(params, "item", 32)
        zone = self._runner.rights.zone
        starts_ms, until_ms = instant_ms(params, "from", zone), instant_ms(params, "until", zone)
        reason = line(params, "reason", REASON_MAX) if params.get("reason") is not None else None
        overrides, dry_run, with_code = (flag(params, key) for key in ("override", "dry_run", "code"))
        if overrides and reason is None:
            raise ControlError(Code.BAD_PARAMS, "reason: an override needs one")
        person = await self._worker.run(self._roster.pseudonym_of, person_id)
        if person is None:
            raise ControlError(Code.NOT_FOUND, f"there is no person {person_id}; see `cabinetctl person list`")
        if item not in self._runner.rights.items:
            raise ControlError(Code.NOT_FOUND, f"there is no item {item}; see `cabinetctl item list`")
        code, digest = self._codes.draw() if with_code else (None, None)
        answer = await self._desk.ask(
            lambda request: BookingAsked(
                request, person, item, starts_ms, until_ms, peer.user, reason, overrides, digest, dry_run
            )
        )
        said = {"booking": answer.n, "item": item, "person": person_id, **_times(starts_ms, until_ms, zone)}
        return said | ({"code": code} if code and not dry_run else {})

    async def list(self, params: Params, peer: Peer) -> View:
        """Those that have not ended, by their beginning."""
        now_ms = self._clock.now().wall_ms
        live = [one for one in self._runner.state.ledger.bookings.items() if now_ms < one[1].until_ms]
        ordered = sorted(live, key=lambda one: (one[1].starts_ms, one[0]))
        return {"bookings": [await self._view(n, booking) for n, booking in ordered]}

    async def cancel(self, params: Params, peer: Peer) -> View:
        n = integer(params, "booking", 0, _N_MAX)
        reason, dry_run = line(params, "reason", REASON_MAX), flag(params, "dry_run")
        booking = self._runner.state.ledger.bookings.get(n)
        if booking is None:
            raise ControlError(Code.NOT_FOUND, f"there is no booking {n}; see `cabinetctl booking list`")
        view = await self._view(n, booking)
        await self._desk.ask(lambda request: BookingCancelled(request, n, reason, peer.user, dry_run))
        return view

    async def _view(self, n: int, booking: Booking) -> View:
        return {
            "booking": n,
            "item": booking.item,
            "person": await self._worker.run(self._roster.id_of, booking.holder),
            **_times(booking.starts_ms, booking.until_ms, self._runner.rights.zone),
            "code": booking.code is not None,
        }


def _times(starts_ms: int, until_ms: int, zone: tzinfo) -> View:
    ends = {"from": starts_ms, "until": until_ms}
    return {key: datetime.fromtimestamp(ms / 1000, zone).isoformat(timespec="minutes") for key, ms in ends.items()}
