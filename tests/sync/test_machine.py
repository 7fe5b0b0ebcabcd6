"""The machine alone: whatever the broker and upstream do, everything arrives, and nothing counts that upstream did
not acknowledge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.clock import Now
from sync.events import (
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
    Event,
    Grown,
    HandIn,
    Head,
    JunkArrived,
    LeafWritten,
    NotTaken,
    PlaneChanged,
    Planes,
    Publish,
    ReadBatch,
    ReadHead,
    Reject,
    ReportLink,
    RequestArrived,
    Stopping,
    Subscribe,
    Tick,
)
from sync.machine import Machine
from sync.sender import WINDOW
from sync.topics import Topics
from tests.sync.upstream import ORIGIN, SIGNER, WALL_MS, MemoryJournal, MemoryUpstream

TOPICS = Topics.of("kc/v1", ORIGIN)
STATE = {"door": "closed", "items_out": 0, "unsynced_events": 0}
SLOT = {"presence": "present", "item": "K-0007"}


class Rig:
    """A machine, its cabinet, and a broker that delivers at once or as told; time only when asked."""

    def __init__(self, jitter_s_max: float = 0, chance: float = 0.5) -> None:
        self.journal = MemoryJournal()
        self.upstream = MemoryUpstream()
        self.now_s = 100.0
        self.machine = Machine(
            TOPICS, "9.9", lambda: chance, jitter_s_max=jitter_s_max, resend_s=30.0, started_s=self.now_s
        )
        self.done: list[Action] = []
        self.on_the_way: list[Publish] = []

    @property
    def now(self) -> Now:
        return Now(self.now_s, WALL_MS + int((self.now_s - 100) * 1000), "ntp")

    def feed(self, *events: Event) -> list[Action]:
        """What these events and their answers from the cabinet lead to."""
        found: list[Action] = []
        waiting = list(events)
        while waiting:
            actions = self.machine.step(waiting.pop(0), self.now)
            found += actions
            for action in actions:
                if isinstance(action, Publish):
                    self.on_the_way.append(action)
                waiting += self.answer(action)
        self.done += found
        return found

    def answer(self, action: Action) -> list[Event]:
        match action:
            case ReadHead():
                return [self.head()]
            case ReadBatch(first):
                return [Batch(**self.journal.batch(first))]
            case HandIn(note):
                return [AckResult(**self.journal.judge(note))]
        return []

    def head(self) -> Head:
        journal = self.journal
        return Head(journal.origin, SIGNER.vkey, journal.size, journal.acked, 0, "1f0c9a2e", "1.0")

    def start(self, *, session_present: bool = False) -> list[Action]:
        return self.feed(self.head(), Planes(STATE, {"7": SLOT}), Connected(session_present))

    def pass_time(self, seconds: float) -> list[Action]:
        self.now_s += seconds
        return self.feed(Tick())

    def write(self, count: int) -> list[Action]:
        self.journal.append(count)
        return self.feed(Grown(self.journal.size))

    def deliver(self) -> None:
        """All that was published reaches the broker and upstream, and what upstream says comes back."""
        while self.on_the_way:
            publish = self.on_the_way.pop(0)
            self.feed(Confirmed(publish.token))
            if publish.topic == TOPICS.journal and (note := self.upstream.take(publish.payload)):
                self.feed(AckArrived(note))


def published(actions: list[Action], topic: str) -> list[Any]:
    return [json.loads(one.payload) for one in actions if isinstance(one, Publish) and one.topic == topic]


def topics(actions: list[Action]) -> list[str]:
    return [one.topic.removeprefix("kc/v1/demo/lobby-01/") for one in actions if isinstance(one, Publish)]


def batches(actions: list[Action]) -> list[tuple[int, int]]:
    """First leaf and number of leaves of each batch."""
    return [(one["first"], len(one["leaves"])) for one in published(actions, TOPICS.journal)]


def test_birth_says_planes_then_session_then_online_and_then_old_leaves() -> None:
    rig = Rig()
    rig.journal.append(3)
    actions = rig.start()
    assert topics(actions) == ["state", "slot/7", "session", "status", "journal"]
    assert all(one.retain for one in actions if isinstance(one, Publish) and one.topic != TOPICS.journal)
    (session,) = published(actions, TOPICS.session)
    assert session == {
        "schema": 1,
        "origin": ORIGIN,
        "vkey": SIGNER.vkey,
        "head": 3,
        "oldest": 0,
        "boot": "1f0c9a2e",
        "session": 2**31,
        "versions": {"cabinetd": "1.0", "uplink": "9.9"},
    }
    assert [one for one in actions if not isinstance(one, Publish)] == [
        Subscribe(),
        ReadHead(),
        ReportLink(True),
        ReadBatch(0),
    ]


def test_a_batch_is_what_the_cabinet_gave() -> None:
    rig = Rig()
    rig.journal.append(2)
    (batch,) = published(rig.start(), TOPICS.journal)
    assert list(batch) == ["v", "origin", "first", "leaves", "checkpoint", "hist"]
    given = rig.journal.batch(0)
    assert (batch["v"], batch["origin"], batch["first"]) == (1, ORIGIN, 0)
    assert (batch["leaves"], batch["checkpoint"]) == (given["leaves"], given["checkpoint"])
    assert batch["hist"] is False


def test_pruned_leaves_go_as_hashes_and_are_history() -> None:
    rig = Rig()
    rig.start()
    rig.feed(Grown(2))
    rig.machine.step(CabinetLost(), rig.now)
    rig.machine.step(rig.head(), rig.now)
    machine = rig.machine
    machine.step(Planes(STATE, {}), rig.now)
    machine.step(Grown(1), rig.now)
    actions = machine.step(Batch(0, [{"hash": "aGFzaA=="}], "note", 0), rig.now)
    (batch,) = published(actions, TOPICS.journal)
    assert batch["leaves"] == [{"hash": "aGFzaA=="}]
    assert batch["hist"] is True


def test_events_older_than_a_minute_are_history() -> None:
    rig = Rig()
    rig.journal.append(1)
    rig.now_s += 61
    (batch,) = published(rig.start(), TOPICS.journal)
    assert batch["hist"] is True


def test_nothing_is_said_while_the_cabinet_is_not_there() -> None:
    rig = Rig()
    assert rig.feed(Connected(False)) == [Subscribe()]
    assert topics(rig.feed(rig.head())) == []
    assert topics(rig.feed(Planes(STATE, {}))) == ["state", "session", "status"]


def test_offline_while_cabinetd_is_gone_and_online_when_it_is_back() -> None:
    rig = Rig()
    rig.start()
    (offline,) = rig.feed(CabinetLost())
    assert isinstance(offline, Publish)
    assert (offline.topic, offline.payload, offline.retain) == (TOPICS.status, b"offline", True)
    rig.deliver()
    back = rig.feed(rig.head(), Planes(STATE | {"items_out": 1}, {"7": SLOT}))
    assert topics(back) == ["state", "session", "status"], "slot/7 did not change"


@pytest.mark.parametrize(("session_present", "again"), [(False, ["state", "slot/7"]), (True, [])])
def test_planes_come_again_unless_the_broker_kept_them(session_present: bool, again: list[str]) -> None:
    rig = Rig()
    rig.start()
    rig.deliver()
    rig.feed(Disconnected())
    assert topics(rig.feed(Connected(session_present))) == [*again, "session", "status"]


def test_planes_that_were_not_confirmed_come_again_in_a_kept_session_too() -> None:
    rig = Rig()
    rig.start()
    rig.feed(Disconnected())
    assert topics(rig.feed(Connected(True))) == ["state", "slot/7", "session", "status"]


def test_only_changed_planes_are_published_and_a_slow_broker_gets_the_newest() -> None:
    rig = Rig()
    rig.start()
    rig.deliver()
    assert rig.feed(PlaneChanged("state", dict(STATE))) == []
    assert topics(rig.feed(PlaneChanged("state", STATE | {"items_out": 1}))) == ["state"]
    assert topics(rig.feed(PlaneChanged("state", STATE | {"items_out": 2}))) == []
    assert topics(rig.feed(PlaneChanged("state", STATE | {"items_out": 3}))) == []
    (first,) = rig.on_the_way
    assert published(rig.feed(Confirmed(first.token)), TOPICS.plane("state")) == [STATE | {"items_out": 3}]


def test_a_plane_the_broker_refuses_is_not_hammered() -> None:
    rig = Rig()
    rig.start()
    rig.deliver()
    (publish,) = rig.feed(PlaneChanged("state", STATE | {"items_out": 1}))
    assert isinstance(publish, Publish)
    assert rig.feed(NotTaken(publish.token)) == []
    assert rig.feed(PlaneChanged("state", STATE | {"items_out": 2})) == []
    rig.feed(Disconnected())
    assert topics(rig.feed(Connected(True))) == ["state", "session", "status"]


def test_the_window_is_full_at_twenty_and_moves_with_acknowledgements() -> None:
    rig = Rig()
    for _ in range(30):
        rig.journal.append(100)
    assert batches(rig.start()) == [(n * 100, 100) for n in range(WINDOW)]
    for publish in list(rig.on_the_way):
        assert rig.feed(Confirmed(publish.token)) == [], "the broker's word moves nothing"
    (note,) = [rig.upstream.take(one.payload) for one in rig.on_the_way if one.topic == TOPICS.journal][:1]
    assert note is not None
    assert batches(rig.feed(AckArrived(note))) == [(2000, 100)]
    assert rig.machine.acked == 100


def test_a_batch_upstream_holds_fills_the_window_until_the_broker_confirms_it() -> None:
    rig = Rig()
    for _ in range(30):
        rig.journal.append(100)
    rig.start()
    sent = [one for one in rig.on_the_way if one.topic == TOPICS.journal]
    note = rig.upstream.take(sent[0].payload)
    assert note is not None
    assert batches(rig.feed(AckArrived(note))) == []
    assert batches(rig.feed(Confirmed(sent[0].token))) == [(2000, 100)]


def test_old_leaves_wait_for_the_jitter_and_planes_do_not() -> None:
    rig = Rig(jitter_s_max=30, chance=0.5)
    rig.journal.append(1)
    assert topics(rig.start()) == ["state", "slot/7", "session", "status"]
    assert rig.machine.wake_s(rig.now) == rig.now_s + 15
    assert topics(rig.pass_time(14.9)) == []
    assert topics(rig.pass_time(0.2)) == ["journal"]


def confirm_all(rig: Rig) -> None:
    while rig.on_the_way:
        rig.feed(Confirmed(rig.on_the_way.pop().token))


def test_without_an_acknowledgement_it_is_sent_again_ever_more_seldom() -> None:
    rig = Rig()
    rig.journal.append(1)
    rig.start()
    times = []
    start_s = rig.now_s
    for _ in range(1300):
        confirm_all(rig)
        actions = rig.pass_time(1)
        if topics(actions) == ["journal"]:
            times.append(rig.now_s - start_s)
            assert Subscribe() in actions, "the retained acknowledgement is asked for too"
    assert times == [30, 90, 210, 450, 750, 1050]


def test_what_the_broker_has_not_confirmed_is_not_sent_to_it_again() -> None:
    rig = Rig()
    rig.journal.append(1)
    rig.start()
    assert topics(rig.pass_time(30)) == []
    assert batches(rig.feed(Confirmed(rig.on_the_way[-1].token))) == [(0, 1)]


def test_after_a_silence_one_batch_probes_and_an_acknowledgement_opens_the_window() -> None:
    rig = Rig()
    for _ in range(5):
        rig.journal.append(100)
    rig.start()
    confirm_all(rig)
    assert batches(rig.pass_time(30)) == [(0, 100)]
    rig.deliver()
    assert rig.machine.acked == rig.journal.size == rig.upstream.size


def test_one_acknowledgement_after_a_silence_opens_the_whole_window() -> None:
    rig = Rig()
    for _ in range(30):
        rig.journal.append(100)
    rig.start()
    confirm_all(rig)
    rig.pass_time(30)
    (probe,) = rig.on_the_way
    rig.feed(Confirmed(probe.token))
    note = rig.upstream.take(probe.payload)
    assert note is not None
    assert batches(rig.feed(AckArrived(note))) == [(n * 100, 100) for n in range(1, 1 + WINDOW)]


def test_an_older_acknowledgement_takes_nothing_back() -> None:
    rig = Rig()
    rig.journal.append(5)
    rig.start()
    rig.deliver()
    assert rig.feed(Acked(3)) == []
    assert rig.machine.acked == 5


def test_a_request_for_what_was_not_sent_yet_skips_nothing() -> None:
    rig = Rig()
    for _ in range(30):
        rig.journal.append(100)
    rig.start()
    rig.feed(RequestArrived(json.dumps({"origin": ORIGIN, "from": 2500}).encode(), False))
    rig.deliver()
    assert rig.upstream.leaves == rig.journal.leaves
    assert batches(rig.done)[WINDOW] == (2000, 100)


def test_an_acknowledgement_amid_a_replay_does_not_cut_it_short() -> None:
    rig = Rig()
    for _ in range(40):
        rig.journal.append(100)
    rig.start()
    rig.deliver()
    rig.write(10)
    note = rig.upstream.take(rig.on_the_way[-1].payload)
    confirm_all(rig)
    assert note is not None
    rig.upstream = MemoryUpstream()
    rig.feed(RequestArrived(json.dumps({"origin": ORIGIN, "from": 0}).encode(), False))
    rig.feed(AckArrived(note))
    rig.deliver()
    assert rig.upstream.leaves == rig.journal.leaves


def test_what_was_read_before_a_request_is_read_again() -> None:
    rig = Rig()
    rig.journal.append(5)
    rig.start()
    rig.deliver()
    rig.journal.append(1)
    assert rig.machine.step(Grown(6), rig.now) == [ReadBatch(5)]
    assert rig.machine.step(Grown(6), rig.now) == [], "one at a time"
    wanted = json.dumps({"origin": ORIGIN, "from": 0}).encode()
    assert rig.machine.step(RequestArrived(wanted, False), rig.now) == []
    assert rig.machine.step(Batch(**rig.journal.batch(5)), rig.now) == [ReadBatch(0)]


def test_a_request_goes_back_at_most_once_in_five_seconds() -> None:
    rig = Rig()
    rig.journal.append(5)
    rig.start()
    rig.deliver()
    wanted = json.dumps({"origin": ORIGIN, "from": 0}).encode()
    assert batches(rig.feed(RequestArrived(wanted, False))) == [(0, 5)]
    rig.pass_time(4.9)
    assert batches(rig.feed(RequestArrived(wanted, False))) == []
    rig.pass_time(0.2)
    assert batches(rig.feed(RequestArrived(wanted, False))) == [(0, 5)]
    assert rig.machine.acked == 5, "the position does not go back"


def test_a_replay_goes_on_to_the_head_while_acknowledgements_come_in() -> None:
    rig = Rig()
    for _ in range(40):
        rig.journal.append(100)
    rig.start()
    rig.deliver()
    rig.upstream = MemoryUpstream()
    rig.feed(RequestArrived(json.dumps({"origin": ORIGIN, "from": 0}).encode(), False))
    rig.write(10)
    rig.deliver()
    assert rig.upstream.leaves == rig.journal.leaves
    assert rig.machine.acked == 4010


@pytest.mark.parametrize(
    ("payload", "retained", "cause"),
    [
        ({"origin": ORIGIN, "from": 0}, True, "retained"),
        ({"origin": ORIGIN, "from": 2}, False, "ahead"),
        ({"origin": ORIGIN + "/e2", "from": 0}, False, "unknown-origin"),
        ({"origin": ORIGIN, "from": -1}, False, "malformed"),
        ({"origin": ORIGIN, "from": True}, False, "malformed"),
        ({"origin": ORIGIN, "from": 0.0}, False, "malformed"),
        ({"origin": ORIGIN}, False, "malformed"),
        ({"from": 0}, False, "malformed"),
        ([], False, "malformed"),
        (b"{", False, "malformed"),
        (b"[" * 4000, False, "malformed"),
        (b"\xff", False, "malformed"),
        (b"", False, "malformed"),
    ],
)
def test_other_requests_are_counted_and_do_nothing(payload: object, retained: bool, cause: str) -> None:
    rig = Rig()
    rig.journal.append(1)
    rig.start()
    rig.deliver()
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    assert rig.feed(RequestArrived(data, retained)) == [Reject(cause)]


def test_the_same_acknowledgement_is_judged_once() -> None:
    rig = Rig()
    rig.journal.append(1)
    rig.start()
    rig.deliver()
    assert rig.upstream.newest is not None
    assert rig.feed(AckArrived(rig.upstream.newest)) == []
    rig.feed(Disconnected(), Connected(True))
    assert rig.feed(AckArrived(rig.upstream.newest)) == []


def test_an_acknowledgement_waits_for_cabinetd() -> None:
    rig = Rig()
    rig.start()
    rig.feed(CabinetLost())
    assert rig.feed(AckArrived(b"a"), AckArrived(b"b"), AckArrived(b"a")) == []
    step = rig.machine.step(rig.head(), rig.now)
    assert [one.note for one in step if isinstance(one, HandIn)] == ["b"], "the newest first"
    assert not [one for one in rig.machine.step(CabinetLost(), rig.now) if isinstance(one, HandIn)]
    handed_in = [one.note for one in rig.feed(rig.head()) if isinstance(one, HandIn)]
    assert sorted(handed_in) == ["a", "b"], "not lost with it"


def test_one_acknowledgement_is_handed_in_for_a_whole_window() -> None:
    rig = Rig()
    for _ in range(2 * WINDOW):
        rig.journal.append(100)
    sent = [one for one in rig.start() if isinstance(one, Publish) and one.topic == TOPICS.journal]
    assert len(sent) == WINDOW
    notes = [(rig.upstream.take(publish.payload) or b"").decode() for publish in sent]
    for publish in sent:
        rig.feed(Confirmed(publish.token))
    [judging] = rig.machine.step(AckArrived(notes[0].encode()), rig.now)
    assert judging == HandIn(notes[0]), "the window is full"
    for note in notes[1:]:
        assert rig.machine.step(AckArrived(note.encode()), rig.now) == [], "one at a time"
    assert rig.machine.step(AckResult(True, 100, None), rig.now) == [HandIn(notes[-1]), ReadBatch(2000)]
    assert rig.machine.step(AckResult(True, 2000, None), rig.now) == [], "those in between can wait"
    sent = [one for one in rig.feed(Batch(**rig.journal.batch(2000))) if isinstance(one, Publish)]
    assert len(sent) == WINDOW
    for publish in sent:
        rig.feed(Confirmed(publish.token))
    last = [(rig.upstream.take(publish.payload) or b"").decode() for publish in sent][-1]
    found = [one.note for one in rig.feed(AckArrived(last.encode())) if isinstance(one, HandIn)]
    assert found[0] == last
    assert set(found[1:]) <= set(notes[1:-1]), "at rest, all are judged"


def test_one_that_could_not_be_judged_may_come_again() -> None:
    rig = Rig()
    rig.start()
    assert rig.machine.step(AckArrived(b"a"), rig.now) == [HandIn("a")]
    assert rig.machine.step(AckFailed(), rig.now) == []
    assert rig.machine.step(AckArrived(b"a"), rig.now) == [HandIn("a")]


def test_what_is_no_text_is_counted_and_a_contradiction_asks_for_the_head() -> None:
    rig = Rig()
    rig.start()
    assert rig.feed(AckArrived(b"\xff")) == [Reject("malformed")]
    assert rig.feed(JunkArrived("oversized")) == [Reject("oversized")]
    rig.machine.step(AckArrived(b"a"), rig.now)
    assert rig.machine.step(AckResult(False, 0, "fork"), rig.now) == [ReadHead()]


def test_another_epoch_is_another_birth() -> None:
    rig = Rig()
    rig.journal.append(5)
    rig.start()
    rig.deliver()
    head = Head(ORIGIN + "/e2", "vkey2", 0, 0, 0, "1f0c9a2e", "1.0")
    actions = rig.machine.step(head, rig.now)
    assert topics(actions) == ["session", "status"]
    assert rig.machine.acked == 0


def test_a_batch_that_cannot_be_read_is_tried_again_later() -> None:
    rig = Rig()
    rig.start()
    assert rig.machine.step(Grown(1), rig.now) == [ReadBatch(0)]
    assert rig.machine.step(BatchFailed(), rig.now) == []
    assert rig.machine.wake_s(rig.now) == rig.now_s + 5
    rig.now_s += 5
    assert rig.machine.step(Tick(), rig.now) == [ReadBatch(0)]


def test_an_answer_from_before_a_reconnect_is_not_sent() -> None:
    rig = Rig()
    rig.journal.append(1)
    rig.start()
    rig.deliver()
    rig.journal.append(1)
    assert rig.machine.step(Grown(2), rig.now) == [ReadBatch(1)]
    rig.machine.step(Disconnected(), rig.now)
    assert rig.machine.step(Batch(**rig.journal.batch(1)), rig.now) == []


def test_the_link_is_reported_up_at_once_and_down_when_it_stays_so() -> None:
    rig = Rig()
    rig.start()
    rig.deliver()
    rig.feed(Disconnected())
    assert rig.machine.wake_s(rig.now) == rig.now_s + 5
    assert rig.pass_time(4.9) == []
    assert ReportLink(True) not in rig.feed(Connected(True)), "a moment is no loss"
    rig.feed(Disconnected())
    assert rig.pass_time(5.1) == [ReportLink(False)]
    assert rig.machine.wake_s(rig.now) is None
    assert rig.pass_time(60) == []
    assert ReportLink(True) in rig.feed(Connected(True))


def test_a_new_cabinetd_is_told_whether_the_broker_is_there() -> None:
    rig = Rig()
    rig.start()
    rig.feed(CabinetLost())
    assert ReportLink(True) in rig.feed(rig.head(), Planes(STATE, {}))


REMOVED = {
    "v": 1,
    "dev": "lobby-01",
    "n": 0,
    "boot": "1f0c9a2e",
    "mono_ms": 81234,
    "ts": WALL_MS,
    "tq": "ntp",
    "ev": "item.removed",
    "slot": 7,
    "item": "K-0007",
    "auth": "card+pin",
    "due": WALL_MS + 60_123,
    "visit": 3,
    "subs": [{"r": "returner", "p": "other", "e": "sealed"}, {"r": "holder", "p": "pseudonym", "e": "sealed"}],
    "salt": "salt",
}


def test_a_live_event_is_flat_and_has_every_key() -> None:
    rig = Rig()
    rig.start()
    (action,) = [one for one in rig.feed(LeafWritten(0, REMOVED)) if isinstance(one, Publish)]
    assert (action.topic, action.retain) == (TOPICS.event, False)
    assert action.payload.startswith(b'{"event_type":"item.removed",')
    assert json.loads(action.payload) == {
        "event_type": "item.removed",
        "n": 0,
        "at": "2026-01-01T00:00:00Z",
        "clock": "ntp",
        "slot": 7,
        "item": "K-0007",
        "holder": "pseudonym",
        "visit": 3,
        "auth": "card+pin",
        "due": "2026-01-01T00:01:00.123Z",
        "device": None,
        "code": None,
        "cause": None,
        "rule": None,
    }


def test_keys_of_another_type_are_null() -> None:
    rig = Rig()
    rig.start()
    odd = {"ev": "x.y", "ts": WALL_MS, "slot": "7", "item": 7, "due": 2**62, "subs": "nobody", "visit": True}
    (payload,) = published(rig.feed(LeafWritten(0, odd)), TOPICS.event)
    assert {key for key, value in payload.items() if value is not None} == {"event_type", "n", "at"}


def test_live_events_are_left_out_while_old_ones_are_sent_and_when_they_are_old() -> None:
    rig = Rig()
    for _ in range(30):
        rig.journal.append(100)
    rig.start()
    assert published(rig.feed(LeafWritten(3000, REMOVED | {"n": 3000})), TOPICS.event) == []
    rig.journal.append(1)
    rig.deliver()
    assert len(published(rig.feed(LeafWritten(3001, REMOVED | {"n": 3001})), TOPICS.event)) == 1
    assert published(rig.feed(LeafWritten(3002, REMOVED | {"ts": WALL_MS - 61_000})), TOPICS.event) == []


def test_live_events_do_not_pile_up_behind_a_broker_that_confirms_nothing() -> None:
    rig = Rig()
    rig.start()
    for n in range(200):
        rig.feed(LeafWritten(n, REMOVED))
    assert len(published(rig.done, TOPICS.event)) == 64
    rig.feed(Disconnected(), Connected(True))
    assert len(published(rig.feed(LeafWritten(200, REMOVED)), TOPICS.event)) == 1


def test_stopping_says_offline_once_and_nothing_else() -> None:
    rig = Rig()
    rig.start()
    rig.deliver()
    (offline,) = rig.feed(Stopping())
    assert isinstance(offline, Publish)
    assert offline.payload == b"offline"
    rig.journal.append(1)
    assert rig.feed(Grown(1), LeafWritten(1, REMOVED), PlaneChanged("state", {})) == []
    assert not rig.machine.has_left
    rig.feed(Confirmed(offline.token))
    assert rig.machine.has_left


def test_stopping_without_a_broker_is_done_at_once() -> None:
    rig = Rig()
    rig.feed(rig.head())
    assert rig.feed(Stopping()) == []
    assert rig.machine.has_left


STEPS = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 64)),
    st.tuples(st.sampled_from(["deliver", "lose", "double", "confirm", "swap", "refuse"]), st.integers(0, 30)),
    st.tuples(st.sampled_from(["ack", "old ack", "witness", "again"]), st.integers(0, 30)),
    st.tuples(st.just("request"), st.integers(0, 2000)),
    st.tuples(st.just("time"), st.sampled_from([0.1, 6, 31, 301])),
    st.tuples(st.sampled_from(["disconnect", "connect", "cabinet"]), st.integers(0, 1)),
)


class Storm(Rig):
    """Applies one step of trouble at a time, and checks after each what must always hold."""

    def __init__(self) -> None:
        super().__init__()
        self.connected = True
        self.counted = 0
        self.notes: list[bytes] = []
        self.start()

    def apply(self, step: tuple[str, Any]) -> None:
        what, how = step
        getattr(self, "_" + what.replace(" ", "_"))(how)
        self.check()

    def check(self) -> None:
        assert self.machine.acked == self.journal.acked == self.counted, "moved without a counted acknowledgement"
        held = [one for one in self.on_the_way if one.topic == TOPICS.journal]
        assert len(held) <= WINDOW

    def answer(self, action: Action) -> list[Event]:
        events = super().answer(action)
        for event in events:
            if isinstance(event, AckResult) and event.counted:
                assert event.acked > self.counted
                self.counted = event.acked
        return events

    def _write(self, count: int) -> None:
        self.write(count)

    def _take(self, publish: Publish) -> None:
        if publish.topic == TOPICS.journal and (note := self.upstream.take(publish.payload)):
            self.notes.append(note)

    def _deliver(self, at: int) -> None:
        if self.on_the_way:
            publish = self.on_the_way.pop(at % len(self.on_the_way))
            self.feed(Confirmed(publish.token))
            self._take(publish)

    def _lose(self, at: int) -> None:
        """The broker confirms, and loses it."""
        if self.on_the_way:
            self.feed(Confirmed(self.on_the_way.pop(at % len(self.on_the_way)).token))

    def _double(self, at: int) -> None:
        if self.on_the_way:
            self._take(self.on_the_way[at % len(self.on_the_way)])

    def _confirm(self, at: int) -> None:
        self._lose(at)

    def _swap(self, at: int) -> None:
        self.on_the_way.reverse()

    def _refuse(self, at: int) -> None:
        if self.on_the_way:
            self.feed(NotTaken(self.on_the_way.pop(at % len(self.on_the_way)).token))

    def _ack(self, at: int) -> None:
        if self.notes and self.connected:
            self.feed(AckArrived(self.notes.pop()))

    def _old_ack(self, at: int) -> None:
        if self.notes and self.connected:
            self.feed(AckArrived(self.notes[at % len(self.notes)]))

    def _witness(self, at: int) -> None:
        """Ours, but cosigned by nobody who stores."""
        if self.journal.notes and self.connected:
            self.feed(AckArrived(self.journal.notes[self.journal.size]))

    def _again(self, at: int) -> None:
        if self.upstream.newest and self.connected:
            self.feed(AckArrived(self.upstream.newest))

    def _request(self, first: int) -> None:
        if self.connected:
            self.feed(RequestArrived(json.dumps({"origin": ORIGIN, "from": first}).encode(), False))

    def _time(self, seconds: float) -> None:
        self.pass_time(seconds)

    def _disconnect(self, how: int) -> None:
        if self.connected:
            self.connected = False
            self.on_the_way.clear()
            self.feed(Disconnected())

    def _connect(self, how: int) -> None:
        if not self.connected:
            self.connected = True
            self.feed(Connected(bool(how)))

    def _cabinet(self, how: int) -> None:
        """cabinetd starts anew."""
        self.feed(CabinetLost())
        self.journal.append(1)
        self.feed(self.head(), Planes(STATE, {"7": SLOT}))


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEPS, max_size=60))
def test_whatever_happens_all_leaves_arrive_once_the_trouble_is_over(steps: list[tuple[str, Any]]) -> None:
    storm = Storm()
    for step in steps:
        storm.apply(step)
    storm.apply(("write", 1))
    storm.apply(("connect", 0))
    for _ in range(60):
        storm.deliver()
        if storm.upstream.newest:
            storm.feed(AckArrived(storm.upstream.newest))
        if storm.machine.acked == storm.journal.size:
            break
        storm.apply(("time", 301))
    assert storm.upstream.leaves == storm.journal.leaves
    assert storm.machine.acked == storm.journal.size
    storm.check()


@given(planes=st.dictionaries(st.sampled_from(["state", "slot/7"]), st.integers(0, 2)), kept=st.booleans())
def test_after_any_reconnect_the_broker_knows_what_the_cabinet_says(planes: Mapping[str, int], kept: bool) -> None:
    rig = Rig()
    broker: dict[str, bytes] = {}

    def deliver(count: int) -> None:
        for publish in rig.on_the_way[:count]:
            rig.on_the_way.remove(publish)
            broker[publish.topic] = publish.payload
            rig.feed(Confirmed(publish.token))

    rig.start()
    deliver(99)
    for plane, value in planes.items():
        rig.feed(PlaneChanged(plane, {"value": value}))
    deliver(1)
    rig.on_the_way.clear()
    rig.feed(Disconnected())
    if not kept:
        broker.clear()
    rig.feed(Connected(kept))
    while rig.on_the_way:
        deliver(1)
    wanted = {"state": STATE, "slot/7": SLOT} | {plane: {"value": value} for plane, value in planes.items()}
    for plane, payload in wanted.items():
        assert json.loads(broker[TOPICS.plane(plane)]) == payload
    assert broker[TOPICS.status] == b"online"
