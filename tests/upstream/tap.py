"""Counts the leaves that pass the broker on their way up."""

from __future__ import annotations

import json

from paho.mqtt.client import MQTTMessage

from tests.sync.mosquitto import Onlooker


class Tap(Onlooker):
    """A context. Misses what passes while the broker is down, and a second more."""

    def __init__(self, port: int) -> None:
        self.leaves = 0
        super().__init__(port, ("kc/v1/+/+/journal",), lambda _, message: self._count(message))

    def _count(self, message: MQTTMessage) -> None:
        self.leaves += len(json.loads(message.payload)["leaves"])

    def wait_for(self, leaves: int) -> None:
        """Until so many more have passed."""
        wanted = self.leaves + leaves
        self.wait(lambda: self.leaves >= wanted)
