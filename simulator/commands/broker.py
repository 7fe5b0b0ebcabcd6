"""`python -m simulator broker --port N`: an MQTT broker (3.1.1) for a demo where no mosquitto is installed."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True, metavar="N", help="on the loopback address")


def run(arguments: argparse.Namespace) -> int:
    try:
        from amqtt.broker import Broker
    except ImportError:
        print("no mosquitto and no amqtt: apt install mosquitto, or pip install '.[demo]'", file=sys.stderr)
        return 1
    asyncio.run(_serve(lambda: Broker(_configuration(arguments.port))))
    return 0


async def _serve(make: Callable[[], Any]) -> None:
    """`make` needs the running loop."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    broker = make()
    await broker.start()
    await ended.wait()
    await broker.shutdown()


def _configuration(port: int) -> dict[str, object]:
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
