"""What every cabinet under simulation is built from, made once: configuration, people, and upstream's key."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory, mkstemp

from cabinet.config import Config, UpstreamSection, load
from cabinet.journal.note import COSIGNATURE, Signer
from cabinet.roster.files import load as load_files
from hal.device_table import DeviceTable
from simulator.cast import ROSTER, Person, read_cast
from simulator.harness.memory_roster import RosterShelf, Shelf
from simulator.harness.oracle import Oracle

CONFIG = Path(__file__).parents[2] / "config" / "simulated.toml"
Settings = tuple[tuple[str, str], ...]
ZONE = "Europe/Zurich"
"""Its clocks change twice a year."""
COSIGNER = Signer("collector.demo/one", sha256(b"upstream of the simulation").digest(), COSIGNATURE)
_SECOND_BOARD = """
[[device]]
id = "relays-b"
type = "modbus-relay-board"
link = "rs485"
unit = 4
profile = "waveshare-8"
"""
"""All relays of the first one have a slot: where the door has a lock there is another board."""
_NFC_READER = """
[[link]]
id = "uart2"
type = "serial"
port = "links/uart2"
baud = 115200

[[device]]
id = "nfc-reader"
type = "pn532-reader"
link = "uart2"
strong = {{ mode = "ev2", application = "F5B1C0", key = 1, key_file = "{}" }}
"""
"""A second reader, of cards that prove their key."""
SITE_KEY = sha256(b"site key of the simulation").digest()[:16]
READERS = ("readers", "all")
"""A setting of no configuration: beside the reader there are one on Wiegand lines and one that types."""
_MORE_READERS = """
[[device]]
id = "outer-reader"
type = "wiegand-reader"
link = "gpio0"
d0 = 14
d1 = 15
formats = ["34"]

[[link]]
id = "input"
type = "input"
backend = "sim"
path = "links/input"

[[device]]
id = "desk-reader"
type = "keyboard-reader"
link = "input"
vendor = "ffff"
product = "0035"
port = "usb-0000:01:00.0-1.2/input0"
"""
_LONG_PINS = {"Ada": "73194682", "Max": "26485193", "Kim": "91573648", "Noa": "58264917", "Uma": "40917326"}
"""So long that none of them comes about by chance: they are looked for in all that is written."""


class Names(Mapping[str, str]):
    """First names by pseudonym, of everybody who ever had one in this run: who is erased and comes back has another."""

    def __init__(self, shelf: RosterShelf, by_id: Mapping[str, str], known: Mapping[str, str]) -> None:
        self._shelf = shelf
        self._by_id = by_id
        self._known = dict(known)

    def __getitem__(self, pseudonym: str) -> str:
        if pseudonym not in self._known:
            self._known[pseudonym] = self._by_id[self._shelf.open().id_of(pseudonym) or ""]
        return self._known[pseudonym]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def anew(self) -> Names:
        """For a run of its own."""
        return Names(self._shelf, self._by_id, self._known)


@dataclass(frozen=True, slots=True)
class Blueprint:
    config: Config
    shelf: Shelf
    cast: Mapping[str, Person]
    """By name."""
    ids: Names
    """Name of each pseudonym."""
    files: Mapping[str, bytes]
    """Of the roster."""

    def oracle(self) -> Oracle:
        return Oracle.read(self.files, ZONE)


@cache
def _site_key_file() -> Path:
    """A driver reads it whenever it starts: the one thing of a simulation that lies on a real disk."""
    handle, name = mkstemp(prefix="site-key-")
    atexit.register(Path(name).unlink, missing_ok=True)
    with os.fdopen(handle, "w") as file:
        file.write(SITE_KEY.hex())
    return Path(name)


def full_name(person: Person) -> str:
    """As it stands in the roster."""
    return f"{person.name} Simulaford"


def _long_names(people: bytes, cast: Mapping[str, Person]) -> bytes:
    """Names, too, are looked for in all that is written."""
    text = people.decode()
    for person in cast.values():
        text = text.replace(f",{person.name},", f",{full_name(person)},", 1)
    return text.encode()


def _less(table: DeviceTable, without: frozenset[str]) -> DeviceTable:
    devices = tuple(device for device in table.devices if device.spec.id not in without)
    links = {device.spec.link for device in devices}
    return replace(table, devices=devices, links=tuple(link for link in table.links if link.id in links))


@cache
def blueprint(settings: Settings = (), without: frozenset[str] = frozenset()) -> Blueprint:
    """Blocks; whatever a simulation changes in it, `shelf.restore` takes back. `without`: devices that it has not."""
    more = _NFC_READER.format(_site_key_file())
    if any(key == "door.lock" for key, _ in settings):
        more += _SECOND_BOARD
    if READERS in settings:
        more += _MORE_READERS
    with TemporaryDirectory() as folder:
        file = Path(folder) / CONFIG.name
        file.write_text(CONFIG.read_text("utf-8") + more, "utf-8")
        keys = (("cabinet.timezone", ZONE), *(one for one in settings if one != READERS))
        config = load(file, {}, keys)
    config = replace(config, upstream=UpstreamSection(delivery_keys=(COSIGNER.verifier.vkey,)))
    config = replace(config, table=_less(config.table, without))
    if settings or without:
        return replace(blueprint(), config=config)
    cast = {name: replace(person, pin=_LONG_PINS.get(name)) for name, person in read_cast().items()}
    pins = {person.id: person.pin for person in cast.values() if person.pin is not None}
    slots = [slot.number for slot in config.table.slots]
    files = load_files(ROSTER)
    files["people.csv"] = _long_names(files["people.csv"], cast)
    shelf = RosterShelf(files, pins, config.cabinet.site, slots)
    names = Names(shelf, {person.id: person.name for person in cast.values()}, {})
    for pseudonym in shelf.open().snapshot(config.zone).people:
        assert names[pseudonym], "everybody is known before it begins"
    return Blueprint(config, shelf, cast, names, files)
