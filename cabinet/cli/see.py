"""What the cabinet is like now: status, slots, devices."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, cast

from cabinet.cli.daemon import Result, call
from cabinet.cli.output import Output, local_time
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser


def status_arguments(parser: Parser) -> None:
    parser.epilog = "Exit 3 when the cabinet is not ready or a device is lost."


def status(args: Namespace, out: Output) -> int:
    found = call(args, "status")
    if out.as_json:
        out.answer(found)
    else:
        since = {"unsynced_since": local_time(found.get("unsynced_since"))}
        if isinstance(noted := found.get("would_refuse"), dict):
            since["would_refuse"] = ", ".join(f"{rule} {count}" for rule, count in noted.items()) or "nothing yet"
        out.facts({name.replace("_", " "): value for name, value in (found | since).items()})
    healthy = found.get("ready") is not False and not found.get("devices_lost")
    return Exit.OK if healthy else Exit.DEGRADED


def slots_arguments(parser: Parser) -> None:
    pass


def slots(args: Namespace, out: Output) -> int:
    found = call(args, "slots")
    if out.as_json:
        out.answer(found)
    else:
        columns = ("slot", "presence", "item", "fob", "since", "proven", "bolt", "overdue")
        out.table(columns, [_slot(slot) for slot in cast("list[Result]", found["slots"])])
    return Exit.OK


def _slot(slot: Result) -> list[object]:
    times = [local_time(slot.get("since")), local_time(slot.get("proof_at"))]
    place = [slot.get(key) for key in ("slot", "presence", "item", "fob")]
    return [*place, *times, slot.get("bolt"), slot.get("overdue")]


def devices_arguments(parser: Parser) -> None:
    pass


def devices(args: Namespace, out: Output) -> int:
    found = call(args, "devices")
    if out.as_json:
        out.answer(found)
    else:
        columns = ("device", "type", "link", "state", "since", "what to check")
        out.table(columns, [_device(device) for device in cast("list[Result]", found["devices"])])
    return Exit.OK


def _device(device: Result) -> list[object]:
    state = "answers" if device.get("up") else "lost"
    since = local_time(device.get("since"))
    return [device["device"], device.get("type"), device.get("link"), state, since, device.get("hint")]
