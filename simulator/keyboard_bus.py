"""The socket of simulated keyboards: programs list and take them as one JSON object a line.

What is said on it stands in docs/reference/sim-bus.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hal.buses import KeyEvent
from simulator.json_session import JsonSession, only
from simulator.keyboard_hub import HubRefused, KeyboardHub, Taker
from simulator.line_server import LineServer, Say

ID_MAX = 0xFFFF
OPERATIONS = "list, take, give"


def keyboard_server(path: Path, hub: KeyboardHub) -> LineServer:
    return LineServer(path, lambda say: KeyboardSession(hub, say))


class KeyboardSession(JsonSession):
    """One program; what it has taken is given back when it leaves."""

    def __init__(self, hub: KeyboardHub, say: Say) -> None:
        self._hub = hub
        self._say = say
        self._taker = Taker(self._on_key, self._on_pulled)

    def close(self) -> None:
        self._hub.give_all_back(self._taker)

    async def perform(self, request: dict[str, Any]) -> dict[str, object]:
        match request.get("op"):
            case "list":
                only(request)
                return {
                    "keyboards": [
                        {"vendor": one.vendor, "product": one.product, "port": one.port, "name": one.name}
                        for one in self._hub.plugged()
                    ]
                }
            case "take":
                only(request, "vendor", "product", "port")
                ids = _usb_id(request, "vendor"), _usb_id(request, "product")
                self._hub.take(self._taker, *ids, _port(request))
                return {}
            case "give":
                only(request, "port")
                self._hub.give_back(self._taker, _port(request))
                return {}
        raise HubRefused(f'"op" must be one of {OPERATIONS}')

    def _on_key(self, port: str, event: KeyEvent) -> None:
        fields = {"port": port, "code": event.code, "value": event.value, "at_ns": event.at_ns}
        self._say(json.dumps({"key": fields}))

    def _on_pulled(self, port: str) -> None:
        self._say(json.dumps({"pulled": port}))


def _usb_id(request: dict[str, Any], name: str) -> int:
    value = request.get(name)
    if type(value) is not int or not 0 <= value <= ID_MAX:
        raise HubRefused(f'"{name}" must be a whole number, 0 to {ID_MAX}')
    return value


def _port(request: dict[str, Any]) -> str:
    port = request.get("port")
    if not isinstance(port, str) or not port:
        raise HubRefused('"port" must be a text, as list has it')
    return port
