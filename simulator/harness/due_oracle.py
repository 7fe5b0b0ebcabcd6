"""When what was taken is due, found by looking at the clock on the wall every quarter of an hour: it shares no line
with the policy it judges. The roster files of the simulation name whole quarters, and none that a change of clocks
skips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

QUARTER_MS: Final = 900_000
UNITS_MS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


def due_ms(
    right: Mapping[str, Any], open_windows: list[Mapping[str, Any]], taken_ms: int, zone: ZoneInfo
) -> int | None:
    """`open_windows` are those of its schedule that hold at that moment."""
    curfew = right.get("curfew", ())
    parts = [curfew] if isinstance(curfew, str) else curfew
    return min((_due(part, open_windows, taken_ms, zone) for part in parts), default=None)


def dates(right: Mapping[str, Any], zone: ZoneInfo) -> Iterator[int]:
    """Those of its curfew, Unix ms."""
    curfew = right.get("curfew", ())
    for part in [curfew] if isinstance(curfew, str) else curfew:
        if part[:1].isdigit() and "-" in part:
            yield int(datetime.fromisoformat(part).replace(tzinfo=zone).timestamp() * 1000)


def _due(part: str, open_windows: list[Mapping[str, Any]], taken_ms: int, zone: ZoneInfo) -> int:
    if part[-1] in UNITS_MS and part[:-1].isdigit():
        return taken_ms + int(part[:-1]) * UNITS_MS[part[-1]]
    if part == "schedule":
        return max(_next(lambda shown, until=one["until"]: shown[4:] == until, taken_ms, zone) for one in open_windows)  # type: ignore[misc]
    if "-" in part:
        return int(datetime.fromisoformat(part).replace(tzinfo=zone).timestamp() * 1000)
    return _next(lambda shown: shown.endswith(part), taken_ms, zone)


def _next(fits: Callable[[str], bool], taken_ms: int, zone: ZoneInfo) -> int:
    """`shown` is what the clock shows: `fri 18:00`."""
    moment = taken_ms - taken_ms % QUARTER_MS + QUARTER_MS
    while not fits(f"{datetime.fromtimestamp(moment / 1000, tz=UTC).astimezone(zone):%a %H:%M}".lower()):
        moment += QUARTER_MS
    return moment
