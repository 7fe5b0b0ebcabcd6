"""`python -m sync.tap --config FILE`: prints each message that passes at the broker, one JSON object a line.

For demonstrations and for a look at what tools would receive. It publishes nothing."""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import sys
from collections.abc import Sequence
from pathlib import Path

from cabinet.settings.sections import read_tables
from cabinet.settings.uplink import UplinkSettings
from hal.problems import ConfigError
from hal.system_clock import SystemClock
from sync.broker import Broker
from sync.mqtt_link import Message, Up

_PAYLOAD_MAX = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Goes on until it is ended; 78 for a configuration that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m sync.tap", description="Prints what passes at the broker.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the cabinet's configuration")
    path = parser.parse_args(arguments).config
    try:
        settings = read_tables(path, os.environ, {"uplink": UplinkSettings})["uplink"]
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- for the person who started it
        return 78
    assert isinstance(settings, UplinkSettings)
    try:
        _listen(settings.under(path.parent))
    except KeyboardInterrupt:
        return 130
    return 0


def _listen(settings: UplinkSettings) -> None:
    heard, bell = os.pipe()
    broker = Broker.at(
        settings,
        f"tap-{os.getpid()}",
        wake=lambda: _ring(bell),
        clock=SystemClock(),
        random=random.random,
        payload_max=_PAYLOAD_MAX,
    )
    while True:
        for event in broker.poll():
            if isinstance(event, Up):
                broker.subscribe([f"{settings.base}/#"])
            elif isinstance(event, Message):
                _print(event)
        if select.select([heard], [], [], 1.0)[0]:
            os.read(heard, 4096)


def _print(message: Message) -> None:
    text = message.payload.decode(errors="replace")
    try:
        payload = json.loads(text)
    except ValueError:
        payload = text
    line = {"topic": message.topic, "retained": message.retained, "payload": payload}
    print(json.dumps(line), flush=True)  # noqa: T201 -- its output


def _ring(bell: int) -> None:
    os.write(bell, b"\0")


if __name__ == "__main__":
    sys.exit(main())
