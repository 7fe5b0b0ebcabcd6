"""The way upstream: 7 (nothing leaves before it is durable, upstream holds a prefix of each epoch, and what was given
up is never mixed in, never confirmed, and not lost)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from simulator.harness import happenings as seen
from simulator.harness.invariants.log import Epoch, Verifies, epoch_of
from simulator.harness.witness import Hear, Violated

UNDER_WAY_MAX = 4


class NothingEarly:
    number = 7
    title = "nothing leaves before it is durable, and upstream holds a prefix"

    def __init__(self, log: Verifies) -> None:
        self._log = log
        self._held: dict[int, int] = {}
        """So many leaves of each epoch upstream has cosigned."""
        self._aside: dict[int, set[int]] = {}
        """Indexes of the orphans that upstream has of each."""
        self._accepted = 1

    @property
    def held(self) -> int:
        """Of the present epoch."""
        return self._held.get(max(self._log.epochs), 0)

    @property
    def has_arrived(self) -> bool:
        """All of the present epoch, and what was given up of earlier ones."""
        return self.held >= len(self._log.leaves) and self._given_up() is None

    def hears(self) -> Mapping[type, Hear]:
        return {
            seen.Published: self._published,
            seen.Held: self._holds,
            seen.Aside: self._kept_aside,
            seen.Accepted: self._was_accepted,
            seen.Acked: self._acked,
        }

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def arrived(self) -> None:
        """Everything works for some minutes: upstream holds all but what is under way, and what was given up before
        somebody accepted that."""
        if self.held < len(self._log.leaves) - UNDER_WAY_MAX:
            raise Violated(self, f"upstream holds {self.held} of {len(self._log.leaves)} leaves, and no more come")
        if given_up := self._given_up():
            raise Violated(self, f"leaf {given_up[1]} of epoch {given_up[0]} was given up, and has not come")

    def _given_up(self) -> tuple[int, int] | None:
        """The first leaf of an earlier epoch that has not come, and its epoch."""
        for number, epoch in self._log.epochs.items():
            if number >= self._accepted and (missing := self._missing(number, epoch)):
                return number, missing[0]
        return None

    def _missing(self, number: int, epoch: Epoch) -> list[int]:
        if epoch.ends is None:
            return []
        known = self._aside.get(number, set())
        first = max(min(epoch.acked, epoch.ends), min(self._held.get(number, 0), epoch.ends))
        end = len(epoch.leaves) if epoch.sound is None else epoch.ends  # what does not verify is not sent
        return [n for n in range(first, end) if n not in known]

    def _acked(self, acked: seen.Acked) -> None:
        held = self._held.get(acked.epoch, 0)
        if acked.size > held:
            raise Violated(self, f"the cabinet counts {acked.size} leaves as held upstream, which holds {held}")

    def _published(self, published: seen.Published) -> None:
        plane = published.topic.rpartition("/")[2]
        if plane == "journal":
            self._batch(json.loads(published.payload))
        elif plane == "event":
            self._durable(self._log.newest, json.loads(published.payload)["n"], None)

    def _batch(self, message: Mapping[str, Any]) -> None:
        number, first, orphan = epoch_of(message["origin"]), message["first"], message.get("orphan", False)
        epoch = self._log.epochs.get(number)
        if epoch is None:
            raise Violated(self, f"a batch of {message['origin']}, which was never begun")
        end = first + len(message["leaves"])
        if orphan and (epoch.ends is None or first < epoch.ends):
            raise Violated(self, f"leaf {first} of epoch {number} is sent as an orphan, and is none")
        if not orphan and epoch.ends is not None and end > epoch.ends:
            raise Violated(self, f"leaf {end - 1} of epoch {number} was given up, and is sent as if it were not")
        for n, one in enumerate(message["leaves"], first):
            self._durable(epoch, n, None if isinstance(one, dict) else base64.b64decode(one))

    def _durable(self, epoch: Epoch, n: int, data: bytes | None) -> None:
        if n >= len(epoch.leaves):
            raise Violated(self, f"leaf {n} is on its way to the broker, and not on the disk")
        if data is not None and data != epoch.leaves[n]:
            raise Violated(self, f"leaf {n} went to the broker with other bytes than were stored")

    def _holds(self, held: seen.Held) -> None:
        number = epoch_of(held.origin)
        before, epoch = self._held.get(number, 0), self._log.epochs[number]
        if held.size < before:
            raise Violated(self, f"upstream cosigned {held.size} after {before}")
        if epoch.roots.get(held.size) != held.root:
            raise Violated(self, f"upstream holds another tree of {held.size} leaves than the cabinet")
        if not self._aside.get(number, set()).isdisjoint(range(before, held.size)):
            raise Violated(self, f"an orphan of epoch {number} is among the {held.size} leaves that upstream holds")
        self._held[number] = held.size

    def _kept_aside(self, aside: seen.Aside) -> None:
        self._aside.setdefault(epoch_of(aside.origin), set()).update(range(aside.first, aside.end))

    def _was_accepted(self, accepted: seen.Accepted) -> None:
        self._accepted = max(self._accepted, epoch_of(accepted.origin))
