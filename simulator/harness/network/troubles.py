"""What goes wrong on the way upstream, lies and forgeries among it."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Final

from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.note import Signer
from cabinet.journal.opening import epoch_origin
from simulator.harness import happenings as seen
from simulator.harness.blueprint import COSIGNER
from simulator.harness.cabinet import Cabinet
from simulator.harness.memory_roster import SIGNING_SEED
from simulator.harness.network.broker import Lie, ModelBroker
from simulator.harness.network.uplink import UplinkProcess
from simulator.harness.network.upstream import ModelUpstream
from simulator.harness.second_tree import parse_note

LIES: Final[tuple[Lie, ...]] = ("away", "deaf", "swallows", "doubles", "late")
COPY: Final = Signer("cabinet.demo/lobby-01", SIGNING_SEED)
STRANGER: Final = Signer("collector.demo/stranger", bytes(range(32)), COSIGNER.verifier.kind)
TOPICS: Final = "kc/v1/demo/lobby-01"

Mend = Callable[[], None]


def second_tree_of(cabinet: Cabinet, size: int, root: bytes) -> bytes:
    """Another tree in the name of the present epoch, signed by its key and confirmed by upstream."""
    newest = max(cabinet.disk.images)
    copy = COPY.named(epoch_origin(COPY.name, newest))
    note = Checkpoint(copy.name, size, root).signed(copy)
    text = note.decode().partition("\n\n")[0] + "\n"
    return note + COSIGNER.cosign(text, 1).line().encode()


class NetworkTroubles:
    """Each begins at once and gives what ends it, None where it is over already."""

    def __init__(
        self, cabinet: Cabinet, broker: ModelBroker, uplink: UplinkProcess, upstream: ModelUpstream, random: Random
    ) -> None:
        self._cabinet = cabinet
        self._broker = broker
        self._uplink = uplink
        self._upstream = upstream
        self._random = random
        self._is_copied = False

    def lie(self) -> Mend | None:
        lie = self._random.choice(LIES)
        self._broker.lie(lie)
        self._cabinet.witness.tell(seen.Broken("broker", lie))

        def mend() -> None:
            self._broker.lies.discard(lie)
            self._cabinet.witness.tell(seen.Mended("broker"))

        return mend

    def cut(self) -> Mend | None:
        self._cabinet.witness.tell(seen.Act("the line", "is cut"))
        self._broker.cut()
        return None

    def forget(self) -> Mend | None:
        self._cabinet.witness.tell(seen.Act("the broker", "is killed and has lost its store"))
        self._broker.forget()
        return None

    def kill_uplink(self) -> Mend | None:
        self._uplink.kill()
        return None

    def crash_upstream(self) -> Mend | None:
        self._upstream.crash()
        self._cabinet.witness.tell(seen.Broken("upstream", "crashed"))

        def mend() -> None:
            self._cabinet.witness.tell(seen.Mended("upstream"))
            self._upstream.start()

        return mend

    def copy(self) -> Mend | None:
        """Once: upstream has confirmed what somebody signed with a copy of the cabinet's key. More than one a day would
        wait for a technician."""
        if self._is_copied or not self._cabinet.listening:
            return None
        self._is_copied = True
        image = self._cabinet.disk.images[max(self._cabinet.disk.images)]
        size = image.sizes[-1] + self._random.choice((0, 0, self._random.randint(1, 50)))
        note = second_tree_of(self._cabinet, size, self._random.randbytes(32))
        self._broker.send(f"{TOPICS}/journal/ack", note, retain=True)
        self._cabinet.witness.tell(seen.Act("upstream", f"has confirmed {size} leaves of a copy"))
        return None

    def forge(self) -> Mend | None:
        """Acknowledgements, requests and commands that nobody entitled has made."""
        for plane, payload in self._forgeries():
            self._broker.send(f"{TOPICS}/{plane}", payload, retain=False)
        self._cabinet.witness.tell(seen.Act("somebody", "publishes forgeries"))
        return None

    def _forgeries(self) -> list[tuple[str, bytes]]:
        image = self._cabinet.disk.images[max(self._cabinet.disk.images)]
        newest = image.notes[image.sizes[-1]]
        text = parse_note(newest).text
        by_stranger = newest + STRANGER.cosign(text, 1).line().encode()
        further = text.replace(f"\n{image.sizes[-1]}\n", f"\n{image.sizes[-1] + 9}\n")
        unsigned = f"{further}\n{COSIGNER.cosign(further, 1).line()}".encode()
        kinds: list[tuple[str, bytes]] = [
            ("journal/ack", by_stranger),
            ("journal/ack", unsigned),
            ("journal/ack", newest),
            ("journal/ack", by_stranger[: self._random.randint(0, len(by_stranger) - 1)]),
            ("journal/ack", bytes(5_000)),
            ("journal/ack", self._random.randbytes(80)),
            ("journal/req", json.dumps({"origin": "cabinet.demo/another", "from": 0}).encode()),
            ("journal/req", b'{"from": -1}'),
            ("journal/req", json.dumps({"origin": "cabinet.demo/lobby-01", "from": 10**9}).encode()),
            ("journal/req", json.dumps({"origin": "cabinet.demo/lobby-01", "from": 0}).encode()),
            ("cmd", b'{"cmd": "slot.release", "args": {"slot": 7, "reason": "forged"}}'),
        ]
        return self._random.sample(kinds, 3)
