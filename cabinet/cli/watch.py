"""What happens while one looks on: watch every event, wait for one state."""

from __future__ import annotations

import re
import time
from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

from cabinet.cli.arguments import seconds, whole_number
from cabinet.cli.daemon import call, connect
from cabinet.cli.errors import CommandError
from cabinet.cli.leaf_line import leaf_line
from cabinet.cli.output import Output
from cabinet.control.protocol import ControlError, Exit
from hal.system_clock import SystemClock

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser

CONNECT_EVERY_S = 0.1
ANSWER_S = 5.0
"""What the daemon may take to answer after the time-out it was told."""


def watch_arguments(parser: Parser) -> None:
    parser.epilog = "Goes on until Ctrl-C."
    parser.add_argument("--from", type=whole_number, metavar="N", help="first the events from index N on")


def watch(args: Namespace, out: Output) -> int:
    with connect(args) as client:
        client.call("watch", {"from": getattr(args, "from")})
        for _, params in client.notifications():
            if out.as_json:
                out.answer(params)
            else:
                out.line(_line(params))
    return Exit.OK


def _line(params: dict[str, object]) -> str:
    n, leaf = params.get("n"), params.get("leaf")
    return leaf_line(n if isinstance(n, int) else 0, leaf if isinstance(leaf, dict) else None)


def wait_arguments(parser: Parser) -> None:
    parser.epilog = "Exit 0 as soon as it is so, 4 when the time is over. `ready` waits for the daemon to start, too."
    parser.add_argument(
        "what", type=_goal, metavar="WHAT", help="ready, synced (upstream has everything), or slot=7:absent (present)"
    )
    parser.add_argument("--timeout", type=seconds, default=60.0, metavar="S", help="0 to 3600 seconds (60)")


def wait(args: Namespace, out: Output) -> int:
    if args.what == {"for": "ready"}:
        _wait_ready(args)
    else:
        _wait(args, args.timeout)
    if out.as_json:
        out.answer({})
    return Exit.OK


def _wait(args: Namespace, timeout_s: float) -> None:
    call(args, "wait", args.what | {"timeout_s": timeout_s}, timeout_s + ANSWER_S)


def _wait_ready(args: Namespace) -> None:
    """Asks again while the daemon is not there yet, or ends and starts anew."""
    clock = SystemClock()
    end_s = clock.mono_s() + args.timeout
    while True:
        try:
            return _wait(args, max(0.0, end_s - clock.mono_s()))
        except (CommandError, ControlError) as error:
            down = (error.exit_code if isinstance(error, CommandError) else error.exit) == Exit.DAEMON_DOWN
            if not down or clock.mono_s() + CONNECT_EVERY_S > end_s:
                raise
        time.sleep(CONNECT_EVERY_S)


def _goal(text: str) -> dict[str, object]:
    if text in ("ready", "synced"):
        return {"for": text}
    found = re.fullmatch(r"slot=([1-9][0-9]{0,3}):(present|absent)", text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not one of: ready, synced, slot=N:present, slot=N:absent")
    return {"for": "slot", "slot": int(found[1]), "presence": found[2]}
