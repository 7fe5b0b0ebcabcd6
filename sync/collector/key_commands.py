"""Keys of cabinets as an operator has to answer for them: accepted where nothing vouches for one, and revoked."""

from __future__ import annotations

import getpass
import time
from argparse import Namespace

from cabinet.control.protocol import Exit
from cabinet.journal import revocation
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import NoteRefused
from cabinet.journal.note import ED25519, Signer, Verifier
from cabinet.journal.revocation import Revocation
from cabinet.journal.tree import Frontier
from sync.collector import rows
from sync.collector.answers import CommandError, answer, say
from sync.collector.config import Config
from sync.collector.key import create_seed, read_seed
from sync.collector.names import Cabinet
from sync.collector.pins import OTHER_KEY
from sync.collector.reading import Origin, Reader, reading
from sync.collector.store import beside


def accept_key(config: Config, args: Namespace) -> int:
    """Pin a key that no other one vouches for: of a cabinet whose key was lost or revoked."""
    try:
        key = Verifier.from_vkey(args.vkey)
    except NoteRefused as error:
        raise CommandError(Exit.USAGE, f"not accepted: {error}") from None
    cabinet = _cabinet_of(key)
    with reading(config.database) as reader:
        pinned = [public for site, device, public in rows.pins(reader.connection) if Cabinet(site, device) == cabinet]
    if key.public in pinned:
        which = "is pinned already" if pinned[-1] == key.public else "signed before, and is not taken back"
        raise CommandError(Exit.REFUSED, f"not accepted: this key of {cabinet.origin} {which}")
    by, now_ms = getpass.getuser(), time.time_ns() // 1_000_000
    with beside(config.database) as connection:
        rows.add_pin(connection, cabinet.site, cabinet.device, key.public, f"accepted by {by}: {args.reason}", now_ms)
        rows.clear_alarm(connection, cabinet.origin, OTHER_KEY)
    if args.json:
        answer({"origin": cabinet.origin, "vkey": key.vkey, "by": by, "reason": args.reason})
    else:
        say(f"{cabinet.origin} is to be signed with key {key.key_id.hex()} from now on: {args.reason}")
    return Exit.OK


def fleet_key(config: Config, args: Namespace) -> int:
    """Make the key that revokes others. It belongs on no machine that is always on."""
    try:
        create_seed(args.file)
        vkey = Signer(args.name, read_seed(args.file)).vkey
    except NoteRefused as error:
        raise CommandError(Exit.USAGE, str(error)) from None
    _say({"vkey": vkey}, vkey, args)
    return Exit.OK


def revoke(config: Config, args: Namespace) -> int:
    """Sign that the key of an origin is trusted up to a size, and no further."""
    with reading(config.database) as reader:
        origin = _origin(reader, args.origin)
        size = origin.size if args.size is None else args.size
        if not 0 <= size <= origin.size:
            raise CommandError(Exit.USAGE, f"of {origin.name} {origin.size} events are held, and not {size}")
        known = Checkpoint(origin.name, size, Frontier.read(size, origin.node).root())
        vkey = _signing_key(origin).vkey if args.vkey is None else args.vkey
    signed = Revocation(vkey, known).signed(Signer(args.name, read_seed(args.fleet)))
    _say({"revocation": signed.decode()}, signed.decode().removesuffix("\n"), args)
    return Exit.OK


def revoked(config: Config, args: Namespace) -> int:
    """Check a revocation, and go by it from now on."""
    if config.fleet_key is None:
        raise CommandError(Exit.CONFIGURATION, "whose word counts? Set fleet_key in [collector]")
    try:
        data = args.file.read_bytes()
        found = revocation.read(data, config.fleet_key)
    except NoteRefused as error:
        raise CommandError(Exit.REFUSED, f"{args.file} counts for nothing: {error}") from None
    with reading(config.database) as reader:
        held = {origin.name: origin for origin in reader.origins()}.get(found.origin)
        if held is not None and held.size >= found.size:
            ours = Frontier.read(found.size, held.node).root()
            if ours != found.checkpoint.root:
                raise CommandError(Exit.JOURNAL, f"{args.file} knows another tree of {found.size} events than is held")
        beyond = 0 if held is None else max(0, held.size - found.size)
    with beside(config.database) as connection:
        rows.put_revocation(connection, found.origin, found.public, found.size, data, time.time_ns() // 1_000_000)
    told = {"origin": found.origin, "vkey": found.vkey, "size": found.size, "held_beyond": beyond}
    more = f"; {beyond} events behind it are held all the same: see verify" if beyond else ""
    _say(told, f"key {found.vkey.split('+')[1]} of {found.origin} is trusted up to {found.size} events{more}", args)
    return Exit.OK


def _cabinet_of(key: Verifier) -> Cabinet:
    site, _, device = key.name.removeprefix("cabinet.").partition("/")
    cabinet = Cabinet(site, device.partition("/")[0])
    if key.kind != ED25519 or not key.name.startswith("cabinet.") or cabinet.epoch(key.name) is None:
        raise CommandError(Exit.USAGE, f"not accepted: {key.name} is not the signing key of a cabinet")
    return cabinet


def _origin(reader: Reader, name: str) -> Origin:
    origins = {origin.name: origin for origin in reader.origins()}
    if name not in origins:
        known = ", ".join(origins) or "none yet"
        raise CommandError(Exit.NOT_FOUND, f"nothing is held of {name}; there are: {known}")
    return origins[name]


def _signing_key(origin: Origin) -> Verifier:
    """The newest that is pinned."""
    pinned = origin.pinned()
    if not pinned:
        raise CommandError(Exit.NOT_FOUND, f"no key of {origin.name} is pinned; give it with --vkey")
    return Verifier(origin.name, ED25519, pinned[-1])


def _say(fields: dict[str, object], text: str, args: Namespace) -> None:
    if args.json:
        answer(fields)
    else:
        say(text)
