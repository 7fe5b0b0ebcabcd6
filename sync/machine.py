"""The way upstream as a pure machine: events in, actions out. No clock, no sockets, no random numbers of its own.

    journal --Head, Grown--> Sender --ReadBatch, Batch--> Publish --broker--> upstream
    position <--AckResult-- HandIn <--AckArrived-- broker <-- upstream's cosigned checkpoint

That the broker took a batch moves nothing; only an acknowledgement that cabinetd has judged and counted does.
After each connection comes a birth: planes, session, `online`. It waits for the cabinet, and is taken back with
`offline` when cabinetd goes: a broker must not show as live what nobody vouches for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hal.clock import Now
from sync import payloads
from sync.ack_tray import AckTray
from sync.events import (
    AcceptedArrived,
    AckArrived,
    Acked,
    AckFailed,
    AckResult,
    Action,
    Batch,
    BatchFailed,
    CabinetLost,
    Confirmed,
    Connected,
    Disconnected,
    ErasedArrived,
    Event,
    Grown,
    HandIn,
    HandInErased,
    Head,
    JunkArrived,
    LeafWritten,
    NotTaken,
    Payload,
    PlaneChanged,
    Planes,
    Publish,
    ReadBatch,
    ReadHead,
    ReadTail,
    Reject,
    ReportLink,
    RequestArrived,
    Stopping,
    Subscribe,
    TailBatch,
    TailFailed,
    Tick,
)
from sync.link_report import LinkReport
from sync.planes import PlaneBook
from sync.sender import Sender
from sync.tails import Tails
from sync.topics import Topics

HIST_MS: Final = 60_000
"""Older events are history: no tool should act on them."""
RETRY_S: Final = 5.0
LIVE_MAX: Final = 64
"""Live events that the broker has not confirmed; beyond them, new ones are left out."""


class Machine:
    """One cabinet's way upstream. `random` gives numbers from 0 to below 1; `version` is the uplink's own."""

    def __init__(
        self,
        topics: Topics,
        version: str,
        random: Callable[[], float],
        *,
        jitter_s_max: float,
        resend_s: float,
        started_s: float,
    ) -> None:
        self._topics = topics
        self._version = version
        self._random = random
        self._jitter_s_max = jitter_s_max
        self._sender = Sender(resend_s)
        self._tails = Tails()
        self._planes = PlaneBook()
        self._out: list[Action] = []
        self._last_token = 0
        self._connected = False
        self._born = False
        self._stopping = False
        self._farewell: int | None = None
        self._head: Head | None = None
        self._head_is_fresh = False
        self._reading = False
        self._acks = AckTray()
        self._live: set[int] = set()
        self._report = LinkReport(started_s)

    @property
    def acked(self) -> int:
        """How many leaves upstream is known to hold."""
        return self._sender.acked

    @property
    def has_left(self) -> bool:
        """After Stopping: the broker has taken `offline`, or there is none."""
        return self._stopping and self._farewell is None

    def step(self, event: Event, now: Now) -> list[Action]:
        """What is to be done after this event, in order."""
        self._take(event, now)
        if not self._stopping:
            self._go_on(now)
        out, self._out = self._out, []
        return out

    def wake_s(self, now: Now) -> float | None:
        """The monotonic time of the Tick that is needed next."""
        times = []
        if self._head is not None and (at := self._report.wake_s()) is not None:
            times.append(at)
        if self._born and (at := self._sender.wake_s(now.mono_s)) is not None:
            times.append(at)
        return min(times, default=None)

    def _take(self, event: Event, now: Now) -> None:
        match event:
            case Connected() | Disconnected() | Confirmed() | NotTaken():
                self._from_broker(event, now)
            case AckArrived() | RequestArrived() | AcceptedArrived() | ErasedArrived() | JunkArrived():
                self._from_upstream(event, now)
            case Stopping():
                self._stop()
            case Tick():
                pass
            case _:
                self._from_cabinet(event, now)

    def _go_on(self, now: Now) -> None:
        """Whatever can be done now, the most urgent first."""
        self._be_born()
        self._tell_planes()
        self._report_link(now)
        if self._born and self._sender.look_at_time(now.mono_s):
            # An acknowledgement may have been lost on the way: it is retained, and comes again.
            self._out.append(Subscribe())
        self._hand_in(now)
        self._read_batch(now)
        self._read_tail()

    # -- from the broker -----------------------------------------------------------------------------------------

    def _from_broker(self, event: Event, now: Now) -> None:
        match event:
            case Connected(session_present):
                self._connect(now, session_present=session_present)
            case Disconnected():
                self._connected = self._born = False
                self._farewell = None
                self._report.lost(now.mono_s)
                self._live.clear()
                self._planes.disconnected()
            case Confirmed(token):
                self._sender.taken(token)
                self._tails.taken(token)
                self._planes.taken(token)
                self._forget(token)
            case NotTaken(token):
                # A batch is not held upstream, and is sent again in its time; a plane with the next connection.
                self._sender.taken(token)
                self._tails.taken(token)
                self._forget(token)

    def _forget(self, token: int) -> None:
        self._live.discard(token)
        if token == self._farewell:
            self._farewell = None

    def _from_upstream(self, event: Event, now: Now) -> None:
        match event:
            case AckArrived(payload):
                self._queue_ack(payload)
            case RequestArrived(payload, retained):
                self._request(payload, retained, now)
            case AcceptedArrived(payload):
                self._hear_accepted(payload)
            case ErasedArrived(payload, retained):
                self._hear_erased(payload, retained=retained)
            case JunkArrived(cause):
                self._out.append(Reject(cause))

    def _connect(self, now: Now, *, session_present: bool) -> None:
        self._connected = True
        self._report.connected()
        self._born = False
        if not session_present:
            self._planes.forget_told()
        self._sender.connect(now.mono_s + self._random() * self._jitter_s_max)
        self._tails.connect()
        self._out.append(Subscribe())
        self._ask_head()

    def _queue_ack(self, payload: bytes) -> None:
        note = payloads.text(payload)
        if note is None:
            self._out.append(Reject("malformed"))
        else:
            self._acks.put(note)

    def _hear_accepted(self, payload: bytes) -> None:
        origin = payloads.accepted(payload)
        if origin is None:
            self._out.append(Reject("malformed"))
        else:
            self._tails.accept(origin)

    def _hear_erased(self, payload: bytes, *, retained: bool) -> None:
        receipt = payloads.text(payload)
        if retained or receipt is None:
            self._out.append(Reject("retained" if retained else "malformed"))
        elif self._head is not None:
            self._out.append(HandInErased(receipt))

    def _request(self, payload: bytes, retained: bool, now: Now) -> None:
        if self._head is None:
            return
        wanted = payloads.request(payload)
        if retained:
            self._out.append(Reject("retained"))
        elif wanted is None:
            self._out.append(Reject("malformed"))
        elif wanted.origin != self._head.origin:
            self._out.append(Reject("unknown-origin"))
        elif wanted.first > self._sender.size:
            self._out.append(Reject("ahead"))
        else:
            self._sender.request(wanted.first, now.mono_s)

    # -- from the cabinet ----------------------------------------------------------------------------------------

    def _from_cabinet(self, event: Event, now: Now) -> None:
        match event:
            case Head():
                self._meet(event)
            case Planes(state, slots):
                all_planes = {"state": state} | {f"slot/{slot}": payload for slot, payload in slots.items()}
                self._planes.want_all({name: payloads.plane(payload) for name, payload in all_planes.items()})
            case PlaneChanged(plane, payload):
                self._planes.want(plane, payloads.plane(payload))
            case CabinetLost():
                self._lose_cabinet()
            case Grown(size):
                self._sender.grown(size)
            case Acked(acked):
                self._sender.acknowledged(acked, now.mono_s)
            case LeafWritten(n, leaf):
                self._tell_live(n, leaf, now)
            case TailBatch():
                self._send_tail(event)
            case TailFailed():
                self._tails.ended()
            case Batch():
                self._reading = False
                self._send(event, now)
            case BatchFailed():
                self._reading = False
                self._sender.hold(now.mono_s + RETRY_S)
            case AckResult():
                self._judged(event, now)
            case AckFailed():
                # It comes again, at the latest with the next resend.
                self._acks.failed()

    def _meet(self, head: Head) -> None:
        if self._head is not None and head.origin != self._head.origin:
            # Another tree: what was said about the old one does not hold for it.
            self._born = False
            self._acks.clear()
        self._head = head
        self._head_is_fresh = True
        self._sender.found(head.size, head.acked)
        self._tails.found(head.tails)

    def _lose_cabinet(self) -> None:
        if self._born:
            self._publish_status(b"offline")
        self._born = False
        self._head = None
        self._reading = False
        self._tails.forget()
        self._acks.put_back()
        self._report.forget()
        self._planes.forget_wanted()

    def _judged(self, result: AckResult, now: Now) -> None:
        self._acks.judged(counted=result.counted)
        self._sender.acknowledged(result.acked, now.mono_s)
        if result.cause in ("fork", "rollback"):
            # The cabinet may have opened another epoch.
            self._ask_head()

    def _tell_live(self, n: int, leaf: Payload, now: Now) -> None:
        self._sender.grown(n + 1)
        if self._born and self._sender.caught_up and len(self._live) < LIVE_MAX and not _is_hist(leaf.get("ts"), now):
            self._live.add(self._publish(self._topics.event, payloads.live(n, leaf)))

    def _send(self, batch: Batch, now: Now) -> None:
        if not self._born or self._head is None or batch.first != self._sender.next:
            return
        if not batch.leaves:
            self._sender.hold(now.mono_s + RETRY_S)
            return
        payload = payloads.batch(self._head.origin, batch, hist=_is_hist(batch.ts, now))
        token = self._publish(self._topics.journal, payload)
        self._sender.sent(token, batch.first + len(batch.leaves), now.mono_s)

    def _send_tail(self, batch: TailBatch) -> None:
        """Once; whether upstream has it is not known, and asked of nobody."""
        if not self._tails.expects(batch.origin, batch.first) or not self._born:
            return
        if not batch.leaves:
            self._tails.ended()
            return
        payload = payloads.batch(batch.origin, batch, hist=True, orphan=batch.orphan)
        token = self._publish(self._topics.journal, payload)
        self._tails.sent(token, batch.origin, batch.first + len(batch.leaves))

    # -- what can be done ----------------------------------------------------------------------------------------

    def _be_born(self) -> None:
        if self._born or not self._connected or not self._planes.is_known:
            return
        if self._head is None or not self._head_is_fresh:
            return
        self._born = True
        self._report.up()
        self._tell_planes()
        session = payloads.session(self._head, int(self._random() * 2**32), self._version)
        self._publish(self._topics.session, session, retain=True)
        self._publish_status(b"online")

    def _tell_planes(self) -> None:
        if not self._born:
            return
        for plane, payload in self._planes.due():
            self._planes.published(self._publish(self._topics.plane(plane), payload, retain=True), plane)

    def _hand_in(self, now: Now) -> None:
        """While leaves flow, the acknowledgements wait: then one confirms many batches, and cabinetd writes one
        instead of many."""
        may_read = self._may_read(now)
        if self._head is None or (self._sender.flowing and may_read):
            return
        if (note := self._acks.take(at_rest=not may_read and not self._reading)) is not None:
            self._out.append(HandIn(note))

    def _report_link(self, now: Now) -> None:
        if self._head is not None and (up := self._report.due(now.mono_s)) is not None:
            self._out.append(ReportLink(up))

    def _may_read(self, now: Now) -> bool:
        return self._born and self._sender.may_send(now.mono_s)

    def _read_batch(self, now: Now) -> None:
        if not self._reading and self._may_read(now):
            self._reading = True
            self._out.append(ReadBatch(self._sender.next))

    def _read_tail(self) -> None:
        if self._born and self._sender.all_held and (tail := self._tails.next()) is not None:
            self._out.append(ReadTail(tail.origin, tail.first))

    def _ask_head(self) -> None:
        self._head_is_fresh = False
        if self._head is not None:
            self._out.append(ReadHead())

    def _stop(self) -> None:
        self._stopping = True
        self._born = False
        self._farewell = self._publish_status(b"offline") if self._connected else None

    def _publish_status(self, status: bytes) -> int:
        return self._publish(self._topics.status, status, retain=True)

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        self._last_token += 1
        self._out.append(Publish(topic, payload, self._last_token, retain))
        return self._last_token


def _is_hist(wall_ms: object, now: Now) -> bool:
    return not isinstance(wall_ms, int) or now.wall_ms - wall_ms > HIST_MS
