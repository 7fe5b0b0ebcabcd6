"""The way upstream: how fast a backlog drains, what that takes, and how long an event is under way.

Real cabinetd, cabinet-uplink, mosquitto and cabinet-collector, all on this machine, while cabinetd polls its boards.
A drain ends with the acknowledgement that the collector has cosigned. What an idle cabinet does is measured first;
then the daemon is stopped, a backlog is put in its journal, and it comes back. For the badge while draining, all is
asked for again and again, as often as a cabinet answers to that.

BENCH_LEAVES in the environment sets the length of the backlog; `python -m bench.upstream` measures only this.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter

from bench import collector
from bench.badge import POLL_S, Cabinet, fill, prepare
from bench.figure import Figure, p99, table
from bench.floor import WARM_COMMITS, bare_commit
from bench.players import Ears, Players
from bench.site import Site, Tool, program, send_upstream, site
from bench.stand import BIN, Program, cabinetd
from cabinet.books import Books
from cabinet.config import load
from cabinet.journal.note import Signer
from hal.system_clock import SystemClock

LEAVES, SINGLE_LEAVES, ROUNDS, WARM_ROUNDS = 20_000, 4_000, 100, 5
DRAIN_S_MAX = 120.0
REQUEST_EVERY_S, FLOWING_S = 5.5, 0.3
SINGLE_AHEAD = 60
"""Leaves without an acknowledgement: below the collector's receive maximum of 64, so that none waits in the broker."""
DEVICE, SINGLE = "lobby-01", "lobby-02"


@dataclass(slots=True)
class _Times:
    """Seconds, MiB and counts."""

    commit: list[float] = field(default_factory=list)
    echo: list[float] = field(default_factory=list)
    event: list[float] = field(default_factory=list)
    badge_idle: list[float] = field(default_factory=list)
    badge_draining: list[float] = field(default_factory=list)
    drain_s: float = 0.0
    memory_mib: float = 0.0


def run(
    leaves: int | None = None,
    single_leaves: int = SINGLE_LEAVES,
    rounds: int = ROUNDS,
    warm_commits: int = WARM_COMMITS,
) -> list[Figure]:
    """Rates are told as times: of the whole way, over those of a part of it or of a worse way."""
    count = int(os.environ.get("BENCH_LEAVES", LEAVES)) if leaves is None else leaves
    alone_per_s = collector.run()["leaves_per_s"]
    times, ears = _Times(), Ears()
    key = Signer(f"cabinet.demo/{SINGLE}", bytes(32)).verifier
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name, ExitStack() as stack:
        parent = Path(name)
        times.commit = _commits(parent / "bare.db", warm_commits, rounds)
        place = stack.enter_context(site(parent / "site", ears.until, [(SINGLE, key)]))
        with _cabinet(parent, place, ears) as way:
            _measure_idle(way, times, rounds)
            fill(way.folder, count)
            _measure_drain(way, times, count, rounds)
        single_per_s = _single_per_s(place, ears, single_leaves)
    return [*_rates(times, count, alone_per_s, single_per_s, single_leaves), *_latencies(times)]


@dataclass(frozen=True, slots=True)
class _Way:
    """A cabinet without its daemon, its uplink, and who subscribes."""

    folder: Path
    players: Players
    ears: Ears
    uplink: Program
    tool: Tool


@contextmanager
def _cabinet(parent: Path, place: Site, ears: Ears) -> Iterator[_Way]:
    folder = prepare(parent, "cabinet")
    send_upstream(folder, place)
    players = Players(folder / "links", ears)
    uplink = [str(BIN / "cabinet-uplink"), "--config", str(folder / "cabinet.toml")]
    try:
        with Tool(place, DEVICE) as tool, program(uplink, folder / "uplink.log") as running:
            ears.until(lambda: tool.ready, "the subscription")
            yield _Way(folder, players, ears, running, tool)
    finally:
        players.close()


def _measure_idle(way: _Way, times: _Times, rounds: int) -> None:
    chance, tool = random.Random(1), way.tool
    with cabinetd(way.folder, way.ears.until):
        way.ears.until(lambda: tool.acked > 0, "the first acknowledgement")
        cabinet = Cabinet(way.players, way.ears)
        for number in range(WARM_ROUNDS + rounds):
            way.ears.rest(chance.uniform(0, POLL_S))
            took_s = cabinet.round()
            if number >= WARM_ROUNDS:
                times.badge_idle.append(took_s)
                times.echo.append(_echo_s(way))
        way.ears.rest(1.0)
        times.memory_mib = -way.uplink.memory_mib("VmRSS")
        way.uplink.forget_peak()
    came_s = tool.event_s
    times.event = [came_s[n] - written_s for n, written_s in _written_s(way.folder) if n in came_s]


def _measure_drain(way: _Way, times: _Times, leaves: int, rounds: int) -> None:
    chance, tool = random.Random(1), way.tool
    tool.online_s = 0.0
    with cabinetd(way.folder, way.ears.until):
        way.ears.until(lambda: tool.acked >= leaves, "the drain", DRAIN_S_MAX)
        times.drain_s = tool.acked_s - tool.online_s
        times.memory_mib += way.uplink.memory_mib("VmHWM")
        cabinet, again = Cabinet(way.players, way.ears), _Again(way)
        for number in range(WARM_ROUNDS + rounds):
            way.ears.rest(chance.uniform(0, POLL_S))
            again.flow()
            took_s = cabinet.round()
            if number >= WARM_ROUNDS:
                times.badge_draining.append(took_s)


class _Again:
    """Keeps leaves flowing that are held already."""

    def __init__(self, way: _Way) -> None:
        self._way = way
        self._asked_s = 0.0

    def flow(self) -> None:
        """Returns while they do: the collector answers to them."""
        tool = self._way.tool

        def flows() -> bool:
            now_s = perf_counter()
            if now_s - self._asked_s > REQUEST_EVERY_S and now_s - tool.acked_s > FLOWING_S:
                self._asked_s = now_s
                tool.publish("journal/req", json.dumps({"origin": f"cabinet.demo/{DEVICE}", "from": 0}).encode())
            return now_s - tool.acked_s < FLOWING_S and self._asked_s > 0

        self._way.ears.until(flows, "the leaves that were asked for")


def _echo_s(way: _Way) -> float:
    """From a plain publish to the subscriber."""
    tool, start_s = way.tool, perf_counter()
    tool.echo_s = None
    tool.publish("echo", bytes(300))
    way.ears.until(lambda: tool.echo_s is not None, "the echo")
    assert tool.echo_s is not None
    return tool.echo_s - start_s


def _written_s(folder: Path) -> list[tuple[int, float]]:
    """When each leaf was made, before it was committed; CLOCK_BOOTTIME, of which a leaf has whole milliseconds."""
    books = Books.open(load(folder / "cabinet.toml", {}), SystemClock())
    try:
        leaves = books.journal.leaves(0, books.journal.size)
        return [(n, json.loads(leaf)["mono_ms"] / 1000) for n, leaf in leaves if leaf is not None]
    finally:
        books.close()


def _commits(path: Path, warm_commits: int, rounds: int) -> list[float]:
    commit, found = bare_commit(path), []
    for number in range(warm_commits + rounds):
        start_s = perf_counter()
        commit()
        if number >= warm_commits:
            found.append(perf_counter() - start_s)
    return found


def _single_per_s(place: Site, ears: Ears, leaves: int) -> float:
    """Leaves a second, each in a message of its own and signed beforehand, to the same collector."""
    content = [b"%08d" % n + os.urandom(collector.LEAF_BYTES - 8) for n in range(leaves)]
    payloads = collector.batches(content, f"cabinet.demo/{SINGLE}", 1)
    with Tool(place, SINGLE) as tool:
        ears.until(lambda: tool.ready, "the subscription")
        start_s = perf_counter()
        for n, payload in enumerate(payloads):
            while n - tool.acked >= SINGLE_AHEAD:
                ears.rest(0.0005)
            tool.publish("journal", payload)
        ears.until(lambda: tool.acked == leaves, "the last acknowledgement", DRAIN_S_MAX)
        return leaves / (tool.acked_s - start_s)


def _rates(times: _Times, leaves: int, alone_per_s: float, single_per_s: float, single_leaves: int) -> list[Figure]:
    per_s = leaves / times.drain_s
    return [
        Figure(
            "drain, over the collector alone",
            alone_per_s / per_s,
            2.0,
            "x",
            f"{leaves} leaves in {times.drain_s:.1f} s, {per_s:.0f}/s; the collector alone {alone_per_s:.0f}/s",
        ),
        Figure(
            "drain, over one leaf a message",
            single_per_s / per_s,
            0.2,
            "x",
            f"{single_per_s:.0f}/s of {single_leaves} leaves",
        ),
        Figure("cabinet-uplink, more while draining", times.memory_mib, 5.0, "MiB", "VmHWM over VmRSS while idle"),
    ]


def _latencies(times: _Times) -> list[Figure]:
    event_ms, echo_ms, commit_ms = (median(one) * 1000 for one in (times.event, times.echo, times.commit))
    idle_ms, draining_ms = (median(one) * 1000 for one in (times.badge_idle, times.badge_draining))
    rounds = len(times.badge_draining)
    return [
        Figure(
            "event to subscriber",
            event_ms,
            2 * echo_ms + commit_ms,
            "ms",
            f"from before its commit, {len(times.event)} events; goal: 2 x {echo_ms:.2f} ms plain + {commit_ms:.2f} ms",
        ),
        Figure(
            "badge to bolt, while draining",
            draining_ms / idle_ms,
            2.0,
            "x",
            f"{draining_ms:.2f} ms over {idle_ms:.2f} ms idle, {rounds} rounds",
        ),
        Figure(
            "badge to bolt, while draining, p99",
            p99(times.badge_draining) * 1000,
            50.0,
            "ms",
            f"idle {p99(times.badge_idle) * 1000:.1f} ms",
        ),
    ]


def main() -> None:
    print(table(run()))


if __name__ == "__main__":
    main()
