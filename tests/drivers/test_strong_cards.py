"""A PN532 with a site key: which cards it believes, what it says of others, and how a new card gets its keys."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drivers.pn532_reader import Pn532Reader
from drivers.specs.pn532_reader import Pn532ReaderSpec, StrongCards
from drivers.wire.desfire import NTAG_NAME
from hal.capabilities import CardFound, CardPresented, CardRemoved, DeviceSuspect, Proof
from hal.errors import DeviceRefused, DeviceTimeout, LinkLost
from simulator import pn532_reader as twin
from simulator.faults import parse_fault
from simulator.harness.virtual_loop import run
from simulator.nfc_cards import SimulatedCard, card_of
from simulator.secure_card import Issuer, Kind, Manner, SecureCard
from simulator.serial_device import SerialDevice
from tests.contract.links import MemoryLink
from tests.drivers.fakes import LoopClock, Readings

UID, OTHER = bytes.fromhex("04782E21801D80"), bytes.fromhex("04A1B2C3D4E580")
SITE_KEY, APPLICATION = bytes(range(16)), "F5B1C0"
MODES: dict[str, tuple[Kind, int]] = {
    "ev1-aes": ("desfire-ev1", 0),
    "ev2": ("desfire-ev2", 1),
    "ntag424": ("ntag424", 2),
}


@dataclass
class Desk:
    """A reader on its twin."""

    mode: str
    body: twin.Pn532Reader
    stage: SerialDevice
    reader: Pn532Reader
    readings: Readings = field(default_factory=Readings)

    def card(self, uid: bytes = UID, manner: Manner | None = None, *, issued: bool = True) -> SecureCard:
        kind, number = MODES[self.mode]
        card = SecureCard(uid, kind)
        card.manner = manner
        if issued:
            name = NTAG_NAME if kind == "ntag424" else bytes.fromhex(APPLICATION)
            card.issue(Issuer(SITE_KEY, name, number))
        return card

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        watch = asyncio.create_task(self.reader.watch(self.readings))
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.wait({watch})

    async def show(self, card: SimulatedCard, for_s: float = 2.0) -> None:
        self.body.present(card)
        await asyncio.sleep(for_s)
        self.body.remove()
        await asyncio.sleep(1)

    def presented(self) -> list[tuple[bytes, Proof]]:
        return [(one.card, one.proof) for one in self.readings.all if isinstance(one, CardPresented)]

    def suspected(self) -> list[bool]:
        return [one.hint is not None for one in self.readings.all if isinstance(one, DeviceSuspect)]


async def desk(folder: Path, mode: str = "ev2", key: bytes = SITE_KEY) -> Desk:
    file = folder / "cards.key"
    file.write_text(key.hex() + "\n")
    file.chmod(0o640)
    strong = StrongCards(
        mode=mode,  # type: ignore[arg-type]
        application=None if mode == "ntag424" else APPLICATION,
        key=MODES[mode][1],
        key_file=str(file),
    )
    link, rng = MemoryLink("uart2"), random.Random(1)
    body = twin.Pn532Reader(rng)
    stage = SerialDevice(body, link, rng)
    stage.start()
    await link.open()
    spec = Pn532ReaderSpec(id="nfc", type="pn532-reader", link="uart2", strong=strong)
    made = Desk(mode, body, stage, Pn532Reader(spec, link, LoopClock()))
    await made.reader.start()
    return made


@pytest.mark.parametrize("mode", MODES)
def test_a_card_that_proves_its_key_is_strong_and_told_once(mode: str, tmp_path: Path) -> None:
    async def story() -> None:
        here = await desk(tmp_path, mode)
        assert here.reader.cards == "strong"
        async with here.watching():
            await here.show(here.card(), for_s=30)
        assert here.readings.all == [CardPresented("nfc", UID, "strong"), CardRemoved("nfc", UID)]

    run(story())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("manner", ["forged", "wrong-key", "garbled"])
def test_who_cannot_prove_it_is_never_strong_and_the_technician_sees_it(
    mode: str, manner: Manner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        here = await desk(tmp_path, mode)
        async with here.watching():
            await here.show(here.card(manner=manner))
            assert here.presented() == [(UID, "weak" if manner == "garbled" else "failed")]
            if manner == "garbled":
                return
            assert "could not prove its key" in caplog.text
            assert UID.hex() not in caplog.text.lower().replace(":", "")
            assert here.suspected() == []
            for _ in range(3):
                await here.show(here.card(manner=manner))
            assert here.suspected() == [True]
            await here.show(here.card(OTHER))
            assert here.presented()[-1] == (OTHER, "strong")
            assert here.suspected() == [True, False]

    run(story())


def test_a_copied_number_is_weak(tmp_path: Path) -> None:
    """On a card without the application, and on one that speaks no APDUs."""

    async def story() -> None:
        here = await desk(tmp_path)
        async with here.watching():
            await here.show(here.card(issued=False))
            await here.show(card_of(UID, "ultralight"))
            await here.show(card_of(UID, "desfire"))
        assert here.presented() == [(UID, "weak")] * 3

    run(story())


def test_the_key_of_another_site_is_no_proof(tmp_path: Path) -> None:
    async def story() -> None:
        here = await desk(tmp_path, key=bytes(16))
        async with here.watching():
            await here.show(here.card())
        assert here.presented() == [(UID, "failed")]

    run(story())


def test_a_card_taken_away_amid_its_proof_has_shown_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        here = await desk(tmp_path)
        async with here.watching():
            here.stage.fault(parse_fault("card-gone=1", here.body.faults))
            here.body.present(here.card())
            await asyncio.sleep(0.1)
            assert here.readings.all == []
            await asyncio.sleep(2)
        assert here.presented() == [(UID, "strong")]

    run(story())


def test_one_that_always_falls_silent_is_told_as_failed(tmp_path: Path) -> None:
    async def story() -> None:
        here = await desk(tmp_path)
        here.stage.fault(parse_fault("card-gone", here.body.faults))
        async with here.watching():
            await here.show(here.card(), for_s=5)
        assert here.presented() == [(UID, "failed")]

    run(story())


@pytest.mark.parametrize("mode", MODES)
def test_a_new_card_gets_its_keys_and_proves_them(mode: str, tmp_path: Path) -> None:
    async def story() -> None:
        here = await desk(tmp_path, mode)
        card = here.card(issued=False)
        async with here.watching():
            looking = asyncio.create_task(here.reader.look(10))
            await asyncio.sleep(1)
            here.body.present(card)
            state = "unfinished" if mode == "ntag424" else "new"
            assert await looking == CardFound(UID, state)
            await here.reader.personalise(UID)
            found = await here.reader.look(10)
            assert found is not None
            assert found.state == "ours"
            await asyncio.sleep(5)
            assert here.readings.all == [], "whoever lays it there wants no visit"
            here.body.remove()
            await asyncio.sleep(1)
            await here.show(card)
        assert here.presented() == [(UID, "strong")]

    run(story())


def test_foreign_cards_are_left_alone(tmp_path: Path) -> None:
    async def story() -> None:
        here = await desk(tmp_path, key=bytes(16))
        foreign, plain = here.card(), card_of(OTHER, "ultralight")
        for card, why in ((foreign, "it holds another key"), (plain, "it cannot hold a key")):
            here.body.present(card)
            found = await here.reader.look(1)
            assert found is not None
            assert (found.state, found.hint) == ("foreign", why)
        here.body.present(foreign)
        with pytest.raises(DeviceRefused, match="another key"):
            await here.reader.personalise(UID)
        here.body.present(here.card(OTHER, issued=False))
        with pytest.raises(DeviceRefused, match="another card lies on it"):
            await here.reader.personalise(UID)
        here.body.remove()
        with pytest.raises(DeviceTimeout, match="no card lies on it"):
            await here.reader.personalise(UID)
        assert await here.reader.look(1) is None

    run(story())


def test_without_a_site_key_it_is_lost_until_there_is_one(tmp_path: Path) -> None:
    async def story() -> None:
        here = await desk(tmp_path)
        (tmp_path / "cards.key").write_text("abc")
        with pytest.raises(LinkLost, match="32 hex digits are wanted"):
            await here.reader.start()
        (tmp_path / "cards.key").unlink()
        with pytest.raises(LinkLost, match="openssl rand -hex 16"):
            await here.reader.start()

    run(story())


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"application": "000000"}, "not 000000"),
        ({"application": None}, 'needs the key application, such as application = "F5B1C0"'),
        ({"mode": "ntag424"}, "leave the key application out"),
        ({"mode": "ntag424", "application": None, "key": 5}, "the keys 0 to 4"),
    ],
)
def test_a_table_that_cannot_be(changes: dict[str, object], problem: str) -> None:
    good: dict[str, object] = {"mode": "ev2", "application": APPLICATION, "key": 0, "key_file": "k"}
    assert StrongCards.model_validate(good).where().name == bytes.fromhex(APPLICATION)
    with pytest.raises(ValueError, match=problem):
        StrongCards.model_validate(good | changes)
