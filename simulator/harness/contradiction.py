"""What makes a cabinet go on in its next epoch: upstream that holds another journal, and a file that is damaged."""

from __future__ import annotations

from typing import Final

from cabinet.control.session import Peer
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.note import Signer
from cabinet.journal.opening import epoch_origin
from simulator.harness import happenings as seen
from simulator.harness.blueprint import COSIGNER
from simulator.harness.cabinet import Cabinet
from simulator.harness.memory_roster import SIGNING_SEED
from simulator.harness.model_disk import Damage

UPLINK: Final = Peer(1001, 2, "cabinet-uplink")
FURTHER: Final = 9


def contradict(cabinet: Cabinet, *, longer: bool) -> None:
    """Somebody has copied the cabinet's key, and upstream has confirmed what they signed. Nothing where no daemon
    serves."""
    methods = cabinet.uplink_methods()
    if methods is None:
        return
    spawn, uplink = methods
    epoch = max(cabinet.disk.images)
    origin = epoch_origin(cabinet.plan.config.origin, epoch)
    size = cabinet.disk.images[epoch].sizes[-1] + (FURTHER if longer else 0)
    signed = Checkpoint(origin, size, bytes(range(32))).signed(Signer(origin, SIGNING_SEED))
    text = signed.decode().partition("\n\n")[0] + "\n"
    note = signed.decode() + COSIGNER.cosign(text, 1).line()
    cabinet.witness.tell(seen.Act("upstream", f"confirms {size} leaves of {origin} that are not this cabinet's"))
    spawn(uplink["upstream.ack"]({"note": note}, UPLINK))


def harm(cabinet: Cabinet, how: Damage) -> None:
    """While nobody runs."""
    cabinet.kill()
    epoch, sound = cabinet.disk.damage(how)
    cabinet.witness.tell(seen.Damaged(epoch, how, sound))
