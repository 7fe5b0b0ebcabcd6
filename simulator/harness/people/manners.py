"""What people do at a cabinet, each a way to behave: seeded, and never asked whether it is wise."""

from __future__ import annotations

import asyncio
from typing import Final

from simulator.harness.people.visitor import Visitor

OPEN: Final = ("is open", "号槽位已开")
CHOOSE: Final = ("Slot number", "请输入槽位号")
PIN: Final = ("PIN, then", "请输入密码")
ASKED: Final = {
    "1 Delivery": "2#",
    "1 送货": "1#",
    "km?": "48210#",
    "公里": "48211#",
    "Any damage": "1#",
    "损坏": "2#",
    "How many keys": "6#",
    "几把钥匙": "5#",
}
"""What the cabinet asks, and an answer that it takes."""
FINGER: Final = ("put your finger on", "请将手指放在")
CARD_TOO: Final = ("needs your card too", "还需刷卡")
CAMERA: Final = ("Look at the camera", "请看摄像头")
IDLE: Final = ("Hold your card", "请刷卡")
REFUSED: Final = (
    *("not known", "suspended", "ended", "not begun", "no right", "Nothing here", "Not at this time", "clock"),
    *("another way", "out already", "cannot record", "未登记", "已暂停", "已到期", "尚未生效", "没有此权限", "暂无"),
    *("不在允许时段", "未校准", "其他验证", "已被领出", "暂时无法记录", "Too many", "错误次数过多"),
    *(
        "Booked by",
        "已被他人预订",
        "code is wrong",
        "预订码",
        "is for later",
        "hold your card to the reader.",
        "其他验证：",
    ),
    *("not recognised", "gives no answer", "未能识别", "没有应答"),
    *("cannot be read just now", "reader was changed", "were not known", "无法读取", "读头已更换", "指纹多次"),
)


async def take(visitor: Visitor, wanted: int | None = None) -> int | None:
    """Card, PIN, choice, as the display asks; the slot that opened, if one did."""
    await visitor.badge()
    return await follow(visitor, wanted)


async def follow(visitor: Visitor, wanted: int | None = None) -> int | None:
    """Does what the display asks until a slot is open or it says no."""
    for _ in range(6):
        shown = await visitor.read(*OPEN, *PIN, *CAMERA, *FINGER, *CARD_TOO, *CHOOSE, *ASKED, *REFUSED)
        if shown is None or shown in REFUSED:
            return None
        if shown in OPEN:
            return slot_on(visitor.screen)
        if shown in CAMERA:
            await face_the_camera(visitor)
        elif shown in FINGER:
            await visitor.touch()
        elif shown in CARD_TOO:
            await visitor.badge()
        elif shown in PIN:
            if visitor.person.pin is None:
                return None
            await visitor.pause()
            await visitor.type(f"{visitor.person.pin}#")
        elif shown in ASKED:
            await visitor.pause()
            await visitor.type(answer_to(visitor, shown))
        else:
            offered = offered_on(visitor.screen) or list(range(1, 9))
            slot = wanted if wanted in offered else visitor.random.choice(offered)
            await visitor.pause()
            await visitor.type(f"{slot}#")
        await visitor.pause(0.4, 0.5)
    return None


def answer_to(visitor: Visitor, shown: str) -> str:
    """Mostly an answer; now and then nonsense, another one, or none."""
    return visitor.random.choice((*[ASKED[shown]] * 6, "0#", "77#", "5#", "*"))


async def face_the_camera(visitor: Visitor) -> None:
    """Most do; in the place of some a friend does, and some look away."""
    await visitor.pause()
    chance = visitor.random.random()
    if chance < 0.7:
        visitor.look()
    elif chance < 0.85:
        visitor.beside(visitor.random.choice(list(visitor.cabinet.plan.cast.values()))).look()
    await visitor.read(*OPEN, *PIN, *CHOOSE, *REFUSED, within_s=12.0)


async def take_and_return(visitor: Visitor) -> None:
    slot = await take(visitor)
    if slot is None or not await visitor.unlocked(slot):
        return
    await visitor.pause()
    fob = visitor.lift(slot)
    await visitor.pause()
    visitor.close_door()
    if fob is not None:
        await visitor.be_away(visitor.random.choice((20, 300, 3_000, 12_000, 40_000)))
        visitor.seat(slot, fob)
        await visitor.pause()
        visitor.close_door()


async def take_two(visitor: Visitor) -> None:
    """One after the other in one visit, as far as it lets them."""
    taken = []
    await visitor.badge()
    for _ in range(2):
        slot = await follow(visitor)
        if slot is None or not await visitor.unlocked(slot):
            break
        fob = visitor.lift(slot)
        if fob is not None:
            taken.append((slot, fob))
        await visitor.pause()
    visitor.close_door()
    await visitor.be_away(visitor.random.uniform(60, 3_000))
    for slot, fob in taken:
        visitor.seat(slot, fob)
        await visitor.pause()
    visitor.close_door()


async def forget_to_take(visitor: Visitor) -> None:
    """Leaves the bolt open, and the door."""
    await take(visitor)
    visitor.open_door()
    await visitor.pause(70, 90)
    visitor.close_door()


async def mistype(visitor: Visitor) -> None:
    """Wrong PINs, some of them corrected, and then perhaps the right one."""
    await visitor.badge()
    if await visitor.read(*PIN) is None:
        return
    for _ in range(visitor.random.randint(1, 4)):
        await visitor.type(f"{wrong(visitor)}#")
        await visitor.pause(0.5, 1.5)
    if visitor.person.pin is not None:
        await visitor.type(f"12*{visitor.person.pin}#")
        await visitor.pause(1, 2)
    await visitor.type("**")


async def by_number(visitor: Visitor) -> None:
    """Without a card."""
    await visitor.type(f"{visitor.person.id}#")
    slot = await follow(visitor)
    if slot is None or not await visitor.unlocked(slot):
        await visitor.type("*")
        return
    fob = visitor.lift(slot)
    await visitor.pause()
    if fob is not None:
        visitor.seat(slot, fob)
    visitor.close_door()


async def neighbour(visitor: Visitor) -> None:
    """Pulls at the wrong slot while their own is open."""
    slot = await take(visitor)
    if slot is None:
        return
    other = slot % 8 + 1
    fob = visitor.lift(other)
    if fob is not None:
        await visitor.pause(5, 20)
        visitor.seat(other, fob)
    await visitor.pause(1, 3)
    visitor.close_door()


async def return_elsewhere(visitor: Visitor) -> None:
    """Brings the fob back to another slot first, if one is empty."""
    slot = await take(visitor)
    if slot is None or not await visitor.unlocked(slot) or (fob := visitor.lift(slot)) is None:
        visitor.close_door()
        return
    empty = [number for number in range(1, 9) if number != slot and visitor.cabinet.world.fob_in(number) is None]
    await visitor.pause(2, 40)
    if empty:
        wrong = visitor.random.choice(empty)
        visitor.seat(wrong, fob)
        await visitor.pause(2, 5)
        fob = visitor.lift(wrong) or visitor.force(wrong) or fob
    visitor.seat(slot, fob)
    visitor.close_door()


async def swap(visitor: Visitor) -> None:
    """Out and in again, faster than any sensor."""
    slot = await take(visitor)
    if slot is None or not await visitor.unlocked(slot) or (fob := visitor.lift(slot)) is None:
        return
    await asyncio.sleep(0.03)
    visitor.seat(slot, fob)
    await visitor.pause()
    visitor.close_door()


async def pull(visitor: Visitor) -> None:
    """At every slot, with no right to any."""
    for slot in range(1, 9):
        fob = visitor.lift(slot)
        if fob is not None:
            visitor.seat(slot, fob)
    visitor.close_door()


async def tear(visitor: Visitor) -> None:
    """A fob out against the bolt, and brings it back after a while."""
    slot = visitor.random.randint(1, 8)
    fob = visitor.force(slot)
    await visitor.be_away(visitor.random.uniform(3, 600))
    if fob is not None:
        visitor.seat(slot, fob)
    visitor.close_door()


async def stranger(visitor: Visitor) -> None:
    """A card that nobody has, again and again."""
    for _ in range(visitor.random.randint(1, 6)):
        await visitor.badge(f"00099{visitor.random.randint(0, 99999):05}")
        await visitor.pause(0.3, 5)


async def guess(visitor: Visitor) -> None:
    """Somebody else's number and one PIN after the other, pulling the plug whenever it makes them wait."""
    for _ in range(visitor.random.randint(4, 8)):
        await visitor.type(f"{visitor.person.id}#")
        if await visitor.read(*PIN, within_s=1.0) is not None:
            await visitor.type(f"{wrong(visitor)}#")
        await visitor.pause(0.4, 1.0)
        if visitor.cabinet.powered and visitor.random.random() < 0.3:
            pull_the_plug(visitor)
            await visitor.pause(25, 30)
    await visitor.type("**")


async def plug_amid_release(visitor: Visitor) -> None:
    """The power goes at some moment of a visit, and the fob with it, perhaps."""
    moment = asyncio.create_task(_unplug_later(visitor))
    slot = await take(visitor)
    if slot is not None and visitor.random.random() < 0.7:
        await visitor.unlocked(slot, within_s=0.5)
        fob = visitor.lift(slot)
        await moment
        await visitor.pause(1, 60)
        if fob is not None and visitor.random.random() < 0.8:
            visitor.seat(slot, fob)
    await moment
    visitor.close_door()


def pull_the_plug(visitor: Visitor) -> None:
    """And puts it in again a moment later."""
    visitor.cabinet.power_fails(visitor.random.uniform(1, 15))


async def _unplug_later(visitor: Visitor) -> None:
    await visitor.pause(0.0, 6.0)
    if visitor.cabinet.powered:
        pull_the_plug(visitor)


def slot_on(screen: str) -> int | None:
    digits = "".join(character for character in screen.split("\n")[0] if character.isdigit())
    return int(digits) if digits else None


def offered_on(screen: str) -> list[int]:
    pairs = screen.partition("\n")[2].replace("\n", " ").split(",")
    return [int(number) for pair in pairs if (number := pair.split(":")[0].strip()).isdigit()]


def wrong(visitor: Visitor) -> str:
    while (guessed := f"{visitor.random.randint(0, 9999):04}") == visitor.person.pin:
        pass
    return guessed
