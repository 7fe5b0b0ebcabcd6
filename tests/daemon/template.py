"""A state folder to begin with: hashing PINs at their real price once is enough."""

from __future__ import annotations

from pathlib import Path

from cabinet.offline import offline_call
from tests.daemon.harness import configured
from tests.daemon.people import ADA, SEVERIN, roster_files


def make_state(folder: Path) -> Path:
    """Roster and PINs, set while no daemon runs. Gives the state folder, under `folder`."""
    config = folder / "cabinet.toml"
    config.write_text(configured())
    offline_call(config, "roster.import", {"files": roster_files()})
    for person in (ADA, SEVERIN):
        change = {"kind": "pin.set", "person": person.id, "pin": person.pin}
        offline_call(config, "roster.change", {"change": change})
    return folder / "state"
