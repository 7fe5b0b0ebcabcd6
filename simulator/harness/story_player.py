"""Plays a story on a simulated cabinet, and looks whether what it says comes true."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, time
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

from cabinet.control.protocol import Code, ControlError
from cabinet.journal.opening import epoch_origin
from simulator import acts, expectations
from simulator.expectations import Sentence
from simulator.faults import FaultError
from simulator.harness import happenings as seen
from simulator.harness.blueprint import ZONE
from simulator.harness.cabinet import Cabinet
from simulator.harness.contradiction import contradict, harm
from simulator.harness.invariants.liveness import RECOVERED_S
from simulator.harness.model_disk import Damage, Failure
from simulator.harness.network.broker import Lie
from simulator.harness.network.troubles import COPY, TOPICS, second_tree_of
from simulator.harness.people import booked
from simulator.harness.people.custodian import (
    agree,
    disclose,
    enrol_finger,
    erase,
    replace_fob,
    revoke_fingers,
    suspend,
    train,
    welcome,
)
from simulator.harness.people.policy import labelled
from simulator.harness.people.reliable import try_visit
from simulator.harness.people.visitor import Lobby, Visitor
from simulator.harness.simulation import Simulation
from simulator.story import Step, Story, StoryError
from simulator.types import seeded
from simulator.world import NotPossible

SETTLED_S: Final = 5.0
MOMENT_S: Final = 1.0
"""Whatever hands do takes so long."""
SOON_S: Final = 10.0
"""A display, a bolt."""
PATIENCE_S: Final = 45.0
"""A leaf: grants and visits lapse."""
ARRIVES_S: Final = 420.0
"""Upstream: longer than any pause before what was not acknowledged is sent again."""
TURN_OF_WATCH: Final = datetime(2026, 3, 10, 10, 0, tzinfo=ZoneInfo(ZONE))
"""When a story plays that does not say it."""


WHERE_TOLD_OF: Final = {"finger": ("finger",), "nfc-reader": ("strong card", "nfc-reader")}
"""Readers that a story has if it speaks of them: each asks its module all the time, which takes time to play."""


class StoryFailed(AssertionError):
    """A sentence did not come true; the text names it, and what was there instead."""


def cabinet_of(story: Story, seed: int, level: str) -> Simulation:
    """A cabinet for it: as the story says it is configured, at the time at which it begins."""
    sentences = [step.sentence for step in story.steps]
    begins = TURN_OF_WATCH
    if (clock := next((one for one in sentences if isinstance(one, acts.Clock)), None)) is not None:
        begins = datetime.fromisoformat(f"{clock.day} {clock.time}").replace(tzinfo=ZoneInfo(ZONE))
    start_ms = int(begins.timestamp() * 1000) - int(SETTLED_S * 1000)
    settings = tuple((one.key, one.value) for one in sentences if isinstance(one, acts.Setting))
    text = " ".join(step.text for step in story.steps)
    without = frozenset(device for device, words in WHERE_TOLD_OF.items() if not any(word in text for word in words))
    return Simulation(seed, level, start_ms=start_ms, settings=settings, without=without)


class StoryPlayer:
    """`play` is a story for Simulation.run. Unless `strict`, people do what they can and nobody minds what does not
    come true: the invariants alone are asked, and at the end everything has to work again."""

    def __init__(self, story: Story, *, strict: bool = True) -> None:
        self.stage = "boot"
        """Which sentence is played."""
        self._story = story
        self._strict = strict
        self._heard = 0
        self._reported = 0
        """The leaf of the last complaint or incident."""
        self._visitors: dict[str, Visitor] = {}
        self._lifted: dict[int, str] = {}
        """The fob last lifted from each slot."""
        self._enrolling: list[asyncio.Task[str | None]] = []
        self._codes: dict[str, str] = {}
        """The last one each was given."""

    async def play(self, simulation: Simulation) -> None:
        """Raises StoryFailed."""
        self._simulation = simulation
        self._cabinet: Cabinet = simulation.cabinet
        self._lobby = Lobby(self._cabinet.world)
        self._leaves = simulation.checks.truth.leaves
        self._news = asyncio.Event()
        simulation.witness.listeners.append(lambda *_: self._news.set())
        if not self._story.is_about_upstream:
            simulation.uplink.leave_out()
        self._cabinet.power_on()
        await asyncio.sleep(SETTLED_S)
        self._heard = len(self._leaves)
        for step in self._story.steps:
            if self._ends_early():
                break
            self.stage = step.text
            simulation.witness.tell(seen.Sentence(step.text))
            await self._perform(step)
        self.stage = "afterwards"
        await self._come_to_rest()

    def _ends_early(self) -> bool:
        """What comes after is of no interest."""
        return False

    async def _come_to_rest(self) -> None:
        """Everything works, a visit too, and all that was journaled arrives."""
        for device in self._cabinet.level.devices:
            self._cabinet.clear(device)
        for what in ("disk", "broker"):
            self._break(what, None)
        self._cabinet.power_on()
        self._cabinet.world.close_door()
        await asyncio.sleep(RECOVERED_S)
        self._simulation.checks.recovery.answers(self._cabinet.listening)
        await self._prove()
        self._simulation.witness.at_rest()

    async def _prove(self) -> None:
        await try_visit(self._simulation, self._lobby)
        if self._story.is_about_upstream:
            await self._until(self._arrived, ARRIVES_S)
            self._simulation.checks.upstream.arrived()

    async def _perform(self, step: Step) -> None:
        try:
            if isinstance(step.sentence, expectations.Expectation):
                missing = await self._missing(step.sentence)
            else:
                missing = await self._act(step.sentence)
        except (StoryError, FaultError, NotPossible) as error:
            raise StoryError(f"{self._story.name}.txt:{step.line}: {step.text} {error}") from None
        if missing is not None and self._strict:
            raise StoryFailed(f"{self._story.name}.txt:{step.line}: {step.text} But {missing}")

    # -- acts ----------------------------------------------------------------------------------------------------

    async def _act(self, sentence: Sentence) -> str | None:
        """Gives why it was not possible."""
        cabinet = self._cabinet
        match sentence:
            case acts.HoldCard(who, card):
                await self._who(who).badge(card)
            case acts.HoldStrongCard(who, whose, how):
                card = self._who(whose).person.strong_card
                if card is None:
                    raise StoryError(f"{whose} has no strong card")
                await self._who(who).badge(card, "plain" if how == "copied" else how)
            case acts.Type(who, "code"):
                await self._who(who).type(f"{self._codes.get(who, '00000000')}#")
            case acts.Type(who, what):
                visitor = self._who(who)
                if what == "PIN" and visitor.person.pin is None:
                    raise StoryError(f"{who} has no PIN")
                await visitor.type(visitor.person.keys(what))
            case acts.Touch(who, finger):
                await self._who(who).touch(finger)
            case acts.EnrolFinger(who, refused):
                return await self._enrol_finger(self._who(who).name, refused)
            case acts.Consent(who, purpose, withdrawn):
                return await agree(self._simulation, self._who(who).name, purpose, withdrawn=withdrawn)
            case acts.RevokeFingers(who):
                return await revoke_fingers(self._simulation, self._who(who).name)
            case acts.AcceptModule(reader):
                return await self._report("module.accept", {"reader": reader})
            case acts.Look(who):
                self._who(who).look()
                await asyncio.sleep(MOMENT_S)
            case acts.Hand():
                why = self._hand(sentence)
                await asyncio.sleep(MOMENT_S)
                return why
            case acts.Bring(who, fob):
                self._who(who)
                cabinet.world.bring(fob)
            case acts.ReplaceFob(fob, item):
                cabinet.world.bring(fob)
                return await self._replace_fob(fob, item)
            case acts.MoveDoor(who, is_open, by_force):
                self._who(who)
                return await self._move_door(is_open=is_open, by_force=by_force)
            case acts.Wait(seconds):
                await asyncio.sleep(seconds)
            case acts.PowerFails(for_s):
                cabinet.power_fails(for_s)
            case acts.Kill("cabinetd"):
                cabinet.kill()
            case acts.Kill():
                self._simulation.uplink.kill()
            case acts.Break(what, fault):
                self._break(what, fault)
            case acts.ConfirmCopy():
                note = second_tree_of(cabinet, cabinet.disk.images[max(cabinet.disk.images)].sizes[-1], bytes(32))
                self._simulation.broker.send(f"{TOPICS}/journal/ack", note, retain=True)
            case acts.AcceptEpoch():
                self._simulation.upstream.accept(epoch_origin(COPY.name, max(cabinet.disk.images)))
            case acts.Harm(how):
                harm(cabinet, _one_of(Damage, how))
            case acts.Contradict(how):
                contradict(cabinet, longer=how == "a longer")
            case acts.NewEpoch(reason, in_vain):
                refusal = await self._report("journal.new_epoch", {"reason": reason})
                return ("it is opened" if refusal is None else None) if in_vain else refusal
            case acts.ClockJumps(by_s):
                cabinet.wall.jump(by_s * 1000)
                cabinet.witness.tell(seen.WallClock(f"jumps by {by_s} s", moved=True))
            case acts.TrustClock(quality):
                cabinet.wall.quality = quality
                cabinet.witness.tell(seen.WallClock(f"is {quality}"))
            case acts.ConfirmClock(reason):
                return await self._report("clock.confirm", {"reason": reason})
            case acts.Release(slot, reason):
                return await self._release(slot, reason)
            case acts.Suspend(who, suspended):
                return await suspend(self._simulation, self._who(who).name, suspended=suspended)
            case acts.Forget(who):
                return await erase(self._simulation, self._who(who).name)
            case acts.Disclose(who):
                return await disclose(self._simulation, self._who(who).name)
            case acts.Welcome(who):
                return await welcome(self._simulation, self._who(who).name)
            case acts.Train(what, who, until):
                return await train(self._simulation, self._who(who).name, what, until)
            case acts.Book():
                return await self._book(sentence)
            case acts.GivePin() | acts.OfferCode():
                return await self._equip(sentence)
            case acts.CancelBooking(item):
                return await self._cancel_booking(item)
            case acts.Report(kind, item, text):
                return await self._report("incident.record", {"kind": kind, "item": item, "text": text})
            case acts.CloseReport(text):
                return await self._report("incident.close", {"n": self._reported, "text": text})
            case acts.ApplyPolicy(label):
                return await self._report("roster.apply", {"files": labelled(cabinet.plan.files, label)})
            case acts.Prune(reason):
                return await self._report("journal.prune", {"reason": reason})
            case acts.ReplaceKey():
                while not cabinet.replace_key():  # noqa: ASYNC110 - a technician looks again
                    await asyncio.sleep(SOON_S)
            case acts.RotateKey(reason, in_vain):
                refusal = await self._report("journal.rotate_key", {"reason": reason})
                return ("it is rotated" if refusal is None else None) if in_vain else refusal
            case acts.RollBack():
                return await self._roll_back()
            case acts.SwitchOn(slot):
                cabinet.switch_on(slot)
            case acts.Clock() | acts.Setting():
                """cabinet_of has seen to it."""
        return None

    async def _move_door(self, *, is_open: bool, by_force: bool) -> str | None:
        world = self._cabinet.world
        try:
            (world.force_door if by_force else world.open_door if is_open else world.close_door)()
        except NotPossible as reason:
            return str(reason)
        await asyncio.sleep(MOMENT_S)
        return None

    def _who(self, name: str) -> Visitor:
        if name not in self._visitors:
            person = self._cabinet.plan.cast.get(name)
            if person is None:
                known = ", ".join(self._cabinet.plan.cast)
                raise StoryError(f"there is no {name}; there are: {known}")
            self._visitors[name] = Visitor(self._cabinet, self._lobby, person, seeded(1, name))
        return self._visitors[name]

    def _hand(self, hand: acts.Hand) -> str | None:
        visitor, world = self._who(hand.who), self._cabinet.world
        if hand.slot not in world.slots:
            raise StoryError(f"there is no slot {hand.slot}")
        match hand.act:
            case "lift" | "force":
                fob = visitor.lift(hand.slot) if hand.act == "lift" else visitor.force(hand.slot)
                done = fob is not None
                self._lifted[hand.slot] = fob or self._lifted.get(hand.slot, "")
            case "seat":
                done = visitor.seat(hand.slot, hand.fob or self._lifted.get(hand.slot) or f"F-{hand.slot}")
        holds = "the bolt holds" if world.locked(hand.slot) else "the bolt does not hold"
        return None if done else f"{world.fob_in(hand.slot) or 'nothing'} hangs there, and {holds}"

    def _break(self, what: str, fault: str | None) -> None:
        tell = self._cabinet.witness.tell
        if what == "disk" and (fault == "slow" or self._cabinet.slow_disk):
            self._cabinet.slow_disk = fault == "slow"
        elif what == "disk":
            failure: Failure | None = _one_of(Failure, fault)
            self._cabinet.disk.failure = failure
        elif what == "broker":
            lies = self._simulation.broker.lies
            lies.clear()
            if fault is not None:
                lie: Lie = _one_of(Lie, fault)
                self._simulation.broker.lie(lie)
        elif what not in self._cabinet.level.devices:
            raise StoryError(f"there is no device {what}; there are: {', '.join(self._cabinet.level.devices)}")
        elif fault is None:
            self._cabinet.clear(what)
            return
        else:
            self._cabinet.fault(what, fault)
            return
        tell(seen.Mended(what) if fault is None else seen.Broken(what, fault))

    async def _release(self, slot: int, reason: str) -> str | None:
        try:
            await self._cabinet.call("slot.release", {"slot": slot, "reason": reason})
        except ControlError as error:
            return f"the daemon refuses: {error.message}"
        return None

    async def _book(self, wanted: acts.Book) -> str | None:
        """Today."""
        self._who(wanted.who)
        now = datetime.fromtimestamp(self._cabinet.wall.shown_ms / 1000, ZoneInfo(ZONE))
        times = (datetime.combine(now, time.fromisoformat(one), now.tzinfo) for one in (wanted.start, wanted.until))
        starts_ms, until_ms = (int(one.timestamp() * 1000) for one in times)
        wish = booked.Wish(wanted.who, wanted.item, starts_ms, until_ms, wanted.with_code, wanted.overrides)
        try:
            code = await booked.book(self._cabinet, wish)
        except ControlError as error:
            if wanted.refused is not None and wanted.refused in error.message:
                return None
            return f"the daemon refuses: {error.message}"
        if code is not None:
            self._codes[wanted.who] = code
        return "it is booked" if wanted.refused is not None else None

    async def _equip(self, wanted: acts.GivePin | acts.OfferCode) -> str | None:
        person = self._who(wanted.who).person
        try:
            if isinstance(wanted, acts.GivePin):
                self._simulation.witness.tell(seen.FirstPin(person.name, wanted.pin))
                change = {"kind": "pin.set", "person": person.id, "pin": wanted.pin, "temporary": True}
                await self._cabinet.call("roster.change", {"change": change})
            else:
                self._codes[person.name] = (await self._cabinet.call("credential.offer", {"person": person.id}))["code"]
                self._simulation.witness.tell(seen.Offered(person.name, self._codes[person.name]))
        except ControlError as error:
            return f"the daemon refuses: {error.message}"
        return None

    async def _enrol_finger(self, name: str, refused: str | None) -> str | None:
        """It is answered when it is done, so the story goes on meanwhile."""
        task = asyncio.ensure_future(enrol_finger(self._simulation, name))
        self._enrolling.append(task)
        if refused is None:
            await asyncio.sleep(MOMENT_S)
            return None
        why = await task
        return None if why is not None and refused in why else f"the daemon says: {why or 'done'}"

    async def _cancel_booking(self, item: str) -> str | None:
        try:
            return None if await booked.cancel(self._cabinet, item) else f"nothing is booked of {item}"
        except ControlError as error:
            return f"the daemon refuses: {error.message}"

    async def _report(self, method: str, params: dict[str, object]) -> str | None:
        try:
            answer = await self._cabinet.call(method, params)
        except ControlError as error:
            # Who gets no answer does not know whether it is done.
            how = "unanswered" if error.code in (Code.TIMEOUT, Code.INTERNAL) else "refused"
            self._cabinet.witness.tell(seen.Asked(method, f"{how}: {error.message}"))
            return f"the daemon refuses: {error.message}"
        if method == "incident.record":
            assert isinstance(answer, dict)
            self._reported = answer["n"]
        self._cabinet.witness.tell(seen.Asked(method, "done"))
        return None

    async def _replace_fob(self, fob: str, item: str) -> str | None:
        refusal = await replace_fob(self._simulation, item, fob)
        return None if refusal is None else f"the daemon refuses: {refusal}"

    async def _roll_back(self) -> str | None:
        try:
            answer = await self._cabinet.call("roster.versions", {})
        except ControlError as error:
            return f"the daemon refuses: {error.message}"
        assert isinstance(answer, dict)
        earlier = answer["versions"][1:2]
        if not earlier:
            return "there is no earlier version"
        return await self._report("roster.rollback", {"version": earlier[0]["version"]})

    # -- expectations --------------------------------------------------------------------------------------------

    async def _missing(self, expected: expectations.Expectation) -> str | None:
        """Gives what is there instead."""
        world = self._cabinet.world
        match expected:
            case expectations.Shows(text, no):
                met = await self._until(lambda: (text in world.display) != no, 0 if no else SOON_S)
                return None if met else f"it says {world.display!r}"
            case expectations.BoltIs(slot, locked):
                met = await self._until(lambda: world.locked(slot) == locked, SOON_S)
                return None if met else f"it is {'locked' if world.locked(slot) else 'open'}"
            case expectations.Journals(no=True):
                return self._is_journaled(expected)
            case expectations.Journals():
                return await self._is_not_journaled(expected)
            case expectations.HeldUpstream():
                met = await self._until(self._arrived, ARRIVES_S)
                held = self._simulation.checks.upstream.held
                return None if met else f"{held} of {len(self._leaves)} leaves are held"

    def _is_journaled(self, unwanted: expectations.Journals) -> str | None:
        fitting = [leaf["n"] for leaf in self._leaves if unwanted.fits(leaf, self._is_called)]
        return f"leaf {fitting[0]} does" if fitting else None

    async def _is_not_journaled(self, expected: expectations.Journals) -> str | None:
        start = self._heard

        def found() -> bool:
            for index in range(self._heard, len(self._leaves)):
                if expected.fits(self._leaves[index], self._is_called):
                    self._heard = index + 1
                    return True
            return False

        if await self._until(found, PATIENCE_S):
            return None
        return "there are only " + (", ".join(leaf["ev"] for leaf in self._leaves[start:]) or "no leaves")

    def _is_called(self, pseudonym: str, name: str) -> bool:
        return self._cabinet.plan.ids.get(pseudonym) == name

    def _arrived(self) -> bool:
        return self._simulation.checks.upstream.has_arrived

    async def _until(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Asks again whenever something happens."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not holds():
                    self._news.clear()
                    await self._news.wait()
                return True
        return False


def _one_of(kinds: Any, name: str | None) -> Any:
    if name is not None and name not in get_args(kinds):
        raise StoryError(f"there is no fault {name}; there are: {', '.join(get_args(kinds))}")
    return name
