"""What epochs have left to send goes up once on each connection, behind everything else, until one is accepted."""

from __future__ import annotations

import json
from typing import Any

from sync.cabinet_messages import answer_to, refused, request_for
from sync.events import (
    AcceptedArrived,
    Acked,
    Action,
    CabinetLost,
    Confirmed,
    Connected,
    Disconnected,
    ErasedArrived,
    Event,
    HandInErased,
    Head,
    Publish,
    ReadHead,
    ReadTail,
    Reject,
    Tail,
    TailBatch,
    TailFailed,
)
from sync.payloads import LONGEST_IN
from tests.sync.test_machine import SLOT, STATE, TOPICS, Planes, Rig, published
from tests.sync.upstream import ORIGIN, SIGNER, MemoryJournal

LATER = SIGNER.named(f"{ORIGIN}/e3")
COMMON = 150


class Reborn(Rig):
    """In its third epoch. Of the first 250 leaves are left, orphans from 150 on; of the second 3, all orphans."""

    def __init__(self) -> None:
        super().__init__()
        self.journal = MemoryJournal(LATER)
        self.old = {name: MemoryJournal(SIGNER.named(name)) for name in (f"{ORIGIN}/e2", ORIGIN)}
        self.old[ORIGIN].append(50)
        for _ in range(4):
            self.old[ORIGIN].append(50)
        self.old[f"{ORIGIN}/e2"].append(3)
        self.broken = False

    def head(self) -> Head:
        tails = [Tail(name, 50 if name == ORIGIN else 0, old.size) for name, old in self.old.items()]
        return Head(LATER.name, LATER.vkey, self.journal.size, self.journal.acked, 0, "1f0c9a2e", "1.0", tails)

    def answer(self, action: Action) -> list[Event]:
        if not isinstance(action, ReadTail):
            return super().answer(action)
        if self.broken:
            return [TailFailed()]
        common = COMMON if action.origin == ORIGIN else 0
        found = self.old[action.origin].batch(action.first)
        return [TailBatch(**found, origin=action.origin, orphan=action.first >= common)]

    def deliver_all(self) -> list[dict[str, Any]]:
        """Batches that reach the broker; those of the present epoch are confirmed."""
        seen: list[dict[str, Any]] = []
        while self.on_the_way:
            publish = self.on_the_way.pop(0)
            self.confirm(publish)
            if publish.topic == TOPICS.journal:
                seen.append(json.loads(publish.payload))
                if seen[-1]["origin"] == LATER.name:
                    self.hold(seen[-1]["first"] + len(seen[-1]["leaves"]))
        return seen

    def confirm(self, publish: Publish) -> None:
        self.feed(Confirmed(publish.token))

    def hold(self, size: int) -> None:
        self.journal.acked = size
        self.feed(Acked(size))


def sent(batches: list[dict[str, Any]]) -> list[tuple[str, int, int, bool]]:
    return [
        (one["origin"].removeprefix(ORIGIN), one["first"], len(one["leaves"]), one.get("orphan", False))
        for one in batches
    ]


ALL = [("/e2", 0, 3, True), ("", 50, 100, False), ("", 150, 100, True)]


def test_they_come_behind_everything_else_one_at_a_time() -> None:
    rig = Reborn()
    rig.journal.append(5)
    rig.start()
    batches = [json.loads(one.payload) for one in rig.on_the_way if one.topic == TOPICS.journal]
    assert sent(batches) == [("/e3", 0, 5, False)], "until upstream holds the present epoch"
    assert sent(rig.deliver_all())[1:] == ALL
    assert all(one["hist"] for one in batches[1:])


def test_a_batch_waits_until_the_broker_has_the_one_before() -> None:
    rig = Reborn()
    rig.start()
    assert sent(published(rig.done, TOPICS.journal)) == ALL[:1]
    rig.pass_time(1000)
    assert sent(published(rig.done, TOPICS.journal)) == ALL[:1]


def test_new_events_go_first() -> None:
    rig = Reborn()
    rig.start()
    rig.write(2)
    order = sent(rig.deliver_all())
    assert order == [ALL[0], ("/e3", 0, 2, False), *ALL[1:]]


def test_once_on_each_connection() -> None:
    rig = Reborn()
    rig.start()
    assert sent(rig.deliver_all()) == ALL
    rig.pass_time(1000)
    rig.write(1)
    rig.feed(rig.head())
    assert sent(rig.deliver_all()) == [("/e3", 0, 1, False)]
    rig.feed(Disconnected(), Connected(session_present=True))
    assert sent(rig.deliver_all()) == ALL


def test_a_connection_that_breaks_in_between_begins_anew() -> None:
    rig = Reborn()
    rig.start()
    rig.feed(Disconnected())
    rig.on_the_way.clear()
    rig.feed(Connected(session_present=True))
    assert sent(rig.deliver_all()) == ALL


def test_an_answer_from_before_the_connection_broke_is_left_out() -> None:
    rig = Reborn()
    (late,) = rig.answer(ReadTail(ORIGIN, 150))
    rig.start()
    assert published(rig.feed(late), TOPICS.journal) == []
    assert sent(rig.deliver_all()) == ALL


def test_an_accepted_epoch_ends_it_and_all_before() -> None:
    rig = Reborn()
    rig.start()
    rig.feed(AcceptedArrived(json.dumps({"origin": f"{ORIGIN}/e2"}).encode()))
    assert sent(rig.deliver_all()) == ALL[:1], "of the second epoch nobody has said so"
    other = Reborn()
    other.feed(AcceptedArrived(json.dumps({"origin": LATER.name}).encode()))
    other.start()
    assert sent(other.deliver_all()) == []


def test_a_word_of_acceptance_that_is_none() -> None:
    rig = Reborn()
    for payload in (b"", b"\xff", b"[]", b"{}", b'{"origin":3}'):
        assert rig.feed(AcceptedArrived(payload)) == [Reject("malformed")]
    rig.start()
    assert sent(rig.deliver_all()) == ALL


def test_what_cannot_be_read_holds_up_nothing() -> None:
    rig = Reborn()
    rig.broken = True
    rig.start()
    rig.write(1)
    assert sent(rig.deliver_all()) == [("/e3", 0, 1, False)]
    rig.broken = False
    rig.feed(Disconnected(), Connected(session_present=True))
    assert sent(rig.deliver_all()) == ALL


def test_a_cabinet_that_goes_away_while_it_is_asked() -> None:
    rig = Reborn()
    rig.machine.step(rig.head(), rig.now)
    rig.machine.step(Planes(STATE, {"7": SLOT}), rig.now)
    actions = rig.machine.step(Connected(session_present=False), rig.now)
    assert ReadHead() in actions
    assert ReadTail(f"{ORIGIN}/e2", 0) in rig.machine.step(rig.head(), rig.now)
    rig.machine.step(CabinetLost(), rig.now)
    rig.feed(rig.head(), Planes(STATE, {"7": SLOT}))
    assert sent(rig.deliver_all()) == ALL


# -- erasures of earlier epochs -----------------------------------------------------------------------------------


def test_a_receipt_is_handed_in_as_it_came() -> None:
    rig = Reborn()
    rig.start()
    assert rig.feed(ErasedArrived(b"c2sp.org/tlog-proof@v1\n", retained=False)) == [
        HandInErased("c2sp.org/tlog-proof@v1\n")
    ]
    assert rig.feed(ErasedArrived(b"x", retained=True)) == [Reject("retained")]
    assert rig.feed(ErasedArrived(b"\xff", retained=False)) == [Reject("malformed")]
    assert LONGEST_IN >= 4096


def test_without_a_cabinet_it_is_dropped_and_comes_with_the_next_session() -> None:
    rig = Reborn()
    assert rig.feed(ErasedArrived(b"x", retained=False)) == []


# -- on the socket ----------------------------------------------------------------------------------------------------


def test_what_is_asked_of_cabinetd() -> None:
    assert request_for(ReadTail(ORIGIN, 7)) == ("upstream.tail", {"origin": ORIGIN, "from": 7})
    assert request_for(HandInErased("x")) == ("upstream.erased", {"receipt": "x"})
    answer = {"origin": ORIGIN, "first": 7, "leaves": ["eA=="], "checkpoint": "note", "ts": 3, "orphan": True}
    assert answer_to(ReadTail(ORIGIN, 7), answer) == [TailBatch(7, ["eA=="], "note", 3, ORIGIN, orphan=True)]
    assert refused(ReadTail(ORIGIN, 7)) == [TailFailed()]
    assert refused(HandInErased("x")) == []
