"""Journals with a past: filled before the daemon starts, made once and copied."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from random import Random

from cabinet.journal import b64
from cabinet.journal.leaf import Entry
from cabinet.journal.note import Signer
from cabinet.journal.store import Journal
from cabinet.vault import device_key, signing_key

SITE, DEVICE = "demo", "lobby-01"
ORIGIN = f"cabinet.{SITE}/{DEVICE}"
_SINCE_MS = 1_767_225_600_000


def put(leaves: int, state: Path) -> None:
    """A state folder with so many leaves, in transactions of 1 to 20."""
    shutil.copytree(_template(leaves), state)


@cache
def _template(leaves: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="kcu-journal-"))
    atexit.register(shutil.rmtree, folder)
    device_key.open_or_create(folder, journal_exists=False)
    seed = signing_key.open_or_create(folder, journal_exists=False)
    journal = Journal.open(folder, ORIGIN, DEVICE, Signer(ORIGIN, seed))
    random = Random(leaves)
    while journal.size < leaves:
        count = min(random.randint(1, 20), leaves - journal.size)
        journal.append([_entry(journal.size + k, random) for k in range(count)])
    journal.close()
    return folder


def _entry(number: int, random: Random) -> Entry:
    return Entry(
        ev="item.removed",
        ts=_SINCE_MS + number,
        tq="ntp",
        mono_ms=number,
        boot="1f0c9a2e",
        salt=b64.encode(os.urandom(16)),
        fields={"slot": number % 8 + 1, "item": f"K-{number:05}", "auth": "card+pin"},
        subs=({"r": "holder", "p": b64.encode(random.randbytes(16)), "e": b64.encode(random.randbytes(92))},),
    )
