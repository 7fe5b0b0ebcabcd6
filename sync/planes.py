"""State and slots as tools see them: what they should be, and what the broker was told. Pure."""

from __future__ import annotations

from collections.abc import Mapping


class PlaneBook:
    """Payloads by plane. One publish of a plane is on the way at a time, so a slow line gets the newest, not all."""

    def __init__(self) -> None:
        self._wanted: dict[str, bytes] = {}
        self._told: dict[str, bytes] = {}
        self._on_the_way: dict[int, str] = {}

    @property
    def is_known(self) -> bool:
        """Whether the cabinet has said anything since it came."""
        return bool(self._wanted)

    def want(self, plane: str, payload: bytes) -> None:
        self._wanted[plane] = payload

    def want_all(self, payloads: Mapping[str, bytes]) -> None:
        """A plane that is not among them is no longer looked after."""
        self._wanted = dict(payloads)

    def forget_wanted(self) -> None:
        """The cabinet is gone: what it said is not known to hold any more."""
        self._wanted.clear()

    def due(self) -> list[tuple[str, bytes]]:
        """What differs from what the broker was told."""
        busy = set(self._on_the_way.values())
        return [
            (plane, payload)
            for plane, payload in self._wanted.items()
            if plane not in busy and self._told.get(plane) != payload
        ]

    def published(self, token: int, plane: str) -> None:
        self._told[plane] = self._wanted[plane]
        self._on_the_way[token] = plane

    def taken(self, token: int) -> None:
        """The broker has it. Of one that it refuses nothing is heard: that plane waits for the next connection."""
        self._on_the_way.pop(token, None)

    def disconnected(self) -> None:
        for plane in self._on_the_way.values():
            self._told.pop(plane, None)
        self._on_the_way.clear()

    def forget_told(self) -> None:
        """The broker kept nothing."""
        self._told.clear()
